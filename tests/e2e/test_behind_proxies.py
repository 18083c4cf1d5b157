"""The files in docs/how-to about nginx, HAProxy, systemd and containers work as shown.

A proxy gets a socket that already listens: so its port is certainly free, and clients wait until the proxy accepts.
"""

import json
import os
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path

import pytest
import yaml

from tests.e2e.pages import how_to, program, replaced, shown
from tests.e2e.process import LOOPS, Process, Served, run_to_its_end, threads
from tests.patience import PATIENCE

pytestmark = [
    pytest.mark.costly,
    pytest.mark.skipif(sys.platform != "linux", reason="units and containers are Linux's, and so is 127.0.0.2"),
]

Fields = Mapping[str, str]
NONE: Fields = {}

SITE = "/etc/nginx/sites-available/app"
UNITS = ("/etc/systemd/system/app.socket", "/etc/systemd/system/app.service")
DROP_INS = ("/etc/systemd/system/app.service.d/log.conf", "/etc/systemd/system/app.service.d/access-log.conf")

CLIENT = ("127.0.0.2", 0)
"""The address of clients; proxies have another."""

SOON = ("--timeouts.drain-idle-seconds", "0.05")
"""For tests that are not about the drain: no client sends a last request."""

FORGED: Fields = {
    "host": "example.org",
    "x-forwarded-for": "6.6.6.6",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "https",
}
"""The fields of a client that pretends to be another."""

MORE = """

# For the tests: what the pages need not show.
import asyncio

from aiosock import EventStream

connections = []
released = asyncio.Event()


@app.middleware
async def count(request, next):
    if request.exchange.connection not in connections:
        connections.append(request.exchange.connection)
    return await next(request)


@app.get("/connections")
async def how_many(request):
    return {"connections": len(connections)}


@app.get("/events")
async def events(request):
    async def two():
        yield "first"
        await released.wait()
        yield "second"

    return EventStream(request, two())


@app.put("/taken")
async def taken(request):
    await request.read()


@app.post("/release")
async def release(request):
    released.set()
"""


def installed(name: str) -> str:
    """Return the path of a program; skip the test if it is not installed."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def front() -> Iterator[socket.socket]:
    """Yield the socket that clients connect to, and on which a proxy accepts."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[socket.socket]:
    """Yield the socket that a proxy connects to: it listens all the time, as one of systemd's does."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "app.sock"))
        sock.listen(4096)
        yield sock


def serve_page(page: str, directory: Path, loop: str, *options: str, pass_fds: tuple[int, ...] = ()) -> Served:
    """Serve the app of a page."""
    (directory / "app.py").write_text(program(page) + MORE)
    command = [sys.executable, "-m", "aiosock", "app:app", "--loop", loop, *options]
    return Served(command, cwd=directory, env={"PYTHONPATH": os.pathsep.join(sys.path)}, pass_fds=pass_fds)


def serve_unit(directory: Path, loop: str, behind: socket.socket, *more: str) -> Served:
    """Serve the app of the page on nginx with the command of the systemd unit; only the socket's number differs."""
    (line,) = [line for line in shown("under-systemd.md", UNITS[1]).splitlines() if line.startswith("ExecStart=")]
    program, app, *options = shlex.split(line.removeprefix("ExecStart="))
    assert (program, app) == ("/srv/app/.venv/bin/aiosock", "app:app")
    options = [option.replace("fd:3", f"fd:{behind.fileno()}") for option in options]
    return serve_page("behind-nginx.md", directory, loop, *options, *more, pass_fds=(behind.fileno(),))


@contextmanager
def nginx(directory: Path, site: str, front: socket.socket) -> Iterator[None]:
    """Run nginx with a site, on a socket that it inherits as a new nginx does from the one it replaces."""
    paths = [f"{kind}_temp_path {directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    user = "user root;" if os.geteuid() == 0 else ""  # another user could not enter our directory
    main = f"{user} daemon off; pid {directory}/nginx.pid; error_log stderr; events {{}}"
    path = directory / "nginx.conf"
    path.write_text(f"{main} http {{ access_log off; {' '.join(paths)}\n{site}\n}}\n")
    command = [installed("nginx"), "-p", str(directory), "-c", str(path), "-e", "stderr"]
    with Process(command, env={"NGINX": f"{front.fileno()};"}, pass_fds=[front.fileno()]):
        yield


@pytest.fixture
def site(tmp_path: Path, front: socket.socket, behind: socket.socket) -> Iterator[socket.socket]:
    """Run nginx with the site of the page; the app's socket exists, but the app does not run yet."""
    changes: dict[str, str | Path] = {"unix:/run/app.sock": f"unix:{tmp_path}/app.sock", "listen 80;": listen(front)}
    uploads = shown("behind-nginx.md", "within the server: uploads as they come")
    text = replaced(shown("behind-nginx.md", SITE), {**changes, "    location / {": f"{uploads}\n    location / {{"})
    with nginx(tmp_path, text, front):
        yield behind


def listen(front: socket.socket) -> str:
    return f"listen 127.0.0.1:{front.getsockname()[1]};"


class Client:
    """A client that keeps its connection."""

    def __init__(self, front: socket.socket) -> None:
        host, port = front.getsockname()
        self._http = HTTPConnection(host, port, timeout=PATIENCE, source_address=CLIENT)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, method: str, path: str, body: bytes | None = None, fields: Fields = NONE) -> HTTPResponse:
        """Send a request; return the answer before its body is read."""
        self._http.request(method, path, body, fields)
        return self._http.getresponse()

    def json(self, method: str, path: str, body: bytes | None = None, fields: Fields = NONE) -> dict[str, object]:
        """Send a request; return the JSON of the answer."""
        answer = self.ask(method, path, body, fields)
        text = answer.read()
        assert answer.status == 200, text
        return dict(json.loads(text))


def told(front: socket.socket, path: str, fields: Fields = NONE) -> dict[str, object]:
    """Send one request on a new connection; return the JSON of the answer."""
    with Client(front) as client:
        return client.json("GET", path, fields=fields)


class Load:
    """Clients that send GET and PUT through a proxy until they are told to stop; it records failures."""

    def __init__(self, front: socket.socket) -> None:
        self._front = front
        self._changed = threading.Condition()
        self._stopped = False
        self.answered = 0
        self.lost: list[str] = []

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Send requests during a block."""
        with threads(*[self._get, self._put] * 3):
            try:
                yield
            finally:
                self._stopped = True

    def wait_for(self, more: int) -> None:
        """Wait until `more` further requests have been answered."""
        with self._changed:
            wanted = self.answered + more
            assert self._changed.wait_for(lambda: self.answered >= wanted or self.lost, PATIENCE)

    def _get(self) -> None:
        self._ask(lambda client: client.ask("GET", "/"))

    def _put(self) -> None:
        self._ask(lambda client: client.ask("PUT", "/taken", b"x" * 5000))

    def _ask(self, once: Callable[[Client], HTTPResponse]) -> None:
        while not self._stopped:
            with Client(self._front) as client:
                for _ in range(10):
                    self._count(once, client)

    def _count(self, once: Callable[[Client], HTTPResponse], client: Client) -> None:
        try:
            answer = once(client)
            answer.read()
            problem = "" if answer.status in (200, 204) else str(answer.status)
        except (OSError, HTTPException) as error:
            problem = repr(error)
        with self._changed:
            self.answered += not problem
            self.lost += [problem] * bool(problem)
            self._changed.notify_all()


def see_events_arrive_one_by_one(front: socket.socket) -> None:
    """Check that the first event of a stream arrives before the second one is created."""
    with Client(front) as client:
        stream = client.ask("GET", "/events")
        assert stream.readline() == b"data: first\n"
        with Client(front) as other:
            assert other.ask("POST", "/release").status == 204
        assert stream.read() == b"\ndata: second\n\n"


# nginx.


def test_nginx_says_who_the_client_is_and_the_client_cannot(
    tmp_path: Path, loop: str, site: socket.socket, front: socket.socket
) -> None:
    with serve_unit(tmp_path, loop, site, *SOON):
        seen = told(front, "/", FORGED)

    assert seen == {"client": "127.0.0.2", "url": "http://example.org/"}


def test_nginx_keeps_its_connection_to_the_app(
    tmp_path: Path, loop: str, site: socket.socket, front: socket.socket
) -> None:
    with serve_unit(tmp_path, loop, site, *SOON):
        for _ in range(5):
            told(front, "/")

        assert told(front, "/connections") == {"connections": 1}


def test_events_come_through_nginx_one_by_one(
    tmp_path: Path, loop: str, site: socket.socket, front: socket.socket
) -> None:
    with serve_unit(tmp_path, loop, site, *SOON):
        see_events_arrive_one_by_one(front)


def test_nginx_lets_uploads_through_that_it_would_refuse_by_default(
    tmp_path: Path, loop: str, site: socket.socket, front: socket.socket
) -> None:
    body = bytes(3 * 1024 * 1024)
    with serve_unit(tmp_path, loop, site, *SOON), Client(front) as client:
        assert client.json("PUT", "/uploads", body) == {"bytes": len(body)}
        assert client.ask("PUT", "/", body).status == 405


def test_a_restart_behind_nginx_loses_no_request(
    tmp_path: Path, loop: str, site: socket.socket, front: socket.socket
) -> None:
    load = Load(front)
    with ExitStack() as longer, load.applied():
        for _ in range(3):
            with serve_unit(tmp_path, loop, site) as server:
                load.wait_for(100)
                assert server.stop(signal.SIGTERM) == 0
        longer.enter_context(serve_unit(tmp_path, loop, site))  # it answers until the last client has ended
        load.wait_for(100)

    assert load.lost == []


def test_a_client_by_https_is_known_as_such(
    tmp_path: Path, loop: str, front: socket.socket, behind: socket.socket
) -> None:
    run_shown("tls.md", "openssl", tmp_path)
    text = replaced(
        shown("tls.md", SITE),
        {
            "unix:/run/app.sock": f"unix:{tmp_path}/app.sock",
            "listen 80;": f"listen unix:{tmp_path}/plain.sock;",
            "listen 443 ssl;": listen(front).replace(";", " ssl;"),
            "/etc/nginx/": f"{tmp_path}/",
        },
    )
    bind = ("--bind", f"fd:{behind.fileno()}")
    with nginx(tmp_path, text, front), serve_page("tls.md", tmp_path, loop, *bind, *SOON, pass_fds=(behind.fileno(),)):
        answer, body = ask_by_tls(front, tmp_path / "cert.pem")

    assert json.loads(body) == {"scheme": "https", "url": "https://localhost/"}
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_a_client_by_https_is_known_as_such_behind_haproxy(tmp_path: Path, loop: str, front: socket.socket) -> None:
    run_shown("tls.md", "openssl", tmp_path)
    changes: dict[str, str | Path] = {":80": f"unix@{tmp_path}/plain.sock", "/etc/haproxy": tmp_path}
    bind = replaced(shown("tls.md", "within the frontend"), changes)
    with (
        serve_page("behind-haproxy.md", tmp_path, loop, "--port", "0", *SOON) as server,
        haproxy(tmp_path, front, server, server, bind=bind),
    ):
        _, body = ask_by_tls(front, tmp_path / "cert.pem")

    assert json.loads(body) == {"client": "127.0.0.1", "url": "https://localhost/"}


def run_shown(page: str, beginning: str, directory: Path) -> None:
    """Run the one block of commands that begins with this text."""
    installed(beginning)
    (commands,) = [block.text for block in how_to(page) if block.language == "sh" and block.text.startswith(beginning)]
    status, _, errors = run_to_its_end(["sh", "-e", "-c", commands], cwd=directory)
    assert status == 0, errors


def ask_by_tls(front: socket.socket, certificate: Path) -> tuple[HTTPResponse, bytes]:
    context = ssl.create_default_context(cafile=str(certificate))
    host, port = front.getsockname()
    client = HTTPSConnection(host, port, timeout=PATIENCE, context=context)
    try:
        client.request("GET", "/", headers={"host": "localhost"})
        answer = client.getresponse()
        return answer, answer.read()
    finally:
        client.close()


# HAProxy.


BIND = "    bind :80\n"


@contextmanager
def haproxy(directory: Path, front: socket.socket, *servers: Served, bind: str = BIND) -> Iterator[None]:
    """Run HAProxy as shown, in front of two servers; `bind` has the lines of the page that name its address."""
    first, second = servers
    text = replaced(
        shown("behind-haproxy.md", "/etc/haproxy/haproxy.cfg"),
        {
            "/run/haproxy/": f"{directory}/",
            BIND: replaced(bind, {":443" if ":443" in bind else ":80": f"fd@{front.fileno()}"}),
            "127.0.0.1:8081": first.url.removeprefix("http://"),
            "127.0.0.1:8082": second.url.removeprefix("http://"),
        },
    )
    (directory / "haproxy.cfg").write_text(text)
    with Process([installed("haproxy"), "-f", str(directory / "haproxy.cfg")], pass_fds=[front.fileno()]):
        yield


@contextmanager
def balanced(directory: Path, loop: str, front: socket.socket, *more: str) -> Iterator[Served]:
    """Run two processes of the app behind HAProxy; yield the first."""
    installed("haproxy")
    options = ("--port", "0", *more)
    with (
        serve_page("behind-haproxy.md", directory, loop, *options) as first,
        serve_page("behind-haproxy.md", directory, loop, *options) as second,
        haproxy(directory, front, first, second),
    ):
        yield first


def test_haproxy_says_who_the_client_is_and_the_client_cannot(tmp_path: Path, loop: str, front: socket.socket) -> None:
    with balanced(tmp_path, loop, front, *SOON):
        seen = told(front, "/", FORGED)

    assert seen == {"client": "127.0.0.2", "url": "http://example.org/"}


def test_a_server_that_is_taken_out_of_haproxy_gets_no_request(tmp_path: Path, loop: str, front: socket.socket) -> None:
    with balanced(tmp_path, loop, front, *SOON) as first:
        told(front, "/connections")  # HAProxy has started
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(PATIENCE)
            admin.connect(str(tmp_path / "admin.sock"))
            admin.sendall(b"set server app/a state drain\n")
            assert admin.recv(1000) == b"\n"
        for _ in range(4):
            told(front, "/")
        first.stop()

    assert '"GET / ' not in first.output


def test_who_comes_past_haproxy_is_not_believed(tmp_path: Path, loop: str) -> None:
    with serve_page("behind-haproxy.md", tmp_path, loop, "--port", "0", *SOON) as server:
        client = HTTPConnection(*server.address, timeout=PATIENCE, source_address=CLIENT)
        client.request("GET", "/", headers=FORGED)
        seen = json.loads(client.getresponse().read())
        client.close()

    assert seen["client"] == "127.0.0.2"


def test_events_come_through_haproxy_one_by_one(tmp_path: Path, loop: str, front: socket.socket) -> None:
    with (
        serve_page("behind-haproxy.md", tmp_path, loop, "--port", "0", *SOON) as server,
        haproxy(tmp_path, front, server, server),
    ):
        see_events_arrive_one_by_one(front)


def test_one_of_two_behind_haproxy_can_stop_and_no_request_is_lost(
    tmp_path: Path, loop: str, front: socket.socket
) -> None:
    load = Load(front)
    with balanced(tmp_path, loop, front) as first, load.applied():
        load.wait_for(100)
        assert first.stop(signal.SIGTERM) == 0
        load.wait_for(100)

    assert load.lost == []


# Caddy.


def test_caddy_understands_its_file(tmp_path: Path) -> None:
    (tmp_path / "Caddyfile").write_text(shown("tls.md", "/etc/caddy/Caddyfile"))
    command = [installed("caddy"), "validate", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")]

    status, _, errors = run_to_its_end(command, env={"HOME": str(tmp_path)})

    assert status == 0, errors


# systemd.


@pytest.fixture
def units(tmp_path: Path) -> list[str]:
    """Write the units of the page, with the drop-ins, for a program that exists; return them."""
    for name in UNITS:
        text = shown("under-systemd.md", name).replace("/srv/app/.venv/bin/aiosock", sys.executable)
        (tmp_path / Path(name).name).write_text(text)
    for name in DROP_INS:
        with (tmp_path / "app.service").open("a") as service:
            service.write(shown("under-systemd.md", name))
    return [str(tmp_path / Path(name).name) for name in UNITS]


def test_systemd_has_nothing_to_say_of_the_units(units: list[str]) -> None:
    command = [installed("systemd-analyze"), "verify", "--man=no", "--recursive-errors=no", *units]
    status, output, errors = run_to_its_end(command)

    # systemd-analyze also reads the units they depend on, and may have messages about those.
    complaints = [line for line in (output + errors).splitlines() if "app.s" in line]
    assert (status, complaints) == (0, [])


def test_systemd_calls_the_service_well_shut_in(units: list[str]) -> None:
    command = [installed("systemd-analyze"), "security", "--no-pager", "--offline=true", "--threshold=20", units[1]]
    status, output, errors = run_to_its_end(command)

    assert status == 0, output + errors


# Containers.


def instruction(name: str) -> str:
    """Return the text after an instruction of the Dockerfile, as one line."""
    lines = shown("docker.md", "Dockerfile").replace("\\\n", " ").splitlines()
    (found,) = [line.partition(" ")[2] for line in lines if line.startswith(f"{name} ")]
    return found


def test_the_command_of_the_image_passes_its_health_check(tmp_path: Path, loop: str) -> None:
    program, app, *options = json.loads(instruction("CMD"))
    python, flag, check = json.loads(instruction("HEALTHCHECK").partition("CMD ")[2])
    assert (program, app, python) == ("aiosock", "app:app", "python")

    def is_healthy(server: Served) -> bool:
        here = replaced(check, {":8080/": f":{server.address[1]}/"})
        return subprocess.run([sys.executable, flag, here], capture_output=True, check=False).returncode == 0

    with serve_page("docker.md", tmp_path, loop, *options[:-1], "0") as server:
        assert options[-2:] == ["--port", instruction("EXPOSE")]
        assert is_healthy(server)
        assert server.stop() == 0
        assert not is_healthy(server)


def test_the_pod_has_time_for_its_drain_and_probes_that_the_app_answers(tmp_path: Path, loop: str) -> None:
    deployment, service = yaml.safe_load_all(shown("kubernetes.md", "deployment.yaml"))
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    env = {variable["name"]: variable["value"] for variable in container["env"]}
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert pod["terminationGracePeriodSeconds"] > pause + float(env["AIOSOCK_TIMEOUTS_DRAIN_SECONDS"])
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
    assert str(container["ports"][0]["containerPort"]) == instruction("EXPOSE")
    with serve_page("docker.md", tmp_path, loop, "--port", "0", *SOON) as server:
        for kind in ("startup", "liveness", "readiness"):
            client = HTTPConnection(*server.address, timeout=PATIENCE)
            client.request("GET", container[f"{kind}Probe"]["httpGet"]["path"])
            assert client.getresponse().status == 200
            client.close()
