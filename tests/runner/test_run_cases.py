"""The runner of the text cases believes nothing: a wrong expectation fails, whatever kind it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).resolve().parents[1] / "run_cases.py"


@pytest.fixture
def run(tmp_path):
    """Runs one case against a program named sofia that prints a line on each stream and exits with its first argument."""
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.owner() == tmp_path.owner() and parent != Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)
    program = tmp_path / "sofia"
    program.write_text("#!/bin/sh\necho out one\necho out two\necho trouble >&2\nexit ${1:-0}\n")
    program.chmod(0o755)

    def run_case(text, **variables):
        case = tmp_path / "x.case"
        case.write_text(text)
        return subprocess.run([sys.executable, RUNNER, "--sofia", program, case], capture_output=True, text=True,
                              env=os.environ | variables, check=False)

    return run_case


HOLDING = [
    "$ sofia\nstdout\nout one\nout two\nend\n",
    "$ sofia\nstdout\nout one\nout two\nend\nstderr\ntrouble\nend\n",
    "$ sofia 3\nexit 3\nstdout\n<...>\nend\n",
    "$ sofia\nstdout\nout <...>\n<...>wo\nend\n",
    "$ sofia\nstdout\n<...>\nout two\nend\n",
    "$ sofia\nstdout\nout one\nout two\n<...>\nend\n",
    "# a comment\n\n$ sofia > a.txt\n$ cat a.txt\nstdout\nout one\nout two\nend\n",
    "$ ls -A\n",
]

BROKEN = [
    ("$ sofia\n", "out one"),
    ("$ sofia\nstdout\nout one\nend\n", "+out two"),
    ("$ sofia\nstdout\nout one\nout two\nout three\nend\n", "-out three"),
    ("$ sofia\nstdout\nout two\nout one\nend\n", "out one"),
    ("$ sofia\nstdout\nout one\nout  two\nend\n", "out two"),
    ("$ sofia\nstdout\nout o<...>x\nout two\nend\n", "out one"),
    ("$ sofia\nstdout\nout.one\nout two\nend\n", "out one"),
    ("$ sofia\nstdout\n<...>\nend\nstderr\nend\n", "trouble"),
    ("$ sofia\nstdout\n<...>\nend\nstderr\ntroubled\nend\n", "trouble"),
    ("$ sofia 3\nstdout\n<...>\nend\n", "exit code 3, expected 0"),
    ("$ sofia\nexit 1\nstdout\n<...>\nend\n", "exit code 0, expected 1"),
    ("$ printf x\nstdout\nx\nend\n", "no newline at the end"),
    ("$ true\n$ false\n", "line 2: $ false"),
]

NOT_CASES = ["", "# only a comment\n", "exit 3\n", "$ sofia\nstdout\nout one\n", "$ sofia\nexpect out\n", "$ sofia\nstdout\nend\nstdout\nend\n"]


@pytest.mark.parametrize("text", HOLDING)
def test_what_holds_passes(run, text):
    done = run(text)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("text, named", BROKEN)
def test_a_wrong_expectation_fails_and_shows_the_difference(run, text, named):
    done = run(text)
    assert done.returncode == 1
    assert named in done.stdout


@pytest.mark.parametrize("text", NOT_CASES)
def test_a_file_that_is_no_case_is_refused(run, text):
    assert run(text).returncode == 2


def test_missing_shared_data_skips_with_a_notice(run, tmp_path):
    done = run("needs shared\n$ false\n", SOFIA_SHARED=str(tmp_path / "nowhere"))
    assert done.returncode == 77
    assert "skipped x.case: no shared data" in done.stdout


def test_shared_data_is_named_by_a_variable(run, tmp_path):
    (tmp_path / "s" / "data").mkdir(parents=True)
    done = run('needs shared\n$ test -d "$SHARED/data"\n', SOFIA_SHARED=str(tmp_path / "s"))
    assert done.returncode == 0, done.stdout


def test_nobody_meets_permissions(run):
    done = run("as nobody\n$ sofia > secret\n$ chmod 000 secret\n$ cat secret\nexit 1\n$ id -u | grep -vx 0 > /dev/null\n")
    assert done.returncode == 0, done.stdout + done.stderr
