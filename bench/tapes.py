"""Makes the data of the benchmarks, once, under build/bench: the same bytes on every machine (but for the year of real minutes, where there is one)."""

from __future__ import annotations

import gzip
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from measure import ROOT, run

SHARED = Path(os.environ.get("SOFIA_SHARED", ROOT.parent / "shared"))
DAY = 86_400


@dataclass
class Sizes:
    name: str
    trades: int
    days: int
    minutes: int
    ticks: int  # for the peer that takes so long for one that it gets fewer


FULL = Sizes("full", 10_000_000, 30, 525_600, 500_000)
SMALL = Sizes("small", 300_000, 30, 30_000, 20_000)


@dataclass
class Tapes:
    """Where the data lies, and what makes it."""

    sofia: Path
    python: Path  # with the peers
    sizes: Sizes

    @property
    def folder(self) -> Path:
        return ROOT / "build" / "bench" / self.sizes.name

    def trades(self) -> Path:
        """The folder of the simulated tape: sorted, without ids, in the simulator's own form."""
        folder = self.folder / "TAPE"
        if not (folder / "trades.csv").exists():
            print(f"making {self.sizes.trades} trades", flush=True)
            run([self.sofia, "data", "simulate", "--out", self.folder, "--symbol", "TAPE", "--days", self.sizes.days, "--trades", self.sizes.trades,
                 "--seed", 7, "--edge", 1])
        return folder

    def tenfold_trades(self) -> Path:
        """The same tape ten times, each moved on by its whole days."""
        folder = self.folder / "TENFOLD"
        if not (folder / "trades.csv").exists():
            print(f"making {10 * self.sizes.trades} trades", flush=True)
            folder.mkdir(parents=True, exist_ok=True)
            unfinished = folder / "trades.part"
            with open(unfinished, "wb") as out:
                for copy in range(10):
                    append_moved(self.trades() / "trades.csv", out, copy * self.sizes.days * DAY, with_header=copy == 0)
            shutil.copy(self.trades() / "instrument.yaml", folder)
            unfinished.rename(folder / "trades.csv")
        return folder

    def hftbacktest_events(self) -> Path:
        events = self.folder / "tape.npy"
        if not events.exists():
            run([self.python, "bench/hftbacktest_peer.py", "prepare", self.trades() / "trades.csv", events])
        return events

    def minutes(self) -> Path:
        """A folder of a year of minutes: real ones where shared/ has them, else simulated."""
        folder = self.folder / "YEAR"
        if not (folder / "bars.csv").exists():
            folder.mkdir(parents=True, exist_ok=True)
            real = SHARED / "data" / "bars" / "XBTUSD" / "2019.csv.gz"
            if real.exists():
                with gzip.open(real, "rt") as source, open(folder / "bars.csv", "w") as out:
                    for number, line in enumerate(source):
                        if number <= self.sizes.minutes:
                            out.write(line)
            else:
                print(f"no {real}: the minutes are simulated", flush=True)
                run([self.sofia, "data", "simulate", "--out", self.folder, "--symbol", "YEAR", "--days", -(-self.sizes.minutes // 1440), "--seed", 7,
                     "--planted", "direction"])
        return folder


def append_moved(path: Path, out, seconds: int, *, with_header: bool) -> None:
    """Copies a trade file, its timestamps (ten digits of seconds, a point, decimals) later by whole `seconds`."""
    with open(path, "rb") as source:
        header = source.readline()
        if with_header:
            out.write(header)
        if seconds == 0:
            shutil.copyfileobj(source, out, 1 << 22)
            return
        last, moved = b"", b""
        for line in source:
            second = line[:10]
            if second != last:
                last, moved = second, b"%d" % (int(second) + seconds)
            out.write(moved + line[10:])
