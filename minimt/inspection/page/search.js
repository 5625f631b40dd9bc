// ---- Search: Enter leads to the next match, Shift and Enter to the one before

let sought = '', matches = [], match = -1;

function search(words) {
  sought = words;
  matches = [];
  match = -1;
  const low = text.toLowerCase(), lower = words.toLowerCase();
  const [inside, wanted] = low.length === text.length ? [low, lower] : [text, words];
  for (let at = -1; wanted && (at = inside.indexOf(wanted, at + 1)) >= 0;) matches.push(at);
  const ticks = matches.length > 2000 ? [] : matches;
  layers.found.replaceChildren(...ticks.map(at => tick(tokenAt(at), BASE, FOOT)));
  showMatch();
}

function showMatch() {
  const at = match < 0 ? '' : `${whole(match + 1)} of `;
  const many = matches.length || !sought ? whole(matches.length) : 'none';
  $('search').lastElementChild.textContent = sought ? at + many : '';
}

function goToMatch(step) {
  if (!matches.length) return;
  const ahead = matches.findIndex(at => tokenAt(at) > chosen);
  if (match < 0) match = ahead < 0 ? 0 : ahead - (step < 0);
  else match += step;
  match = (match + matches.length) % matches.length;
  const end = matches[match] + sought.length;
  const at = matches[match] + sought.search(/\S|$/) % sought.length;
  choose(tokenAt(at), 'center');
  const covered = [];
  for (let t = tokenAt(matches[match]); t <= n && start[t] < end; t++) covered.push(t);
  markAll('found', covered);
  showMatch();
}
