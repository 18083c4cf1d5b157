"""`python -m tests.fuzz --seconds N`: the properties of the fuzz tests, for as long as you want.

A failure is reduced to a short input, printed as Python literals and in hexadecimal, and ends the run with status 1.
"""

import argparse
import asyncio
import importlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fuzz.seeds import seeds

if TYPE_CHECKING:
    from tests.fuzz.run import Fuzzer


def main() -> int:
    """Run; return the exit status."""
    options = _parser().parse_args()
    if options.replay is not None:
        return _replay(options.replay)
    seed = time.time_ns() % 2**32 if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)  # noqa: T201
    if options.engine == "atheris":
        return _run_atheris(options.seconds, seed)
    from tests.fuzz.run import Fuzzer, run_random

    with asyncio.Runner() as runner:
        fuzzer = Fuzzer(runner)
        run_random(fuzzer, options.seconds, seed)
        return _conclude(fuzzer)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to run (default: 60)")
    parser.add_argument("--seed", type=int, help="repeat a run; without it every run is another")
    parser.add_argument("--engine", choices=["random", "atheris"], default="random", help="who makes up the streams")
    parser.add_argument("--replay", metavar="HEX", help="check one stream, its pieces in hexadecimal between spaces")
    return parser


def _conclude(fuzzer: "Fuzzer") -> int:
    print(fuzzer.failure or fuzzer.summary(), flush=True)  # noqa: T201
    return 1 if fuzzer.failure else 0


def _replay(text: str) -> int:
    from tests.fuzz.run import Fuzzer

    with asyncio.Runner() as runner:
        fuzzer = Fuzzer(runner)
        fuzzer.replay(tuple(bytes.fromhex(piece) for piece in text.split()))
        return _conclude(fuzzer)


def _run_atheris(seconds: float, seed: int) -> int:
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        print("the engine atheris is not installed: pip install atheris", file=sys.stderr)  # noqa: T201
        return 2
    with atheris.instrument_imports(include=["aiosock"]):  # covered code must be imported here first
        run = importlib.import_module("tests.fuzz.run")
    with asyncio.Runner() as runner, tempfile.TemporaryDirectory() as corpus:
        for number, data in enumerate(seeds()):
            Path(corpus, str(number)).write_bytes(data)
        fuzzer: Fuzzer = run.Fuzzer(runner)

        def test(data: bytes) -> None:
            if not fuzzer.check(run.pieces_of(data)) or fuzzer.seconds > seconds:
                status = _conclude(fuzzer)
                shutil.rmtree(corpus)
                os._exit(status)  # libFuzzer never returns, and reports any other exit as a crash

        def mutate(data: bytes, most: int, seed: int) -> bytes:
            mutated: bytes = atheris.Mutate(data, most) if seed % 2 else run.mutated(data, seed // 2)
            return mutated[:most]

        options = [f"-seed={seed % 2**32}", f"-max_len={run.LONGEST}", "-verbosity=0"]
        atheris.Setup([sys.argv[0], *options, corpus], test, custom_mutator=mutate)
        atheris.Fuzz()
    return _conclude(fuzzer)


if __name__ == "__main__":
    sys.exit(main())
