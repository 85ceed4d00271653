"""The feature store on an object store: moto's S3 server on loopback, through Arrow's file system."""

import os
import subprocess
import sys
from pathlib import Path

import pandas
import pyarrow.dataset
import pyarrow.fs
import pytest

import s3
from binaries import SOFIA, answer, sofia
from feature_tables import append, same, table


@pytest.fixture(autouse=True)
def python_with_duckdb(monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")


@pytest.fixture(scope="module")
def server():
    reason = s3.missing()
    if reason:
        pytest.skip(reason)
    with s3.Server() as running:
        yield running


@pytest.fixture
def url(server, request):
    return server.bucket(request.node.name.replace("_", "-")[:60])


def secret_free(text):
    return s3.KEY not in text and "s3cr3t" not in text and s3.SECRET not in text


def test_a_store_lives_in_a_bucket(url, tmp_path):
    old, new = table(0, 2 * 1440, 1), table(1440, 1440, 2, ret1=0.5)
    append(url, old, tmp_path)
    append(url, new, tmp_path)
    expected = pandas.concat([old, new]).drop_duplicates("ts", keep="last").sort_values("ts").reset_index(drop=True)

    def read():
        done = sofia("store", "read", "--store", url, "--symbol", "BTCUSDT", "--out", tmp_path / "o.parquet", "--quiet")
        assert secret_free(done.stdout) and done.stderr == ""
        return pandas.read_parquet(tmp_path / "o.parquet")

    same(read(), expected)
    about = answer("store", "describe", "--store", url)
    assert secret_free(str(about)) and about["store"].startswith("s3://") and "?" not in about["store"]
    assert (about["symbols"][0]["rows"], about["symbols"][0]["parts"]) == (2880, 3)

    files, folder = pyarrow.fs.FileSystem.from_uri(url)
    dataset = pyarrow.dataset.dataset(f"{folder}/BTCUSDT", filesystem=files, format="parquet", partitioning="hive")
    assert dataset.count_rows() == 2880 + 1440

    assert answer("store", "compact", "--store", url)["symbols"][0]["days"] == 1
    same(read(), expected)
    assert pyarrow.dataset.dataset(f"{folder}/BTCUSDT", filesystem=files, format="parquet", partitioning="hive").count_rows() == 2880
    rows = answer("store", "sql", "--store", url, "SELECT date, count(*) AS n, count(ret1) AS r FROM BTCUSDT GROUP BY date ORDER BY date")["rows"]
    assert rows == [["2024-01-01", 1440, 0], ["2024-01-02", 1440, 1440]]
    assert answer("store", "check", "--store", url)["symbols"][0]["problems"] == []
    assert answer("store", "retain", "--store", url, "--days", "1")["symbols"][0]["days"] == 1
    same(read(), expected[1440:].reset_index(drop=True))


def test_writers_at_once_lose_nothing(url, tmp_path):
    writers = []
    for part in range(4):
        file = tmp_path / f"{part}.parquet"
        table(100 * part, 100, part).to_parquet(file)
        writers.append(subprocess.Popen([SOFIA, "store", "append", "--store", url, "--symbol", "BTCUSDT", file, "--quiet"], stdout=subprocess.DEVNULL))
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0, 0]
    about = answer("store", "describe", "--store", url)["symbols"][0]
    assert (about["rows"], about["parts"], about["duplicates"]) == (400, 4, 0)


def test_keys_are_in_no_message(url, tmp_path):
    elsewhere = url.replace("test-keys", "no-such-bucket")
    nobody = url.replace("endpoint_override=127.0.0.1", "endpoint_override=127.0.0.1:1&x=")
    for words in (
        ("describe", "--store", elsewhere),
        ("read", "--store", elsewhere, "--symbol", "X"),
        ("read", "--store", url, "--symbol", "X"),
        ("check", "--store", nobody),
        ("describe", "--store", url.replace("s3://", "s4://")),
    ):
        done = subprocess.run([SOFIA, "store", *words], capture_output=True, text=True, timeout=120)
        assert done.returncode != 0
        assert secret_free(done.stdout + done.stderr), done.stderr
    file = tmp_path / "input.parquet"
    table(0, 5, 1).to_parquet(file)
    done = subprocess.run([SOFIA, "store", "append", "--store", elsewhere, "--symbol", "X", file], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "cannot" in done.stderr and secret_free(done.stderr)
