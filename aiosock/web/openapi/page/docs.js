"use strict";

for (const form of document.querySelectorAll("form")) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}

async function send(form) {
  const output = form.querySelector("output"), button = form.querySelector("button");
  button.disabled = true;
  try {
    const response = await fetch(...requestOf(form));
    show(output, `${response.status} ${response.statusText}`.trim(), await textOf(response));
  } catch (error) {
    show(output, "No response", String(error));
  } finally {
    button.disabled = false;
  }
}

/* Returns the arguments of `fetch`: the URL and the options. */
function requestOf(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  const options = { method: form.dataset.method, headers: { accept: "application/json" } };
  if (form.dataset.form) {
    options.body = form.dataset.form === "multipart/form-data" ? new FormData() : new URLSearchParams();
  }
  for (const field of form.querySelectorAll("[data-in]")) {
    if (field.dataset.in === "path") {
      path = path.replace(`{${field.name}}`, () => encodeURIComponent(field.value));
    } else if (field.dataset.in === "body") {
      if (field.value.trim()) {
        options.body = field.value;
        options.headers["content-type"] = "application/json";
      }
    } else if (field.dataset.in === "header") {
      const values = valuesOf(field);
      if (values.length) {
        options.headers[field.name] = values.join(", ");
      }
    } else {
      const target = field.dataset.in === "form" ? options.body : query;
      valuesOf(field).forEach((value) => target.append(field.name, value));
    }
  }
  return [String(query) ? `${path}?${query}` : path, options];
}

/* Returns what a field holds: files, the lines of an area, or one text; nothing if it is empty. */
function valuesOf(field) {
  if (field.type === "file") {
    return [...field.files];
  }
  const values = field.matches("textarea") ? field.value.split("\n") : [field.value];
  return values.filter((value) => value !== "");
}

async function textOf(response) {
  const text = await response.text();
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function show(output, status, text) {
  const heading = document.createElement("strong"), body = document.createElement("pre");
  heading.textContent = status;
  body.textContent = text;
  output.replaceChildren(heading, ...(text ? [body] : []));
}
