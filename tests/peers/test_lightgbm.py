"""Models written by Sofia, read by LightGBM's own Python package: equal predictions to 1e-12.

Runs `models_dump`, found in SOFIA_BIN_DIR or build/release/bin."""

import subprocess

import lightgbm
import numpy
import pytest

from binaries import BIN

DUMP = BIN / "models_dump"
KINDS = ["gbdt", "categorical", "dart", "regression"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    assert DUMP.exists(), f"{DUMP} is missing: build the target models_dump or set SOFIA_BIN_DIR"
    path = tmp_path_factory.mktemp("models")
    subprocess.run([DUMP, path], check=True)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_python_predicts_what_we_predict(folder, kind):
    table = numpy.genfromtxt(folder / f"{kind}.csv", delimiter=",")
    features, through_c, flat = table[:, :-2], table[:, -2], table[:, -1]
    theirs = lightgbm.Booster(model_file=str(folder / f"{kind}.txt")).predict(features)
    assert theirs.std() > 0.01
    numpy.testing.assert_allclose(through_c, theirs, rtol=0, atol=1e-12)
    numpy.testing.assert_allclose(flat, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_python_writes_the_text_back(folder, kind):
    text = (folder / f"{kind}.txt").read_text()
    again = lightgbm.Booster(model_str=text).model_to_string()
    assert again.split("end of trees")[0] == text.split("end of trees")[0]
