'use strict';
const $ = id => document.getElementById(id), jobs = new Map();
let catalogue = null, drawn = '', started = 0;

function element(name, kind, ...inside) {
  const e = document.createElement(name);
  if (kind) e.className = kind;
  e.append(...inside);
  return e;
}
function say(text) { $('status').textContent = text; }
async function ask(path, fields) {
  const how = fields ? {method: 'POST', headers: {'X-Worldswitch': '1'}, body: new URLSearchParams(fields)} : {};
  const answer = await fetch(path, how), json = await answer.json();
  if (!answer.ok) throw new Error(json.error);
  return json;
}
const replayOf = s => '/replay?schedule=' + encodeURIComponent(s);
function link(text, to) {
  const a = element('a', '', text);
  a.href = to;
  return a;
}
function button(text, does) {
  const b = element('button', '', text);
  b.type = 'button';
  b.onclick = e => { e.stopPropagation(); does(); };
  return b;
}
// A line is a thing in a list: j and k go through them, l opens.
function line(label, opens, ...inside) {
  const e = element('div', 'line', ...inside);
  e.tabIndex = 0;
  e.setAttribute('role', 'group');
  e.setAttribute('aria-label', label);
  e.opens = opens;
  e.onclick = event => { if (!event.target.closest('a, button, code')) opens(); };
  return e;
}

function stateOf(j) {
  const running = j.status === 'running';
  const p = element('p', j.findings.length ? 'wrong' : j.verdict.startsWith('clean') ? 'good' : '');
  p.append(running ? `running: ${j.states} states, ${j.runs} runs, ${j.waiting} beginnings wait ` : j.status === 'done' ? j.verdict : j.status + (j.verdict ? '; ' + j.verdict : ''));
  if (running) p.append(element('progress', ''));
  if (j.error) p.append(' ' + j.error);
  return p;
}
function jobLine(j) {
  const e = line('exploration ' + j.id + ', ' + j.status + ': ' + j.command, () => go('job/' + j.id), element('p', '', '#' + j.id + ' ', element('code', '', j.command)), stateOf(j));
  e.id = 'job' + j.id;
  return e;
}
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say('copied: ' + text);
  } catch { say(text); }
}

const views = {
  jobs() {
    const all = [...jobs.values()].sort((a, b) => b.id - a.id);
    return [element('h2', '', 'Explorations'), ...(all.length ? all.map(jobLine) : [element('p', 'soft', 'None yet: n starts one, c shows what there is.')])];
  },
  job(id) {
    const j = jobs.get(+id);
    if (!j) return [element('p', 'wrong', 'There is no exploration ' + id)];
    const out = [element('h2', '', 'Exploration ' + j.id), element('p', '', element('code', '', j.command)), stateOf(j)];
    const tools = element('p', '');
    if (j.report) tools.append(link('report', `/jobs/${j.id}/report`), ' ', link('JSON', `/jobs/${j.id}/verdict.json`), ' ');
    if (j.status === 'queued' || j.status === 'running') tools.append(button('stop', () => ask(`/api/jobs/${j.id}/stop`, {}).then(heard)));
    if (j.status === 'stopped') tools.append(button('go on', () => ask(`/api/jobs/${j.id}/resume`, {}).then(heard)));
    out.push(tools);
    j.findings.forEach((f, i) => {
      const to = replayOf(f.schedule), whole = location.origin + to;
      out.push(line(`finding ${i + 1}: ${f.what}`, () => { location.href = to; },
        element('p', 'wrong', `finding ${i + 1}: not so: ${f.property}`), element('p', '', f.what),
        element('p', '', link('timeline', to), ' ', button('copy link', () => copy(whole)), ' ', element('code', '', 'ws replay ' + f.schedule))));
    });
    return out;
  },
  catalogue() {
    const recorded = catalogue.recordings.map(s => line(s.name + ': ' + s.description, () => go('new/' + encodeURIComponent(s.name)),
      element('p', '', element('strong', '', s.name), ' ', s.description), element('p', 'soft', `${s.machine}, kernel ${s.kernel}, ${s.bounds}`),
      element('p', '', button('explore', () => start({scenario: s.name})))));
    return [element('h2', '', 'Catalogue'), ...(recorded.length ? [element('h3', '', 'Recorded clients'), ...recorded, element('h3', '', 'Scenarios')] : []), ...catalogue.scenarios.map(s => line(s.name + ': ' + s.description, () => go('new/' + s.name),
      element('p', '', element('strong', '', s.name), ' ', s.description), element('p', 'soft', `${s.machine}, kernel ${s.kernel}, ${s.bounds}`),
      element('p', '', ...s.expect.flatMap(e => [button((e.changes || 'as it is') + ' → ' + e.verdict, () => start(changed(s.name, e.changes))), ' ']))))];
  },
  patches() {
    return [element('h2', '', 'Patches'), ...catalogue.patches.map(p => line(p.id + ': ' + p.subject, () => go('new'),
      element('p', '', element('strong', '', p.id), ` (${p.arch}, ${p.date})`), element('p', '', p.subject), element('p', 'soft', p.origin)))];
  },
  machines() {
    return [element('h2', '', 'Machines'), ...catalogue.machines.map(m => line(m.name + ': ' + m.description, () => go('new'),
      element('p', '', element('strong', '', m.name), ` (${m.arch})`), element('p', 'soft', m.description)))];
  },
  new(name) {
    const form = element('form', ''), field = (label, id, control, hint) => {
      control.id = control.name = id;
      const l = element('label', '', label);
      l.htmlFor = id;
      form.append(l, control);
      if (hint) form.append(element('p', 'soft wide', hint));
      return control;
    };
    const choice = (names, first) => {
      const s = element('select', '');
      for (const [value, text] of [...first, ...names.map(n => [n, n])]) { const o = element('option', '', text); o.value = value; s.append(o); }
      return s;
    };
    const grouped = groups => {
      const s = element('select', '');
      for (const [label, all] of groups) {
        if (!all.length) continue;
        const g = s.appendChild(element('optgroup', ''));
        g.label = label;
        for (const n of all) { const o = g.appendChild(element('option', '', n.name)); o.value = n.name; }
      }
      return s;
    };
    // Patches of the scenario's architecture to choose from; what is chosen goes into the field beside.
    const patches = (to, label) => {
      const s = element('select', '');
      s.setAttribute('aria-label', label);
      s.onchange = () => {
        const ids = to.value.split(/[ ,]+/).filter(Boolean);
        if (s.value && !ids.includes(s.value)) to.value = [...ids, s.value].join(', ');
        s.value = '';
      };
      return form.appendChild(element('div', 'wide', s)).firstChild;
    };
    const offer = (s, arch, label) => {
      const o = element('option', '', label);
      o.value = '';
      s.replaceChildren(o, ...catalogue.patches.filter(p => p.arch === arch || !['x86', 'arm64'].includes(p.arch)).map(p => { const e = element('option', '', p.id + ': ' + p.subject); e.value = p.id; return e; }));
    };
    const list = (id, names) => { const d = element('datalist', ''); d.id = id; for (const n of names) { const o = element('option', ''); o.value = n; d.append(o); } form.append(d); };
    const input = (hints, from) => { const i = element('input', ''); i.placeholder = hints; if (from) i.setAttribute('list', from); i.autocomplete = 'off'; i.spellcheck = false; return i; };
    const both = [...catalogue.recordings, ...catalogue.scenarios];
    const which = field('scenario or recording', 'scenario', grouped([['recorded clients', catalogue.recordings], ['scenarios', catalogue.scenarios]]));
    const about = form.appendChild(element('p', 'soft wide'));
    if (name) which.value = decodeURIComponent(name);
    field('machine', 'machine', choice(catalogue.machines.map(m => m.name), [['', "the scenario's"]]));
    field('kernel', 'kernel', choice(catalogue.kernels, [['', "the scenario's"]]));
    list('patchids', catalogue.patches.map(p => p.id));
    const without = patches(field('without patches', 'without', input('ids with commas between them', 'patchids')), 'leave out a patch');
    const more = patches(field('with patches', 'with', input('', 'patchids')), 'add a patch');
    const chosen = () => {
      const s = both.find(b => b.name === which.value);
      if (!s) return;
      const machine = catalogue.machines.find(m => m.name === s.machine.replace(/,.*/, '')), arch = machine ? machine.arch : '';
      about.textContent = `${s.description}; ${s.machine}, kernel ${s.kernel}, ${s.bounds}`;
      offer(without, arch, 'leave out…');
      offer(more, arch, 'add…');
    };
    which.onchange = chosen;
    chosen();
    field('preemption', 'preempt', choice(['full', 'voluntary', 'none'], [['', 'full']]));
    field('bounds', 'bounds', input('events=2, switches=1, interrupt=1'), 'KIND=N: events, switches, preemptions, ' + catalogue.events.join(', '));
    field('seconds', 'seconds', input('300'));
    field('states', 'states', input('2000000'));
    const text = field('or a scenario of your own', 'text', element('textarea', ''), 'Its text, as docs/explore.md says; it is kept under a name made of its content.');
    text.rows = 6;
    text.spellcheck = false;
    const go = element('button', '', 'explore');
    go.type = 'submit';
    form.append(element('p', 'wide', go));
    form.onsubmit = e => { e.preventDefault(); start(Object.fromEntries(new FormData(form))); };
    return [element('h2', '', 'A new exploration'), form];
  },
};
function changed(scenario, changes) {
  const fields = {scenario}, words = changes.split(/ +/);
  for (let i = 0; i + 1 < words.length; i += 2) {
    const key = words[i].slice(2);
    fields[key] = fields[key] ? fields[key] + ',' + words[i + 1] : words[i + 1];
  }
  return fields;
}
async function start(fields) {
  try {
    const j = await ask('/api/jobs', fields);
    started = j.id;
    heard(j);
    go('job/' + j.id);
  } catch (e) { say('not started: ' + e.message); }
}

function go(where) { if (location.hash === '#/' + where) draw(); else location.hash = '#/' + where; }
function here() { return (location.hash.slice(2) || 'jobs').split('/'); }
function draw() {
  const [view, id] = here(), made = (views[view] || views.jobs)(id);
  const again = drawn === location.hash, at = again ? lines().indexOf(document.activeElement) : -1;
  $('main').replaceChildren(...made);
  drawn = location.hash;
  for (const b of document.querySelectorAll('nav [data-view]')) b.toggleAttribute('aria-current', b.dataset.view === view);
  // What had the focus has it again; the first line gets it once there is one.
  if (again) { if (at >= 0 || document.activeElement === document.body || document.activeElement === $('main')) (lines()[Math.max(0, at)] || $('main')).focus(); }
  else ($('scenario') || lines()[0] || $('main')).focus();
}
function heard(j) {
  if (j.missed) return refresh();
  if (j.id === started && jobs.get(j.id)?.status !== j.status) say('exploration ' + j.id + ' is ' + j.status);
  jobs.set(j.id, j);
  const [view, id] = here();
  // A form that somebody fills in stays as it is.
  if (view === 'jobs' || view === 'job' && +id === j.id) draw();
}
async function refresh() {
  for (const j of await ask('/api/jobs')) jobs.set(j.id, j);
  if (['jobs', 'job'].includes(here()[0])) draw();
}
const lines = () => [...document.querySelectorAll('.line')];
function move(by) {
  const all = lines(), at = all.indexOf(document.activeElement.closest?.('.line'));
  (all[Math.max(0, Math.min(all.length - 1, at + by))] || $('main')).focus();
}
const open = () => document.activeElement.opens?.();
const keys = {
  j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1), l: open, Enter: open,
  h: () => here()[0] === 'job' || here()[0] === 'new' ? go('jobs') : history.back(),
  e: () => go('jobs'), c: () => go('catalogue'), p: () => go('patches'), m: () => go('machines'), n: () => go('new'), '?': () => $('help').showModal(),
};
document.addEventListener('keydown', e => {
  if (e.ctrlKey || e.altKey || e.metaKey || $('help').open) return;
  const inside = e.target.closest('input, select, textarea');
  if (inside) { if (e.key === 'Escape') { inside.blur(); $('main').focus(); } return; }
  if (e.key === 'Enter' && !e.target.opens) return;
  if (keys[e.key]) { keys[e.key](); e.preventDefault(); }
});
for (const b of document.querySelectorAll('nav [data-view]')) b.onclick = () => go(b.dataset.view);
$('asks').onclick = keys['?'];
$('closes').onclick = () => $('help').close();
addEventListener('hashchange', draw);
(async () => {
  try {
    catalogue = await ask('/api/catalogue');
    await refresh();
    draw();
    const stream = new EventSource('/api/events');
    stream.onmessage = e => heard(JSON.parse(e.data));
    stream.onopen = () => { say(''); refresh(); };
    stream.onerror = () => say('the server is away; waiting for it');
  } catch (e) { say('the server does not answer: ' + e.message); }
})();
