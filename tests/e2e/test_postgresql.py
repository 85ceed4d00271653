"""The unit tests that need a PostgreSQL server, with one."""

import os
import subprocess

import pytest

from binaries import BIN


@pytest.mark.parametrize("program", ["sql_test", "tune_test"])
def test_unit_tests_with_a_server(program, postgres_url):
    done = subprocess.run([BIN / program, "--gtest_filter=*ostgresql*"], env={**os.environ, "SOFIA_POSTGRES_URL": postgres_url},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[  PASSED  ]" in done.stdout and "SKIPPED" not in done.stdout, done.stdout
