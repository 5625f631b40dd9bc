// ---- The text: a span per token, in chunks that end where a line does

const CHUNK = 400;  // tokens that are laid out together, when they come into view
const spans = [], chunks = [];

function draw() {
  let chunk = element('div'), count = 0, lines = 0, first = 1;
  const put = (words, t, style) => {
    chunk.append(spans[t] = element('span', style, words));
    spans[t].token = t;
  };
  const close = end => {
    chunk.style.containIntrinsicBlockSize = `auto ${1.65 * lines}em`;
    chunks.push({chunk, first, end});
    first = end;
    chunk = element('div');
    count = lines = 0;
  };
  for (let t = 1, end; t <= n; t = end + 1) {
    end = lastPart(t);
    let words = piece(t), nats = 0;
    for (let part = t; part <= end; part++) nats += gain(part);
    const line = words.lastIndexOf('\n') + 1;
    lines += words.split('\n').length - 1;
    if (++count > CHUNK && line) {
      put(words.slice(0, line), t, level(nats));
      close(t);
      words = words.slice(line);
    }
    if (words) put(words, t, level(nats));
    for (let part = t; part <= end; part++) spans[part] = spans[t];
  }
  close(n + 1);
  spans[0] = spans[1];
  $('text').append(...chunks.map(x => x.chunk));
}

// The tokens that can be seen now, roughly: [first, end].
function inView() {
  const frame = $('text').getBoundingClientRect();
  const at = y => {
    const i = last(0, chunks.length - 1, i => chunks[i].chunk.getBoundingClientRect().top <= y);
    const {chunk, first, end} = chunks[i], box = chunk.getBoundingClientRect();
    return first + (end - first) * Math.min(1, Math.max(0, (y - box.top) / box.height));
  };
  return [at(frame.top), at(Math.min(frame.bottom, innerHeight))];
}

// Lines, and where on them a token is: at its first character that is no space.
const breaks = [...text.matchAll(/\n/g)].map(match => match.index);
const lineStart = line => line ? breaks[line - 1] + 1 : 0;
const lineLast = line => Math.max(lineStart(line), (breaks[line] ?? text.length) - 1);
const lineOf = at => last(0, breaks.length, line => lineStart(line) <= at);
function anchor(t) {
  const at = piece(t).search(/\S/);
  return start[owner(t)] + (at < 0 ? piece(t).length - 1 : at);
}

// Marks tokens with a class, and unmarks those that had it.
const marked = {};
function markAll(name, tokens) {
  for (const t of marked[name] ?? []) spans[t].classList.remove(name);
  for (const t of tokens) spans[t].classList.add(name);
  marked[name] = tokens;
}

// What is copied from the text is the text, whatever the browser makes of line ends.
document.addEventListener('copy', event => {
  const range = getSelection().rangeCount && getSelection().getRangeAt(0);
  if (!range || !$('text').contains(range.commonAncestorContainer)) return;
  event.clipboardData.setData('text/plain', range.toString());
  event.preventDefault();
});
