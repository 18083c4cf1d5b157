// The page is told twice a second what is under way, and what has ended since. All text of clients goes into text nodes.

const HOME = "/_aiosock/inspector/";
const MOST = 500, STEP = 100;
const $ = (id) => document.getElementById(id);

let paused = false, visible = STEP, last = [], snapshot = null, rates = [];
const opened = new Map(); // the details that are open, by the key of their request

// Elements and words.

function make(tag, classes = "", ...children) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  element.append(...children);
  return element;
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function button(text, classes, act) {
  const element = make("button", classes, text);
  element.type = "button";
  element.addEventListener("click", act);
  return element;
}

function seconds(value) {
  if (value < 0.001) return `${Math.round(value * 1e6)} µs`;
  if (value < 1) return `${(value * 1e3).toPrecision(3)} ms`;
  if (value < 100) return `${value.toPrecision(3)} s`;
  return value < 7200 ? `${Math.round(value / 60)} min` : `${Math.round(value / 3600)} h`;
}

function bytes(value) {
  if (value === null || value === undefined) return "–";
  if (value < 1024) return `${value} B`;
  const power = Math.min(4, Math.floor(Math.log2(value) / 10));
  return `${(value / 1024 ** power).toPrecision(3)} ${["", "KiB", "MiB", "GiB", "TiB"][power]}`;
}

const clock = (at) => new Date(at * 1000).toLocaleTimeString("en-GB");
const many = (count, one, more = one + "s") => `${count} ${count === 1 ? one : more}`;

// Lists of which each item has a key: an element stays as long as its item does, and with it focus and selection.

function sync(list, items, key, create, update) {
  const known = new Map([...list.children].map((element) => [element.dataset.key, element]));
  let place = list.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let element = known.get(name);
    if (element) known.delete(name);
    else {
      element = create(item);
      element.dataset.key = name;
    }
    if (update) update(element, item);
    if (element === place) place = place.nextElementSibling;
    else list.insertBefore(element, place);
  }
  for (const element of known.values()) element.remove();
}

function placeLine(place, inner = false) {
  const line = make("span", inner ? "place inner" : "place");
  if (!place) return make("span", "place", "no line of Python");
  line.append(make("b", "", `${place.file}:${place.line}`), ` in ${place.function} `, make("code", "", place.code));
  return line;
}

// In flight.

function createFlight(flight) {
  const age = make("span", "num age");
  const cancel = button("Cancel", "small", async () => {
    cancel.disabled = true;
    await fetch(`${HOME}requests/${flight.number}/cancel`, { method: "POST" }).catch(() => {});
    cancel.disabled = false; // a handler may refuse to be cancelled
  });
  const what = make("span", "grow", make("span", "method", flight.method), " ", make("span", "", flight.target));
  const line = make("div", "line", what, make("span", "muted route"), make("span", "muted", flight.client), age, cancel);
  return make("li", "", line);
}

function updateFlight(element, flight) {
  const line = element.firstElementChild;
  say(line.querySelector(".age"), seconds(flight.age));
  say(line.querySelector(".route"), flight.route === flight.target ? "" : flight.route);
  const places = [placeLine(flight.place), ...flight.inner.map((each) => placeLine(each, true))];
  const shown = [...line.querySelectorAll(".place")];
  if (shown.map((each) => each.textContent).join() !== places.map((each) => each.textContent).join()) {
    shown.forEach((each) => each.remove());
    line.append(...places);
  }
}

// The last ones.

function stagesBar(request) {
  const bar = make("span", "stages");
  const whole = Object.values(request.stages).reduce((sum, each) => sum + each, 0) || 1;
  for (const [name, value] of Object.entries(request.stages)) {
    const part = make("i", name);
    part.style.width = `${(100 * value) / whole}%`;
    bar.append(part);
  }
  bar.title = Object.entries(request.stages).map(([name, value]) => `${name} ${seconds(value)}`).join(", ");
  return bar;
}

function isBad(request) {
  return request.ending !== "COMPLETE" || request.status >= 400;
}

function statusClass(request) {
  if (request.ending !== "COMPLETE" || request.status >= 500) return "status bad";
  return request.status >= 400 ? "status warn" : "status";
}

function createEnded(request) {
  const line = button("", "line", () => toggle(request, item, line));
  line.setAttribute("aria-expanded", "false");
  line.append(
    make("span", "when", clock(request.ended_at)),
    make("span", statusClass(request), request.status ? String(request.status) : "–"),
    make("span", "grow", make("span", "method", request.method || "?"), " ", make("span", "", request.target || "no valid request")),
    make("span", "num took", seconds(request.seconds)),
    make("span", "num size", bytes(request.sent)),
    stagesBar(request),
  );
  if (request.ending !== "COMPLETE") line.append(make("span", "why", request.why));
  const item = make("li", "", line);
  return item;
}

async function toggle(request, item, line) {
  const isOpen = line.getAttribute("aria-expanded") === "true";
  line.setAttribute("aria-expanded", String(!isOpen));
  if (isOpen) {
    opened.delete(request.key);
    item.lastElementChild.remove();
    return;
  }
  const details = make("div", "details", "…");
  opened.set(request.key, item);
  item.append(details);
  await fill(details, request, false);
}

async function ask(path, options) {
  const response = await fetch(HOME + path, { headers: { accept: "application/json" }, ...options });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail || response.statusText);
  return body;
}

async function fill(details, request, secrets) {
  const found = request.run === snapshot.run
    ? await ask(`requests/${request.number}${secrets ? "?secrets=1" : ""}`).catch((error) => ({ problem: error.message }))
    : { problem: "The process that answered it has ended." };
  const facts = make("dl");
  const fact = (name, value) => value && facts.append(make("div", "", make("dt", "", name), make("dd", "", value)));
  for (const [name, value] of Object.entries(request.stages)) fact(name, seconds(value));
  fact("body", bytes(request.received));
  fact("sent", bytes(request.sent));
  fact("route", request.route);
  fact("client", request.client);
  fact("id", found.request_id === "-" ? "" : found.request_id);
  details.replaceChildren(stagesBar(request), facts, make("p", isBad(request) ? "bad" : "muted", `It ended: ${request.why}.`));
  if (found.problem) {
    details.append(make("p", "muted", found.problem));
    return;
  }
  if (found.fields.length) details.append(make("h3", "", "Request"), fieldLines(found.fields, "req"));
  if (found.body) details.append(make("h3", "", "Its body"), make("pre", "", found.body));
  if (found.answer_fields.length) details.append(make("h3", "", "Response"), fieldLines(found.answer_fields, "res"));
  details.append(actions(details, request, found, secrets));
}

function fieldLines(fields, classes) {
  const lines = make("pre");
  for (const [name, value] of fields) lines.append(make("span", classes, `${name}: `), `${value}\n`);
  return lines;
}

function actions(details, request, found, secrets) {
  const said = make("pre", "said");
  said.hidden = true;
  const tell = (text) => { said.textContent = text; said.hidden = false; };
  const copy = button("Copy as curl", "", async () => {
    tell(found.curl);
    try {
      await navigator.clipboard.writeText(found.curl);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(said); // the clipboard is for secure pages only
    }
  });
  copy.disabled = !found.curl;
  const again = button("Replay", "", async () => {
    again.disabled = true;
    try {
      const answer = await ask(`requests/${request.number}/replay${secrets ? "?secrets=1" : ""}`, { method: "POST" });
      const end = answer.is_whole ? "" : "\n… it goes on.";
      const fields = answer.fields.map(([name, value]) => `${name}: ${value}`).join("\n");
      tell(`${answer.status} in ${seconds(answer.seconds)}, ${bytes(answer.size)}\n${fields}\n\n${answer.text}${end}`);
    } catch (error) {
      tell(error.message);
    }
    again.disabled = false;
  });
  again.disabled = Boolean(found.why_not_replayed);
  again.title = found.why_not_replayed;
  const box = make("input");
  box.type = "checkbox";
  box.checked = secrets;
  box.addEventListener("change", () => fill(details, request, box.checked));
  const line = make("div", "actions", copy, again, make("label", "check", box, "with cookies and passwords"));
  if (found.why_not_replayed) line.append(make("span", "muted", found.why_not_replayed));
  return make("div", "", line, said);
}

function showLast() {
  const text = $("filter-text").value.trim().toLowerCase(), bad = $("filter-bad").checked;
  const fits = (each) => (!bad || isBad(each)) &&
    (!text || `${each.method} ${each.target} ${each.route} ${each.status} ${each.client} ${each.why}`.toLowerCase().includes(text));
  const found = last.filter(fits);
  sync($("last-list"), found.slice(0, visible), (each) => each.key, createEnded,
    (element, each) => element.classList.toggle("old", each.run !== snapshot.run));
  $("last-none").hidden = found.length > 0;
  say($("last-none"), last.length ? "None of them fits the filter." : "No request has ended yet.");
  $("last-more").hidden = found.length <= visible;
}

// Tables.

function cells(row, values, table) {
  const labels = [...table.tHead.rows[0].cells];
  values.forEach((value, index) => {
    const cell = row.cells[index] || row.insertCell();
    if (labels[index].classList.contains("num")) cell.className = "num";
    if (index && value !== "") cell.dataset.label = labels[index].textContent.toLowerCase();
    else delete cell.dataset.label;
    say(cell, value);
  });
}

function table(id, items, key, values) {
  const element = $(id);
  sync(element.tBodies[0], items, key, () => make("tr"), (row, item) => {
    cells(row, values(item), element);
    row.classList.toggle("own", Boolean(item.own));
  });
}

function waits(connection) {
  if (!connection.waits_for) return "";
  return connection.left === null ? connection.waits_for : `${connection.waits_for}, for ${seconds(connection.left)} more`;
}

function showConnections({ count, shown }) {
  table("connections-table", shown, (each) => each.peer, (each) => [
    each.own ? `${each.peer} (this page)` : each.peer, each.protocol, each.doing, waits(each), String(each.requests), bytes(each.received), bytes(each.sent),
  ]);
  $("connections-more").hidden = count <= shown.length;
  say($("connections-more"), `and ${count - shown.length} more, most of them idle.`);
}

function showRoutes(routes) {
  table("routes-table", routes, (each) => `${each.method} ${each.route}`, (each) => [
    `${each.method} ${each.route || "no route"}`.trim(), String(each.count), String(each.failed), seconds(each.p50),
    seconds(each.p90), seconds(each.p99), seconds(each.longest),
  ]);
  $("routes-none").hidden = routes.length > 0;
}

// The loop, tasks, the process.

function showLoop(lag, blockers) {
  const highest = Math.max(0.02, ...lag);
  const chart = $("lag");
  while (chart.children.length < 60) chart.append(make("i"));
  const from = 60 - lag.length;
  [...chart.children].forEach((bar, index) => {
    const value = index < from ? 0 : lag[index - from];
    bar.style.height = `${(100 * value) / highest}%`;
    bar.className = value > 0.1 ? "bad" : "";
    bar.title = index < from ? "" : seconds(value);
  });
  say($("lag-most"), lag.length ? `At most ${seconds(Math.max(...lag))} in the last ${many(lag.length, "second")}.` : "");
  sync($("blockers"), blockers, (each) => Math.round(each.at * 10), createBlocker,
    (element, each) => say(element.querySelector(".took"), seconds(each.seconds)));
  $("blockers-none").hidden = blockers.length > 0;
}

function createBlocker(blocker) {
  const line = make("div", "line", make("span", "when", clock(blocker.at)), make("span", "took bad"), placeLine(blocker.place));
  const stack = make("details", "", make("summary", "", "its stack"), make("pre", "", blocker.stack));
  return make("li", "", line, stack);
}

function showTasks(tasks) {
  const key = (each) => `${each.coroutine} ${each.made ? `${each.made.file}:${each.made.line}` : ""}`;
  sync($("tasks-list"), tasks, key, () => make("li"), (element, each) => {
    const text = JSON.stringify(each);
    if (element.dataset.text === text) return;
    element.dataset.text = text;
    const made = each.made ? placeLine(each.made) : make("span", "place inner", "made by aiosock or a library");
    const line = make("div", "line", make("span", "num took", String(each.tasks)), make("span", "grow", each.coroutine), made);
    for (const place of each.stand) {
      const stands = placeLine(place, true);
      stands.prepend("stands at ");
      line.append(stands);
    }
    element.replaceChildren(line);
  });
}

function showProcess({ pid, python, descriptors, memory, threads }) {
  const kinds = Object.entries(descriptors.kinds).map(([kind, count]) => `${count} ${kind}`).join(", ");
  const facts = [
    ["process", `${pid}, Python ${python}`],
    ["began", clock(snapshot.began)],
    ["memory", `${bytes(memory.resident)} now, ${bytes(memory.peak)} at most`],
    ["descriptors", `${descriptors.open ?? "–"} of ${descriptors.limit ?? "any number"}: ${kinds || "not told"}`],
    ["requests", `${snapshot.total} have ended`],
  ];
  sync($("facts"), facts, (each) => each[0], (each) => make("div", "", make("dt", "", each[0]), make("dd")),
    (element, each) => say(element.lastElementChild, each[1]));
  sync($("threads"), threads.map((each, index) => ({ ...each, index })), (each) => `${each.index} ${each.name}`,
    (each) => make("li", "", make("div", "line", make("span", "grow", each.name))), (element, each) => {
      const place = placeLine(each.place), line = element.firstElementChild, shown = line.querySelector(".place");
      if (!shown) line.append(place);
      else if (shown.textContent !== place.textContent) shown.replaceWith(place);
    });
  sync($("files-list"), descriptors.files.map((name, index) => ({ name, index })), (each) => `${each.index} ${each.name}`,
    (each) => make("li", "", each.name));
  $("files").hidden = descriptors.files.length === 0;
}

function showFigures() {
  const { in_flight, connections, lag, process } = snapshot;
  say($("n-flights"), String(in_flight.count));
  say($("n-connections"), `${connections.count}`);
  $("n-connections").append(make("small", "", ` ${connections.idle} idle`));
  say($("n-lag"), lag.length ? seconds(lag[lag.length - 1]) : "–");
  say($("n-memory"), bytes(process.memory.resident));
  say($("n-descriptors"), String(process.descriptors.open ?? "–"));
  rates = [...rates, [snapshot.now, snapshot.total]].slice(-7);
  const [[then, before]] = rates;
  say($("n-rate"), snapshot.now > then ? ((snapshot.total - before) / (snapshot.now - then)).toFixed(snapshot.total - before < 30 ? 1 : 0) : "–");
}

function show() {
  status(`live, process ${snapshot.process.pid}, up for ${seconds(snapshot.now - snapshot.began)}, ${snapshot.urls.join(", ")}`, "live");
  showFigures();
  sync($("flights-list"), snapshot.in_flight.shown, (each) => each.number, createFlight, updateFlight);
  const hidden = snapshot.in_flight.count - snapshot.in_flight.shown.length;
  $("flights-none").hidden = snapshot.in_flight.count > 0;
  $("flights-more").hidden = hidden <= 0;
  say($("flights-more"), `and ${hidden} more, which are younger.`);
  showLast();
  showConnections(snapshot.connections);
  showRoutes(snapshot.routes);
  showLoop(snapshot.lag, snapshot.blockers);
  showTasks(snapshot.tasks);
  showProcess(snapshot.process);
}

function status(text, classes) {
  say($("state"), text);
  $("state").className = `state ${classes}`;
}

function take(event) {
  const told = JSON.parse(event.data);
  if (!told.run) return; // the server is ending
  if (snapshot && snapshot.run !== told.run) rates = [];
  const fresh = told.ended.map((each) => ({ ...each, run: told.run, key: `${told.run} ${each.number}` })).reverse();
  const known = new Set(fresh.map((each) => each.key)); // a stream that was opened anew tells all of them again
  last = [...fresh, ...last.filter((each) => !known.has(each.key))].slice(0, MOST);
  snapshot = told;
  if (!paused) show();
}

const events = new EventSource(`${HOME}events`);
events.addEventListener("message", take);
events.addEventListener("error", () => status("the server does not answer; trying again", "gone"));

$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  say($("pause"), paused ? "Go on" : "Pause");
  if (paused) status("paused", "");
  else if (snapshot) show();
});
$("filter").addEventListener("submit", (event) => event.preventDefault());
$("filter").addEventListener("input", () => snapshot && showLast());
$("last-more").addEventListener("click", () => { visible += STEP; showLast(); });
