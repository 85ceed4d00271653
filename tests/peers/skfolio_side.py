"""skfolio's Sharpe statistics of the cases on stdin, run by the Python of .venv-skfolio for test_honesty_skfolio.py."""

import json
import sys

import numpy as np
from skfolio import measures

answers = []
for case in json.load(sys.stdin):
    returns, trials = np.array(case["returns"]), np.array(case["trials"])
    answers.append({
        "psr": float(measures.probabilistic_sharpe_ratio(returns)),
        "expected_best": float(measures.expected_max_sharpe_ratio(len(trials), trials.std(ddof=1))),
        "dsr": float(measures.deflated_sharpe_ratio(returns, trials)),
    })
json.dump(answers, sys.stdout)
