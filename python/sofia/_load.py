"""Loads the extension module and, before it, the libraries that it takes out of other wheels.

The extension finds Arrow in `pyarrow` and LightGBM in `lightgbm` beside itself (RPATH). They are still loaded here first, each for itself, for two reasons.
A library that is loaded serves every later request for its name, so the packages may lie elsewhere (an environment that sees another's packages).
And libparquet carries an OpenSSL of its own whose functions anybody can see: a library that is loaded for itself looks for functions in itself first, so that the
two OpenSSL of this process, Python's and Parquet's, stay apart.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(package)  # without importing it
    if found is None or not found.submodule_search_locations:
        raise ImportError(f"sofia needs the package {package}: pip install {package}")
    return Path(found.submodule_search_locations[0])


def _preload() -> None:
    try:
        ctypes.CDLL("libcrypto.so.3")
    except OSError:
        pass  # then the extension says what it misses
    arrow = _folder("pyarrow")
    libraries = [*arrow.glob("libarrow.so.*"), *arrow.glob("libparquet.so.*"), _folder("lightgbm") / "lib" / "lib_lightgbm.so"]
    for library in libraries:
        if library.exists():
            ctypes.CDLL(str(library))


if TYPE_CHECKING:
    from . import _core as core
else:
    _preload()
    core = importlib.import_module("sofia._core")

__all__ = ["core"]
