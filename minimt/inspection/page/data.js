// ---- The data. Token t = 1 … n of the text; entry t − 1 of an array is of token t, and of
// the query that stands at token t − 1 and predicts it. Token 0 starts the document.

const $ = id => document.getElementById(id);
const data = JSON.parse($('data').textContent), text = data.text;
const H = data.gate.length, PLACES = data.places;
let n, start, tokens, defined;

async function unpack({kind, base64}) {
  const raw = Uint8Array.from(atob(base64), letter => letter.charCodeAt());
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new globalThis[kind](await new Response(stream).arrayBuffer());
}

async function load() {
  const packed = Object.keys(data).filter(name => data[name]?.base64);
  await Promise.all(packed.map(async name => { data[name] = await unpack(data[name]); }));
  n = data.lengths.length;
  start = new Uint32Array(n + 2);
  for (let t = 1; t <= n; t++) start[t + 1] = start[t] + data.lengths[t - 1];
  defined = new Set(data.defined);
}

const costWith = t => data.remembered[t - 1] / data.nat;
const costWithout = t => data.without[t - 1] / data.nat;
const gain = t => (data.without[t - 1] - data.remembered[t - 1]) / data.nat;

// A character that several tokens spell is shown whole, by the first of them.
function owner(t) {
  while (t > 1 && start[t + 1] === start[t]) t--;
  return Math.max(t, 1);
}
function lastPart(t) {
  while (t < n && start[t + 2] === start[t + 1]) t++;
  return t;
}
const piece = t => text.slice(start[owner(t)], start[owner(t) + 1]);

// The last i of low … high for which holds(i), which is true up to somewhere.
function last(low, high, holds) {
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (holds(middle)) low = middle; else high = middle - 1;
  }
  return low;
}
const tokenAt = at => last(1, n, t => start[t] <= Math.min(at, text.length - 1));

// The places that token t's query found, each once: [{token, shares}], heaviest first. A share
// is a head's weight, undefined where the place is not among the heaviest of the head.
function placesOf(t) {
  const found = new Map();
  for (let h = 0; h < H; h++)
    for (let k = 0; k < PLACES; k++) {
      const at = ((t - 1) * H + h) * PLACES + k, token = t - 1 - data.back[at];
      if (!data.back[at]) break;
      if (!found.has(token)) found.set(token, {token, shares: new Array(H)});
      found.get(token).shares[h] = data.weight[at] / data.whole;
    }
  return [...found.values()].sort((a, b) => overall(b) - overall(a));
}

// How much a place counts: its share in each head, times the head's gate, on average.
const overall = place =>
  data.gate.reduce((sum, gate, h) => sum + gate * (place.shares[h] ?? 0), 0) / H;

// The tokens that are in memory when token t is predicted: [first, end), perhaps none.
function remembered(t) {
  const end = Math.floor((t - 1) / data.segment) * data.segment;
  return [Math.max(0, end - data.memory), end];
}

// What the model expected at token t: [{piece, cost, right}], likeliest first. The token that
// follows is always there, at the end where it is not among the likeliest.
function guessesAt(t, guess, cost, own) {
  const many = data[guess].length / n, right = data.tokens[t - 1], found = [];
  for (let i = (t - 1) * many; i < t * many; i++)
    found.push({piece: data.pieces[data[guess][i]], cost: data[cost][i] / data.nat,
      right: data[guess][i] === right});
  if (!found.some(x => x.right))
    found.push({piece: data.pieces[right], cost: own, right: true, late: true});
  return found;
}
