// ---- The strip: the whole document from left to right, with what was looked up from here

const WIDE = 1000, BASE = 40, ZERO = 72, FOOT = 92;  // the arcs stand on BASE
const across = t => WIDE * (t - 0.5) / n;
const layers = {};

function svg(tag, attributes, ...inside) {
  const made = document.createElementNS($('strip').firstChild.namespaceURI, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...inside);
  return made;
}

function drawStrip() {
  const names = ['memory', 'profile', 'view', 'found', 'uses', 'arcs', 'here'];
  for (const name of names) layers[name] = svg('g', {class: name});
  layers.profile.append(...profile());
  $('strip').firstChild.append(...names.map(name => layers[name]));
}

// Mean gain and mean loss along the document: two areas, on either side of a line.
function profile() {
  const bins = Math.min(n, 400), up = new Float64Array(bins), down = new Float64Array(bins);
  for (let t = 1; t <= n; t++) {
    const bin = Math.floor((t - 1) * bins / n), nats = gain(t) * bins / n;
    if (nats > 0) up[bin] += nats; else down[bin] -= nats;
  }
  const most = Math.max(...up, ...down, 1e-9);
  const area = (heights, way, room) => `M0 ${ZERO}` + [...heights].map((x, i) => {
    const y = (ZERO - way * room * Math.sqrt(x / most)).toFixed(1);
    return `L${(WIDE * i / bins).toFixed(1)} ${y}L${(WIDE * (i + 1) / bins).toFixed(1)} ${y}`;
  }).join('') + `L${WIDE} ${ZERO}Z`;
  return [svg('path', {class: 'helps', d: area(up, 1, ZERO - BASE)}),
    svg('path', {class: 'hurts', d: area(down, -1, FOOT - ZERO)})];
}

const tick = (t, from, to) => svg('path', {d: `M${across(t)} ${from}V${to}`});
const box = (from, to, y, height) => svg('rect', {
  x: across(from), y, width: Math.max(1.5, across(to) - across(from)), height});

// An arc over the strip, the wider the heavier the place, the higher the farther.
function arc(t, place) {
  const from = across(place.token), to = across(t);
  const top = BASE * (1 - 1.9 * Math.max(0.25, Math.sqrt((to - from) / WIDE)));
  return svg('path', {d: `M${from} ${BASE}Q${(from + to) / 2} ${top} ${to} ${BASE}`,
    'stroke-width': (1 + 3 * overall(place)).toFixed(2),
    'stroke-opacity': (0.25 + 0.75 * Math.min(1, 2 * overall(place))).toFixed(2)});
}

function showOnStrip(t, places) {
  const [first, end] = remembered(t);
  layers.memory.replaceChildren(...end > first ? [box(first, end, BASE, FOOT - BASE)] : []);
  layers.arcs.replaceChildren(...places.map(place => arc(t, place)),
    ...places.map(place => tick(place.token, BASE - 4, BASE + 4)));
  layers.here.replaceChildren(tick(t, BASE - 8, 100));
}

// The part of the document that can be seen in the text.
let viewing = false;
function showView() {
  if (viewing) return;
  viewing = true;
  requestAnimationFrame(() => {
    viewing = false;
    layers.view.replaceChildren(box(...inView(), FOOT + 1, 7));
    showReturn();
  });
}

// A click chooses what memory helped or hurt most thereabouts.
function onStrip(event) {
  const frame = $('strip').getBoundingClientRect(), token = x => Math.round(
    Math.min(n, Math.max(1, n * (x - frame.left) / frame.width + 0.5)));
  let best = token(event.clientX);
  for (let t = token(event.clientX - 4); t <= token(event.clientX + 4); t++)
    if (Math.abs(gain(t)) > Math.abs(gain(best))) best = t;
  choose(best, 'center');
}
