"""Every check of this project, once: people, `.ci/run` and the workflows call them by these names. `nox --list` shows all.

The sessions use the environment that is active; `pip install -e '.[dev,docs]'` makes it ready. The one exception is
`without_uvloop`, which makes an environment of its own.

Tags: `static` is what only reads the code, `ci` is what `.ci/run` runs after the tests.
"""

from pathlib import Path

import nox

PURE = {"AIOSOCK_PURE": "1"}
"""Heads are read in Python, although the scan in C is built."""


@nox.session(venv_backend="none", tags=["static", "ci"])
def lint(session: nox.Session) -> None:
    """Look for mistakes and bad style."""
    session.run("ruff", "check")


@nox.session(venv_backend="none", tags=["static", "ci"])
def format(session: nox.Session) -> None:
    """Check the layout of the code; `ruff format` repairs it."""
    session.run("ruff", "format", "--check")


@nox.session(venv_backend="none", tags=["static", "ci"])
def mypy(session: nox.Session) -> None:
    """Check the types of everything."""
    session.run("mypy")


@nox.session(venv_backend="none", tags=["static", "ci"])
def pyright(session: nox.Session) -> None:
    """Check tests/typing, which is what a user's editor sees."""
    session.run("pyright")


@nox.session(venv_backend="none", tags=["static", "ci"])
def public_types(session: nox.Session) -> None:
    """Check that the type of every public name is known."""
    session.run("pyright", "--verifytypes", "aiosock", "--ignoreexternal")


@nox.session(venv_backend="none", tags=["static", "ci"])
def imports(session: nox.Session) -> None:
    """Check which module may import which."""
    session.run("lint-imports")


@nox.session(venv_backend="none", tags=["static", "ci"])
def workflows(session: nox.Session) -> None:
    """Check the files in .github against their schemas, and the workflows for security."""
    files = {
        "github-workflows": [str(path) for path in sorted(Path(".github/workflows").glob("*.yml"))],
        "dependabot": [".github/dependabot.yml"],
        "github-issue-forms": [".github/ISSUE_TEMPLATE/bug.yml", ".github/ISSUE_TEMPLATE/feature.yml"],
        "github-issue-config": [".github/ISSUE_TEMPLATE/config.yml"],
    }
    for schema, paths in files.items():
        session.run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *paths)
    session.run("zizmor", "--offline", "--pedantic", ".github")


@nox.session(venv_backend="none", tags=["ci"])
def docs(session: nox.Session) -> None:
    """Build the documentation into site/."""
    session.run("mkdocs", "build", "--strict", "--quiet", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """Run the tests, as README.md does."""
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(venv_backend="none", tags=["ci"])
def wire_coverage(session: nox.Session) -> None:
    """Check that the tests of aiosock/wire run all of it, branches included, with heads read in Python."""
    session.run("python", "-m", "pytest", "-q", "tests/wire", "--cov", "--cov-report=", env=PURE)
    session.run("coverage", "report", "--include=*/aiosock/wire/*", "--show-missing", "--fail-under=100")


@nox.session(venv_backend="none", tags=["ci"])
def pure(session: nox.Session) -> None:
    """Run the tests of conformance and the fuzz tests with heads read in Python; two other sessions do so for the rest."""
    session.run("python", "-m", "pytest", "-q", "tests/check", "tests/fuzz", env=PURE)


@nox.session(venv_backend="none", default=False)
def slow(session: nox.Session) -> None:
    """Run the slow tests; 20 minutes."""
    session.run("python", "-m", "pytest", "-m", "slow", *session.posargs)


@nox.session(venv_backend="none", default=False)
def fuzz(session: nox.Session) -> None:
    """Send the parsers and the connection random streams, for 600 seconds or as told: `nox -s fuzz -- --seconds 60`."""
    session.run("python", "-m", "tests.fuzz", *(session.posargs or ["--seconds", "600"]))


@nox.session(venv_backend="none", default=False)
def fuzz_scan(session: nox.Session) -> None:
    """Fuzz the scan in C with clang's libFuzzer, for 600 seconds or as told: `nox -s fuzz_scan -- 60`."""
    fuzzer, corpus = Path(session.create_tmp()), Path("tests/fuzz/corpus")
    options = ["-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
    session.run("clang", *options, "tests/fuzz/scan_fuzzer.c", "-o", str(fuzzer / "scan_fuzzer"), external=True)
    (found := fuzzer / "found").mkdir(exist_ok=True)
    seconds = session.posargs[0] if session.posargs else "600"
    arguments = ["-max_len=1500", "-dict=tests/fuzz/scan.dict", f"-max_total_time={seconds}", str(found), str(corpus)]
    session.run(str(fuzzer / "scan_fuzzer"), *arguments, external=True)


# The last one: with `--no-venv`, it takes uvloop out of the environment that is active.
@nox.session(default=False, tags=["ci"])
def without_uvloop(session: nox.Session) -> None:
    """Run the tests of `net` where uvloop is not installed, with heads read in Python."""
    if session.virtualenv.is_sandboxed:
        session.install("-e", ".[test]")
    session.run("python", "-m", "pip", "uninstall", "--quiet", "--yes", "uvloop")
    session.run("python", "-m", "pytest", "-q", "tests/net", env=PURE)
