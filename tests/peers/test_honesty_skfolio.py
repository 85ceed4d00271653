"""Our probabilistic and deflated Sharpe ratios against skfolio's.

For `make nightly`, which makes its environment (tools/setup --skfolio) and sets SOFIA_NIGHTLY. Every run of the fast tier compares them with the
published example and with the formulas over SciPy's moments instead (src/math/sharpe_test.cpp, test_honesty.py).
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from binaries import BIN, ROOT

if not os.environ.get("SOFIA_NIGHTLY"):
    pytest.skip("skfolio: tests/nightly/skfolio", allow_module_level=True)

DUMP = BIN / "honesty_dump"
PYTHON = ROOT / ".venv-skfolio" / "bin" / "python"


def answers(command, cases):
    done = subprocess.run(list(map(str, command)), input=json.dumps(cases), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_sharpe_statistics_equal_skfolios():
    assert PYTHON.exists(), ".venv-skfolio is not there: tools/setup --skfolio"
    cases = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        returns = np.where(random.random(300 + 10 * seed) < 0.6, 0.0, random.exponential(size=300 + 10 * seed) - 0.8)
        cases.append({"ask": "sharpe", "returns": returns.tolist(), "trials": (0.05 * random.standard_normal(2 + 20 * seed)).tolist()})
    for mine, theirs in zip(answers([DUMP], cases), answers([PYTHON, Path(__file__).with_name("skfolio_side.py")], cases)):
        for name, value in theirs.items():
            assert mine[name] == pytest.approx(value, rel=1e-10), name
