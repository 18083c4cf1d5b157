"use strict";
// The page works without this script. With it, the page sorts and searches without the server, unless it has only a part
// of the entries. It shows local times, and the progress of uploads.
const $ = (selector) => document.querySelector(selector);
const body = $("tbody");
const field = $("[name=q]");
const fold = (text) => text.normalize().toLowerCase();
const pad = (number) => String(number).padStart(2, "0");

const entries = [...body.rows].map((row) => {
  const [name, size, modified] = ["name", "size", "modified"].map((column) => Number(row.dataset[column]));
  return {row, folded: fold(row.cells[0].textContent.replace(/\/$/, "")), isDirectory: size < 0, name, size, modified};
});

for (const time of body.querySelectorAll("time")) {
  const date = new Date(time.dateTime);
  const day = [date.getFullYear(), pad(date.getMonth() + 1), pad(date.getDate())].join("-");
  time.textContent = day + " " + pad(date.getHours()) + ":" + pad(date.getMinutes());
}
$("thead small").remove();

// Searching and sorting.

const total = $("#count").textContent;
const searched = new URLSearchParams(location.search).get("q") ?? "";
const isWhole = !$(".pages");

function search() {
  const wanted = fold(field.value);
  let shown = 0;
  for (const entry of entries) {
    entry.row.hidden = !entry.folded.includes(wanted);
    shown += !entry.row.hidden;
  }
  $("#nothing").hidden = shown > 0 || !wanted;
  $("#count").textContent = shown === entries.length ? total : shown + " of " + entries.length + " shown";
}

function sort(heading) {
  const column = heading.classList[0];
  const falls = heading.getAttribute("aria-sort") === "ascending";
  for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", falls ? "descending" : "ascending");
  const by = (a, b) => a[column] - b[column];
  entries.sort((a, b) => b.isDirectory - a.isDirectory || (falls ? by(b, a) : by(a, b)) || a.name - b.name);
  body.append(...entries.map((entry) => entry.row));
  // Keep the order when the page is reloaded, as after an upload.
  $("[name=sort]").value = column;
  $("[name=order]").value = falls ? "desc" : "asc";
  const query = new URLSearchParams(location.search);
  query.set("sort", column);
  query.set("order", falls ? "desc" : "asc");
  history.replaceState(null, "", "?" + query);
}

$("thead").addEventListener("click", (event) => {
  const heading = event.target.closest("th");
  if (!heading || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (isWhole) {
    event.preventDefault();
    sort(heading);
  } else if (!event.target.closest("a")) {
    heading.querySelector("a").click();
  }
});
// If the server has already filtered the entries, or shows a part of them, the others are not here: then it searches.
if (isWhole && !searched) {
  field.addEventListener("input", search);
  field.form.addEventListener("submit", (event) => event.preventDefault());
  search(); // the browser may have kept the text when the page was reloaded
}

// Sending files.

const upload = $("#upload");
const announced = $("#upload [role=status]");
let sending = 0;

function element(parent, kind) {
  return parent.appendChild(document.createElement(kind));
}

function send(file, replaces) {
  sending += 1;
  const item = element($("#upload ul"), "li");
  const [name, bar, state] = ["span", "progress", "span"].map((kind) => element(item, kind));
  name.textContent = file.name;
  bar.max = Math.max(file.size, 1);
  bar.value = 0;
  bar.setAttribute("aria-label", "Sent of " + file.name);

  const request = new XMLHttpRequest();
  request.open("PUT", "./" + encodeURIComponent(file.name));
  request.setRequestHeader("Accept", "application/json");
  if (replaces) request.setRequestHeader("If-Match", "*");
  request.upload.onprogress = (event) => {
    bar.value = event.loaded;
    state.textContent = Math.floor((100 * event.loaded) / bar.max) + " %";
  };
  request.onloadend = () => {
    sending -= 1;
    if (request.status === 409 && !replaces) {
      item.remove();
      if (confirm(file.name + " exists already. Replace it?")) send(file, true);
    } else if (request.status >= 200 && request.status < 300) {
      bar.value = bar.max;
      state.textContent = "done";
    } else {
      item.className = "failed";
      state.textContent = reason(request);
    }
    announced.textContent = file.name + ": " + state.textContent;
    if (!sending && !$("#upload .failed")) location.reload();
  };
  request.send(file);
}

function reason(request) {
  if (!request.status) return "The connection was closed: the file cannot be read, it is too large, or the server has stopped.";
  try {
    return JSON.parse(request.responseText).detail;
  } catch {
    return request.status + " " + request.statusText; // the response of a proxy
  }
}

if (!upload.hidden) {
  upload.className = "live"; // files are sent as soon as they are chosen or dropped
  const take = (files) => [...files].forEach((file) => send(file, false));
  $("#upload input").addEventListener("change", (event) => {
    take(event.target.files);
    event.target.value = ""; // otherwise choosing the same file again would not be a change
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault(); // otherwise the browser would open the file
      upload.classList.toggle("over", kind === "dragover");
      if (kind === "drop") take(event.dataTransfer.files);
    });
  }
  addEventListener("beforeunload", (event) => sending && event.preventDefault());
}
