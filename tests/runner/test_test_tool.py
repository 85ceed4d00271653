"""The runner of `make test` counts what ctest and pytest say, and takes silence for a failure."""

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

LOADER = SourceFileLoader("test_tool", str(Path(__file__).resolve().parents[2] / "tools/test"))


@pytest.fixture(scope="module")
def tool():
    import sys

    spec = importlib.util.spec_from_loader("test_tool", LOADER)
    module = importlib.util.module_from_spec(spec)
    sys.modules["test_tool"] = module  # dataclasses look their module up
    sys.dont_write_bytecode = True
    LOADER.exec_module(module)
    return module


@pytest.mark.parametrize("output, returned, passed, failed", [
    ("100% tests passed, 0 tests failed out of 12\n", 0, 12, 0),
    ("75% tests passed, 3 tests failed out of 12\n", 8, 9, 3),
    ("No tests were found!!!\n", 8, 0, 1),
    ("", 127, 0, 1),
])
def test_ctest_is_counted(tool, output, returned, passed, failed):
    assert tool.count_ctest(output, returned)[:2] == (passed, failed)


@pytest.mark.parametrize("output, returned, passed, failed", [
    ("30 passed in 4.94s\n", 0, 30, 0),
    ("=== 2 failed, 30 passed, 1 skipped in 4.94s ===\n", 1, 30, 2),
    ("1 failed, 2 passed, 3 errors in 0.10s\n", 1, 2, 4),
    ("1 skipped in 0.10s\n", 0, 0, 0),
    ("5 passed in 0.10s\n", 2, 5, 1),
    ("no tests ran in 0.01s\n", 5, 0, 1),
    ("", 4, 0, 1),
])
def test_pytest_is_counted(tool, output, returned, passed, failed):
    assert tool.count_pytest(output, returned)[:2] == (passed, failed)


def test_a_step_that_fails_counts_as_one(tool):
    assert tool.step("x", ["false"]).failed == 1
    outcome = tool.step("x", ["echo", "well done"])
    assert (outcome.passed, outcome.failed, outcome.closing) == (1, 0, "well done")
