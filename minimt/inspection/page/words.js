// ---- Elements, numbers and words

function element(tag, name, ...inside) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.append(...inside);
  return made;
}

function button(label, act, name = '') {
  const made = element('button', name, label);
  made.addEventListener('click', act);
  return made;
}

function bar(share) {
  const made = element('i', 'bar');
  made.style.width = `${Math.min(100, 100 * share)}%`;
  return made;
}

const whole = new Intl.NumberFormat('en').format;
const digits = (x, many, notation = 'standard') => new Intl.NumberFormat('en', {
  notation, compactDisplay: 'long', maximumSignificantDigits: many }).format(x);
const rough = x => digits(x, 2, x < 1e6 ? 'standard' : 'compact');

function probability(nats) {
  const p = Math.exp(-nats);
  if (p < 0.001) return `1 in ${rough(1 / p)}`;
  return `${p < 0.0995 ? (100 * p).toPrecision(2) : Math.round(100 * p)}%`;
}

// What a gain means, in words.
function effect(nats) {
  const factor = rough(Math.exp(Math.abs(nats)));
  if (Math.abs(nats) < 0.1) return 'makes hardly any difference to this token';
  return `makes this token ${factor} times ${nats < 0 ? 'less' : 'as'} likely`;
}

const EDGES = [0.5, 1, 2, 4, 8];  // nats at which a colour grows stronger
function level(nats) {
  const strength = EDGES.filter(edge => Math.abs(nats) >= edge).length;
  return strength ? (nats > 0 ? 'g' : 'c') + strength : '';
}
const signed = nats => `${nats < 0 ? '−' : '+'}${Math.abs(nats).toFixed(2)}`;

// What cannot be seen, made visible: line ends, control and direction characters.
function visible(words) {
  return words.replace(/\r?\n/g, '⏎').replace(/\t/g, '⇥').replace(
    /[^\P{C}\u200d]|[\u2028\u2029]/gu,
    c => `‹${c.codePointAt().toString(16).toUpperCase().padStart(4, '0')}›`);
}
const shown = words => words ? visible(words).replace(/ /g, '·') : '‹start›';
const named = t => shown(t ? piece(t) : '');

// The direction that most letters have, as some scripts are written from right to left.
function direction(words) {
  const right = words.match(/[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/gu)?.length ?? 0;
  return 2 * right > (words.match(/\p{L}/gu)?.length ?? 0) ? 'rtl' : 'ltr';
}

// Text from `from` to `to` in its context, on one line.
function inContext(from, to, mark) {
  const line = (from, to) => visible(text.slice(from, to).replace(/\n\s*/g, '\n'));
  const before = line(Math.max(0, from - 160), from), after = line(to, to + 100);
  const words = element('span', 'words', element('span', 'before', element('bdi', '', before)),
    element('mark', '', mark), element('bdi', 'after', after));
  words.dir = direction(before.slice(-40) + mark + after.slice(0, 40));
  for (const part of words.querySelectorAll('bdi')) part.dir = words.dir;
  return words;
}
const context = t =>
  t ? inContext(start[owner(t)], start[owner(t) + 1], named(t)) : inContext(0, 0, named(0));
