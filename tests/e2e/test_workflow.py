"""The script that users copy, docs/examples/workflow.sh: the whole workflow from a folder of trades, and again after an interruption."""

import json
import os
import subprocess

from binaries import ROOT, SOFIA

SETTINGS = ["touch.timeframes=15m", "features.columns=m15.*", "split.folds=2", "score.min_trades=1", "fit.min_train_rows=20", "model.rounds=10",
            "model.min_data_in_leaf=5", "gate.use_gates=false", "select.min_trades=1", "select.min_expectancy_r=-9",
            "search={target_r: {type: float, low: 1, high: 2}}"]


def workflow(folder, trials):
    words = [ROOT / "docs/examples/workflow.sh", folder / "data/SIM", folder / "models"]
    for setting in SETTINGS:
        words += ["--set", setting]
    done = subprocess.run(words, cwd=ROOT, env=dict(os.environ, SOFIA=str(SOFIA), TRIALS=str(trials)), capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_whole_workflow_runs_in_one_script_and_goes_on(tmp_path):
    subprocess.run([SOFIA, "data", "simulate", "--out", tmp_path / "data", "--symbol", "SIM", "--days", "40", "--trades", "100000", "--seed", "5",
                    "--quiet"], check=True, stdout=subprocess.DEVNULL)
    # Two of three trials, as an interrupted search leaves them.
    words = [SOFIA, "tune", "--config", ROOT / "configs/touch.yaml", "--data-dir", tmp_path / "data/SIM", "--model-dir", tmp_path / "models",
             "--study", "workflow", "--trials", "2", "--quiet"]
    for setting in SETTINGS:
        words += ["--set", setting]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    told = workflow(tmp_path, 3)
    study = tmp_path / "models/workflow"
    assert len(list(study.glob("tuning_summary_*.json"))) == 3
    champion = json.loads((study / "selection.json").read_text())["champion"]
    assert champion is not None and f"== trial {champion}:" in told
    model = study / f"model_{champion}"
    assert {"backtest_test", "stress"} <= {path.name for path in model.iterdir()}
