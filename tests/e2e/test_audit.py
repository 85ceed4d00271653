"""`sofia audit null` and `sofia audit recovery` through the real binary, on three small markets: no alarm where there is no edge, an alarm where a
leak is planted, and figures that are those of the verbs.

Three seeds raise a false alarm in at most 2.7 % of audits (docs/touch.md, Null and recovery tests); the seeds here are fixed, so that the tests fail only
when the code or a library gives other trades. `sofia` is found in SOFIA_BIN_DIR or build/release/bin. The long form is tests/nightly/audits.
"""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from binaries import SOFIA, answer, sofia

SMALL = [
    "touch.timeframes=15m", "bars.timeframes=1m,15m,1h", "features.columns=m15.*", "split.folds=3", "score.min_trades=1", "fit.min_train_rows=20",
    "model.rounds=30", "model.min_data_in_leaf=10", "costs.fee_percent=0.01", "costs.maker_fee_percent=0.01",
    "search={learning_rate: {type: float, low: 0.05, high: 0.2}, stop_atr: {type: float, low: 1.5, high: 2.5}}",
]


def words_of(kind, out, *more, seeds=3, days=80, sets=()):
    words = ["audit", kind, "--out", out, "--seeds", seeds, "--days", days, "--trades", 160_000, "--trials", 3, "--seed", 7, *more]
    for setting in [*SMALL, *sets]:
        words += ["--set", setting]
    return [str(word) for word in words]


@pytest.fixture(scope="module")
def null(tmp_path_factory):
    out = tmp_path_factory.mktemp("null") / "audit"
    return out, json.loads(sofia(*words_of("null", out, "--keep", "--json", "--quiet")).stdout)


def check(found, key):
    return next(one for one in found["checks"] if one["check"] == key)


def test_three_seeds_without_an_edge_raise_no_alarm(null):
    out, found = null
    assert found["passed"] is True and found["reasons"] == [] and found["simulated"] is True
    assert found["false_alarm_max"] == pytest.approx(0.0273, abs=1e-4)
    assert check(found, "positive")["alarm_at"] == "none" and check(found, "deflated")["alarm_at"] == "2 or more"
    assert [seed["seed"] for seed in found["seeds"]] == [7, 8, 9]
    for key in ("every_touch", "favoured"):
        assert found[key]["trades"] == sum(seed[key]["trades"] for seed in found["seeds"]) > 30
        assert found[key]["gross_r"] == pytest.approx(sum(seed[key]["gross_r"] for seed in found["seeds"]), abs=1e-9)
    assert json.loads((out / "audit.json").read_text()) == found


def test_its_figures_are_those_of_the_verbs(null, tmp_path):
    out, found = null
    one = found["seeds"][1]
    folder = out / "seed_8"
    summary = folder / f"models/SIMUSDT/audit/tuning_summary_{one['champion']}.json"
    data = ["--data-dir", folder / "data/SIMUSDT"]
    trained = answer("train", "--from-tuning", summary, *data)
    config = trained["train_config"]

    def total(key, *sets):
        words = ["backtest", "--train-config", config, *data, "--json", "--quiet"]
        for setting in sets:
            words += ["--set", setting]
        metrics = [json.loads(sofia(*words, "--window", window).stdout)["metrics"] for window in ("test", "shadow")]
        return sum(figures["trades"] for figures in metrics), sum(figures[key] for figures in metrics)

    assert total("net_r") == (one["trades"], pytest.approx(one["net_r"], abs=1e-9))
    free = ["costs.fee_percent=0", "costs.maker_fee_percent=0", "execution.slippage_ticks=0", "sizing.compounding=false"]
    assert total("gross_r", *free, "gate.use_gates=false") == (one["every_touch"]["trades"], pytest.approx(one["every_touch"]["gross_r"], abs=1e-9))
    ev = json.loads(Path(config).read_text())["ev"]
    base_rate = trained["positives"] / trained["rows"]
    favoured = total("gross_r", *free, f"gate.ev_margin={base_rate * ev['win_r'] - (1 - base_rate) * ev['loss_r']!r}", "gate.min_prob=0")
    assert favoured == (one["favoured"]["trades"], pytest.approx(one["favoured"]["gross_r"], abs=1e-9))


def test_a_planted_leak_is_found(tmp_path):
    done = sofia(*words_of("null", tmp_path / "leak", "--plant-leak", "--json"), expect=4)
    found = json.loads(done.stdout)
    assert found["passed"] is False and check(found, "favoured")["alarm"] is True
    assert any("favour" in reason for reason in found["reasons"])
    for reason in found["reasons"]:
        assert reason in done.stderr
    # Only what the models see leaks: touches as such stay fair.
    assert check(found, "every_touch")["alarm"] is False
    told = sofia(*words_of("null", tmp_path / "leak", "--plant-leak", "--quiet"), expect=4).stdout
    assert "ALARM" in told and "FAILED: " in told and told.startswith("simulated: true\n")


def test_interruptions_and_threads_change_nothing(null, tmp_path):
    whole = json.loads((null[0] / "audit.json").read_text())
    out = tmp_path / "audit"
    words = words_of("null", out, "--quiet")
    process = subprocess.Popen([SOFIA, *words, "--threads", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (out / "seed_7.json").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "interrupted after 1 of 3 seeds" in errors and "call it again to go on" in errors
    assert not (out / "audit.json").exists()
    assert {path.name for path in out.iterdir()} == {"terms.json", "seed_7.json"}
    kept = (out / "seed_7.json").stat().st_mtime_ns
    told = sofia(*words_of("null", out, "--threads", 2, "--json"))
    assert "1 of 3 seeds were finished before" in told.stderr
    assert json.loads(told.stdout) == whole
    assert (out / "seed_7.json").stat().st_mtime_ns == kept
    for path in out.glob("seed_*.json"):
        assert path.read_bytes() == (null[0] / path.name).read_bytes()


def test_seeds_of_another_audit_are_not_mixed(null, tmp_path):
    out = null[0]
    refused = sofia(*words_of("null", out, "--quiet", days=81), expect=1)
    assert "holds another audit: days 80, now 81" in refused.stderr
    assert "another configuration" in sofia(*words_of("null", out, "--quiet", sets=["gate.ev_margin=0.1"]), expect=1).stderr
    assert 'planted_leak "none", now "future"' in sofia(*words_of("null", out, "--plant-leak", "--quiet"), expect=1).stderr
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    assert "is not empty and holds no audit" in sofia(*words_of("null", tmp_path / "mine", "--quiet"), expect=1).stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_recovery_is_the_share_of_what_the_oracle_earns(tmp_path):
    words = words_of("recovery", tmp_path / "recovery", "--json", "--quiet", seeds=6)
    done = subprocess.run([SOFIA, *words], capture_output=True, text=True, timeout=300)
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["passed"] else 4)
    model = sum(seed["net_r"] for seed in found["seeds"])
    oracle = sum(seed["oracle"]["net_r"] for seed in found["seeds"])
    assert found["rho"] == pytest.approx(model / oracle, abs=1e-12)
    assert found["lower"] < found["rho"] < found["upper"]
    assert found["passed"] == (found["lower"] >= 0.7 and found["upper"] <= 1.05)
    # The oracle knows what each touch is worth: it earns a good part of what it risks.
    assert oracle > 0.2 * sum(seed["oracle"]["trades"] for seed in found["seeds"]) > 0


def test_a_configuration_with_funding_gets_funding_of_its_own(tmp_path):
    """The user's rates are of other days, so the markets get rates that know nothing of prices."""
    words = words_of("null", tmp_path / "funded", "--keep", "--json", "--quiet", seeds=1,
                     sets=["funding.file=rates.csv", "funding.symbol=BTCUSDT", "features.columns=m15.*,funding.*"])
    found = json.loads(sofia(*words).stdout)
    assert found["passed"] is True
    summary = json.loads((tmp_path / f"funded/seed_7/models/SIMUSDT/audit/tuning_summary_{found['seeds'][0]['champion']}.json").read_text())
    assert "funding.rate" in summary["features"]["names"]
