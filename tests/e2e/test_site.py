"""The demo site with curl, as a newcomer uses it."""

import hashlib
import json
import random
from pathlib import Path

import pytest

from tests.e2e.curl import curl, curl_answer, curl_command
from tests.e2e.process import ROOT, Process, Served
from tests.e2e.raw import Raw
from tests.patience import PATIENCE

pytestmark = pytest.mark.costly

BODY = random.Random(1).randbytes(3 * 1024 * 1024 + 1)
DIGEST = hashlib.sha256(BODY).hexdigest()


# The home page, and greetings.


def test_curl_gets_a_line(site: Served) -> None:
    status, fields, text = curl_answer(site.url)

    assert status == 200
    assert fields["content-type"] == "text/plain; charset=utf-8"
    assert text.startswith("Hello from aiosock!")
    assert text.endswith("\n")


def test_who_refuses_a_page_gets_the_line(site: Served) -> None:
    assert curl("-H", "Accept: text/html;q=0, */*", site.url).text.startswith("Hello from aiosock!")


def test_a_browser_gets_a_page(site: Served) -> None:
    status, fields, text = curl_answer("-H", "Accept: text/html,application/xhtml+xml,*/*;q=0.8", site.url)

    assert status == 200
    assert fields["content-type"] == "text/html; charset=utf-8"
    assert text == (ROOT / "static" / "index.html").read_text()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("world", "world"),
        ("J%C3%BCrgen", "Jürgen"),
        ("%E4%B8%96%E7%95%8C", "世界"),
        ("a%20%26%20b", "a & b"),
        ("a+b", "a+b"),
        ("a%2Fb", "a/b"),
        ("100%25", "100%"),
        ("%3Cb%3E?name=other", "<b>"),
    ],
)
def test_a_name_arrives_decoded(site: Served, path: str, name: str) -> None:
    assert curl(f"{site.url}/hello/{path}").text == f"Hello, {name}!\n"


# The request as the server saw it.


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "QUERY"])
def test_echo_shows_what_arrived_with_any_method(site: Served, method: str) -> None:
    shown = curl("-X", method, "-H", "X-Twice: one", "-H", "X-Twice: two", "-d", "a=1&b=ü", f"{site.url}/echo?q=1").json

    assert shown["method"] == method
    assert shown["target"] == "/echo?q=1"
    assert shown["version"] == "HTTP/1.1"
    assert shown["client"] == "127.0.0.1"
    assert [value for name, value in shown["headers"] if name.lower() == "x-twice"] == ["one", "two"]
    assert shown["body"] == "a=1&b=ü"


def test_echo_shows_a_body_that_is_not_text(site: Served) -> None:
    assert curl("--data-binary", "@-", f"{site.url}/echo", body=b"\xff\0").json["body"] == "\ufffd\0"


def test_head_gets_the_fields_of_get_and_no_body(site: Served) -> None:
    got = curl("--head", f"{site.url}/hello/world").text

    assert got.startswith("HTTP/1.1 200 OK\r\n")
    assert "Content-Length: 14\r\n" in got
    assert got.endswith("\r\n\r\n")


# Uploads.


def test_an_upload_of_known_length_arrives_whole(site: Served, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(BODY)

    assert curl("-T", str(tmp_path / "body"), f"{site.url}/upload").json == {"bytes": len(BODY), "sha256": DIGEST}


def test_an_upload_from_a_pipe_arrives_whole(site: Served) -> None:
    done = curl("--verbose", "-T", "-", f"{site.url}/upload", body=BODY)

    assert "> Transfer-Encoding: chunked" in done.errors
    assert done.json == {"bytes": len(BODY), "sha256": DIGEST}


def test_an_empty_upload_is_an_upload(site: Served) -> None:
    empty = {"bytes": 0, "sha256": hashlib.sha256().hexdigest()}

    assert curl("-X", "POST", f"{site.url}/upload").json == empty
    assert curl("-T", "-", f"{site.url}/upload", body=b"").json == empty


def test_many_uploads_at_once_do_not_mix(site: Served) -> None:
    bodies = [random.Random(number).randbytes(500_000) for number in range(8)]
    clients = [Raw(site.address) for _ in bodies]
    try:
        for client, body in zip(clients, bodies, strict=True):
            client.send(b"PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body))
        for start in range(0, 500_000, 50_000):
            for client, body in zip(clients, bodies, strict=True):
                client.send(body[start : start + 50_000])
        digests = [json.loads(client.answer().body)["sha256"] for client in clients]
    finally:
        for client in clients:
            client.close()

    assert digests == [hashlib.sha256(body).hexdigest() for body in bodies]


def test_curl_sends_its_body_after_100_continue(site: Served) -> None:
    done = curl(
        "--verbose",
        "-H",
        "Expect: 100-continue",
        "--expect100-timeout",
        str(PATIENCE),
        "-d",
        "body",
        f"{site.url}/echo",
    )

    assert "< HTTP/1.1 100 Continue" in done.errors
    assert "Done waiting for 100-continue" not in done.errors
    assert done.json["body"] == "body"


# The time.


def test_time_arrives_while_it_passes(site: Served) -> None:
    with Process(curl_command("--no-buffer", "--include", f"{site.url}/time")) as client:
        shown = client.await_output(lambda text: text.count("data: ") == 2)

    assert "Content-Type: text/event-stream" in shown
    assert "Cache-Control: no-store" in shown


# Files.


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("favicon.svg", "image/svg+xml; charset=utf-8"),
    ],
)
def test_a_file_arrives_whole_with_its_type(site: Served, name: str, kind: str) -> None:
    status, fields, text = curl_answer(f"{site.url}/static/{name}")

    assert status == 200
    assert fields["content-type"] == kind
    assert text == (ROOT / "static" / name).read_text()


def test_a_file_that_curl_has_is_not_sent_again(site: Served) -> None:
    url = f"{site.url}/static/style.css"
    _, fields, _ = curl_answer(url)

    by_etag = curl_answer("-H", f"If-None-Match: {fields['etag']}", url)
    by_time = curl_answer("-z", fields["last-modified"], url)

    for status, again, text in (by_etag, by_time):
        assert status == 304
        assert again["etag"] == fields["etag"]
        assert text == ""


def test_a_file_that_has_changed_since_is_sent_again(site: Served) -> None:
    url = f"{site.url}/static/style.css"

    assert curl_answer("-H", 'If-None-Match: "other"', url)[0] == 200
    assert curl_answer("-z", "Mon, 01 Jan 1990 00:00:00 GMT", url)[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../run.py",
        "/static/../../../../../../etc/passwd",
        "/static/%2e%2e/run.py",
        "/static/..%2frun.py",
        "/static/%2e%2e%2frun.py",
        "/static/..%5crun.py",
        "/static/%252e%252e/run.py",
        "/static/./../run.py",
        "/static//../run.py",
        "/static/index.html/../../run.py",
        "/static/..;/run.py",
        "/static/style.css%00.html",
    ],
)
def test_no_path_leads_out_of_the_files(site: Served, path: str) -> None:
    status, _, text = curl_answer("--path-as-is", site.url + path)

    assert status in (400, 404)
    assert "import" not in text
    assert "root:" not in text


def test_the_page_finds_all_that_it_links_to(site: Served) -> None:
    page = (ROOT / "static" / "index.html").read_text()
    links = {part.partition('"')[0] for part in page.split('="/')[1:]}
    statuses = {link: curl_answer("--head", f"{site.url}/{link}")[0] for link in links if link.startswith("static/")}

    assert statuses
    assert set(statuses.values()) == {200}


# Errors.


def test_an_error_is_a_line_for_curl(site: Served) -> None:
    status, fields, text = curl_answer(f"{site.url}/nothing")

    assert status == 404
    assert fields["content-type"] == "text/plain; charset=utf-8"
    assert text == "404 Not Found: Nothing is at /nothing.\n"


def test_an_error_is_a_problem_for_a_program(site: Served) -> None:
    status, fields, text = curl_answer("-H", "Accept: application/json", f"{site.url}/nothing")

    assert status == 404
    assert fields["content-type"] == "application/problem+json"
    assert json.loads(text) == {"title": "Not Found", "status": 404, "detail": "Nothing is at /nothing."}


def test_an_error_is_a_page_for_a_browser(site: Served) -> None:
    status, fields, text = curl_answer("-H", "Accept: text/html", f"{site.url}/%3Cscript%3E")

    assert status == 404
    assert fields["content-type"] == "text/html; charset=utf-8"
    assert "<h1><span>404</span> Not Found</h1>" in text
    assert "<script>" not in text


def test_a_wrong_method_is_told_which_are_right(site: Served) -> None:
    status, fields, text = curl_answer("-X", "DELETE", f"{site.url}/upload")

    assert status == 405
    assert fields["allow"] == "OPTIONS, POST, PUT"
    assert text == "405 Method Not Allowed: DELETE is not allowed here; OPTIONS, POST, PUT are.\n"


def test_a_method_that_nobody_knows_is_not_implemented(site: Served) -> None:
    assert curl_answer("-X", "BREW", f"{site.url}/hello/tea")[0] == 501


# Connections.


def test_curl_reuses_its_connection(site: Served) -> None:
    urls = [f"{site.url}/hello/{name}" for name in ("one", "two", "three")]

    got = curl("-w", "%{num_connects}\n", *urls).text

    assert got == "Hello, one!\n1\nHello, two!\n0\nHello, three!\n0\n"


def test_curl_reuses_its_connection_after_an_error_and_an_upload(site: Served) -> None:
    urls = [f"{site.url}/nothing", f"{site.url}/echo", f"{site.url}/static/style.css"]

    got = curl("-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects} ", "-d", "x", *urls).text

    assert got == "1 0 0 "


def test_curl_speaks_http_1_0(site: Served) -> None:
    status, fields, text = curl_answer("--http1.0", f"{site.url}/hello/old")

    assert status == 200
    assert "transfer-encoding" not in fields
    assert text == "Hello, old!\n"
