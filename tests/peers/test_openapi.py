"""schemathesis against the running service: whatever it makes of the service's own description is answered as described."""

import os
import re
import subprocess
import sys
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from binaries import SOFIA


def model_text():
    """One split at ret1, by LightGBM itself."""
    rows = np.random.default_rng(1).normal(size=(50, 2))
    data = lightgbm.Dataset(rows, (rows[:, 1] > 0).astype(float), feature_name=["close", "ret1"])
    return lightgbm.train({"objective": "binary", "num_leaves": 2, "min_data_in_leaf": 1, "verbosity": -1, "num_threads": 1}, data, 1).model_to_string()


@pytest.mark.parametrize("symbols", [["AUSD"], ["AUSD", "BUSD"]])
def test_the_service_answers_as_it_describes_itself(tmp_path, symbols):
    for symbol in symbols:
        dated = tmp_path / symbol / "2026-01-31"
        dated.mkdir(parents=True)
        (dated / "lgbm.txt").write_text(model_text())
        (tmp_path / symbol / "best_lgbm").symlink_to("2026-01-31")
    service = subprocess.Popen([SOFIA, "serve", "--model-dir", tmp_path, "--port", "0"], stderr=subprocess.PIPE, text=True)
    try:
        url = next(found[1] for line in service.stderr if (found := re.search(r"on (http://\S+)", line)))
        runner = Path(sys.executable).with_name("schemathesis")
        done = subprocess.run([runner, "run", f"{url}/openapi.json", "--checks", "all", "--max-examples", "15", "--seed", "1", "--no-color"], cwd=tmp_path,
                              capture_output=True, text=True, timeout=300, env={**os.environ, "COLUMNS": "150"})
        assert done.returncode == 0, done.stdout[-4000:]
        count = int(re.search(r"(\d+) generated, \1 passed", done.stdout)[1])
        assert count > 100, "it tried next to nothing"
    finally:
        service.terminate()
        service.wait(timeout=60)
        service.stderr.close()
