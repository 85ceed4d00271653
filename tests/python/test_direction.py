"""Minute features, splits and models in use. That command, C++, Python and HTTP say the same of the same rows: tests/parity."""

import math
import os
import re
import threading

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from binaries import sofia

package = pytest.importorskip("sofia")
NAMES = ["close", "ret1", "sma20_gap", "sma50_gap", "vol_z"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Simulated minutes, a small study on them and the model of its best trial."""
    folder = tmp_path_factory.mktemp("direction")
    sofia("data", "simulate", "--out", folder / "data", "--symbol", "MIN", "--days", 12, "--planted", "direction", "--edge", 0.6, "--seed", 7, "--quiet")
    words = ["--set", "split.val_days=2", "--set", "split.test_days=2", "--set", "model.rounds=30", "--quiet"]
    sofia("tune", "--config", "configs/direction.yaml", "--data-dir", folder / "data/MIN", "--model-dir", folder / "models/MIN", "--study", "s", "--trials", 2, *words)
    sofia("train", "--config", "configs/direction.yaml", "--model-dir", folder / "models/MIN", "--study", "s", "--quiet")
    sofia("features", "--data-dir", folder / "data/MIN", "--out", folder / "minutes.parquet", "--minute", "--horizon", 5, "--quiet")
    return folder


def rows_of(trained):
    table = pq.read_table(trained / "minutes.parquet")
    return table.slice(60, 200)


def test_frames_of_the_exchange_come_back_as_what_they_are():
    ts = 1_700_000_040 + 60 * np.arange(120)
    close = 100 + np.sin(np.arange(120))
    frame = pl.DataFrame({"ts": ts, "o": close, "h": close + 1, "l": close - 1, "c": close, "v": np.arange(120.0)})
    made = package.minute_features(frame, horizon=3)
    assert isinstance(made, pl.DataFrame) and made.columns == ["ts", "known_at", *NAMES, "y"]
    for factor in (10**3, 10**6, 10**9):  # whatever unit the exchange has
        assert package.minute_features(frame.with_columns(pl.col("ts") * factor), horizon=3).equals(made)
    expected = [1.0 if close[i + 3] > close[i] else 0.0 for i in range(117)]
    assert made["y"][:117].to_list() == expected and made["y"][117:].null_count() + made["y"][117:].is_nan().sum() == 3


def test_a_split_leaks_nothing_and_the_guard_sees_what_does(trained):
    table = rows_of(trained)
    train, validation = package.time_based_split(table, val_days=0.05)
    package.guard_no_future_leak(train, validation)
    minute = np.timedelta64(1, "m")
    first = validation.column("ts").to_numpy().min()
    assert train.column("ts").to_numpy().max() + 5 * minute < first
    assert validation.num_rows == 72
    with pytest.raises(AssertionError) as caught:
        package.guard_no_future_leak(table, validation)
    assert isinstance(caught.value, package.FutureLeakError)
    with pytest.raises(package.FutureLeakError):  # its labels end in the validation
        package.guard_no_future_leak(table.slice(0, table.num_rows - 72), validation)
    with pytest.raises(package.DataError):
        package.time_based_split(table, val_days=100)


def test_a_model_says_what_it_is(trained):
    table = rows_of(trained)
    link = trained / "models/MIN/best_lgbm"
    model = package.DirectionModel(link)
    assert model.features == NAMES and model.version == link.resolve().name and model.card["horizon_minutes"] == 5 and model.trouble is None
    one_by_one = [model.predict_proba_up(row) for row in table.select(NAMES).to_pylist()]
    assert model.predict_proba(table).tolist() == one_by_one


def test_what_a_row_has_to_be(trained):
    model = package.DirectionModel(trained / "models/MIN/best_lgbm")
    row = dict.fromkeys(NAMES, 0.5)
    expected = model.predict_proba_up(row)
    assert model.predict_proba_up(dict(reversed(row.items()))) == expected
    assert 0 < model.predict_proba_up({**row, "vol_z": None}) < 1
    assert model.predict_proba_up({**row, "vol_z": None}) == model.predict_proba_up({**row, "vol_z": math.nan})
    with pytest.raises(package.UsageError, match="lacks vol_z"):
        model.predict_proba_up({name: 0.5 for name in NAMES[:-1]})
    with pytest.raises(package.UsageError, match="did you mean vol_z"):
        model.predict_proba_up({**row, "vol_x": 1.0})
    with pytest.raises(TypeError):
        model.predict_proba_up({**row, "vol_z": "high"})
    with pytest.raises(package.IoError):
        package.DirectionModel(trained / "models/NONE/best_lgbm").predict_proba_up(row)


def test_the_names_that_programs_expect(trained, tmp_path):
    row = dict.fromkeys(NAMES, 0.5)
    link = trained / "models/MIN/best_lgbm"
    expected = package.DirectionModel(link).predict_proba_up(row)
    model = package.LGBMProd.load(link)
    assert package.LGBMProd.load(link) is model
    assert package.LGBMProd.predict_proba_up(row) == expected
    predictor = package.LGBMPredictor(link)
    assert not predictor.loaded
    predictor.load()
    assert predictor.loaded and predictor.predict_proba(row) == expected
    (tmp_path / "best_lgbm.pkl").symlink_to(link.resolve() / "lgbm.pkl")
    assert package.LGBMPredictor(tmp_path / "best_lgbm.pkl").predict_proba(row) == expected
    with pytest.raises(package.IoError):
        package.LGBMProd.load(tmp_path / "none")


def test_the_name_of_the_pickle_is_followed_too(trained, tmp_path):
    dated = (trained / "models/MIN/best_lgbm").resolve()
    for version in ("2026-01-31", "2026-02-01"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "lgbm.txt").write_bytes((dated / "lgbm.txt").read_bytes())
        (tmp_path / version / "lgbm.pkl").touch()
    (tmp_path / "best_lgbm").symlink_to("2026-01-31")
    (tmp_path / "best_lgbm.pkl").symlink_to("2026-01-31/lgbm.pkl")
    model = package.DirectionModel(tmp_path / "best_lgbm.pkl")
    assert model.version == "2026-01-31"
    (tmp_path / "next").symlink_to("2026-02-01")
    (tmp_path / "next").rename(tmp_path / "best_lgbm")
    model.refresh()
    assert model.version == "2026-02-01"


def test_a_notebook_shows_what_answers(trained, tmp_path):
    model = package.DirectionModel(trained / "models/MIN/best_lgbm")
    assert model.version in model._repr_html_() and "test accuracy" in model._repr_html_()
    assert "cannot read the model" in package.DirectionModel(tmp_path / "none")._repr_html_()
    assert repr(package.EnsemblePredictor({"a": model, "b": model})) == "EnsemblePredictor(a, b)"


def test_several_models_answer_as_one_and_say_who(trained, tmp_path):
    good = package.DirectionModel(trained / "models/MIN/best_lgbm")
    gone = package.DirectionModel(tmp_path / "gone")
    row = dict.fromkeys(NAMES, 0.5)
    alone = good.predict_proba_up(row)
    answer = package.EnsemblePredictor({"good": good, "gone": gone}, weights={"good": 2}).predict_proba(row)
    assert answer.probability == alone and answer.answered == ["good"] and list(answer.failed) == ["gone"]
    stacked = package.EnsemblePredictor({"a": good, "b": good}, combination="stacking", coefficients=[0.0, 0.5, 0.5]).predict_proba(row)
    assert stacked.probability == pytest.approx(alone, abs=1e-12)
    with pytest.raises(package.UnavailableError):
        package.EnsemblePredictor({"good": good, "gone": gone}, answers_min=2).predict_proba(row)
    with pytest.raises(package.UsageError):
        package.EnsemblePredictor({"good": good}, weights={"other": 1})
    beta = package.fit_stacking([[0.2, 0.8, 0.3, 0.9]], [0, 1, 0, 1])
    assert len(beta) == 2 and beta[1] > 1


def test_threads_share_a_model_while_its_link_moves(trained, tmp_path):
    dated = sorted(p for p in (trained / "models/MIN").iterdir() if re.match(r"\d{4}-", p.name))[0]
    link = tmp_path / "best_lgbm"
    link.symlink_to(dated)
    model = package.DirectionModel(link, check_seconds=1e-9)
    row = dict.fromkeys(NAMES, 0.5)
    expected = model.predict_proba_up(row)
    wrong = []
    done = threading.Event()

    def ask():
        while not done.is_set():
            if model.predict_proba_up(row) != expected:
                wrong.append(1)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        (tmp_path / "next").symlink_to(dated)
        os.replace(tmp_path / "next", link)
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
