"""Fixtures of more than one folder."""

import re
import uuid

import pytest

import postgres
from binaries import sofia


@pytest.fixture(scope="session")
def postgres_server():
    reason = postgres.missing()
    if reason:
        pytest.skip(reason)
    with postgres.Server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server, request):
    """The URL of an empty database of this test's own."""
    name = re.sub(r"\W+", "_", request.node.name.lower())[:40]
    return postgres_server.create(f"{name}_{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="session")
def market(tmp_path_factory):
    """40 simulated days with an edge: data/SIMUSDT, and `sofia bars` and `sofia features` of it in tables/."""
    folder = tmp_path_factory.mktemp("market")
    sofia("data", "simulate", "--out", folder / "data", "--days", 40, "--trades", 150_000, "--seed", 5, "--edge", 1, "--quiet")
    sofia("bars", "--data-dir", folder / "data/SIMUSDT", "--out", folder / "tables", "--quiet")
    sofia("features", "--data-dir", folder / "data/SIMUSDT", "--out", folder / "tables/features.parquet", "--quiet")
    return folder
