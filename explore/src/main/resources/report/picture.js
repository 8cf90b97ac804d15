// The whole run at once: a lane for every context, below those of a CPU whose values its vector registers hold, then the values.
const SVG = document.getElementById('picture').namespaceURI, MOST_STRIPS = 8;
const sizes = {};
function shape(name, kind, at, text) {
  const e = document.createElementNS(SVG, name);
  if (kind) e.setAttribute('class', kind);
  for (const [k, v] of Object.entries(at)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  return e;
}
const isGuest = name => name.startsWith('guest of '), isInterrupt = name => name.startsWith('interrupt');

// What a value or a register was, as stretches of steps: [first, last, value].
function stretches(field, name, from) {
  const all = [];
  let now = from, begun = 0;
  run.steps.forEach((s, i) => {
    const next = s[field]?.[name];
    if (next === undefined || next === now) return;
    if (i > begun) all.push([begun, i - 1, now]);
    begun = i;
    now = next;
  });
  all.push([begun, run.steps.length - 1, now]);
  return all;
}
function strips() {
  const all = [];
  for (const name of Object.keys(run.registers).filter(r => /(^| )owner$/.test(r)).sort())
    all.push({label: 'FP registers of' + (name === 'owner' ? '' : ', ' + name.replace(/ owner$/, '')), owned: true, spans: stretches('registers', name, run.registers[name])});
  for (const name of run.shownValues.slice(0, MOST_STRIPS))
    all.push({label: name, spans: stretches('changed', name, run.values[name]).map(([a, b, v]) => [a, b, hex(v)])});
  return all;
}
function ownersColour(name) {
  const lane = run.lanes.findIndex(l => l === name || l.startsWith(name + ' on '));
  return name === 'nobody' ? '' : lane < 0 ? 'var(--kernel)' : colour(lane);
}
function picture() {
  const svg = $('picture'), em = parseFloat(getComputedStyle(svg).fontSize), row = Math.round(em * 1.7), letter = em * .62;
  const width = Math.max(300, svg.clientWidth), n = run.steps.length;
  run.strips ||= strips();
  const labels = [...run.lanes, ...run.strips.map(s => s.label)], most = width < 560 ? 14 : 30;
  const left = Math.round(Math.min(most, Math.max(...labels.map(l => l.length))) * letter + em);
  const top = row, each = (width - left - em) / n, x = i => left + i * each;
  const height = top + labels.length * row + row / 2;
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  const made = [], short = text => text.length > most ? text.slice(0, most - 1) + '…' : text;
  labels.forEach((l, k) => made.push(shape('text', k < run.lanes.length ? '' : 'soft', {x: 0, y: top + k * row + row * .7}, short(l))));
  const y = k => top + k * row, middle = k => y(k) + row / 2;
  // Per lane the columns of pixels in which it acts: as many shapes for 100,000 steps as for 1,000.
  const columns = Math.ceil(width - left), acts = run.lanes.map(() => new Uint8Array(columns + 2)), drawn = new Set();
  const lines = [];
  let before = -1;
  run.steps.forEach((s, i) => {
    const a = Math.floor(i * each), b = Math.max(a, Math.ceil((i + 1) * each) - 1);
    acts[s.lane].fill(1, a, b + 1);
    if (before >= 0 && before !== s.lane) {
      const from = run.lanes[before], to = run.lanes[s.lane];
      const kind = isInterrupt(from) || isInterrupt(to) ? 'taken' : isGuest(from) !== isGuest(to) ? 'switch' : 'life';
      const key = [a, before, s.lane].sort().join();
      if (!drawn.has(key)) lines.push(shape('line', kind, {x1: x(i), x2: x(i), y1: middle(before), y2: middle(s.lane)}));
      drawn.add(key);
    }
    before = s.lane;
  });
  run.lanes.forEach((l, k) => {
    made.push(shape('line', 'life', {x1: left, x2: width - em, y1: middle(k), y2: middle(k)}));
    for (let a = 0; a < columns; a++) {
      if (!acts[k][a]) continue;
      let b = a;
      while (acts[k][b]) b++;
      made.push(shape('rect', 'acts', {x: left + a, y: y(k) + row * .2, width: Math.max(2, b - a), height: row * .6, rx: 2, style: '--of:' + colour(k)}));
      a = b;
    }
  });
  made.push(...lines);
  let lastCall = -99;
  run.steps.forEach((s, i) => {
    if (s.kind !== 'call' || x(i) - lastCall < 4) return;
    lastCall = x(i);
    made.push(shape('line', 'call', {x1: x(i), x2: x(i), y1: y(s.lane) + row * .2, y2: y(s.lane) + row * .8}));
  });
  run.strips.forEach((s, j) => {
    const k = run.lanes.length + j;
    let lastAt = -9;
    s.spans.forEach(([a, b, v], odd) => {
      const from = x(a), wide = x(b + 1) - from;
      if (from + wide - lastAt < 1) return;
      lastAt = from + wide;
      const of = s.owned ? ownersColour(v) : '', e = shape('rect', 'span' + (of ? ' owned' : odd % 2 ? ' odd' : ''), {x: from, y: y(k) + 2, width: Math.max(1, wide), height: row - 4, style: of && '--of:' + of});
      e.append(shape('title', '', {}, s.label + ': ' + v));
      made.push(e);
      const room = Math.floor((wide - 6) / letter), text = '' + v;
      if (room >= Math.min(text.length, 4)) made.push(shape('text', of ? 'in' : 'soft', {x: from + 3, y: y(k) + row * .7, 'pointer-events': 'none'}, text.length > room ? text.slice(0, room - 1) + '…' : text));
    });
  });
  let lastEvent = -99, first = true;
  run.steps.forEach((s, i) => {
    if (!loud(s)) return;
    const at = x(i) + each / 2;
    if (s.kind === 'event' && at - lastEvent > 2) {
      lastEvent = at;
      made.push(shape('text', 'event', {x: at, y: middle(s.lane) + em * .4, 'text-anchor': 'middle', 'font-size': em * 1.3}, '✱'));
    } else if (s.kind === 'wrong' && first) {
      first = false;
      made.push(shape('line', 'wrong', {x1: at, x2: at, y1: row * .8, y2: height}));
      const late = at > width / 2;
      made.push(shape('text', 'wrong', {x: late ? at + em * .4 : at - em * .4, y: row * .6, 'text-anchor': late ? 'end' : 'start'}, late ? 'first wrong ✖' : '✖ first wrong'));
    }
  });
  const cursor = shape('line', 'cursor', {y1: top * .8, y2: height, 'pointer-events': 'none'});
  made.push(cursor);
  svg.replaceChildren(...made);
  svg.setAttribute('aria-label', inWords());
  Object.assign(sizes, {left, each, width, cursor, x});
  point();
}
// The picture for those who do not see it.
function inWords() {
  const count = {};
  let switches = 0;
  run.steps.forEach((s, i) => {
    count[s.kind] = (count[s.kind] || 0) + 1;
    if (i && isGuest(run.lanes[s.lane]) && !isGuest(run.lanes[run.steps[i - 1].lane]) && !isInterrupt(run.lanes[run.steps[i - 1].lane])) switches++;
  });
  const first = run.steps.findIndex(s => s.kind === 'wrong'), some = (n, one, more) => (n || 'no') + ' ' + (n === 1 ? one : more);
  return 'The whole run: ' + some(run.steps.length, 'step', 'steps') + ' of ' + run.lanes.join(', ') + '; ' + some(count.call, 'call', 'calls') + ', '
    + some(switches, 'entry into a guest', 'entries into guests') + ', ' + some(count.event, 'event', 'events') + '; '
    + (first < 0 ? 'nothing goes wrong' : 'first wrong at step ' + (first + 1)) + '. The list below has every step.';
}
function point() {
  if (!sizes.cursor || !shown.length) return;
  const at = sizes.x(shown[selected]) + sizes.each / 2;
  sizes.cursor.setAttribute('x1', at);
  sizes.cursor.setAttribute('x2', at);
}
function pick(e) {
  const box = $('picture').getBoundingClientRect(), at = (e.clientX - box.left) * sizes.width / box.width;
  const step = Math.max(0, Math.min(run.steps.length - 1, Math.floor((at - sizes.left) / sizes.each)));
  let near = 0;
  shown.forEach((s, i) => { if (Math.abs(s - step) < Math.abs(shown[near] - step)) near = i; });
  select(near);
}
