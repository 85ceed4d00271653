"""Command line, C++, Python and HTTP give the same numbers for the same input, to the last bit.

C++ is tests/parity/parity_cpp.cpp, a program on the library's headers. LightGBM itself, from the model's text, stands beside all of them.
"""

import json
import re
import signal
import subprocess
import urllib.error
import urllib.request

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from binaries import BIN, SOFIA, answer, sofia as command

package = pytest.importorskip("sofia")
NAMES = ["close", "ret1", "sma20_gap", "sma50_gap", "vol_z"]
SPLIT = ["--set", "split.val_days=1", "--set", "split.test_days=1"]
TOUCH = {
    "touch": {"timeframes": ["15m"]},
    "features": {"columns": ["m15.*"]},
    "split": {"folds": 2},
    "score.min_trades": 1,
    "fit.min_train_rows": 20,
    "model": {"rounds": 10, "min_data_in_leaf": 5},
    "costs": {"fee_percent": 0.001, "maker_fee_percent": 0.001, "max_fee_r": 1},
    "search": {"stop_atr": {"type": "float", "low": 1, "high": 3}},
}


def cpp(*words, given=None):
    """What the C++ program writes."""
    done = subprocess.run([BIN / "parity_cpp", *map(str, words)], input=given, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def cpp_table(*words):
    """Its tables: times as integers, numbers as doubles."""
    header, _, cells = cpp(*words).partition(b"\n")
    names = header.decode().split(",")
    times = {"ts", "known_at", "open_time", "close_time", "entry_time", "end_time"}
    rows = np.frombuffer(cells, np.int64).reshape(-1, len(names))
    return {name: rows[:, i].copy() if name in times else rows[:, i].copy().view(np.float64) for i, name in enumerate(names)}


def numbers(table, name):
    """A column as the C++ program writes it; null is NaN."""
    column = table.column(name).combine_chunks()
    if pa.types.is_timestamp(column.type):
        return pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
    return column.cast(pa.float64()).to_numpy(zero_copy_only=False)


def same(ours, table, names=None):
    for name in names or ours:
        np.testing.assert_array_equal(ours[name], numbers(table, name), err_msg=name)


# ---- predictions


@pytest.fixture(scope="module")
def minutes(tmp_path_factory):
    """Simulated minutes, a small model of them, and the columns that the command makes of them."""
    folder = tmp_path_factory.mktemp("minutes")
    command("data", "simulate", "--out", folder / "data", "--symbol", "MIN", "--days", 5, "--planted", "direction", "--edge", 0.6, "--seed", 7, "--quiet")
    where = ["--config", "configs/direction.yaml", "--model-dir", folder / "models/MIN", "--study", "s", "--quiet"]
    command("tune", *where, "--data-dir", folder / "data/MIN", "--trials", 1, "--set", "model.rounds=40", *SPLIT)
    command("train", *where)
    command("features", "--data-dir", folder / "data/MIN", "--out", folder / "minutes.parquet", "--minute", "--horizon", 5, "--quiet")
    return folder


@pytest.fixture(scope="module")
def rows(minutes):
    """Rows of the data, and made ones: missing values one by one and all at once, infinities, zeros of both signs, numbers at a tree's own thresholds."""
    table = pq.read_table(minutes / "minutes.parquet")
    real = np.column_stack([table.column(name).to_numpy() for name in NAMES])[:300]  # the first 49 have not warmed up
    assert np.isnan(real).any()
    odd = np.tile(real[100], (5, 1))
    np.fill_diagonal(odd, np.nan)
    text = (minutes / "models/MIN/best_lgbm/lgbm.txt").read_text()
    edges = np.array([float(word) for line in re.findall(r"^threshold=(.*)$", text, re.MULTILINE)[:3] for word in line.split()])
    edges = np.repeat(np.concatenate([edges, np.nextafter(edges, np.inf)])[:, None], 5, axis=1)
    extreme = np.array([[np.nan] * 5, [0.0] * 5, [-0.0] * 5, [1e300] * 5, [-1e300] * 5, [5e-324] * 5, [1e-35] * 5])
    return np.concatenate([real, odd, extreme, edges])


@pytest.fixture(scope="module")
def expected(minutes, rows):
    import lightgbm

    return lightgbm.Booster(model_file=minutes / "models/MIN/best_lgbm/lgbm.txt").predict(rows)


def csv_of(x, names=NAMES):
    lines = [",".join("" if np.isnan(value) else repr(float(value)) for value in row) for row in x]
    return "\n".join([",".join(names), *lines]) + "\n"


def of_command(minutes, *words):
    return answer("predict", "--model", minutes / "models/MIN/best_lgbm", "--in", *words)


@pytest.fixture(scope="module")
def http(minutes):
    """Asks a running service."""
    process = subprocess.Popen([SOFIA, "serve", "--model-dir", minutes / "models", "--port", "0"], stderr=subprocess.PIPE, text=True)
    try:
        url = next(found[1] for line in process.stderr if (found := re.search(r"on (http://\S+)", line)))

        def ask(question):
            request = urllib.request.Request(f"{url}/predict", json.dumps(question).encode(), {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=30) as reply:
                return json.loads(reply.read())

        yield ask
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        process.stderr.close()


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 2, 0, 3, 1]], ids=["in order", "in another order"])
def test_predictions(minutes, rows, expected, http, tmp_path, order):
    """Many rows, the columns in the model's order and in another one."""
    names = [NAMES[i] for i in order]
    x = rows[:, order]
    table = pa.table({name: x[:, i] for i, name in enumerate(names)})
    (tmp_path / "rows.csv").write_text(csv_of(x, names))
    pq.write_table(table, tmp_path / "rows.parquet")
    question = {"columns": names, "rows": [[None if np.isnan(value) else value for value in row] for row in x.tolist()]}
    (tmp_path / "rows.json").write_text(json.dumps(question))
    said = {
        "C++": [float(line) for line in cpp("predict", minutes / "models/MIN/best_lgbm", given=csv_of(x, names).encode()).split()],
        "Python": package.DirectionModel(minutes / "models/MIN/best_lgbm").predict_proba(table),
        "HTTP": http(question)["proba_up"],
        "command, CSV": of_command(minutes, tmp_path / "rows.csv")["proba_up"],
        "command, Parquet": of_command(minutes, tmp_path / "rows.parquet")["proba_up"],
        "command, JSON": of_command(minutes, tmp_path / "rows.json")["proba_up"],
    }
    for who, values in said.items():
        np.testing.assert_array_equal(np.asarray(values), expected, err_msg=who)
    assert of_command(minutes, tmp_path / "rows.json") == http(question)


def test_one_row_at_a_time(minutes, rows, expected, http, tmp_path):
    some = [0, 60, 300, 303, 305, 306, 311, 320]
    model = package.DirectionModel(minutes / "models/MIN/best_lgbm")
    for i in some:
        row = {name: None if np.isnan(value) else value for name, value in zip(NAMES[::-1], rows[i, ::-1].tolist())}
        assert http({"symbol": "MIN", "features": row})["proba_up"] == expected[i]
        assert model.predict_proba_up(row) == expected[i]
    (tmp_path / "row.json").write_text(json.dumps({"features": row}))
    assert of_command(minutes, tmp_path / "row.json") == http({"features": row})


def test_a_table_with_times_keeps_them(minutes, tmp_path):
    """The strategy's own table, label and all, from Parquet and CSV to CSV and Parquet."""
    table = pq.read_table(minutes / "minutes.parquet").slice(40, 100)
    pq.write_table(table, tmp_path / "rows.parquet")
    model = package.DirectionModel(minutes / "models/MIN/best_lgbm")
    for out in ("out.parquet", "out.csv"):
        assert of_command(minutes, tmp_path / "rows.parquet", "--out", tmp_path / out)["rows"] == 100
    made = pq.read_table(tmp_path / "out.parquet")
    assert made.column_names == ["ts", "known_at", "proba_up"] and made.schema.metadata[b"model"].decode() == model.version
    for name in ("ts", "known_at"):
        assert made.column(name).equals(table.column(name))
    np.testing.assert_array_equal(numbers(made, "proba_up"), model.predict_proba(table))
    text = (tmp_path / "out.csv").read_text()
    assert command("predict", "--model", minutes / "models/MIN/best_lgbm", "--in", tmp_path / "rows.parquet").stdout == text
    read = pyarrow.csv.read_csv(tmp_path / "out.csv")
    np.testing.assert_array_equal(numbers(read, "proba_up"), numbers(made, "proba_up"))


def test_what_is_no_row_is_refused_everywhere(minutes, http, tmp_path):
    lacking = {name: 0.5 for name in NAMES[:-1]}
    for row, word in ((lacking, "vol_z"), ({**lacking, "vol_x": 1.0}, "vol_x")):
        with pytest.raises(package.UsageError, match=word):
            package.DirectionModel(minutes / "models/MIN/best_lgbm").predict_proba_up(row)
        with pytest.raises(urllib.error.HTTPError, match="422"):
            http({"features": row})
        (tmp_path / "row.json").write_text(json.dumps({"features": row}))
        assert word in command("predict", "--model", minutes / "models/MIN/best_lgbm", "--in", tmp_path / "row.json", expect=2).stderr


# ---- tables


def test_minute_features(minutes):
    theirs = pq.read_table(minutes / "minutes.parquet")
    ours = cpp_table("minutes", minutes / "data/MIN", 5)
    assert list(ours) == theirs.column_names == ["ts", "known_at", *NAMES, "y"]
    same(ours, theirs)
    command("bars", "--data-dir", minutes / "data/MIN", "--out", minutes / "bars", "--timeframes", "1m", "--quiet")
    same(ours, package.minute_features(pq.read_table(minutes / "bars/bars_1m.parquet"), horizon=5))


@pytest.mark.parametrize("timeframe", ["15m", "4h"])
def test_bars(market, timeframe):
    ours = cpp_table("bars", market / "data/SIMUSDT", "1m", timeframe)
    theirs = pq.read_table(market / f"tables/bars_{timeframe}.parquet")
    same(ours, theirs)
    same(ours, package.bars(pq.read_table(market / "tables/bars_1m.parquet"), timeframe))


def test_features(market):
    ours = cpp_table("features", market / "data/SIMUSDT", "m15.*", "h4.rsi14")
    theirs = pq.read_table(market / "tables/features.parquet")
    made = package.features(pq.read_table(market / "tables/bars_1m.parquet"), {"features": {"columns": ["m15.*", "h4.rsi14"]}})
    assert list(ours) == made.column_names and len(ours) > 10
    same(ours, theirs)
    same(ours, made)


def test_labels(market, tmp_path):
    """There is no verb for labels alone: the command makes them inside tune and train. A table has no instrument.yaml beside it: its tick is told."""
    tick = next(float(line.split()[1]) for line in (market / "data/SIMUSDT/instrument.yaml").read_text().split("\n") if line.startswith("tick:"))
    with package._config.config_file({**TOUCH, "instrument": {"tick": tick}}) as written:
        (tmp_path / "touch.yaml").write_text(open(written).read())
    ours = cpp_table("labels", market / "data/SIMUSDT", tmp_path / "touch.yaml")
    made = package.labels(trades_of(market), tmp_path / "touch.yaml")
    assert made.num_rows > 20
    same(ours, made)


def trades_of(market):
    """As the file has them; times are read as text, for they have more digits than a double."""
    options = pyarrow.csv.ConvertOptions(column_types={"timestamp": pa.string()})
    table = pyarrow.csv.read_csv(market / "data/SIMUSDT/trades.csv", convert_options=options)
    whole = [text.partition(".") for text in table.column("timestamp").to_pylist()]
    ns = pa.array([int(head) * 10**9 + int(tail.ljust(9, "0") or 0) for head, _, tail in whole], pa.int64())
    return table.set_column(table.column_names.index("timestamp"), "timestamp", ns.view(pa.timestamp("ns", "UTC")))


# ---- a strategy


def test_backtest(market, tmp_path):
    tuned = package.tune(TOUCH, data_dir=market / "data/SIMUSDT", model_dir=tmp_path / "models", study="s", trials=1, seed=11, progress=False)
    trained = package.train(tuned["best_summary"], progress=False)
    tested = package.backtest(trained.train_config, progress=False)
    of_the_command = answer("backtest", "--train-config", trained.train_config)
    assert json.loads(json.dumps(tested.document)) == of_the_command == json.loads(cpp("backtest", trained.train_config))
    assert len(open(f"{of_the_command['folder']}/trades.csv").readlines()) > 5
