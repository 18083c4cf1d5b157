// The live half of the demo page. Everything the server sends is shown with
// textContent, never parsed as HTML, so a hostile body stays harmless text.

const PATIENCE = 10_000; // ms to wait for a short answer; the page has deadlines too
const TAPE_LENGTH = 5;
const RANDOM_SIZE = 16 * 2 ** 20;
const HASH_LIMIT = 64 * 2 ** 20; // crypto.subtle cannot stream: it needs the file in memory

const $ = (id) => document.getElementById(id);

// fetch() does not tell the protocol version, but this page came from the same server.
const [navigation] = performance.getEntriesByType("navigation");
const VERSION = (navigation?.nextHopProtocol || "http/1.1").toUpperCase();


// --- Showing things ---

function say(id, text, mood = "") {
  $(id).className = `status ${mood}`;
  $(id).textContent = text;
}

const moodOf = (status) => (status < 400 ? "good" : "bad");

const plural = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

const duration = (ms) => (ms < 1000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(2)} s`);

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** An exchange as `curl -v` prints it: > went out, < came back, then the body. */
function showExchange(id, { method, target, status, statusText, headers, body }) {
  const line = (kind, text) => {
    const span = document.createElement("span");
    span.className = kind;
    span.textContent = text;
    return span;
  };
  $(id).replaceChildren(
    line("req", `> ${method} ${target} ${VERSION}`),
    line("res", `< ${VERSION} ${status} ${statusText}`),
    ...headers.map(([name, value]) => line("res", `< ${name}: ${value}`)),
    line("res", "<"),
    line("body", body),
  );
  $(id).hidden = false;
}

/** Two-space JSON, but with each [name, value] pair on a line of its own. */
function pretty(json) {
  // Inside a JSON string a newline is always escaped, so "[" followed by a real
  // one can only be the start of an array.
  const pair = /\[\n\s*("(?:[^"\\]|\\.)*"),\n\s*("(?:[^"\\]|\\.)*")\n\s*\]/g;
  return JSON.stringify(json, null, 2).replace(pair, "[$1, $2]");
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // an error page, perhaps: the caller shows the text as it is
  }
}

function explain(error) {
  if (error.name === "TimeoutError") return `No answer within ${PATIENCE / 1000} seconds.`;
  // fetch() reports every network failure as a TypeError and keeps the cause to itself.
  if (error.name === "TypeError") return `${location.host} cannot be reached. Is the server still running?`;
  return error.message;
}


// --- Curl commands ---

/** Quote for a POSIX shell, and only when there is something to quote. */
function quote(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

const curl = (...words) => ["curl", ...words].map(quote).join(" ");

/** One element per word, so that a line never breaks between the "-" and the "T" of "-T". */
function showCommand(code, text) {
  code.replaceChildren(...text.split(/(\s)/).map((part) => {
    if (part.trim() === "") return part; // the white space stays outside, as it is
    const word = document.createElement("span");
    word.textContent = part;
    return word;
  }));
}

/** The HTML names localhost:8080 for readers without scripts; name the real server instead. */
function fillInHost() {
  for (const code of document.querySelectorAll(".curl code")) {
    showCommand(code, code.textContent.replace("http://localhost:8080", location.origin));
  }
  document.querySelector("[data-host]").textContent = location.host;
}

async function copy(button) {
  const code = $(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(code.textContent);
    $("announce").textContent = button.textContent = "Copied";
  } catch {
    // No clipboard outside a secure context: do all but the last key press.
    getSelection().selectAllChildren(code);
    $("announce").textContent = "Selected: press Ctrl+C to copy";
    button.textContent = "Ctrl+C";
  }
  setTimeout(() => { $("announce").textContent = ""; button.textContent = "Copy"; }, 2000);
}


// --- /hello and /echo ---

async function exchange(method, target, body) {
  const start = performance.now();
  const response = await fetch(target, { method, body, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  const text = await response.text();
  return {
    method,
    target,
    status: response.status,
    statusText: response.statusText,
    headers: [...response.headers],
    body: text,
    took: performance.now() - start,
  };
}

const summary = ({ status, statusText, took }) => `${status} ${statusText} in ${duration(took)}`;

/** Run `task` on submit, one at a time, and turn what it throws into words. */
function onSubmit(name, task) {
  let busy = false; // not `disabled`: that would take the keyboard focus off the button
  $(`${name}-form`).addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    say(`${name}-status`, "Waiting…");
    try {
      await task();
    } catch (error) {
      $(`${name}-wire`).hidden = true;
      say(`${name}-status`, explain(error), "bad");
    } finally {
      busy = false;
    }
  });
}

function setUpHello() {
  const input = $("hello-name");
  const target = () => `/hello/${encodeURIComponent(input.value)}`;

  function refresh() {
    // URL parsers fold these segments away, even percent-encoded: the server would never see them.
    const dots = input.value === "." || input.value === "..";
    input.setCustomValidity(dots ? "A browser folds . and .. out of a path. Try another name." : "");
    showCommand($("hello-curl"), curl("-i", location.origin + target()));
  }

  input.addEventListener("input", refresh);
  refresh(); // a reload may have kept another value than the HTML gives

  onSubmit("hello", async () => {
    const result = await exchange("GET", target());
    showExchange("hello-wire", result);
    say("hello-status", summary(result), moodOf(result.status));
  });
}

function setUpEcho() {
  const method = $("echo-method");
  const body = $("echo-body");
  const bodiless = () => method.value === "GET" || method.value === "HEAD";

  function refresh() {
    body.disabled = bodiless();
    $("echo-hint").hidden = !bodiless();
    showCommand($("echo-curl"), curl(...echoOptions(), `${location.origin}/echo`));
  }

  function echoOptions() {
    if (method.value === "HEAD") return ["-I"];
    if (method.value === "GET") return ["-i"];
    // --data-raw, because --data would read a body that starts with "@" from a file.
    const data = ["-H", "Content-Type: text/plain", "--data-raw", body.value];
    return method.value === "POST" ? ["-i", ...data] : ["-i", "-X", method.value, ...data];
  }

  method.addEventListener("change", refresh);
  body.addEventListener("input", refresh);
  refresh();

  onSubmit("echo", async () => {
    const result = await exchange(method.value, "/echo", bodiless() ? undefined : body.value);
    const seen = parseJson(result.body);
    showExchange("echo-wire", { ...result, body: seen === null ? result.body : pretty(seen) });
    say("echo-status", `${summary(result)}. ${echoNote(result, seen)}`, moodOf(result.status));
  });
}

function echoNote({ method }, seen) {
  if (method === "HEAD") return "An answer to HEAD has fields but never a body.";
  if (!Array.isArray(seen?.headers)) return "";
  return `Your browser sent ${plural(seen.headers.length, "header field")}.`;
}


// --- /time ---

function setUpTime() {
  let source = null;
  let last = null;

  function stop(text, mood) {
    source.close(); // without this the browser would reconnect for ever
    source = null;
    $("time-toggle").textContent = "Start";
    $("time-clock").parentElement.classList.remove("on");
    say("time-status", text, mood);
  }

  function start() {
    last = null;
    source = new EventSource("/time");
    $("time-toggle").textContent = "Stop";
    say("time-status", "Connecting…");
    source.addEventListener("open", () => say("time-status", "Listening: one response, still arriving.", "good"));
    source.addEventListener("message", ({ data }) => { last = tick(data, last); });
    source.addEventListener("shutdown", () => stop("The server said goodbye. Not reconnecting.", "good"));
    source.addEventListener("error", onError);
  }

  function onError() {
    // CLOSED: the answer was not an event stream. Otherwise the browser is already retrying.
    if (source.readyState === EventSource.CLOSED) stop("The server did not open an event stream.", "bad");
    else say("time-status", "Connection lost without a goodbye. The browser keeps trying…", "bad");
  }

  $("time-toggle").addEventListener("click", () => (source ? stop("Stopped.") : start()));
}

/** Show one event; return its arrival time, for the gap to the next one. */
function tick(data, last) {
  const now = performance.now();
  const date = new Date(data);
  const clock = $("time-clock");
  clock.dateTime = data;
  clock.textContent = Number.isNaN(date.valueOf()) ? data : date.toLocaleTimeString("en-GB");
  clock.parentElement.classList.add("on");

  const gap = last === null ? "first" : `+${(now - last).toFixed(0)} ms`;
  const item = document.createElement("li");
  for (const text of [`data: ${data}`, gap]) {
    item.append(Object.assign(document.createElement("span"), { textContent: text }));
  }
  const tape = $("time-tape");
  tape.prepend(item);
  while (tape.children.length > TAPE_LENGTH) tape.lastChild.remove();
  return now;
}


// --- /upload ---

/** PUT with XMLHttpRequest, because fetch() does not report upload progress. */
function put(target, body, signal, onProgress) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open("PUT", target);
    xhr.upload.onprogress = ({ loaded }) => onProgress(loaded);
    xhr.onload = () => resolve(resultOf(xhr, target));
    xhr.onerror = () => reject(new Error(
      "The connection broke. Either the server is gone, or it refused the body before it had read it all.",
    ));
    xhr.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => xhr.abort());
    xhr.send(body);
  });
}

function resultOf(xhr, target) {
  const lines = xhr.getAllResponseHeaders().trim().split("\r\n").filter(Boolean);
  return {
    method: "PUT",
    target,
    status: xhr.status,
    statusText: xhr.statusText,
    headers: lines.map((line) => line.split(/: ?(.*)/s, 2)),
    body: xhr.responseText,
  };
}

async function sha256(blob) {
  const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Compare the server's hash with our own: [sentence, mood]. */
async function verdict(blob, answer) {
  if (answer?.bytes !== blob.size) return [`The server did not count ${plural(blob.size, "byte")}.`, "bad"];
  if (!globalThis.crypto?.subtle) return ["Hash not compared: that needs HTTPS or localhost.", "good"];
  if (blob.size >= HASH_LIMIT) return ["Hash not compared: the browser only hashes files under 64 MiB here.", "good"];
  return (await sha256(blob)) === answer.sha256
    ? ["The SHA-256 computed in your browser matches.", "good"]
    : ["The SHA-256 computed in your browser is different!", "bad"];
}

/** crypto hands out 64 KiB at a time; random, so that nothing on the way can compress it. */
function randomBlob(size) {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return new Blob([bytes]);
}

/** Send one file and report on it. */
async function upload(blob, signal) {
  const start = performance.now();
  const elapsed = () => Math.max(performance.now() - start, 0.1); // clocks may be coarse; do not divide by 0
  const speed = (bytes) => (bytes < 1e5
    ? `${plural(bytes, "byte")} in ${duration(elapsed())}` // too few to speak of a speed
    : `${megabytes(bytes)} in ${duration(elapsed())}, ${megabytes(bytes / elapsed() * 1000)}/s`);

  const result = await put("/upload", blob, signal, (sent) => {
    $("upload-progress").value = sent / (blob.size || 1);
    $("upload-figures").textContent = speed(sent);
  });
  // The last progress event tells that the bytes left; only the answer tells that they arrived.
  $("upload-progress").value = 1;
  $("upload-figures").textContent = speed(blob.size);

  const answer = parseJson(result.body);
  showExchange("upload-wire", { ...result, body: answer === null ? result.body : pretty(answer) });
  const status = `${result.status} ${result.statusText}.`;
  if (result.status >= 400) return say("upload-status", `${status} The server refused it.`, "bad");
  const [sentence, mood] = await verdict(blob, answer);
  signal.throwIfAborted(); // hashing took a moment: another upload may own the page by now
  say("upload-status", `${status} ${sentence}`, mood);
}

function setUpUpload() {
  const drop = $("upload-drop");
  let current = null; // the AbortController of the upload under way

  async function begin(blob, command) {
    current?.abort(new Error("Cancelled."));
    const mine = (current = new AbortController());
    showCommand($("upload-curl"), command);
    $("upload-wire").hidden = true;
    $("upload-progress").hidden = $("upload-cancel").hidden = false;
    $("upload-progress").value = 0;
    $("upload-figures").textContent = "";
    say("upload-status", `Sending ${plural(blob.size, "byte")}…`);
    try {
      await upload(blob, mine.signal);
    } catch (error) {
      if (current === mine) say("upload-status", error.message, "bad");
    } finally {
      // A newer upload may have taken over; the controls are its own then.
      if (current === mine) {
        current = null;
        // A hidden button cannot keep the focus: hand it on before it is lost.
        if (document.activeElement === $("upload-cancel")) $("upload-random").focus();
        $("upload-cancel").hidden = true;
      }
    }
  }

  const beginFile = (file) => begin(file, curl("-T", file.name, `${location.origin}/upload`));

  $("upload-file").addEventListener("change", ({ target }) => {
    if (target.files.length) beginFile(target.files[0]);
    target.value = ""; // so that choosing the same file again counts as a change
  });
  $("upload-random").addEventListener("click", () => {
    // From a pipe curl cannot know the length, so this command also shows a chunked body.
    begin(randomBlob(RANDOM_SIZE), `head -c ${RANDOM_SIZE} /dev/urandom | ${curl("-T", "-", `${location.origin}/upload`)}`);
  });
  $("upload-cancel").addEventListener("click", () => current?.abort(new Error("Cancelled.")));

  drop.addEventListener("dragover", (event) => {
    event.preventDefault(); // or the browser would open the file instead
    drop.classList.add("over");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file) beginFile(file);
  });
}


// --- The page itself ---

/** How this very page came, from the browser's own measurements. */
function showArrival() {
  if (!navigation?.encodedBodySize) return;
  const wait = navigation.responseStart - navigation.requestStart;
  $("arrival").textContent =
    `This page came back over ${VERSION}: ${plural(navigation.encodedBodySize, "byte")}, the first after ${duration(wait)}.`;
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => copy(button));
}
fillInHost();
showArrival();
setUpHello();
setUpEcho();
setUpTime();
setUpUpload();
