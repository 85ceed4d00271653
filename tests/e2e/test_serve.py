"""`sofia serve`: the program itself, asked over sockets while models change and while it is told to stop."""

import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import lightgbm
import numpy as np
import pytest

from binaries import SOFIA

NAMES = ["close", "ret1", "sma20_gap", "sma50_gap", "vol_z"]


def fitted(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(500, len(NAMES)))
    y = (x[:, 1] + 0.3 * rng.normal(size=500) > 0).astype(float)
    data = lightgbm.Dataset(x, y, feature_name=NAMES, params={"verbosity": -1})
    return lightgbm.train({"objective": "binary", "verbosity": -1, "seed": seed, "num_threads": 1}, data, num_boost_round=20)


def put(folder, version, model):
    dated = folder / version
    dated.mkdir(parents=True)
    model.save_model(dated / "lgbm.txt")
    (dated / "model_card.json").write_text(json.dumps({"version": version}))
    next_link = folder / ".next"
    next_link.symlink_to(version)
    next_link.rename(folder / "best_lgbm")


class Running:
    """A service on a free port."""

    def __init__(self, models, *options, environment=None):
        self.process = subprocess.Popen([SOFIA, "serve", "--model-dir", models, "--port", "0", *options], stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, **(environment or {})})
        self.log = []
        for line in self.process.stderr:
            self.log.append(line)
            if found := re.search(r"on (http://\S+)", line):
                self.url = found[1]
                break
        self.reader = threading.Thread(target=lambda: self.log.extend(self.process.stderr))
        self.reader.start()

    def ask(self, path, body=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        self.reader.join()
        return code


@pytest.fixture
def models(tmp_path):
    put(tmp_path / "AUSD", "2026-01-31", fitted(1))
    return tmp_path


@pytest.fixture
def service(models):
    running = Running(models)
    yield running
    if running.process.poll() is None:
        running.stop()


def rows(count):
    return np.random.default_rng(9).normal(size=(count, len(NAMES))).round(6)


def test_says_what_lightgbm_says(service, models):
    x = rows(50)
    expected = lightgbm.Booster(model_file=models / "AUSD/best_lgbm/lgbm.txt").predict(x)
    status, many = service.ask("/predict", {"columns": NAMES, "rows": x.tolist()})
    assert status == 200 and many["symbol"] == "AUSD" and many["version"] == "2026-01-31"
    assert many["proba_up"] == expected.tolist()
    # Names count, their order does not; null is NaN.
    one = service.ask("/predict", {"features": dict(zip(NAMES[::-1], x[0, ::-1].tolist()))})[1]
    assert one["proba_up"] == expected[0]
    x[1, 3] = np.nan
    expected = lightgbm.Booster(model_file=models / "AUSD/best_lgbm/lgbm.txt").predict(x[1:2])
    assert service.ask("/predict", {"rows": [{n: None if np.isnan(v) else v for n, v in zip(NAMES, x[1])}]})[1]["proba_up"] == expected.tolist()


def test_a_moved_link_is_followed_and_no_request_is_dropped(service, models):
    x = rows(1).tolist()
    before = service.ask("/predict", {"columns": NAMES, "rows": x})[1]
    done = threading.Event()

    def ask():
        versions = set()
        while not done.is_set():
            status, answer = service.ask("/predict", {"columns": NAMES, "rows": x})
            assert status == 200
            versions.add((answer["version"], answer["proba_up"][0]))
        return versions

    with ThreadPoolExecutor(4) as pool:
        askers = [pool.submit(ask) for _ in range(4)]
        put(models / "AUSD", "2026-02-01", fitted(2))
        deadline = time.monotonic() + 30
        while service.ask("/engines/status")[1]["engines"][0]["version"] != "2026-02-01":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        done.set()
        seen = set().union(*(asker.result() for asker in askers))
    after = service.ask("/predict", {"columns": NAMES, "rows": x})[1]
    assert seen <= {(one["version"], one["proba_up"][0]) for one in (before, after)}
    assert after["version"] == "2026-02-01" and after["proba_up"] != before["proba_up"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_it_well(models, number):
    running = Running(models)
    assert running.ask("/healthz")[0] == 200
    assert running.stop(number) == 0
    assert any("stopping" in line for line in running.log)


def test_a_token_is_asked_for_and_shown_nowhere(models, tmp_path):
    secret = "a-secret-of-the-test"
    (tmp_path / "token").write_text(secret + "\n")
    for options, environment in ((["--token-file", tmp_path / "token"], {}), ([], {"SOFIA_TOKEN": secret})):
        running = Running(models, "--host", "127.0.0.1", *options, environment=environment)
        assert running.ask("/models")[0] == 401
        assert running.ask("/models", headers={"Authorization": "Bearer wrong"})[0] == 401
        assert running.ask("/models", headers={"Authorization": f"Bearer {secret}"})[0] == 200
        with open(f"/proc/{running.process.pid}/cmdline") as words:
            assert secret not in words.read()
        assert running.stop() == 0
        assert secret not in "".join(running.log)


def test_what_cannot_be_served_is_said(models, tmp_path):
    def refused(*options, **token):
        environment = {key: value for key, value in os.environ.items() if key != "SOFIA_TOKEN"} | token
        done = subprocess.run([SOFIA, "serve", "--port", "0", *options], capture_output=True, text=True, timeout=60, env=environment)
        return done.returncode, done.stderr

    code, text = refused("--model-dir", tmp_path / "none")
    assert code == 3 and "not a folder" in text
    assert refused("--model-dir", models, "--token-file", tmp_path / "none")[0] == 3
    code, text = refused("--model-dir", models, SOFIA_TOKEN="")
    assert code == 2 and "SOFIA_TOKEN holds no token" in text
    code, text = refused("--model-dir", models, "--host", "0.0.0.0")
    assert code == 2 and "there is no token" in text
