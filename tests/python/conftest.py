"""The package `sofia` of the build whose programs are tested: <build>/python, beside <build>/bin."""

import sys

import pytest

from binaries import BIN, sofia

PACKAGE = BIN.parent / "python"
sys.path.insert(0, str(PACKAGE))


@pytest.fixture(scope="session")
def market(tmp_path_factory):
    """40 simulated days with an edge: data/SIMUSDT, and `sofia bars` and `sofia features` of it in tables/."""
    folder = tmp_path_factory.mktemp("market")
    sofia("data", "simulate", "--out", folder / "data", "--days", 40, "--trades", 150_000, "--seed", 5, "--edge", 1, "--quiet")
    sofia("bars", "--data-dir", folder / "data/SIMUSDT", "--out", folder / "tables", "--quiet")
    sofia("features", "--data-dir", folder / "data/SIMUSDT", "--out", folder / "tables/features.parquet", "--quiet")
    return folder
