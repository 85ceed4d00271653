"""The room check catches what is planted, and lets pass what the table allows. It runs on small trees made here, with the real table."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/architecture.md", tmp_path / "docs")
    for header in ("src/base/result.hpp", "src/market/bar.hpp", "src/math/ema.hpp", "src/trading/core.hpp", "src/labels/pullback.hpp",
                   "src/bars/cascade.hpp", "src/net/http.hpp", "app/pipeline/tune.hpp", "app/cli/verb.hpp",
                   "python/glue/glue.hpp"):
        (tmp_path / header).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / header).write_text("#pragma once\n")
    return tmp_path


def check(tree):
    return subprocess.run([sys.executable, HERE.parent / "check_rooms.py", tree], capture_output=True, text=True, check=False)


def test_our_own_tree_holds():
    done = check(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file, line", [
    ("src/bars/x.cpp", '#include "market/bar.hpp"'),
    ("src/bars/x.cpp", '#include "cascade.hpp"'),
    ("src/bars/x.cpp", "#include <vector>"),
    ("src/base/x.cpp", '#include "base/result.hpp"'),
    ("src/labels/x.cpp", '#include "math/ema.hpp"'),  # through trading
    ("app/pipeline/x.cpp", '#include "labels/pullback.hpp"'),
    ("app/cli/x.cpp", '#include "app/pipeline/tune.hpp"'),
    ("app/cli/x.cpp", '#include "net/http.hpp"'),
    ("src/bars/CMakeLists.txt", "sofia_room(bars DEPENDS base market SOURCES x.cpp)"),
    ("python/glue/x.cpp", '#include "labels/pullback.hpp"'),
    ("python/glue/x.cpp", '#include "app/pipeline/tune.hpp"'),
])
def test_what_the_table_allows_passes(tree, file, line):
    (tree / file).write_text(line + "\n")
    done = check(tree)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file, line, named", [
    ("src/bars/x.cpp", '#include "labels/pullback.hpp"', "bars may not include labels"),
    ("src/bars/x_test.cpp", '  #  include "labels/pullback.hpp"', "bars may not include labels"),
    ("src/bars/deep/x.hpp", '#include "../../labels/pullback.hpp"', "bars may not include labels"),
    ("src/base/x.cpp", '#include "market/bar.hpp"', "base may not include market"),
    ("src/market/x.hpp", '#include "math/ema.hpp"', "market may not include math"),
    ("src/trading/x.hpp", '#include "labels/pullback.hpp"', "trading may not include labels"),
    ("src/trading/x.hpp", '#include "app/pipeline/tune.hpp"', "trading may not include app/pipeline"),
    ("app/cli/x.cpp", '#include "labels/pullback.hpp"', "app/cli may not include labels"),
    ("app/pipeline/x.cpp", '#include "app/cli/verb.hpp"', "app/pipeline may not include app/cli"),
    ("python/glue/x.cpp", '#include "app/cli/verb.hpp"', "python may not include app/cli"),
    ("app/pipeline/x.cpp", '#include "python/glue/glue.hpp"', "app/pipeline may not include python"),
    ("src/bars/x.cpp", '#include "labels/not_there_yet.hpp"', "bars may not include labels"),
    ("src/bars/CMakeLists.txt", "sofia_room(bars\n  SOURCES x.cpp\n  DEPENDS base labels\n  LINK fmt::fmt)", "bars may not include labels"),
])
def test_a_forbidden_include_is_named_with_its_line(tree, file, line, named):
    (tree / file).parent.mkdir(parents=True, exist_ok=True)
    (tree / file).write_text("\n" + line + "\n")
    done = check(tree)
    assert done.returncode == 1
    assert named in done.stdout and f"{file} line" in done.stdout


def test_a_room_outside_the_table_is_named(tree):
    (tree / "src/cellar").mkdir()
    (tree / "src/cellar/x.hpp").write_text("")
    done = check(tree)
    assert done.returncode == 1 and "the room cellar is not in the table" in done.stdout


def test_a_table_that_cannot_be_read_is_no_success(tree):
    (tree / "docs/architecture.md").write_text("no table\n")
    assert check(tree).returncode == 2
