// Node's own http module, without a framework: `node node_http.mjs PORT`.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const TEXT = "Hello, world!";
const EVENT = `event: tick\nid: 1\ndata: ${"0123456789".repeat(7)}\n\n`;
const [START, END] = readFileSync(`${process.env.BENCHMARK_FILES}/page.html`, "utf8").split("{number}");

let numbers = 0;

function answer(response, type, body) {
  response.writeHead(200, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}

async function echo(request, response) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  answer(response, "application/octet-stream", Buffer.concat(pieces));
}

function events(response) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.write(EVENT);
  const timer = setInterval(() => response.write(EVENT), 50);
  response.on("close", () => clearInterval(timer));
}

const server = createServer((request, response) => {
  switch (new URL(request.url, "http://localhost").pathname) {
    case "/":
      return answer(response, "text/plain", TEXT);
    case "/json":
      numbers += 1;
      return answer(
        response,
        "application/json",
        JSON.stringify({ id: numbers, name: "Ada Lovelace", languages: ["English", "French"], active: true }),
      );
    case "/page":
      numbers += 1;
      return answer(response, "text/html; charset=utf-8", START + numbers + END);
    case "/echo":
      return echo(request, response);
    case "/events":
      return events(response);
    default:
      response.writeHead(404).end();
  }
});
server.keepAliveTimeout = 75_000;
server.listen(Number(process.argv[2]), "127.0.0.1", 2048);
