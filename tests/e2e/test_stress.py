"""`sofia stress` through the real binary, on a small simulated market: what every line of its table must agree with.

`sofia` is found in SOFIA_BIN_DIR or build/release/bin. Everything runs on data that it makes itself.
"""

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from binaries import SOFIA, answer, sofia

SMALL = [
    "touch.timeframes=15m", "features.columns=m15.*", "split.folds=3", "score.min_trades=1", "fit.min_train_rows=20",
    "model.rounds=20", "model.min_data_in_leaf=5", "costs.fee_percent=0.001", "costs.maker_fee_percent=0.001", "costs.max_fee_r=1",
    "search={learning_rate: {type: float, low: 0.05, high: 0.2}}",
]


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stress")
    for symbol, seed in (("SIMUSDT", 5), ("OTHER", 6)):
        sofia("data", "simulate", "--out", folder / "data", "--symbol", symbol, "--days", 40, "--trades", 120_000, "--seed", seed, "--edge", 1, "--quiet")
    words = ["tune", "--data-dir", folder / "data/SIMUSDT", "--model-dir", folder / "models", "--study", "s", "--trials", 1, "--seed", 11, "--quiet"]
    for setting in SMALL:
        words += ["--set", setting]
    sofia(*words)
    summary = folder / "models/s/tuning_summary_0.json"
    trained = answer("train", "--from-tuning", summary)
    return folder, json.loads(summary.read_text()), Path(trained["train_config"])


def stressed(train_config, *more):
    return answer("stress", "--train-config", train_config, *more)


@pytest.fixture(scope="module")
def stress(job):
    return stressed(job[2], "--threads", 1, "--extra-data", job[0] / "data/OTHER")


def of(stress, group):
    return [row for row in stress["scenarios"] if row["group"] == group]


def test_the_base_is_the_backtest(job, stress):
    tested = answer("backtest", "--train-config", job[2])["metrics"]
    base = stress["scenarios"][0]
    assert base["group"] == "base" and base["trades"] > 0
    for name in ("trades", "net_r", "gross_r", "net_pnl", "max_drawdown_percent", "max_drawdown_r", "fee_r", "slip_r"):
        assert base[name] == tested[name], name


def test_the_folds_are_those_of_the_tuner(job, stress):
    rows = of(stress, "folds")
    assert len(rows) == len(job[1]["folds"]) == 3
    for row, fold in zip(rows, job[1]["folds"]):
        for name in ("from", "to", "trades", "net_r", "gross_r", "refusals"):
            assert row[name] == fold[name], name


def test_only_what_was_seen_is_in_sample(job, stress):
    split = job[1]["splits"]
    for row in stress["scenarios"]:
        assert row["in_sample"] == (row["from"] < split["tuning"]["to"]), row["name"]
        if row["group"] not in ("folds", "whole data", "extra data"):
            assert (row["from"], row["to"]) == (split["test"]["from"], split["test"]["to"])
    assert {row["group"] for row in stress["scenarios"] if row["in_sample"]} == {"folds", "whole data", "extra data"}


def test_shadow_is_not_looked_at_before_it_decides(job, stress):
    assert [(row["name"], row["to"]) for row in of(stress, "whole data")] == [("whole data set before shadow", job[1]["splits"]["shadow"]["from"])]


def test_every_kind_of_scenario_is_there(stress):
    count = {group: len(of(stress, group)) for group in dict.fromkeys(row["group"] for row in stress["scenarios"])}
    assert count["base"] == count["whole data"] == count["extra data"] == 1
    assert (count["fees"], count["slippage"], count["latency"], count["feed"]) == (6, 4, 6, 4)
    assert count["parameters"] >= 14
    for row in of(stress, "parameters"):
        assert len(row["changes"]) == 1
        assert row["net_r_against_base"] == pytest.approx(row["net_r"] - stress["scenarios"][0]["net_r"], abs=1e-12)
    for row in of(stress, "fees"):
        assert row["changes"][0].startswith("costs.fee_percent=")


def test_fees_that_nobody_foresaw_cost_what_they_are_dearer_by(stress):
    base = stress["scenarios"][0]
    rows = [row for row in of(stress, "fees") if row["unforeseen"]]
    assert [row["name"] for row in rows] == [f"fees x {factor}, unforeseen" for factor in (1.5, 2, 3)]
    for row, factor in zip(rows, (1.5, 2, 3)):
        assert row["trades"] == base["trades"] and row["gross_r"] == pytest.approx(base["gross_r"], abs=1e-9)
        assert row["net_r"] == pytest.approx(base["net_r"] - (factor - 1) * base["fee_r"], abs=1e-9)


def test_resampled_trades_are_those_of_the_base(stress):
    base, paths = stress["scenarios"][0], stress["trade_paths"]
    assert (paths["paths"], paths["trades"]) == (10_000, base["trades"])
    assert paths["drawdown_r"]["observed"] == pytest.approx(base["max_drawdown_r"], abs=1e-9)
    assert paths["drawdown_percent"]["observed"] == pytest.approx(base["max_drawdown_percent"], abs=1e-6)
    for name in ("drawdown_percent", "drawdown_r", "return_percent"):
        assert paths[name]["quantiles"] == sorted(paths[name]["quantiles"])
    shares = [entry["share"] for entry in paths["ruin"]]
    assert shares == sorted(shares) and 0 <= shares[0] and shares[-1] <= 1


def test_any_number_of_threads_leaves_the_same_files(job, stress):
    folder = Path(stress["folder"])
    before = {name: (folder / name).read_bytes() for name in ("stress.json", "stress.html")}
    stressed(job[2], "--threads", 2, "--extra-data", job[0] / "data/OTHER")
    for name, content in before.items():
        assert (folder / name).read_bytes() == content
    assert json.loads(before["stress.json"]) == {key: value for key, value in stress.items() if key != "folder"}


def test_the_page_and_the_table_say_the_same(job, stress):
    page = (Path(stress["folder"]) / "stress.html").read_text()
    assert "simulated: true" in page and not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)
    table = sofia("stress", "--train-config", job[2], "--extra-data", job[0] / "data/OTHER", "--quiet").stdout
    assert table.startswith("simulated: true\n")
    for row in stress["scenarios"]:
        line = next(line for line in table.splitlines() if line.startswith(row["name"] + " "))
        assert ("in-sample" in line) == row["in_sample"]
        assert f" {row['trades']} " in line
        assert row["name"].replace(">", "&gt;") in page


def test_its_own_settings_are_no_overrides(job, stress):
    done = sofia("stress", "--train-config", job[2], "--set", "stress.paths=200", "--set", "stress.ruin_levels=0.5", "--set", "stress.drop_shares=[]",
                 "--set", "stress.repeat_shares=[]", "--json")
    assert "warning" not in done.stderr
    out = json.loads(done.stdout)
    assert out["trade_paths"]["paths"] == 200 and [entry["level"] for entry in out["trade_paths"]["ruin"]] == [0.5]
    assert "feed" not in {row["group"] for row in out["scenarios"]}


def test_ctrl_c_leaves_the_earlier_files(job, stress):
    folder = Path(stress["folder"])
    words = ["--set", "stress.drop_shares=" + ",".join(f"{share / 1000}" for share in range(1, 400)), "--quiet"]
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    process = subprocess.Popen([SOFIA, "stress", "--train-config", str(job[2]), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".")]
