"""Tests of aiosock.web.static.tree: no path leads out of the root, even if the directory changes meanwhile."""

import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from aiosock.testing import Client
from aiosock.web.static.cache import FileCache
from aiosock.web.static.tree import LINKS, Tree
from tests.web.static.serving import ORDINARY_NAMES, SECRET, UNCACHED, Clock, open_descriptors, serving, write

SWAPS = 1000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "site"
    write(
        tmp_path,
        {
            "site/index.html": "home",
            "site/sub/page.txt": "page",
            "site/sub/deep/file.txt": "deep",
            "site/.env": SECRET,
            "site/.git/config": SECRET,
            "site/..data/page.txt": "mapped",
            "site/..data/.env": SECRET,
            "site/.store/pkg/page.txt": "stored",
            "secret.txt": SECRET,
            "site-private/page.txt": SECRET,
            "outside/page.txt": SECRET,
            "outside/deep/file.txt": SECRET,
        },
    )
    (root / ".store" / "out").symlink_to("../../secret.txt")
    return root


def read(tree: Tree, *names: str) -> str:
    descriptor = tree.open(names)
    try:
        return os.read(descriptor, 100).decode()
    finally:
        os.close(descriptor)


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    before = open_descriptors()
    yield
    assert open_descriptors() == before


# Names.


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "...", ".env", ".git", "..secret", ". "),
        *("a/b", "/", "/etc/passwd", "../secret.txt", "..\\a", "a\0", "\0"),
    ],
)
def test_no_file_has_such_a_name(root: Path, name: str) -> None:
    assert not Tree(root).has_name(name)
    for names in ([name], ["sub", name], [name, "page.txt"]):
        with no_descriptor_left(), pytest.raises(PermissionError):
            Tree(root, links=True).open(names)


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "a.b",
        "a b",
        "é",
        "日本",
        "-",
        "~",
        "a~1",
        "%2e%2e",
        "con-",
        "icon",
        "null",
        "com",
        "com10",
        "a\nb",
        "a;b",
        *ORDINARY_NAMES,
    ],
)
def test_a_file_may_have_such_a_name(root: Path, name: str) -> None:
    (root / name).write_text("text")

    assert Tree(root).has_name(name)
    assert read(Tree(root), name) == "text"


def test_only_the_dotfiles_that_are_named_are_there(root: Path) -> None:
    tree = Tree(root, dotfiles=[".git", "..", "."])

    assert read(tree, ".git", "config") == SECRET
    for names in ([".env"], [".."], [".", "index.html"], ["..", "secret.txt"], [".git", "..", ".env"]):
        with pytest.raises(PermissionError):
            tree.open(names)


# Links.

INSIDE = [
    ("link", "index.html", "home"),
    ("link", "./index.html", "home"),
    ("link", "sub/../index.html", "home"),
    ("link", "sub/deep/../../sub//page.txt", "page"),
    ("link", "{root}/sub/page.txt", "page"),
    ("link", "{root}/sub/../index.html", "home"),
    ("sub/deep/link", "../../index.html", "home"),
    ("sub/deep/link", "{root}/index.html", "home"),
    # A link may lead through hidden directories, not to one.
    ("link", "..data/page.txt", "mapped"),
    ("link", "sub/../..data/page.txt", "mapped"),
    ("link", "{root}/..data/page.txt", "mapped"),
    ("sub/deep/link", "../../.store/pkg/page.txt", "stored"),
    ("sub/deep/link", "../../.store/pkg/../pkg/page.txt", "stored"),
]

OUTSIDE = [
    ("link", "../secret.txt"),
    ("link", "../outside/page.txt"),
    ("link", "../site-private/page.txt"),
    ("link", "../site/../secret.txt"),
    ("link", "sub/../../secret.txt"),
    ("link", "sub/deep/../../../secret.txt"),
    ("link", "{root}/../secret.txt"),
    ("link", "{root}-private/page.txt"),
    ("link", "//etc/passwd"),
    ("link", "/etc/passwd"),
    ("link", "/proc/self/environ"),
    ("link", "/proc/self/cwd/../secret.txt"),
    ("link", ".env"),
    ("link", "sub/../.env"),
    ("link", "sub/../.git/../.env"),
    ("link", ".git/../../secret.txt"),
    ("link", ".store/out"),
    ("link", "..data/.env"),
    ("link", "link"),
    ("link", "missing"),
    ("link", "sub/page.txt/../../../secret.txt"),
    ("sub/deep/link", "../../../secret.txt"),
]


@pytest.mark.parametrize(("link", "leads_to", "text"), INSIDE)
def test_a_link_below_the_root_is_followed_only_where_links_are(
    root: Path, link: str, leads_to: str, text: str
) -> None:
    (root / link).symlink_to(leads_to.format(root=root))

    with no_descriptor_left():
        assert read(Tree(root, links=True), *link.split("/")) == text
        with pytest.raises(OSError, match=r"link|symbolic"):
            Tree(root).open(link.split("/"))


@pytest.mark.parametrize(("link", "leads_to"), OUTSIDE)
def test_no_link_leads_out_of_the_root(root: Path, link: str, leads_to: str) -> None:
    (root / link).symlink_to(leads_to.format(root=root))

    for links in (False, True):
        with no_descriptor_left(), pytest.raises(OSError, match=r".") as caught:
            Tree(root, links=links).open(link.split("/"))
        assert caught.value.errno in (errno.EACCES, errno.ELOOP, errno.ENOENT, errno.ENOTDIR)


@pytest.mark.parametrize("leads_to", ["..", "../outside", "{root}-private", "/", "/etc", ".git", "sub/deep/../../.."])
def test_no_directory_that_is_a_link_leads_out_of_the_root(root: Path, leads_to: str) -> None:
    (root / "link").symlink_to(leads_to.format(root=root))
    ways = [["link"], ["link", "page.txt"], ["link", "secret.txt"], ["link", "config"], ["link", "deep", "file.txt"]]

    for names in ways:
        for links in (False, True):
            with no_descriptor_left(), pytest.raises(OSError, match=r"."):
                Tree(root, links=links).open(names)


@pytest.mark.parametrize("leads_to", ["index.html/../index.html", "../site/index.html", "sub/missing/../page.txt"])
def test_a_link_is_walked_and_not_read_as_text(root: Path, leads_to: str) -> None:
    (root / "link").symlink_to(leads_to)

    with no_descriptor_left(), pytest.raises(OSError, match=r"."):
        Tree(root, links=True).open(["link"])


def test_as_many_links_as_linux_follows_are_followed_and_no_more(root: Path) -> None:
    (root / "0").symlink_to("index.html")
    for number in range(LINKS):
        (root / str(number + 1)).symlink_to(str(number))
    tree = Tree(root, links=True)

    assert read(tree, str(LINKS - 1)) == "home"
    with no_descriptor_left(), pytest.raises(OSError, match="symbolic links"):
        tree.open([str(LINKS)])


def test_a_bush_of_links_ends(root: Path) -> None:
    # Each link leads through the one before it ten times: without a limit that is 10^20 steps.
    (root / "b0").symlink_to(".")
    for number in range(20):
        (root / f"b{number + 1}").symlink_to("/".join([f"b{number}"] * 10))

    with no_descriptor_left(), pytest.raises(OSError, match="symbolic links"):
        Tree(root, links=True).open(["b20", "index.html"])


def test_a_link_to_the_root_is_the_root(root: Path) -> None:
    (root / "sub" / "home").symlink_to(root)
    (root / "sub" / "dot").symlink_to(".")
    tree = Tree(root, links=True)

    assert read(tree, "sub", "home", "index.html") == "home"
    assert read(tree, "sub", "dot", "dot", "page.txt") == "page"
    names = {entry.name for entry in tree.scan(["sub", "home"])}
    assert names == {"index.html", "sub"}


def test_a_config_map_of_kubernetes_is_served_also_after_its_update(root: Path) -> None:
    write(root, {"..2026_01/a.txt": "old", "..2026_02/a.txt": "new", "..2026_02/.env": SECRET})
    (root / "..now").symlink_to("..2026_01")
    (root / "a.txt").symlink_to("..now/a.txt")
    (root / "env").symlink_to("..now/.env")
    tree = Tree(root, links=True)
    assert read(tree, "a.txt") == "old"

    (root / "..next").symlink_to("..2026_02")
    (root / "..next").rename(root / "..now")

    assert read(tree, "a.txt") == "new"
    assert {entry.name for entry in tree.scan([])} == {"index.html", "sub", "a.txt"}
    for names in (["..now", "a.txt"], ["..2026_02", "a.txt"], ["env"]):
        with no_descriptor_left(), pytest.raises(PermissionError):
            tree.open(names)


def test_packages_of_pnpm_are_served(root: Path) -> None:
    write(
        root,
        {"node_modules/.pnpm/a@1/node_modules/a/index.js": "a", "node_modules/.pnpm/b@1/node_modules/b/index.js": "b"},
    )
    (root / "node_modules" / "a").symlink_to(".pnpm/a@1/node_modules/a")
    (root / "node_modules" / ".pnpm" / "a@1" / "node_modules" / "a" / "b").symlink_to("../../../b@1/node_modules/b")
    tree = Tree(root, links=True)

    assert read(tree, "node_modules", "a", "index.js") == "a"
    assert read(tree, "node_modules", "a", "b", "index.js") == "b"
    assert [entry.name for entry in tree.scan(["node_modules"])] == ["a"]


def test_a_root_that_is_a_link_may_be_switched(root: Path) -> None:
    current = root.parent / "current"
    current.symlink_to(root)
    tree = Tree(current, links=True)
    (root / "own").symlink_to(root / "index.html")
    (root / "by-link").symlink_to(current / "index.html")
    assert [read(tree, name) for name in ("index.html", "own", "by-link")] == ["home"] * 3

    write(root.parent, {"next/index.html": "next"})
    (root.parent / "new").symlink_to("next")
    (root.parent / "new").rename(current)

    assert read(tree, "index.html") == "next"
    with no_descriptor_left(), pytest.raises(FileNotFoundError):
        tree.open(["own"])


# The end of a path.


@pytest.mark.parametrize("name", ["file", "link", "to the root"])
def test_few_directories_are_open_at_once_on_a_long_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    names = ["d"] * 30
    deep = tmp_path.joinpath(*names)
    write(tmp_path, {"/".join([*names, "file"]): "deep"})
    (deep / "link").symlink_to("../d/.././d/file")
    (deep / "to the root").symlink_to("../" * 30 + "/".join([*names, "file"]))
    before, most = open_descriptors(), 0
    open_ = os.open

    def count(*arguments: Any, **options: Any) -> int:
        nonlocal most
        descriptor = open_(*arguments, **options)
        most = max(most, open_descriptors() - before)
        return descriptor

    monkeypatch.setattr(os, "open", count)
    descriptor = Tree(tmp_path, links=True).open([*names, name])
    content = os.read(descriptor, 10)
    os.close(descriptor)

    assert content == b"deep"
    assert most == 3


def test_the_root_itself_can_be_opened(root: Path) -> None:
    with no_descriptor_left():
        descriptor = Tree(root).open([])
        assert os.path.samestat(os.fstat(descriptor), root.stat())
        os.close(descriptor)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["missing"], FileNotFoundError),
        (["missing", "page.txt"], FileNotFoundError),
        (["index.html", "page.txt"], NotADirectoryError),
        (["x" * 256], OSError),
        (["sub", "x" * 256, "y"], OSError),
        (["x" * 100_000], OSError),
        (["sub"] * 5000, FileNotFoundError),
    ],
)
def test_what_is_not_there_is_an_error_of_the_file_system(root: Path, names: list[str], kind: type[OSError]) -> None:
    with no_descriptor_left(), pytest.raises(kind):
        Tree(root).open(names)


def test_a_root_that_has_gone_is_an_error_of_the_file_system(root: Path) -> None:
    root.rename(root.parent / "gone")

    with no_descriptor_left(), pytest.raises(FileNotFoundError):
        Tree(root).open(["index.html"])


def test_only_a_directory_is_opened_as_one(root: Path) -> None:
    with no_descriptor_left():
        os.close(Tree(root).open_directory(["sub"]))
        for names, kind in ((["index.html"], NotADirectoryError), (["missing"], FileNotFoundError)):
            with pytest.raises(kind):
                Tree(root).open_directory(names)
            with pytest.raises(kind):
                Tree(root).scan(names)


# Entries of a directory.


def test_a_directory_has_only_what_can_be_opened(root: Path) -> None:
    (root / ".hidden").write_text(SECRET)
    os.mkfifo(root / "pipe")
    for name, leads_to in {"in": "index.html", "dir": "sub", "out": "../secret.txt", "up": "..", "env": ".env"}.items():
        (root / name).symlink_to(leads_to)

    with no_descriptor_left():
        plain = {(entry.name, entry.is_directory, entry.size) for entry in Tree(root).scan([])}
        linked = {(entry.name, entry.is_directory, entry.size) for entry in Tree(root, links=True).scan([])}

    assert plain == {("index.html", False, 4), ("sub", True, 0)}
    assert linked == plain | {("in", False, 4), ("dir", True, 0)}


# Changes at the same time.


def swap_for_link(path: Path, leads_to: str) -> None:
    path.rename(path.parent / ".aside")
    path.symlink_to(leads_to)


def swap_back(path: Path) -> None:
    path.unlink()
    (path.parent / ".aside").rename(path)


SWAPPED = [
    ("sub", "../outside", ["sub", "page.txt"]),
    ("sub", "../outside", ["sub", "deep", "file.txt"]),
    ("sub/deep", "../../outside/deep", ["sub", "deep", "file.txt"]),
    ("sub/page.txt", "../../outside/page.txt", ["sub", "page.txt"]),
    ("sub", "{root}/../outside", ["sub", "page.txt"]),
    ("sub", "../outside", ["link", "deep", "..", "page.txt"]),
]


@pytest.mark.parametrize("links", [False, True])
@pytest.mark.parametrize(("swapped", "leads_to", "names"), SWAPPED)
@pytest.mark.parametrize("step", range(10))
def test_a_link_that_is_slipped_in_at_any_step_leads_nowhere(
    root: Path, monkeypatch: pytest.MonkeyPatch, swapped: str, leads_to: str, names: list[str], step: int, links: bool
) -> None:
    if names[0] == "link":
        (root / "link").symlink_to("sub")
        (root / "sub" / "deep" / "back").symlink_to("..")
        names = ["link", "deep", "back", "page.txt"]
    calls = 0
    for function in (os.open, os.readlink):

        def slipping(*arguments: Any, _function: Callable[..., Any] = function, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == step + 1:
                swap_for_link(root / swapped, leads_to.format(root=root))
            return _function(*arguments, **options)

        monkeypatch.setattr(os, function.__name__, slipping)

    with no_descriptor_left():
        text = ""
        with suppress(OSError):
            text = read(Tree(root, links=links), *names)
        assert text != SECRET


def keep_swapping(path: Path, leads_to: str, stop: threading.Event) -> None:
    for _ in range(SWAPS):
        if stop.is_set():
            break
        swap_for_link(path, leads_to)
        swap_back(path)
    stop.set()


@contextmanager
def swapping(path: Path, leads_to: str) -> Iterator[threading.Event]:
    """Swap a path for a link to the outside and back, until the event is set, or a limited number of times."""
    stop = threading.Event()
    thread = threading.Thread(target=keep_swapping, args=(path, leads_to, stop))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join()


RACES = [("sub", "../outside"), ("sub/page.txt", "../../outside/page.txt")]


@pytest.mark.parametrize("links", [False, True])
@pytest.mark.parametrize(("swapped", "leads_to"), RACES)
def test_nobody_gets_out_of_the_root_by_being_quick(root: Path, links: bool, swapped: str, leads_to: str) -> None:
    tree = Tree(root, links=links)
    seen = set()
    with no_descriptor_left(), swapping(root / swapped, leads_to) as stop:
        while not stop.is_set():
            with suppress(OSError):
                seen.add(read(tree, "sub", "page.txt"))
            with suppress(OSError):
                seen.update(entry.name for entry in tree.scan(["sub"]))

    assert seen <= {"page", "page.txt", "deep"}


@pytest.mark.parametrize("symlinks", [False, True])
@pytest.mark.parametrize(("swapped", "leads_to"), RACES)
async def test_no_request_gets_out_of_the_root_by_being_quick(
    root: Path, symlinks: bool, swapped: str, leads_to: str
) -> None:
    write(root.parent, {"outside/page.txt.gz": SECRET, "outside/index.html": SECRET})
    app = serving(root, symlinks=symlinks, listing=True, cache=FileCache(Clock(step=2.0)))
    answers = set()
    async with Client(app, limits=UNCACHED) as client:
        await client.get("/index.html")
        with no_descriptor_left(), swapping(root / swapped, leads_to) as stop:
            for target in ["/sub/page.txt", "/sub/", "/sub/index.html", "/sub"] * 60:
                if stop.is_set():
                    break
                answer = await client.get(target, headers={"accept-encoding": "gzip"})
                answers.add((answer.status, SECRET in answer.text))

    assert answers <= {(200, False), (308, False), (404, False)}
