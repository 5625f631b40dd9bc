// ---- The tour: a repeat, a name, a miss and a false lead, found in the document at hand

const LONG = 24;  // characters in common that make a repeat
let stops = null;

const heaviest = t => placesOf(t)[0]?.token;
const isSame = (t, place) => place && data.tokens[place - 1] === data.tokens[t - 1];

// How many characters before token t are also those before a place, at most 80.
function inCommon(t, place) {
  let many = 0;
  while (many < 80 && start[place] > many && text[start[t] - 1 - many] ===
    text[start[place] - 1 - many]) many++;
  return many;
}

// The token with the largest score, which may be undefined; null if none has one.
function best(score) {
  let found = null, most = -Infinity;
  for (let t = 1; t <= n; t++) {
    const x = score(t);
    if (x > most) [found, most] = [t, x];
  }
  return found;
}

const findRepeat = () => best(t => {
  if (gain(t) < 1) return undefined;
  const place = heaviest(t);
  return isSame(t, place) && inCommon(t, place) >= LONG ? gain(t) : undefined;
});

// A name that memory completes, or begins, after words that differ from those before; rather
// one from far back than a near one, and rather many of its letters than two.
const bestName = letters => best(t => {
  if (gain(t) < 1 || costWith(t) > 1) return undefined;
  if (piece(t).replace(/\P{L}/gu, '').length < letters) return undefined;
  const place = heaviest(t), found = isSame(t, place) && nameAt(t);
  if (!found || inCommon(t, place) >= LONG) return undefined;
  return nameAt(place)?.name === found.name ? gain(t) * Math.log(t - place) : undefined;
});
const findName = () => bestName(4) ?? bestName(2);

// A name that was in memory, but the model looked elsewhere.
const findMiss = () => best(t => {
  if (Math.abs(gain(t)) > 0.5 || costWith(t) < 4 || !/\p{L}{2}/u.test(piece(t))) return undefined;
  const found = nameAt(t), [first, end] = remembered(t);
  if (!found || tokenAt(found.from) !== owner(t)) return undefined;
  const earlier = (names().get(found.name) ?? []).map(tokenAt).filter(x => x > first && x < end);
  const places = placesOf(t).map(place => place.token);
  return earlier.length && !places.some(x => isSame(t, x)) ? costWith(t) : undefined;
});

// A word that lost, if possible to a guess of which the model was sure.
const harmed = sure => best(t => gain(t) < -0.5 && /\p{L}{2}/u.test(piece(t)) &&
  guessesAt(t, 'guess', 'cost', 0)[0].cost < sure ? -gain(t) : undefined);
const findHarm = () => harmed(1) ?? harmed(2) ?? best(t => gain(t) < -0.5 ? -gain(t) : undefined);

const STOPS = [
  ['A repeat', findRepeat, (t, place) => `The text just before this token also stands ` +
    `${whole(t - 1 - place)} tokens back. Memory found that place, and read what came next.`],
  ['A name', findName, t => `The text around this token is new, but the name “${nameAt(t).name}” ` +
    `is in memory, and the model found it. Open “Follow this name” to see all its uses.`],
  ['A miss', findMiss, t => `“${nameAt(t).name}” is in memory, so the model could have ` +
    `found it. But the words just before led to other places, so memory did not help.`],
  ['A false lead', findHarm, t => `Memory hurts here: what the heads found misled the model. ` +
    `Its first guess was “${shown(guessesAt(t, 'guess', 'cost', 0)[0].piece)}”. Without ` +
    `memory, the token that really follows would have been more likely.`],
];

// The stops that this document has: [{title, token, words}].
function tour() {
  stops ??= STOPS.map(([title, find, words]) => ({title, token: find(), words}))
    .filter(x => x.token);
  return stops;
}

function goToStop(i) {
  $('stop').hidden = !tour()[i];
  if (!tour()[i]) return;
  const {title, token, words} = stops[i];
  choose(token, 'center');
  const next = i + 1 < stops.length;
  $('stop').replaceChildren(
    element('h2', '', `${title} `, element('span', 'soft', `stop ${i + 1} of ${stops.length}`)),
    element('p', '', words(token, heaviest(token))),
    element('p', 'pair', ...i ? [button('‹ Back', () => goToStop(i - 1))] : [],
      button(next ? 'Next ›' : 'End the tour', () => goToStop(i + 1), 'main'),
      ...next ? [button('End the tour', () => goToStop(-1))] : []));
}
