// ---- The panel: what the chosen token gained, and where the heads looked

let chosen = 1, seen = null;

function showChosen() {
  const nats = gain(chosen), first = owner(chosen), parts = lastPart(chosen) - first + 1;
  const part = parts > 1 ? ` (part ${chosen - first + 1} of ${parts})` : '';
  $('said').replaceChildren(element('b', level(nats), named(chosen)),
    element('span', 'soft', `token ${whole(chosen)}${part}, ${signed(nats)} nats`),
    element('span', 'effect', `Memory ${effect(nats)}.`));
  $('guesses').replaceChildren(element('h2', '', 'What the model expected'),
    guessList('with memory', costWith(chosen), guessesAt(chosen, 'guess', 'cost',
      costWith(chosen))),
    guessList('without memory', costWithout(chosen), guessesAt(chosen, 'plain_guess',
      'plain_cost', costWithout(chosen))));
  const places = placesOf(chosen);
  $('places').replaceChildren(element('h2', '', 'Where each head looked'),
    places.length ? placeTable(places) : element('p', 'soft', 'Nothing was in memory yet.'));
  markAll('place', places.map(place => place.token));
  showOnStrip(chosen, places);
  showName(chosen);
}

// The likeliest tokens; bars and numbers are probabilities.
function guessList(title, cost, guesses) {
  const rows = guesses.map(guess => {
    const word = element('span', 'guess', shown(guess.piece));
    const right = element('span', 'tick', guess.right ? '✓' : '');
    right.ariaLabel = guess.right ? 'what follows' : '';
    return element('li', (guess.right ? 'right' : '') + (guess.late ? ' late' : ''), right, word,
      element('span', 'track', bar(Math.exp(-guess.cost))),
      element('span', 'share', probability(guess.cost)));
  });
  const costs = element('span', 'soft', `${cost.toFixed(2)} nats`);
  return element('div', '', element('h3', '', `${title} `, costs),
    element('ol', '', ...rows));
}

// One row per place, one column per head.
function placeTable(places) {
  const head = (h, gate) => {
    const small = element('small', '', `gate ${gate.toFixed(2)}`);
    const cell = element('th', 'head', `head ${h}`, small);
    cell.scope = 'col';
    return cell;
  };
  const titles = element('tr', '', element('th', 'back', 'tokens', element('small', '', 'back')),
    ...data.gate.map((gate, h) => head(h, gate)), element('th', '', ''));
  const now = element('tr', 'now', element('td', 'back', 'now'), ...data.gate.map(() =>
    element('td', '', '')), element('td', 'where', context(chosen)));
  const rest = data.gate.map((_, h) =>
    places.reduce((left, place) => left - (place.shares[h] ?? 0), 1));
  const others = element('tr', 'soft others', element('td', '', ''), ...rest.map(shareCell),
    element('td', 'where', 'all other places'));
  const rows = [now, ...places.map(placeRow)];
  if (rest.some(x => x >= 0.005)) rows.push(others);
  return element('div', 'scroll', element('table', '', element('thead', '', titles),
    element('tbody', '', ...rows)));
}

// A head's share of a place; a dot where it looked less than at any place it has here.
function shareCell(share) {
  const cell = element('td', 'cell', share === undefined ? '·' : `${Math.round(100 * share)}%`);
  cell.style.setProperty('--share', share ?? 0);
  if (share > 0.55) cell.classList.add('strong');
  return cell;
}

function placeRow(place) {
  const row = placeButton(place.token, context(place.token));
  const same = place.token && data.tokens[place.token - 1] === data.tokens[chosen - 1];
  if (same) row.querySelector('mark').classList.add('same');
  return element('tr', '', element('td', 'back', whole(chosen - 1 - place.token)),
    ...Array.from(place.shares, shareCell), element('td', 'where', row));
}

// A button that shows a place in the text and, when pressed again, chooses its token.
function placeButton(t, words) {
  const row = element('button', 'row', words);
  const before = words.querySelector('.before').textContent.slice(-30);
  row.ariaLabel = `${before} then ${named(t)}, token ${t}`;
  row.token = t;
  return row;
}

const offScreen = () => {
  const frame = $('text').getBoundingClientRect(), box = spans[chosen].getBoundingClientRect();
  return box.bottom < frame.top + 4 || box.top > Math.min(frame.bottom, innerHeight) - 4;
};

// A button in the text leads back, if there is anything to go back to.
function showReturn() {
  const away = seen !== null || offScreen(), to = away ? chosen : path.at(-1);
  $('return').hidden = !to;
  $('return').textContent = `‹ back to token ${whole(to ?? 0)}`;
}
