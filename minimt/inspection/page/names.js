// ---- Names: where the chosen one is used, and where it is defined

const WORD = /(?<![\p{L}\p{N}_])[\p{L}_][\p{L}\p{N}_]{2,}/gu;
let index = null, following = false;

// Where each name of the text begins: {name: [position, …]}, made when first needed.
function names() {
  if (index) return index;
  index = new Map();
  for (const {0: name, index: at} of text.matchAll(WORD)) {
    if (!index.has(name)) index.set(name, []);
    index.get(name).push(at);
  }
  return index;
}

// The name that token t is a part of, and where it begins; null if there is none.
function nameAt(t) {
  const at = anchor(t), line = lineStart(lineOf(at));
  for (const match of text.slice(line, lineLast(lineOf(at)) + 1).matchAll(WORD)) {
    const from = line + match.index;
    if (from <= at && at < from + match[0].length) return {name: match[0], from};
  }
  return null;
}

const tokensOf = ({name, from}) => {
  const found = [];
  for (let t = tokenAt(from); t <= n && start[t] < from + name.length; t++) found.push(t);
  return found;
};
const uses = name => (names().get(name) ?? []).map(from => ({name, from}));

function use(found, here) {
  const own = tokensOf(found), nats = own.reduce((sum, t) => sum + gain(t), 0);
  const words = inContext(found.from, found.from + found.name.length, found.name);
  const row = placeButton(own[0], words);
  const kind = defined.has(found.from) ? 'defined' : '';
  return element('tr', found.from === here ? 'now' : '', element('td', 'back', whole(own[0])),
    element('td', '', element('b', level(nats), signed(nats))), element('td', 'kind', kind),
    element('td', 'where', row));
}

// The table of all uses of the chosen token's name, which opens with `f`.
function showName(t) {
  const found = nameAt(t), all = found ? uses(found.name) : [];
  $('name').hidden = all.length < 2;
  layers.uses.replaceChildren();
  markAll('use', []);
  if (all.length < 2) return;
  const definitions = all.filter(x => defined.has(x.from)).length;
  const summary = element('summary', '', 'Follow this name: ', element('code', '', found.name),
    element('span', 'soft', ` ${whole(all.length)} times` + (definitions ? ', ' +
      `defined ${definitions > 1 ? `${definitions} times` : 'once'}` : '')));
  const details = element('details', '', summary);
  details.open = following;
  details.addEventListener('toggle', () => {
    if (details.open === following) return;
    following = details.open;
    follow(details, all, found.from);
    if (following) $('name').scrollIntoView({block: 'nearest'});
  });
  $('name').replaceChildren(details);
  follow(details, all, found.from);
}

const MOST = 200;  // uses that are listed
function follow(details, all, here) {
  details.querySelector('table')?.remove();
  const listed = details.open ? all.slice(0, MOST) : [];
  markAll('use', listed.flatMap(tokensOf));
  layers.uses.replaceChildren(...listed.map(x => tick(tokenAt(x.from), BASE, FOOT)));
  if (!listed.length) return;
  const head = element('tr', '', ...['token', 'gain', '', ''].map(x => element('th', '', x)));
  details.append(element('table', '', element('thead', '', head),
    element('tbody', '', ...listed.map(x => use(x, here)))));
}
