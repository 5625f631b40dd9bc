// ---- Moving: keys, clicks, links

let column = null, stamp, harmful = false;
const path = [];  // tokens from which places were chosen

function choose(t, block = 'nearest') {
  const inside = $('places').contains(document.activeElement) ||
    $('name').contains(document.activeElement);
  spans[chosen].classList.remove('chosen');
  chosen = Math.min(Math.max(t, 1), n);
  see(null);
  markAll('found', []);
  showChosen();
  spans[chosen].classList.add('chosen');
  spans[chosen].scrollIntoView({block});
  if (inside) $('text').focus({preventScroll: true});
  showReturn();
  showView();
  clearTimeout(stamp);  // browsers refuse too many addresses in a short time
  stamp = setTimeout(setAddress, 300);
}

function setAddress() {
  try {
    history.replaceState(null, '', `#t=${chosen}`);
  } catch { /* a page inside another has no address of its own */ }
}

function see(row) {
  for (const old of document.querySelectorAll('.seen')) old.classList.remove('seen');
  seen = row ? row.token : null;
  row?.classList.add('seen');
  if (row) spans[seen].classList.add('seen');
}

function look(row) {
  if (row.token === seen) {
    path.push(chosen);
    return choose(seen, 'center');
  }
  see(row);
  spans[seen].scrollIntoView({block: 'center'});
  showReturn();
  showView();
}

function goBack() {
  if (seen !== null || offScreen()) choose(chosen, 'center');
  else if (path.length) choose(path.pop(), 'center');
  $('text').focus({preventScroll: true});
}

// The next token that memory helps, or hurts, by so much; round the ends, too.
const striking = t => (harmful ? -gain(t) : gain(t)) >= $('least').value;
function jump(step) {
  for (let i = 1; i <= n; i++) {
    const t = (chosen - 1 + step * i + n * n) % n + 1;
    if (striking(t)) return choose(t, 'center');
  }
}

function setLeast(nats) {
  $('least').value = nats;
  let many = 0;
  for (let t = 1; t <= n; t++) many += striking(t);
  $('side').textContent = harmful ? 'hurt ⇄' : 'helped ⇄';
  $('side').className = harmful ? 'c3' : 'g3';
  $('many').textContent = `by ≥ ${Number(nats)} nats: ${whole(many)}`;
}

function switchSide() {
  harmful = !harmful;
  setLeast(harmful ? 1 : 3);
}

function vertical(step) {
  let line = lineOf(anchor(chosen)), t;
  const kept = column ?? anchor(chosen) - lineStart(line);
  do {  // a token may span several lines
    line += step;
    if (line < 0 || line > breaks.length) return;
    t = tokenAt(Math.min(lineStart(line) + kept, lineLast(line)));
  } while (lineOf(anchor(t)) !== line);
  choose(t);
  column = kept;
}

function widen() {
  const wide = document.body.classList.toggle('wide');
  $('widen').setAttribute('aria-pressed', wide);
  spans[chosen].scrollIntoView({block: 'center'});
}

async function copyLink() {
  const link = `${location.href.split('#')[0]}#t=${chosen}`;
  let said = 'Copied';
  try {
    await navigator.clipboard.writeText(link);
  } catch {
    setAddress();
    said = 'See the address bar';
  }
  $('copy').textContent = said;
  setTimeout(() => { $('copy').textContent = 'Copy link'; }, 2000);
}

function followName() {
  const details = $('name').querySelector('details');
  if ($('name').hidden || !details) return;
  details.open = !details.open;
}

const MOVES = {
  ArrowLeft: () => choose(chosen - 1),
  ArrowRight: () => choose(chosen + 1),
  ArrowUp: () => vertical(-1),
  ArrowDown: () => vertical(1),
  Home: far => choose(far ? 1 : tokenAt(lineStart(lineOf(anchor(chosen))))),
  End: far => choose(far ? n : tokenAt(lineLast(lineOf(anchor(chosen))))),
  n: () => jump(1),
  p: () => jump(-1),
  h: switchSide,
  b: goBack,
  Escape: goBack,
  f: followName,
  t: () => goToStop(0),
  c: copyLink,
  w: widen,
  '/': () => $('search').firstElementChild.focus(),
  '?': () => {
    $('help').showModal();
    $('help').scrollTop = 0;
  },
};
for (let nats = 1; nats <= 9; nats++) MOVES[nats] = () => setLeast(nats);

function onKey(event) {
  const {key, ctrlKey, altKey, metaKey, target} = event, far = /Home|End/.test(key);
  if (!Object.hasOwn(MOVES, key) || altKey || metaKey || (ctrlKey && !far)) return;
  if (target.type === 'search' || $('help').open) return;
  if (target === $('least') && /Arrow|Home|End/.test(key)) return;
  if (!/Up|Down/.test(key)) column = null;
  MOVES[key](ctrlKey);
  event.preventDefault();
}

function onSearchKey(event) {
  if (event.key === 'Enter') goToMatch(event.shiftKey ? -1 : 1);
  else if (event.key === 'Escape') $('text').focus({preventScroll: true});
  else return;
  event.preventDefault();
}
