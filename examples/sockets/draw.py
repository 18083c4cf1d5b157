"""Draw the diagrams of docs/tutorial: `python draw.py`. They show the messages between programs, from top to bottom."""

from html import escape
from pathlib import Path

PICTURES = Path(__file__).parents[2] / "docs" / "tutorial" / "sockets"

WIDTH, LANE_TOP, ROW = 760, 56, 34

STYLE = """
.panel { fill: #ffffff; stroke: #d0d7de }
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #24292f; text-anchor: middle;
  stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; paint-order: stroke }
.lane { font-weight: 600 }
.life { stroke: #8c959f; stroke-dasharray: 2 4 }
.call { stroke: #0969da; stroke-width: 1.5; fill: none }
.tip { fill: #0969da }
.wait { fill: #bf8700; opacity: .45 }
@media (prefers-color-scheme: dark) {
  .panel { fill: #161b22; stroke: #30363d }
  text { fill: #e6edf3; stroke: #161b22 }
  .call { stroke: #58a6ff }
  .tip { fill: #58a6ff }
  .wait { fill: #d29922 }
}
"""

Row = tuple[int, int, str] | tuple[int, str]
"""A message: from lane, to lane, text. Or an event: lane, text."""

Diagram = tuple[str, list[str], list[Row], list[tuple[int, int, int]]]
"""A title, the lanes, the rows, and the waits: lane, first row, last row."""

DIAGRAMS: dict[str, Diagram] = {
    "0-echo": (
        "A server calls socket, bind, listen and accept, a client socket and connect; then both send and receive.",
        ["client", "server"],
        [
            (1, "socket, bind, listen"),
            (0, "socket"),
            (0, 1, "connect"),
            (1, "accept: a socket for this client"),
            (0, 1, "send: hello"),
            (1, 0, "sendall: hello"),
            (0, 1, "shutdown: no more from me"),
            (1, "recv gives b'': close"),
        ],
        [(1, 1, 2)],
    ),
    "1-blocking": (
        "While the server waits for client A, client B waits in the backlog.",
        ["client A", "client B", "backlog", "server"],
        [
            (0, 3, "connect: accepted"),
            (3, "recv: waits for A"),
            (1, 2, "connect, GET /"),
            (2, "B is kept here"),
            (0, 3, "leaves"),
            (2, 3, "accept, recv"),
            (3, 1, "200 OK"),
        ],
        [(3, 1, 4), (1, 3, 6)],
    ),
    "2-threads": (
        "The main thread accepts; each client has a thread that waits for it.",
        ["client A", "client B", "main thread", "thread A", "thread B"],
        [
            (0, 2, "connect"),
            (2, 3, "starts"),
            (3, "recv: waits"),
            (1, 2, "connect, GET /"),
            (2, 4, "starts"),
            (4, 1, "200 OK"),
        ],
        [(3, 2, 5), (2, 2, 3)],
    ),
    "3-selectors": (
        "One thread waits in select for all sockets, and advances the client that is ready.",
        ["client A", "client B", "selector", "the thread"],
        [
            (0, 2, "connect, and nothing more"),
            (2, 3, "ready: accept A"),
            (3, 2, "select: waits for all"),
            (1, 2, "GET /"),
            (2, 3, "ready: next(B), recv"),
            (3, 2, "wants to write to B"),
            (2, 3, "ready: next(B), send"),
            (3, 1, "200 OK"),
        ],
        [(2, 2, 3)],
    ),
    "4-streams": (
        "The loop of asyncio is the selector; each client has a task that awaits.",
        ["client A", "client B", "asyncio's loop", "task A", "task B"],
        [
            (0, 2, "connect"),
            (2, 3, "starts"),
            (3, 2, "await read"),
            (1, 2, "connect, GET /"),
            (2, 4, "starts, resumes"),
            (4, 1, "write, await drain: 200 OK"),
            (0, 2, "half a head"),
            (2, 3, "resumes"),
            (3, "waits for ever"),
        ],
        [(3, 2, 7), (3, 8, 9)],
    ),
    "5-aiosock": (
        "Each wait has a deadline; a sweep over all connections ends those that are overdue.",
        ["client A", "client B", "task A", "task B", "sweep"],
        [
            (0, 2, "half a head"),
            (2, "deadline: in 10 s"),
            (1, 3, "GET /"),
            (3, 1, "200 OK, and the connection is kept"),
            (4, 2, "10 s are over"),
            (2, 0, "408, close"),
        ],
        [(2, 1, 4)],
    ),
    "6-udp": (
        "One socket hears everybody; each datagram comes with its sender.",
        ["client A", "client B", "server's socket"],
        [
            (2, "socket, bind"),
            (0, 2, "sendto: one"),
            (1, 2, "sendto: two"),
            (2, "recvfrom: one, and A's address"),
            (2, 0, "sendto A: ONE"),
            (2, 1, "sendto B: TWO"),
        ],
        [],
    ),
    "7-names": (
        "gethostbyname gives one IPv4 address; getaddrinfo gives all that socket and connect need, IPv6 too.",
        ["program", "resolver", "kernel"],
        [
            (0, 1, "gethostbyname('localhost')"),
            (1, 0, "'127.0.0.1'"),
            (0, 1, "getaddrinfo('localhost', 8080)"),
            (1, 0, "(AF_INET6, ..., ('::1', 8080, 0, 0))"),
            (1, 0, "(AF_INET, ..., ('127.0.0.1', 8080))"),
            (0, 2, "for each: socket(family, type), then bind or connect"),
        ],
        [],
    ),
    "8-inherited": (
        "The parent holds the listening socket, so a client waits in the backlog while one child follows another.",
        ["client", "backlog", "parent", "child 1", "child 2"],
        [
            (2, "socket, bind, listen"),
            (2, 3, "starts with fd"),
            (3, "fromfd, accept"),
            (3, "ends"),
            (0, 1, "connect"),
            (2, 4, "starts with fd"),
            (4, "fromfd"),
            (1, 4, "accept"),
            (4, 0, "200 OK"),
        ],
        [(0, 4, 8)],
    ),
    "9-options": (
        "With listen(1) the kernel keeps two clients; a third tries again until accept makes room.",
        ["client 1", "client 2", "client 3", "backlog", "server"],
        [
            (4, "listen(1)"),
            (0, 3, "connect: kept"),
            (1, 3, "connect: kept"),
            (2, 3, "connect"),
            (3, "full: no answer"),
            (3, 4, "accept client 1"),
            (2, 3, "connect, again: kept"),
        ],
        [(2, 3, 6)],
    ),
}


def draw(title: str, lanes: list[str], rows: list[Row], waits: list[tuple[int, int, int]]) -> str:
    """Return the SVG of a diagram, which follows the reader's light or dark mode."""
    height = LANE_TOP + ROW * len(rows) + 24
    centres = [WIDTH * (2 * lane + 1) // (2 * len(lanes)) for lane in range(len(lanes))]
    parts = [f'<rect class="panel" x="1" y="1" width="{WIDTH - 2}" height="{height - 2}" rx="8"/>']
    for x, name in zip(centres, lanes, strict=True):
        parts += [f'<path class="life" d="M{x} 42V{height - 12}"/>', f'<text class="lane" x="{x}" y="28">{name}</text>']
    for lane, first, last in waits:
        top, bottom = LANE_TOP + ROW * first + 20, LANE_TOP + ROW * last + 8
        parts.append(f'<rect class="wait" x="{centres[lane] - 4}" y="{top}" width="8" height="{bottom - top}" rx="3"/>')
    for number, row in enumerate(rows):
        y = LANE_TOP + ROW * number + 20
        if len(row) == 2:
            parts.append(f'<text x="{centres[row[0]]}" y="{y + 4}">{escape(row[1])}</text>')
            continue
        start, end = centres[row[0]], centres[row[1]]
        back = -1 if end > start else 1
        parts += [
            f'<path class="call" d="M{start} {y}H{end + 7 * back}"/>',
            f'<path class="tip" d="M{end} {y}l{9 * back} -5v10z"/>',
            f'<text x="{(start + end) // 2}" y="{y - 6}">{escape(row[2])}</text>',
        ]
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    content = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n{content}\n</svg>\n"
    )


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    for name, diagram in DIAGRAMS.items():
        (PICTURES / f"{name}.svg").write_text(draw(*diagram), encoding="utf-8")


if __name__ == "__main__":
    main()
