"""Tuning and training from rows in Parquet, and the pickles that older programs load."""

import json
import os
import shutil
import threading
from pathlib import Path

import joblib
import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import sofia
from binaries import sofia as command

FAST = {"model.rounds": 20, "simulation.days": 0}
NAMES = ["close", "ret1", "sma20_gap", "sma50_gap", "vol_z"]
SAME = ("model", "features", "parameters", "metrics", "baselines", "class_balance", "importance")


def train(path, out, **more):
    options = {"val_days": 2, "trials": 2, "overrides": FAST, "progress": False, "study": "s", "workers": 1, "threads": 1, **more}
    return sofia.train_from_parquet(path, model_dir=out, **options)


@pytest.fixture(scope="module")
def minutes(tmp_path_factory):
    """Nine simulated days: bars and their rows."""
    folder = tmp_path_factory.mktemp("minutes")
    sofia.simulate(folder / "data", symbol="MIN", planted="direction", days=9, edge=0.6, seed=7)
    command("bars", "--data-dir", folder / "data/MIN", "--out", folder / "bars", "--timeframes", "1m", "--quiet")
    return folder, pq.read_table(next((folder / "bars").glob("*1m*.parquet")))


@pytest.fixture(scope="module")
def trained(minutes, tmp_path_factory):
    """Of the rows, as programs write them."""
    folder = tmp_path_factory.mktemp("trained")
    path = sofia.to_parquet(sofia.minute_features(minutes[1], horizon=5), folder / "store", "MIN")
    return path, train(path, folder / "models")


def card_of(result):
    return json.loads(Path(result["card"]).read_text())


def test_rows_give_the_model_of_their_bars(minutes, trained, tmp_path):
    found = trained[1]
    bars = train(minutes[0] / "data/MIN", tmp_path / "bars")
    assert Path(found["model"]).read_bytes() == Path(bars["model"]).read_bytes()
    ours, theirs = card_of(found), card_of(bars)
    for name in SAME:
        assert ours[name] == theirs[name], name
    assert ours["data"]["windows"] == theirs["data"]["windows"] and ours["data"]["rows_sha256"] == theirs["data"]["rows_sha256"]
    assert (found.symbol, found.best_trial, found.best_value) == ("MIN", bars.best_trial, bars.best_value)
    assert found["metrics"]["test"] == found["test"] and found["metrics"]["test"]["rows"] == ours["metrics"]["test"]["rows"]
    assert found.promotion["outcome"] == "first" and found["folder"].startswith(str(Path(found["model"]).parents[2]))


def test_every_way_to_keep_rows_gives_that_model(minutes, trained, tmp_path):
    expected = Path(trained[1]["model"]).read_bytes()
    rows = sofia.minute_features(minutes[1], horizon=5)
    # One file, whose last labels say 0 where nothing is known, as many programs write them.
    y = rows["y"].fill_null(0.0)
    plain = rows.set_column(rows.column_names.index("y"), "y", y).drop_columns(["known_at"])
    plain = plain.set_column(0, "ts", pc.divide(plain["ts"].cast(pa.int64()), 10**6))  # milliseconds
    pq.write_table(plain, tmp_path / "MIN.parquet")
    one = train(tmp_path / "MIN.parquet", tmp_path / "one")
    assert Path(one["model"]).read_bytes() == expected and Path(one["folder"]).parent == tmp_path / "one/MIN"
    # Several files in a folder, without labels, of another symbol.
    (tmp_path / "rows").mkdir()
    for i in range(3):
        pq.write_table(rows.drop_columns(["y"]).slice(i * 5000, 5000), tmp_path / f"rows/{2 - i}.parquet")
    several = train(tmp_path / "rows", tmp_path / "several", symbol="A/B")
    assert Path(several["model"]).read_bytes() == expected and Path(several["folder"]).parent == tmp_path / "several/A%2FB"
    assert card_of(several)["symbol"] == "A/B"
    # Bars in a store.
    path = sofia.to_parquet(minutes[1], tmp_path / "store", "MIN")
    assert Path(train(path, tmp_path / "stored")["model"]).read_bytes() == expected


def test_the_command_takes_the_rows_too(trained, tmp_path):
    words = [word for name, value in {**FAST, "split.val_days": 2, "split.test_days": 2}.items() for word in ("--set", f"{name}={value}")]
    command("tune", "--config", "configs/direction.yaml", "--data-dir", trained[0], "--model-dir", tmp_path / "MIN", "--study", "s", "--trials", 2,
            "--workers", 1, "--threads", 1, *words, "--quiet")  # fmt: skip
    command("train", "--config", "configs/direction.yaml", "--model-dir", tmp_path / "MIN", "--study", "s", "--quiet")
    assert (tmp_path / "MIN/best_lgbm/lgbm.txt").read_bytes() == Path(trained[1]["model"]).read_bytes()
    # What the command has trained gets its pickle on request.
    assert not (tmp_path / "MIN/best_lgbm.pkl").exists()
    assert Path(sofia.pickle_model(tmp_path / "MIN/best_lgbm")).name == "lgbm.pkl" and (tmp_path / "MIN/best_lgbm.pkl").exists()
    done = command("tune", "--config", "configs/touch_quick.yaml", "--data-dir", trained[0], "--model-dir", tmp_path / "T", "--quiet", expect=2)
    assert "feature rows" in done.stderr


def test_the_rule_is_walked_forward_over_rows_too(trained, tmp_path):
    shutil.copytree(Path(trained[1]["folder"]).parent, tmp_path / "MIN", symlinks=True)
    summary = tmp_path / "MIN/s" / Path(trained[1]["summary"]).name
    tested = sofia.backtest(summary, overrides={"simulation.days": 2, "simulation.step_days": 1}, progress=False)
    figures = json.loads((Path(tested["folder"]) / "kpis.json").read_text())
    assert figures and Path(tested["folder"]).parent == summary.parent and tested.exit_code == 0
    assert sofia.backtest(summary, overrides={"simulation.days": 2, "simulation.step_days": 1}, against=Path(tested["folder"]) / "kpis.json", progress=False).exit_code == 0
    with pytest.raises(sofia.UsageError, match="no windows"):
        sofia.backtest(summary, window="all", progress=False)


def test_rows_that_would_leak_or_lack_something_are_refused(minutes, tmp_path):
    rows = sofia.minute_features(minutes[1], horizon=10)
    pq.write_table(rows, tmp_path / "TEN.parquet")
    with pytest.raises(sofia.DataError, match="y looks 10 minutes ahead, the configuration 5") as caught:
        train(tmp_path / "TEN.parquet", tmp_path / "m")
    assert "horizon=10" in caught.value.hint
    assert card_of(train(tmp_path / "TEN.parquet", tmp_path / "m", horizon=10, trials=1))["horizon_minutes"] == 10
    ys = rows["y"].to_numpy()
    pq.write_table(rows.set_column(rows.column_names.index("y"), "y", pa.array(1.0 - ys)), tmp_path / "ODD.parquet")
    with pytest.raises(sofia.DataError, match="is not whether the close"):
        train(tmp_path / "ODD.parquet", tmp_path / "m")
    pq.write_table(pa.concat_tables([rows, rows.slice(5, 1)]), tmp_path / "TWICE.parquet")
    with pytest.raises(sofia.DataError, match="two rows of"):
        train(tmp_path / "TWICE.parquet", tmp_path / "m", horizon=10)
    with pytest.raises(sofia.ConfigError, match="features.joined"):
        train(tmp_path / "TEN.parquet", tmp_path / "m", horizon=10, overrides={"features.joined": ["x.csv"]})
    with pytest.raises(sofia.DataError, match="no column flow"):
        train(tmp_path / "TEN.parquet", tmp_path / "m", horizon=10, overrides={"features.order_flow": True})
    with pytest.raises(sofia.DataError, match="leave none"):
        train(tmp_path / "TEN.parquet", tmp_path / "m", horizon=10, val_days=14)
    with pytest.raises(sofia.UsageError, match="not there"):
        train("s3://bucket/MIN", tmp_path / "m")


def test_programs_load_the_pickle_and_predict_the_same_bits(trained):
    path, result = trained
    rows = sofia.FeatureStore(Path(path).parent).read("MIN", last=300)
    x = np.column_stack([rows[name].to_numpy() for name in NAMES])
    expected = sofia.DirectionModel(result["folder"]).predict_proba(rows)
    models = Path(result["folder"]).parent
    assert os.readlink(models / "best_lgbm.pkl") == f"{os.readlink(models / 'best_lgbm')}/lgbm.pkl" and result.pkl == f"{result['folder']}/lgbm.pkl"
    booster = joblib.load(models / "best_lgbm.pkl")
    assert type(booster) is lightgbm.Booster and booster.feature_name() == NAMES
    np.testing.assert_array_equal(booster.predict(x), expected)
    assert sofia.LGBMPredictor(models / "best_lgbm.pkl").predict_proba(dict(zip(NAMES, x[0]))) == expected[0]
    assert b"sofia" not in (models / "best_lgbm.pkl").read_bytes()  # so it opens without this package


def test_the_pickles_link_moves_with_the_model_in_use_only(trained, tmp_path):
    shutil.copytree(Path(trained[1]["folder"]).parent, tmp_path / "MIN", symlinks=True)
    first = os.readlink(tmp_path / "MIN/best_lgbm.pkl")
    summary = tmp_path / "MIN/s" / Path(trained[1]["summary"]).name
    same = sofia.train(summary, progress=False)  # equal, so not better
    assert same.promotion["outcome"] == "not_better" and Path(same.pkl).exists() and os.readlink(tmp_path / "MIN/best_lgbm.pkl") == first
    forced = sofia.train(model_dir=tmp_path / "MIN", study="s", force=True, progress=False)
    assert forced.promotion["outcome"] == "forced" and os.readlink(tmp_path / "MIN/best_lgbm.pkl") == f"{Path(forced['folder']).name}/lgbm.pkl"
    assert not [p for p in (tmp_path / "MIN").rglob(".*") if ".pkl" in p.name]
    (tmp_path / "MIN/best_lgbm.pkl").unlink()
    (tmp_path / "MIN/best_lgbm.pkl").write_bytes(b"somebody's own")
    with pytest.raises(sofia.DataError, match="no link"):
        sofia.pickle_model(forced["folder"])
    with pytest.raises(sofia.DataError, match="holds no lgbm.txt"):
        sofia.pickle_model(tmp_path)


def test_a_program_that_loads_the_pickle_sees_a_whole_one_at_every_moment(trained, tmp_path):
    names = ["2024-01-01", "2024-01-02"]
    for name in names:
        (tmp_path / name).mkdir()
        shutil.copy(trained[1]["model"], tmp_path / name / "lgbm.txt")
    expected = lightgbm.Booster(model_file=trained[1]["model"]).model_to_string()
    (tmp_path / "best_lgbm").symlink_to(names[0])
    sofia.pickle_model(tmp_path / "best_lgbm")
    wrong, loads, done = [], [], threading.Event()

    def load():
        while not done.is_set() or not loads:
            try:
                loads.append(1)
                if joblib.load(tmp_path / "best_lgbm.pkl").model_to_string() != expected:
                    wrong.append("another model")
            except Exception as problem:
                wrong.append(problem)

    reader = threading.Thread(target=load)
    reader.start()
    for i in range(12):
        (tmp_path / "next").symlink_to(names[i % 2])
        os.replace(tmp_path / "next", tmp_path / "best_lgbm")
        sofia.pickle_model(tmp_path / names[i % 2])
        assert os.readlink(tmp_path / "best_lgbm.pkl") == f"{names[i % 2]}/lgbm.pkl"
    done.set()
    reader.join()
    assert not wrong
    sofia.pickle_model(tmp_path / names[0])  # not the one in use
    assert os.readlink(tmp_path / "best_lgbm.pkl") == f"{names[1]}/lgbm.pkl"
    assert not [p for p in tmp_path.rglob(".*")]
