// ---- The start: the page opens at the token in its address, or at a name

function listen() {
  const on = (id, type, act) => $(id).addEventListener(type, act);
  document.addEventListener('keydown', onKey);
  on('text', 'click', event => {
    column = null;
    if (event.target.token) choose(event.target.token);
  });
  on('text', 'scroll', showView);
  on('strip', 'click', onStrip);
  on('next', 'click', MOVES.n);
  on('previous', 'click', MOVES.p);
  on('side', 'click', switchSide);
  on('copy', 'click', copyLink);
  on('widen', 'click', widen);
  on('tour', 'click', () => goToStop(0));
  on('help-button', 'click', MOVES['?']);
  on('return', 'click', goBack);
  on('least', 'input', () => setLeast($('least').value));
  on('search', 'input', event => search(event.target.value));
  on('search', 'keydown', onSearchKey);
  addEventListener('resize', showView);
  addEventListener('hashchange', () => addressed() && choose(addressed(), 'center'));
  for (const id of ['places', 'name']) listenToPlaces(id);
}

// A place lights up in the text while the pointer or the focus is on its row.
function listenToPlaces(id) {
  const onPlace = (type, act) => $(id).addEventListener(type, event => {
    const row = event.target.closest('tr')?.querySelector('button');
    if (row) act(row);
  });
  const light = on => row => spans[row.token].classList.toggle('seen', on || row.token === seen);
  onPlace('click', look);
  for (const type of ['mouseover', 'focusin']) onPlace(type, light(true));
  for (const type of ['mouseout', 'focusout']) onPlace(type, light(false));
}

function addressed() {
  const t = Number(/^#t=(\d+)$/.exec(location.hash)?.[1]);
  return t >= 1 && t <= n ? t : null;
}

function showLegend() {
  const scale = [...EDGES.map(edge => -edge).reverse(), 0, ...EDGES];
  for (const x of scale)
    $('legend').firstElementChild.append(element('li', level(x), `${x}`.replace('-', '−')));
  let saved = 0;
  for (let t = 1; t <= n; t++) saved += gain(t) / n;
  $('mean').textContent = `${whole(n)} tokens. On average, memory saves ${saved.toFixed(2)} ` +
    `nats${saved > 0.05 ? `: each token becomes ${rough(Math.exp(saved))} times as likely` : ''}.`;
}

async function openPage() {
  await load();
  draw();
  drawStrip();
  showLegend();
  listen();
  setLeast(3);
  choose(addressed() ?? findName() ?? best(gain), 'center');
  $('text').focus({preventScroll: true});
  performance.mark('open');
}
const ready = openPage();
