"""The package as it is handed out: version, types, what an import loads, and the tutorial."""

import os
import re
import subprocess
import sys
import tomllib

import pytest

import sofia
from binaries import BIN, ROOT

PACKAGE = BIN.parent / "python"


def run(*words, **more):
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "MYPYPATH": str(PACKAGE)}
    return subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, env=environment, timeout=300, **more)


def test_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    cmake = re.search(r"project\(sofia VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
    assert sofia.__version__ == project["version"] == cmake


def test_everything_that_is_promised_is_there():
    missing = [name for name in sofia.__all__ if not hasattr(sofia, name)]
    assert not missing
    undocumented = [name for name in sofia.__all__ if not getattr(sofia, name).__doc__]
    assert not undocumented


def test_optional_packages_stay_unloaded():
    done = run("-c", "import sys, sofia; print([n for n in ('pandas', 'polars', 'sklearn', 'optuna', 'lightgbm') if n in sys.modules])")
    assert done.stdout == "[]\n", done.stderr


def test_python_and_parquet_keep_their_own_openssl():
    """libparquet shows an OpenSSL of its own; whichever side comes first, the other must still work."""
    for first, second in (("sofia", "hashlib, ssl, pyarrow.parquet"), ("hashlib, ssl, pyarrow.parquet", "sofia")):
        script = f"import {first}; import {second}; import hashlib, ssl, sofia; ssl.create_default_context(); print(hashlib.sha256(b'').hexdigest()[:8])"
        done = run("-c", script)
        assert (done.returncode, done.stdout) == (0, "e3b0c442\n"), (first, second, done.stderr)


def test_the_stubs_are_those_of_the_extension():
    """Every name with its parameters, as the module has them."""
    text = (PACKAGE / "sofia/_core.pyi").read_text()
    core = sofia._load.core
    stubbed = set(re.findall(r"^(?:def|class) (\w+)", text, re.MULTILINE)) | set(re.findall(r"^(\w+): ", text, re.MULTILINE))
    assert stubbed == {name for name in dir(core) if not name.startswith("_")}


@pytest.mark.skipif("SOFIA_NIGHTLY" not in os.environ, reason="a kernel and a whole strategy: make nightly")
def test_the_tutorial_runs():
    """Every cell, in a kernel of its own."""
    import nbclient
    import nbformat

    notebook = nbformat.read(ROOT / "docs/tutorial.ipynb", as_version=4)
    nbformat.validate(notebook)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(PACKAGE))
        done = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = "".join(str(cell.get("outputs")) for cell in done.cells)
    assert "mean" in shown and "m15.rsi14" in shown and "first" in shown and "direction model" in shown
    assert not any(cell.outputs for cell in nbformat.read(ROOT / "docs/tutorial.ipynb", as_version=4).cells if cell.cell_type == "code")
