"""Fixtures of more than one folder."""

import re
import uuid

import pytest

import postgres


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
