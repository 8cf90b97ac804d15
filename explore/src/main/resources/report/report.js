const data = JSON.parse(document.getElementById('data').textContent), $ = id => document.getElementById(id);
const AHEAD = 20, MOST_VALUES = 5, EVERY = 1000;
let HEIGHT = 24, run, shown = [], selected = 0, all = false;
const say = s => (s.function ? s.function + ': ' : '') + s.text;
const loud = s => s.kind === 'event' || s.kind === 'wrong';
const mark = {call: '◆', step: '', guest: 'g', event: '✱', wrong: '✖'};
const column = s => s.cpu === undefined ? s.context : s.context + ' on cpu' + s.cpu;

$('title').textContent = document.title = data.title;
$('verdict').textContent = data.verdict;
$('verdict').className = data.wrong ? 'wrongs' : data.complete ? 'good' : '';
$('bounds').textContent = data.bounds;
$('explored').textContent = data.explored;
function element(name, kind, ...inside) {
  const e = document.createElement(name);
  if (kind) e.className = kind;
  e.append(...inside);
  return e;
}
function head(text, scope) {
  const e = element('th', '', text);
  e.scope = scope;
  return e;
}
function coverage(c) {
  const events = Object.keys(c.events), at = $('coverage');
  at.append(element('h2', '', 'Coverage: ' + c.pairs + ' pairs of a step and an event'));
  at.append(element('p', 'soft', '✱ the event was placed right before the step; ○ it could come there, but the bounds were used up; empty: it cannot come there, or whether it comes before this step or the one before makes no difference.'));
  const t = at.appendChild(element('table', 'map')), tops = t.createTHead().insertRow();
  for (const name of ['step', ...events]) tops.append(head(name, 'col'));
  const body = t.createTBody(), tried = {}, not = {};
  for (const e of events) { tried[e] = new Set(c.events[e].tried); not[e] = new Set(c.events[e].not); }
  for (const s of c.steps) {
    const tr = body.insertRow();
    tr.append(head(s, 'row'));
    for (const e of events) {
      const is = tried[e].has(s) ? '✱' : not[e].has(s) ? '○' : '', td = tr.appendChild(element('td', is === '✱' ? 'event' : 'soft', is));
      if (is) td.setAttribute('aria-label', is === '✱' ? 'tried' : 'bounds used up');
    }
  }
  for (const f of c.functionsNotReached) {
    const tr = body.insertRow(), td = element('td', 'soft', 'no schedule reached it');
    td.colSpan = Math.max(1, events.length);
    tr.append(head(f, 'row'), td);
    tr.className = 'soft';
  }
}
if (data.coverage) coverage(data.coverage);
for (const line of data.notes) $('coverage').append(element('p', '', line));

const colour = n => 'var(--lane' + n % 6 + ')', hex = v => v === undefined ? '' : v >= 0 && v < 10 ? '' + v : '0x' + v.toString(16);
const digits = v => v === undefined ? '' : /^[0-9a-f *]+$/.test(v) && v.length > 1 ? '0x' + v : v;
function lane(n, kind, text) {
  const e = element('span', 'lane ' + kind, element('span', '', text));
  e.style.setProperty('--of', colour(n));
  return e;
}
function row(i, now, was) {
  const s = run.steps[shown[i]], e = element('div', 'row ' + s.kind);
  const changes = run.shownValues.filter(v => was[v] !== now[v]).map(v => v + '=' + hex(now[v])).join(' ');
  e.id = 'row' + i;
  e.style.top = i * HEIGHT + 'px';
  e.setAttribute('role', 'option');
  e.setAttribute('aria-selected', i === selected);
  e.setAttribute('aria-setsize', shown.length);
  e.setAttribute('aria-posinset', i + 1);
  e.setAttribute('aria-label', column(s) + ', ' + s.kind + ': ' + say(s) + (changes ? '; now ' + changes : ''));
  run.lanes.forEach((l, n) => e.append(lane(n, n === s.lane ? 'acts' : '', n === s.lane ? mark[s.kind] : '')));
  const inColumns = run.shownValues.length <= MOST_VALUES;
  e.append(element('span', 'what', say(s) + (changes && !inColumns ? '   → ' + changes : '')));
  if (inColumns) for (const v of run.shownValues) e.append(element('span', 'value' + (was[v] !== now[v] ? ' changed' : ''), hex(now[v])));
  e.onclick = () => select(i);
  return e;
}
function draw(every) {
  const list = $('list'), from = every ? 0 : Math.max(0, Math.floor(list.scrollTop / HEIGHT) - AHEAD);
  const to = every ? shown.length : Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / HEIGHT) + AHEAD);
  const made = [];
  // The state goes along from row to row; steps between two rows that are shown count too.
  let at = from > 0 ? shown[from - 1] + 1 : 0;
  const now = {...stateAt('changed', at - 1)};
  for (let i = from; i < to; i++) {
    const was = {...now};
    for (; at <= shown[i]; at++) Object.assign(now, run.steps[at].changed);
    made.push(row(i, now, was));
  }
  $('rows').replaceChildren(...made);
}
function show(every, keep) {
  all = every;
  shown = [];
  run.steps.forEach((s, i) => { if (all || loud(s) || s.kind === 'call') shown.push(i); });
  if (!shown.length) shown = run.steps.map((s, i) => i);
  $('rows').style.height = shown.length * HEIGHT + 'px';
  $('list').style.height = shown.length * HEIGHT + 2 + 'px';
  $('more').setAttribute('aria-pressed', all);
  $('less').setAttribute('aria-pressed', !all);
  let near = 0;
  shown.forEach((s, i) => { if (s <= keep) near = i; });
  select(near);
}
// Values ('changed') or registers after a step; after step -1: as it began. Kept for each 1000th step.
function stateAt(field, step) {
  const marks = run.marks[field] ||= [{...(field === 'changed' ? run.values : run.registers)}], mark = Math.floor((step + 1) / EVERY);
  while (marks.length <= mark) {
    const next = {...marks.at(-1)};
    for (let i = (marks.length - 1) * EVERY; i < marks.length * EVERY; i++) Object.assign(next, run.steps[i][field]);
    marks.push(next);
  }
  const now = {...marks[mark]};
  for (let i = mark * EVERY; i <= step; i++) Object.assign(now, run.steps[i][field]);
  return now;
}
const inOrder = names => names.sort((a, b) => a.localeCompare(b, 'en', {numeric: true}));
function line(name, was, now, title) {
  const tr = element('tr', was !== now ? 'changed' : '', head(name, 'row'), element('td', '', was), element('td', '', now));
  if (title) tr.title = title;
  return tr;
}
function registers(n, before) {
  const now = stateAt('registers', n), was = stateAt('registers', before), changed = new Set();
  for (let i = before + 1; i <= n; i++) for (const r of Object.keys(run.steps[i].registers || {})) if (was[r] !== now[r]) changed.add(r);
  $('difference').replaceChildren(...inOrder([...changed]).map(r => line(r, digits(was[r] ?? '0'), digits(now[r]))));
  $('written').hidden = !changed.size;
  if ($('every').open) $('registers').replaceChildren(...inOrder(Object.keys(now)).map(r => element('tr', changed.has(r) ? 'changed' : '', head(r, 'row'), element('td', '', digits(now[r])))));
}
function select(i) {
  if (!shown.length) return;
  selected = Math.max(0, Math.min(shown.length - 1, i));
  const list = $('list'), top = selected * HEIGHT;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + HEIGHT - list.clientHeight;
  draw();
  point();
  list.setAttribute('aria-activedescendant', 'row' + selected);
  const n = shown[selected], before = selected > 0 ? shown[selected - 1] : -1, s = run.steps[n];
  const now = stateAt('changed', n), was = stateAt('changed', before);
  $('where').textContent = 'after step ' + (n + 1) + ' of ' + run.steps.length + '; before: ' + (before < 0 ? 'as it began' : 'after step ' + (before + 1));
  $('state').replaceChildren(...inOrder([...run.shownValues]).map(k => line(k, hex(was[k]), hex(now[k]), data.meanings[k])));
  registers(n, before);
  const source = data.sources[s.function];
  $('details').replaceChildren(element('b', '', column(s)), ': ' + say(s), ...(source ? [element('br'), element('span', 'soft', 'Linux 6.12, ' + source)] : []));
}
function prepare() {
  run.lanes = [];
  const names = new Set(run.steps.map(column));
  // CPU by CPU: tasks, their guests, what interrupts them.
  const rank = c => [/ on cpu(\d+)$/.exec(c)?.[1] ?? '9999', c.startsWith('interrupt') ? 2 : 0, c.replace(/^guest of /, ''), c.startsWith('guest of ') ? 1 : 0];
  run.lanes = [...names].sort((a, b) => { const x = rank(a), y = rank(b); for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return x[i] < y[i] ? -1 : 1; return 0; });
  for (const s of run.steps) s.lane = run.lanes.indexOf(column(s));
  run.shownValues = [...new Set(run.steps.flatMap(s => Object.keys(s.changed || {})))].sort();
  run.marks = {};
  run.strips = null;
}
function open(r) {
  run = data.runs[r];
  [...$('runs').children].forEach((b, i) => b.setAttribute('aria-pressed', i === r));
  if (!run.marks) prepare();
  $('lanes').replaceChildren(...run.lanes.map((l, n) => {
    const i = element('i', '', '' + (n + 1)), e = element('li', '', i, l);
    e.style.setProperty('--of', colour(n));
    return e;
  }));
  $('heads').replaceChildren(...run.lanes.map((l, n) => lane(n, '', '' + (n + 1))), element('span', 'what', 'step'));
  if (run.shownValues.length <= MOST_VALUES) for (const v of run.shownValues) { const e = element('span', 'value', v); e.title = v + (data.meanings[v] ? ': ' + data.meanings[v] : ''); $('heads').append(e); }
  $('meanings').replaceChildren(...run.shownValues.filter(v => data.meanings[v]).map(v => element('p', 'soft', element('b', '', v), ': ' + data.meanings[v])));
  $('what').textContent = run.what;
  $('also').replaceChildren(...run.also.map(a => element('p', 'soft', 'also: ' + a)));
  $('schedule').textContent = 'ws replay ' + run.schedule;
  const first = run.steps.findIndex(s => s.kind === 'wrong');
  show(false, first < 0 ? 0 : first);
  picture();
}
function jump(by) {
  for (let i = selected + by; i >= 0 && i < shown.length; i += by) if (loud(run.steps[shown[i]])) return select(i);
}
function measure() {
  HEIGHT = Math.round(1.5 * parseFloat(getComputedStyle(document.documentElement).fontSize));
  document.documentElement.style.setProperty('--row', HEIGHT + 'px');
}
data.runs.forEach((r, i) => {
  const b = element('button', '', r.name);
  b.onclick = () => open(i);
  $('runs').append(b);
});
for (const [sign, of] of [['◆', 'call (in the picture a notch)'], ['✱', 'event of the schedule'], ['✖', 'wrong'], ['│', 'green: world switch; dashed: interrupt'], ['▬', 'FP registers of: whose values the CPU\'s FP and vector registers hold']]) $('legend').append(element('span', '', element('b', '', sign), ' ' + of));
const keys = {
  j: () => select(selected + 1), k: () => select(selected - 1), ArrowDown: () => select(selected + 1), ArrowUp: () => select(selected - 1),
  l: () => show(true, shown[selected]), h: () => show(false, shown[selected]), n: () => jump(1), p: () => jump(-1),
  Home: () => select(0), End: () => select(shown.length - 1), r: () => { $('every').open = !$('every').open; }, '?': () => $('help').showModal(),
};
document.addEventListener('keydown', e => {
  if (e.ctrlKey || e.altKey || e.metaKey || !keys[e.key] || $('help').open) return;
  if (!run) return;
  e.preventDefault();
  // A screen reader says what the focused list's active row is.
  if (e.key !== '?' && e.key !== 'r') $('list').focus({preventScroll: true});
  keys[e.key]();
});
$('more').onclick = keys.l; $('less').onclick = keys.h; $('asks').onclick = keys['?'];
$('closes').onclick = () => $('help').close();
$('every').ontoggle = () => select(selected);
$('picture').onclick = pick;
$('list').addEventListener('scroll', () => requestAnimationFrame(() => draw()));
addEventListener('resize', () => { if (run) { measure(); show(all, shown[selected]); picture(); } });
addEventListener('beforeprint', () => draw(shown.length <= 5000));
addEventListener('afterprint', () => draw());
measure();
if (data.runs.length) open(0);
else for (const id of ['timeline', 'tools']) $(id).hidden = true;
