"""Databases that cannot serve: each a clear error, and nothing of them changed. Runs `tune_dump` and `tune_worker`."""

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

import postgres
from binaries import BIN

optuna = pytest.importorskip("optuna", reason="Optuna is not installed in this environment (tools/setup)")
optuna.logging.set_verbosity(optuna.logging.ERROR)

FAILED, USAGE, UNREADABLE = 1, 2, 3  # exit codes


def refused(code, *command, **options):
    """The error text of a command that must fail with this exit code."""
    done = subprocess.run([BIN / command[0], *map(str, command[1:])], capture_output=True, text=True, **options)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert done.stderr.strip() and "locked" not in done.stderr and "s3cret" not in done.stderr
    return done.stderr.strip()


def works(*command):
    done = subprocess.run([BIN / command[0], *map(str, command[1:])], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def numbers_are_whole(url, name):
    trials = optuna.load_study(study_name=name, storage=url).get_trials()
    assert [t.number for t in trials] == list(range(len(trials)))
    return trials


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else f"sqlite:///{tmp_path / 'study.db'}"


@pytest.fixture
def database(url):
    """A function that runs statements in the database of `url`."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(url)

    def run(*statements):
        with engine.begin() as connection:
            results = [connection.execute(sqlalchemy.text(statement)) for statement in statements]
            return results[-1].fetchall() if results[-1].returns_rows else None

    yield run
    engine.dispose()


def test_a_newer_schema_is_refused_untouched(url, database):
    works("tune_worker", url, "study", "w0", 3)
    database("UPDATE alembic_version SET version_num = 'v9.0.0.a'")
    text = refused(UNREADABLE, "tune_worker", url, "study", "w1", 3)
    assert "v9.0.0.a" in text and "v3.2.0.a" in text
    assert database("SELECT count(*) FROM trials")[0][0] == 3


def test_a_table_that_is_not_optunas_is_refused_untouched(url, database):
    database("CREATE TABLE studies (mine INTEGER)", "INSERT INTO studies VALUES (7)")
    assert "not a study file of Optuna" in refused(UNREADABLE, "tune_worker", url, "study", "w0", 1)
    assert database("SELECT * FROM studies") == [(7,)]
    listing = "SELECT name FROM sqlite_master" if url.startswith("sqlite") else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert database(listing) == [("studies",)]


def test_other_tables_may_stand_beside_a_study_on_a_server(postgres_url, postgres_server):
    name = postgres_url.split("/")[3].split("?")[0]
    postgres_server.sql(name, "CREATE TABLE prices (px FLOAT)")
    works("tune_worker", postgres_url, "study", "w0", 2)
    assert len(numbers_are_whole(postgres_url, "study")) == 2


def test_an_existing_name_is_refused(url, database):
    works("tune_dump", "write", url)
    before = database("SELECT count(*) FROM trials")
    assert 'study "native" exists' in refused(FAILED, "tune_dump", "write", url)
    assert database("SELECT count(*) FROM trials") == before


def test_a_space_that_changed_incompatibly_is_refused_before_a_trial_is_made(url):
    study = optuna.create_study(study_name="study", storage=url)
    study.optimize(lambda t: t.suggest_categorical("x", [1, 2]), n_trials=2)
    text = refused(FAILED, "tune_worker", url, "study", "w0", 1)
    assert '"x"' in text
    assert len(study.get_trials()) == 2


def test_a_study_with_an_unreadable_trial_says_which(url, database):
    works("tune_worker", url, "study", "w0", 3)
    database("UPDATE trial_params SET distribution_json = '{\"name\": \"Nonsense\"}' WHERE trial_id = 2 AND param_name = 'n'")
    text = refused(UNREADABLE, "tune_worker", url, "study", "w1", 1)
    assert "trial 1" in text and "Nonsense" in text


# --------------------------------------------------------------------------------------------------------------------------- SQLite


def test_what_is_no_database_is_refused_untouched(tmp_path):
    assert "is a folder" in refused(UNREADABLE, "tune_worker", f"sqlite:///{tmp_path}", "study", "w0", 1)
    refused(UNREADABLE, "tune_worker", f"sqlite:///{tmp_path / 'no' / 'such.db'}", "study", "w0", 1)
    refused(USAGE, "tune_worker", "mysql://u:s3cret@h/x", "study", "w0", 1)
    text = tmp_path / "text.db"
    text.write_text("not a database\n" * 500)
    before = digest(text)
    assert "not a SQLite database" in refused(UNREADABLE, "tune_worker", f"sqlite:///{text}", "study", "w0", 1)
    assert digest(text) == before


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "study.db"
    works("tune_worker", f"sqlite:///{path}", "study", "w0", 60)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    refused(UNREADABLE, "tune_worker", f"sqlite:///{path}", "study", "w1", 1)


def test_a_read_only_file_is_refused_untouched():
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        options = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        if subprocess.run(["test", "-x", BIN / "tune_worker"], **options).returncode != 0:
            pytest.skip(f"nobody cannot run {BIN / 'tune_worker'}")
    else:
        options = {}
    with tempfile.TemporaryDirectory(prefix="sofia_read_only_") as folder:
        path = Path(folder) / "study.db"
        works("tune_worker", f"sqlite:///{path}", "study", "w0", 2)
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = digest(path)
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        text = refused(UNREADABLE, "tune_worker", f"sqlite:///{path}", "study", "w1", 1, **options)
        assert "read-only" in text or "unable to open" in text
        assert digest(path) == before
        Path(folder).chmod(0o755)


@contextlib.contextmanager
def small_disk(size):
    if os.getuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tempfile.mkdtemp(prefix="sofia_full_")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode != 0:
        os.rmdir(folder)
        pytest.skip(f"no small disk can be mounted: {done.stderr.strip()}")
    try:
        yield Path(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        os.rmdir(folder)


def test_a_full_disk_keeps_what_was_finished():
    with small_disk("1m") as folder:
        url = f"sqlite:///{folder / 'study.db'}"
        text = refused(UNREADABLE, "tune_worker", url, "study", "w0", 100_000)
        assert "the disk is full" in text
        kept = Path(tempfile.mkdtemp())
        try:
            for part in folder.iterdir():
                shutil.copy(part, kept)
            url = f"sqlite:///{kept / 'study.db'}"
            before = numbers_are_whole(url, "study")
            complete = [t for t in before if t.state == optuna.trial.TrialState.COMPLETE]
            assert len(complete) > 10 and all(t.value == t.params["x"] ** 2 + t.params["n"] for t in complete)
            works("tune_worker", url, "study", "w0", len(complete) + 5)
            numbers_are_whole(url, "study")
        finally:
            shutil.rmtree(kept)


# ----------------------------------------------------------------------------------------------------------------------- PostgreSQL


def test_a_full_disk_of_the_server_is_named(postgres_server):
    with small_disk("16m") as folder:
        who = postgres.somebody()
        if who:
            os.chown(folder, who["user"], who["group"])
        space = folder / "space"
        space.mkdir()
        os.chown(space, who.get("user", -1), who.get("group", -1))
        postgres_server.sql("postgres", f"CREATE TABLESPACE small LOCATION '{space}'")
        postgres_server.sql("postgres", "CREATE DATABASE full_disk TABLESPACE small")
        url = postgres_server.url("full_disk")
        try:
            works("tune_worker", url, "study", "w0", 5)
            with open(folder / "ballast", "wb", buffering=0) as ballast, contextlib.suppress(OSError):
                while ballast.write(b"x" * 4096):
                    pass
            assert "the server's disk is full" in refused(UNREADABLE, "tune_worker", url, "study", "w0", 100_000)
            (folder / "ballast").unlink()
            done = len([t for t in numbers_are_whole(url, "study") if t.state == optuna.trial.TrialState.COMPLETE])
            works("tune_worker", url, "study", "w0", done + 5)
            numbers_are_whole(url, "study")
        finally:
            postgres_server.sql("postgres", "DROP DATABASE full_disk WITH (FORCE)")
            postgres_server.sql("postgres", "DROP TABLESPACE small")


def test_a_user_without_rights_is_told(postgres_url, postgres_server):
    name = postgres_url.split("/")[3].split("?")[0]
    works("tune_worker", postgres_url, "study", "w0", 2)
    postgres_server.sql(name, "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    text = refused(UNREADABLE, "tune_worker", postgres_url.replace("sofia@", "reader@"), "study", "w1", 1)
    assert "permission denied" in text
    assert len(numbers_are_whole(postgres_url, "study")) == 2
    postgres_server.sql(name, "DROP OWNED BY reader; DROP ROLE reader")


def assert_an_idle_client_names_it(server, url, how):
    """While a command runs nobody talks to the server; libpq then speaks of its end in other words, and without a state."""
    space = server.folder / "space.yaml"
    space.write_text("x: {type: float, low: 0, high: 1}\n")
    process = subprocess.Popen([BIN / "sofia", "study", "run", "--space", space, "--study", "idle", "--storage", url, "--", "sh", "-c",
                                "sleep 1; echo {x}"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    running = "SELECT count(*) FROM trials JOIN studies USING (study_id) WHERE study_name = 'idle' AND state = 'RUNNING'"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and int(server.sql("study", running)) == 0:
        time.sleep(0.02)
    server.stop(how)
    _, text = process.communicate(timeout=60)
    assert process.returncode == UNREADABLE and "the connection to the server is lost" in text and "resume" in text, text
    server.start()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_server_that_stops_in_the_middle_is_named_and_the_study_goes_on(how):
    if postgres.missing():
        pytest.skip(postgres.missing())
    with postgres.Server() as server:
        url = server.create("study")
        worker = subprocess.Popen([BIN / "tune_worker", url, "study", "w0", "100000"], stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(RuntimeError):
                if int(server.sql("study", "SELECT count(*) FROM trials WHERE state = 'COMPLETE'")) > 20:
                    break
            time.sleep(0.02)
        server.stop(how)
        _, text = worker.communicate(timeout=60)
        assert worker.returncode == UNREADABLE and "the connection to the server is lost" in text, text
        assert "sofia@" in text
        text = refused(FAILED, "tune_worker", url, "study", "w0", 1)
        assert "postgresql://" in text and "psycopg2" not in text
        server.start()
        before = numbers_are_whole(url, "study")
        done = len([t for t in before if t.state == optuna.trial.TrialState.COMPLETE])
        assert done > 20
        works("tune_worker", url, "study", "w0", done + 10)
        after = numbers_are_whole(url, "study")
        assert_an_idle_client_names_it(server, url, how)
        assert [t.value for t in after[: len(before)] if t.state.is_finished()][:done] == [t.value for t in before if t.state.is_finished()][:done]
