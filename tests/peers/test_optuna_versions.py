"""One study, continued in turn by us and by older versions of Optuna, on SQLite and PostgreSQL.

For `make nightly`, which makes their environments (tools/setup --optuna) and sets SOFIA_NIGHTLY. Times are left out: up to 4.9 Optuna writes
local time.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from binaries import BIN, ROOT

if not os.environ.get("SOFIA_NIGHTLY"):
    pytest.skip("older versions of Optuna: tests/nightly/optuna_versions", allow_module_level=True)

DUMP = BIN / "tune_dump"
SIDE = Path(__file__).with_name("optuna_side.py")


@pytest.fixture(params=[".venv-optuna3", ".venv-optuna4"])
def theirs(request):
    python = ROOT / request.param / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{request.param} is not there: tools/setup --optuna")
    return lambda *arguments: run(python, SIDE, *arguments)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else f"sqlite:///{tmp_path / 'study file.db'}"


def run(*command):
    # A zone far from UTC, in which naive times would show.
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env={**os.environ, "TZ": "America/St_Johns"})
    assert done.returncode == 0, done.stderr
    return done.stdout


def ours(*arguments):
    return run(DUMP, *arguments)


def plain(x):
    """Numbers that compare equal when they are the same double, NaN included; True is not 1."""
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, list):
        return [plain(v) for v in x]
    return (type(x).__name__, repr(x))


def both_see_the_same(theirs, url, name):
    """The trials, which both print alike."""
    seen, read = json.loads(theirs("print", url, name)), json.loads(ours("print", url, name))
    for trial in read["trials"]:
        del trial["started"], trial["completed"]
    assert len(read["trials"]) == len(seen["trials"])
    for mine, yours in zip(read["trials"], seen["trials"]):
        assert plain(mine) == plain(yours)
    assert plain(read["user"]) == plain(seen["user"])
    return seen["trials"]


def test_they_continue_what_we_wrote(theirs, url):
    ours("write", url)
    before = both_see_the_same(theirs, url, "native")
    assert {t["state"] for t in before} == {"complete", "fail", "pruned", "running", "waiting"}
    both_see_the_same(theirs, url, "native-two")
    waiting = next(t["number"] for t in before if t["state"] == "waiting")
    theirs("continue", url, "native", 8)
    ours("continue", url, "native", 4)
    theirs("continue", url, "native", 2)
    after = both_see_the_same(theirs, url, "native")
    assert [t["number"] for t in after] == list(range(len(before) + 13))
    assert {k: after[waiting]["params"][k]["value"] for k in ("lr", "cat", "leaves")} == {"lr": 0.125, "cat": None, "leaves": 64}
    finished = [t for t in before if t["state"] in ("complete", "fail", "pruned")]
    assert plain([after[t["number"]] for t in finished]) == plain(finished)


def test_we_continue_what_they_wrote(theirs, url):
    theirs("create", url, "theirs", 23)
    before = both_see_the_same(theirs, url, "theirs")
    assert {t["state"] for t in before} == {"complete", "fail", "pruned", "waiting"}
    both_see_the_same(theirs, url, "theirs-two")
    ours("continue", url, "theirs", 5)
    theirs("continue", url, "theirs", 3)
    after = both_see_the_same(theirs, url, "theirs")
    assert [t["number"] for t in after] == list(range(31))
    assert after[23]["params"]["lr"]["value"] == 0.25 and after[23]["params"]["cat"]["value"] is None
    assert plain(after[:23]) == plain(before[:23])
