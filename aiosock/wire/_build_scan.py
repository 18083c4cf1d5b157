"""Compile `_scan.c` when the package is built: a hook of hatchling, which is not part of a wheel.

Where it cannot be compiled, one line says so, and the package is built without it. With AIOSOCK_PURE nothing is
compiled.
"""

import os
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).parent
MODULE = "aiosock.wire._scan"

# One wheel for 3.11 and later. Free-threaded builds have no stable ABI.
HAS_STABLE_ABI = not sysconfig.get_config_var("Py_GIL_DISABLED")


class ScanBuildHook(BuildHookInterface[Any]):
    """Adds the compiled module to a wheel; for an editable installation it stays beside its source."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and tell hatchling of the result."""
        if version == "editable":
            for stale in (*HERE.glob("_scan.*.so"), *HERE.glob("_scan.*pyd")):
                stale.unlink()
        if is_unwanted():
            return
        self._directory = tempfile.mkdtemp()
        try:
            library = compiled(self._directory)
        except Exception as error:
            # No compiler, no headers, no setuptools: the package works without the module.
            self.app.display_warning(f"aiosock: {MODULE} is not compiled, heads will be parsed in Python: {error}")
            return
        if version == "editable":
            shutil.copy(library, HERE)
        else:
            build_data["force_include"][str(library)] = f"aiosock/wire/{library.name}"
        build_data["pure_python"] = False
        build_data |= {"tag": tag()} if HAS_STABLE_ABI else {"infer_tag": True}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what the wheel has a copy of."""
        shutil.rmtree(getattr(self, "_directory", ""), ignore_errors=True)


def is_unwanted() -> bool:
    """Return whether to build without the module."""
    return os.environ.get("AIOSOCK_PURE", "0") not in ("", "0") or sys.implementation.name != "cpython"


def tag() -> str:
    """Return the tag of the wheel."""
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"cp311-abi3-{platform}"


def compiled(directory: str) -> Path:
    """Compile the module in a directory with the compiler and the options of this Python; return the library."""
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    macros: list[tuple[str, str | None]] = [("Py_LIMITED_API", "0x030B0000")] if HAS_STABLE_ABI else []
    source = os.path.relpath(HERE / "_scan.c")
    extension = Extension(MODULE, [source], define_macros=macros, py_limited_api=HAS_STABLE_ABI)
    command = build_ext(Distribution({"ext_modules": [extension]}))
    command.build_lib = command.build_temp = directory
    command.ensure_finalized()
    command.run()
    return Path(command.get_ext_fullpath(MODULE))
