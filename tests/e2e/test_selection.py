"""Selection, training and backtest of a study's trials against each other, through the real binary: a fold run again is the tuner's fold, a champion
trained is the champion that was selected, nothing before the look at shadow depends on shadow, and there is one such look."""

import csv
import hashlib
import json
import os
import pty
import shutil
import signal
import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest

from binaries import SOFIA, answer, sofia

SMALL = [
    "touch.timeframes=15m", "features.columns=m15.*,h1.*", "split.folds=3", "score.min_trades=1", "fit.min_train_rows=20",
    "model.rounds=30", "model.min_data_in_leaf=5", "costs.fee_percent=0.001", "costs.maker_fee_percent=0.001", "costs.max_fee_r=1",
    "select.min_trades=5", "select.top=5", "fit.seeds=3,4",
    "search={learning_rate: {type: float, low: 0.01, high: 0.2, log: true}, stop_atr: {type: float, low: 1, high: 3},"
    " target_r: {type: float, low: 0.8, high: 2}, max_hold_bars: {type: int, low: 8, high: 48}}",
]
TRIALS = 8
SELECT = ["select", "--model-dir", "models", "--study", "one"]


def tune(cwd, *more, study="one", trials=TRIALS):
    words = ["tune", "--data-dir", "data/SIMUSDT", "--model-dir", "models", "--study", study, "--seed", 11, "--trials", trials]
    for setting in SMALL:
        words += ["--set", setting]
    return answer(*words, *more, cwd=cwd)


def summary(cwd, trial, study="one"):
    return json.loads((cwd / f"models/{study}/tuning_summary_{trial}.json").read_text())


def summaries(cwd, study="one"):
    return {path.name: path.read_bytes() for path in (cwd / "models" / study).glob("tuning_summary_*.json")}


def records(cwd, study="one"):
    """Everything that a selection decides, as bytes."""
    folder = cwd / "models" / study
    return summaries(cwd, study) | {name: (folder / name).read_bytes() for name in ("champion.json", "selection.json")}


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A study that no selection has looked at."""
    folder = tmp_path_factory.mktemp("tuned")
    sofia("data", "simulate", "--out", "data", "--days", 40, "--trades", 150_000, "--seed", 5, "--edge", 1, "--quiet", cwd=folder)
    tune(folder)
    return folder


def copy_of(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture(scope="module")
def selected(tuned, tmp_path_factory):
    folder = copy_of(tuned, tmp_path_factory.mktemp("selected"))
    return folder, answer(*SELECT, cwd=folder)


@pytest.fixture(scope="module")
def trained(selected):
    """The champion's train config."""
    folder, found = selected
    return folder, found["champion"], answer("train", "--from-tuning", found["champion_summary"], cwd=folder)["train_config"]


def poison(folder, moment):
    """Prices from `moment` on become three times what they were; times stay, so that the windows do."""
    path = folder / "data/SIMUSDT/trades.csv"
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    changed = 0
    start = datetime.fromisoformat(moment).timestamp()
    for row in rows:
        if float(row["timestamp"]) >= start:
            row["price"] = repr(3 * float(row["price"]))
            changed += 1
    assert changed > 1000
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def test_a_summary_holds_what_it_promises(tuned):
    found = summary(tuned, 0)
    assert found["schema"] == 2
    assert found.keys() >= {"trial", "params", "folds", "daily_net_r", "robust_score", "status", "reason", "gate", "costs", "position", "features",
                            "splits", "class_balance", "seeds", "selection", "tuning_bars_sha256"}
    for fold in found["folds"]:
        assert fold.keys() >= {"index", "train_from", "train_to", "from", "to", "trades", "net_r", "gross_r", "score", "refusals", "trades_sha256"}
    assert found["seeds"] == [3, 4]
    assert (found["status"], found["selection"]) == ("not_evaluated", None)
    features = found["features"]
    text = json.dumps([[name, str(version)] for name, version in zip(features["names"], features["versions"])], separators=(",", ":"))
    assert features["hash"] == hashlib.sha256(text.encode()).hexdigest()


def test_a_fold_run_again_gives_the_tuners_trades(trained):
    folder, trial, config = trained
    traded = 0
    for fold in summary(folder, trial)["folds"]:
        found = answer("backtest", "--train-config", config, "--fold", fold["index"], cwd=folder)
        trades = folder / found["folder"] / "trades.csv"
        with open(trades, newline="") as file:
            rows = list(csv.DictReader(file))
        assert sha256(trades) == fold["trades_sha256"]
        assert found["fold"] == {"index": fold["index"], "tuner_trades": len(rows), "tuner_trades_sha256": fold["trades_sha256"],
                                 "trades_sha256": fold["trades_sha256"], "equal": True}
        metrics = json.loads((folder / found["folder"] / "metrics.json").read_text())
        assert (metrics["trades"], metrics["net_r"], metrics["gross_r"]) == (fold["trades"], fold["net_r"], fold["gross_r"])
        assert all(fold["from"] <= row["signal_time"] < fold["to"] for row in rows)
        traded += len(rows)
    assert traded > 10


def test_a_fold_that_is_not_the_tuners_says_so(trained, tmp_path):
    folder, trial, config = trained
    folder = copy_of(folder, tmp_path)
    words = ["backtest", "--train-config", config, "--fold", 0]
    overridden = sofia(*words, "--set", "costs.fee_percent=0.05", cwd=folder)
    assert "costs.fee_percent is 0.05 here but was 0.001 in tuning" in overridden.stderr
    assert "not the tuner's" in overridden.stdout and "settings were overridden" in overridden.stdout
    path = folder / f"models/one/tuning_summary_{trial}.json"
    changed = json.loads(path.read_text())
    changed["folds"][0]["trades_sha256"] = "0" * 64
    path.write_text(json.dumps(changed))
    assert answer(*words, expect=4, cwd=folder)["fold"]["equal"] is False
    poison(folder, summary(folder, trial)["folds"][0]["train_from"])
    assert "not those that were tuned on" in sofia(*words, expect=4, cwd=folder).stderr


def test_verdicts_are_written_and_nothing_else_is_touched(tuned, selected):
    folder, found = selected
    assert found["ranked"] >= 5 and len(found["candidates"]) == 5
    scores = {one["trial"]: one for one in found["candidates"]}
    for number in range(TRIALS):
        before = (tuned / f"models/one/tuning_summary_{number}.json").read_text().split("\n")
        after = (folder / f"models/one/tuning_summary_{number}.json").read_text().split("\n")
        first, last = (next(i for i, line in enumerate(lines) if line.startswith(f'  "{key}":')) for key, lines in (("status", after), ("robust_score", after)))
        old = next(i for i, line in enumerate(before) if line.startswith('  "robust_score":'))
        assert after[:first] == before[:first] and after[last:] == before[old:]
        now = json.loads("\n".join(after))
        if number not in scores:
            assert now["status"] == "not_evaluated" and now["reason"]
            continue
        test, one = now["selection"]["test"], scores[number]
        assert (now["status"], now["reason"], test) == (one["status"], one["reason"], one["test"])
        passes = test["trades"] >= 5 and test["expectancy_r"] > 0 and test["max_drawdown_percent"] <= 30
        assert (now["status"] != "rejected_test") == passes
        assert (now["selection"]["shadow"] is not None) == (number == found["champion"])
    survivors = [one for one in found["candidates"] if one["status"] != "rejected_test"]
    assert found["champion"] == min(survivors, key=lambda one: one["rank"])["trial"]
    champion = scores[found["champion"]]
    shadow = champion["shadow"]
    confirmed = shadow["trades"] >= 5 and (shadow["expectancy_r"] or 0) > 0 and shadow["max_drawdown_percent"] <= 30
    assert champion["status"] == found["outcome"] == ("selected" if confirmed else "rejected_shadow")


def test_the_champion_trained_is_the_one_that_was_selected(trained):
    folder, trial, config = trained
    selection = summary(folder, trial)["selection"]
    for window in ("test", "shadow"):
        found = answer("backtest", "--train-config", config, "--window", window, cwd=folder)
        assert sha256(folder / found["folder"] / "trades.csv") == selection[window]["trades_sha256"]
        for key in ("trades", "net_r", "expectancy_r", "max_drawdown_percent", "net_pnl"):
            assert found["metrics"][key] == selection[window][key]


def test_threads_and_interruptions_change_nothing(tuned, selected, tmp_path):
    whole = records(selected[0])
    folder = copy_of(tuned, tmp_path)
    process = subprocess.Popen([SOFIA, *SELECT, "--threads", "2", "--quiet"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while summaries(folder) == summaries(tuned) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=60)[1].decode()
    assert process.returncode in (0, 130)
    assert process.returncode == 0 or "call it again to go on" in errors
    answer(*SELECT, "--threads", 2, cwd=folder)
    assert records(folder) == whole


def test_what_a_killed_selection_leaves_is_gone_on_with(tuned, selected, tmp_path):
    done, found = selected
    whole = records(done)
    folder = copy_of(tuned, tmp_path)
    models = folder / "models/one"
    # Killed between two trials of test.
    for one in [one for one in found["candidates"] if one["trial"] != found["champion"]][:2]:
        shutil.copy(done / f"models/one/tuning_summary_{one['trial']}.json", models)
    answer(*SELECT, cwd=folder)
    assert records(folder) == whole
    # Killed when the champion was fixed and shadow had not decided.
    path = models / f"tuning_summary_{found['champion']}.json"
    changed = json.loads(path.read_text())
    changed["status"], changed["reason"], changed["selection"]["shadow"] = "passed_test", "survives test", None
    path.write_text(json.dumps(changed, indent=2) + "\n")
    (models / "selection.json").unlink()
    assert answer(*SELECT, cwd=folder)["from_record"] is False
    assert records(folder) == whole
    # Killed before the verdicts were put together.
    (models / "selection.json").unlink()
    answer(*SELECT, cwd=folder)
    assert records(folder) == whole


def test_shadow_is_looked_at_once(selected, tmp_path):
    folder = copy_of(selected[0], tmp_path)
    before = records(folder)
    (folder / "data").rename(folder / "elsewhere")
    again = answer(*SELECT, cwd=folder)
    assert again["from_record"] is True
    assert {key: again[key] for key in selected[1] if key != "from_record"} == {key: value for key, value in selected[1].items() if key != "from_record"}
    assert records(folder) == before
    (folder / "elsewhere").rename(folder / "data")
    refused = sofia(*SELECT, "--set", "select.min_expectancy_r=-1", expect=4, cwd=folder)
    assert "was fixed as champion with select.min_expectancy_r 0, now it is -1" in refused.stderr
    tune(folder, "--resume", trials=1)
    assert {name: bytes_ for name, bytes_ in summaries(folder).items() if name in before} == {name: before[name] for name in summaries(selected[0])}
    assert f"with {TRIALS} trials, now there are {TRIALS + 1}" in sofia(*SELECT, expect=4, cwd=folder).stderr
    (folder / "models/one/champion.json").unlink()
    assert "champion.json is gone" in sofia(*SELECT, expect=4, cwd=folder).stderr


def test_other_looks_at_the_same_shadow_are_named(tuned, selected, tmp_path):
    folder = copy_of(tuned, tmp_path)
    shutil.copytree(selected[0] / "models/one", folder / "models/older")
    config = answer("train", "--from-tuning", "models/one/tuning_summary_0.json", cwd=folder)["train_config"]
    sofia("backtest", "--train-config", config, "--window", "shadow", cwd=folder)
    told = sofia(*SELECT, cwd=folder)
    for look in ("selection of study older", "model_0/backtest_shadow"):
        assert f"shadow has been looked at before: {look}" in told.stderr
    assert json.loads((folder / "models/one/selection.json").read_text())["shadow_seen"] == ["selection of study older", "model_0/backtest_shadow"]


def test_tuning_sees_neither_test_nor_shadow(tuned, tmp_path):
    folder = copy_of(tuned, tmp_path)
    shutil.rmtree(folder / "models")
    poison(folder, summary(tuned, 0)["splits"]["test"]["from"])
    tune(folder)
    assert summaries(folder) == summaries(tuned)


def test_nothing_before_the_look_at_shadow_depends_on_it(tuned, selected, tmp_path):
    folder = copy_of(tuned, tmp_path)
    poison(folder, summary(tuned, 0)["splits"]["shadow"]["from"])
    found = answer(*SELECT, cwd=folder)
    clean = records(selected[0])
    poisoned = records(folder)
    champion = f"tuning_summary_{selected[1]['champion']}.json"
    assert {name for name in clean if poisoned[name] != clean[name]} <= {champion, "selection.json"}
    one, two = json.loads(clean[champion]), json.loads(poisoned[champion])
    assert one["selection"]["shadow"]["bars_sha256"] != two["selection"]["shadow"]["bars_sha256"]  # the poison was there
    for changed in (one, two):
        changed["selection"]["shadow"] = changed["status"] = changed["reason"] = None
    assert one == two
    assert found["champion"] == selected[1]["champion"]


def test_grown_data_move_no_window(tuned, selected, tmp_path):
    """What comes after the study's last window changes neither its windows nor what a selection finds."""
    folder = copy_of(tuned, tmp_path)
    path = folder / "data/SIMUSDT/trades.csv"
    lines = path.read_text().split("\n")[:-1]
    stamp, rest = lines[-1].split(",", 1)
    with open(path, "a") as file:
        file.write(f"{float(stamp) + 5 * 86_400},{rest}\n")
    answer(*SELECT, cwd=folder)
    assert summaries(folder) == summaries(selected[0])
    config = answer("train", "--from-tuning", selected[1]["champion_summary"], cwd=folder)["train_config"]
    found = answer("backtest", "--train-config", config, cwd=folder)
    assert sha256(folder / found["folder"] / "trades.csv") == summary(folder, selected[1]["champion"])["selection"]["test"]["trades_sha256"]


def test_without_a_shadow_window_the_champion_passes_only(tuned, tmp_path):
    folder = copy_of(tuned, tmp_path)
    tune(folder, "--set", "split.test=0.4", study="two", trials=4)
    found = answer("select", "--model-dir", "models", "--study", "two", "--set", "select.min_expectancy_r=-5", "--set", "select.min_trades=1", cwd=folder)
    champion = summary(folder, found["champion"], "two")
    assert found["outcome"] == "undecided"
    assert champion["status"] == "passed_test" and "no shadow window" in champion["reason"]
    config = answer("train", "--from-tuning", found["champion_summary"], cwd=folder)["train_config"]
    assert "there is no shadow window" in sofia("backtest", "--train-config", config, "--window", "shadow", expect=2, cwd=folder).stderr


def test_other_limits_after_a_look_at_test_are_counted(tuned, tmp_path):
    folder = copy_of(tuned, tmp_path)
    none = answer(*SELECT, "--set", "select.min_trades=100000", cwd=folder)
    assert (none["outcome"], none["champion"], none["test_looks"]) == ("none", None, 1)
    assert {one["status"] for one in none["candidates"]} == {"rejected_test"}
    assert all("fewer than select.min_trades 100000" in one["reason"] for one in none["candidates"])
    assert not (folder / "models/one/champion.json").exists()
    told = sofia(*SELECT, cwd=folder)
    assert "test has been looked at before, with select.min_trades 100000, now it is 5" in told.stderr
    assert json.loads((folder / "models/one/selection.json").read_text())["test_looks"] == 2


def test_a_terminal_is_asked_for_the_trial(selected, tmp_path):
    folder = copy_of(selected[0], tmp_path)
    controller, terminal = pty.openpty()
    process = subprocess.Popen([SOFIA, "train", "--from-tuning", "--json", "--quiet"], cwd=folder, stdin=terminal, stderr=terminal, stdout=subprocess.PIPE)
    os.close(terminal)
    os.write(controller, b"99\nfirst\n2\n")
    shown, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            shown += os.read(controller, 4096)
        except OSError:  # the other side is closed
            break
    found = json.loads(process.communicate(timeout=60)[0])
    assert process.returncode == 0
    second = selected[1]["candidates"][1]["trial"]
    assert found["train_config"] == f"models/one/train_config_{second}.json"
    assert b"robust score" in shown and b'"99" is none of them' in shown and b'"first" is none of them' in shown


def test_without_a_terminal_the_trials_are_listed(selected):
    folder, found = selected
    listed = json.loads(sofia("train", "--from-tuning", "--model-dir", "models/one", "--json", expect=2, cwd=folder).stdout)
    assert [one["trial"] for one in listed][:5] == [one["trial"] for one in found["candidates"]]
    assert len(listed) == TRIALS
    assert listed[0]["status"] == found["candidates"][0]["status"]
    assert listed[0]["trades"] == sum(fold["trades"] for fold in summary(folder, listed[0]["trial"])["folds"])
    told = sofia("train", expect=2, cwd=folder)
    assert "--from-tuning names no file" in told.stderr and listed[0]["file"] in told.stdout
