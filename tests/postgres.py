"""A PostgreSQL server of the tests' own: Debian's program, in a temporary folder, on a Unix socket only.

It refuses to run as root; then it is started as `postgres`, or as `nobody` where that user is missing. `fsync` is off: what the tests kill are
workers and connections, never the machine.

    with Server() as server:
        url = server.create("study")      # postgresql+psycopg2://sofia@/study?host=...: SQLAlchemy and sofia read it alike
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path


def program(name: str) -> Path | None:
    """The newest one of Debian's (/usr/lib/postgresql/15/bin), else the one on the PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: float(p.parts[-3]))
    found = installed[-1] if installed else shutil.which(name)
    return Path(found) if found else None


def missing() -> str | None:
    """Why there can be no server here; None when there can be one."""
    absent = [name for name in ("initdb", "postgres", "psql") if program(name) is None]
    return f"PostgreSQL is not installed ({', '.join(absent)}): tools/setup" if absent else None


def somebody() -> dict:
    """How subprocess starts a program as somebody other than root."""
    if os.getuid() != 0:
        return {}
    names = {user.pw_name: user for user in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Server:
    def __init__(self, settings: dict[str, str] | None = None):
        # A time zone far from UTC, so that a time in the wrong one shows.
        self.settings = {"listen_addresses": "", "fsync": "off", "timezone": "Asia/Kolkata", "log_timezone": "UTC", **(settings or {})}
        self.process: subprocess.Popen | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="sofia_pg_"))

    def __enter__(self) -> Server:
        try:
            self.folder.chmod(0o755)
            self.data = self.folder / "data"
            who = somebody()
            if who:
                os.chown(self.folder, who["user"], who["group"])
            self.as_somebody("initdb", "-D", self.data, "-U", "sofia", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
            # The user `careful` needs a password.
            rules = self.data / "pg_hba.conf"
            rules.write_text("local all careful scram-sha-256\n" + rules.read_text())
            self.start()
            self.sql("postgres", "CREATE ROLE careful LOGIN SUPERUSER PASSWORD 's3cret@/:x'")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def as_somebody(self, name: str, *arguments) -> str:
        done = subprocess.run([program(name), *map(str, arguments)], cwd=self.folder, capture_output=True, text=True, **somebody())
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stderr}")
        return done.stdout

    def start(self) -> None:
        settings = [part for key, value in self.settings.items() for part in ("-c", f"{key}={value}")]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([program("postgres"), "-D", self.data, "-k", self.folder, *settings], cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **somebody())
        deadline = time.monotonic() + 60
        while True:
            try:
                self.sql("postgres", "SELECT 1")
                return
            except RuntimeError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text(errors='replace')}") from None
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: fast shutdown; SIGQUIT: as a crash, with recovery at the next start."""
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def sql(self, database: str, statement: str) -> str:
        return self.as_somebody("psql", "-X", "-q", "-A", "-t", "-h", self.folder, "-U", "sofia", "-d", database, "-v", "ON_ERROR_STOP=1", "-c",
                                statement).strip()

    def url(self, database: str, user: str = "sofia") -> str:
        return f"postgresql+psycopg2://{user}@/{database}?host={self.folder}"

    def create(self, database: str) -> str:
        """A new empty database; its URL."""
        self.sql("postgres", f'CREATE DATABASE "{database}"')
        return self.url(database)
