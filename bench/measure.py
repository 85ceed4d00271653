"""Starts what is measured as processes of their own, and says how two sets of times compare. Standard library only.

A pair is one run of ours and one of the peer, one after the other, so that a slow minute of the machine falls on both. The ratio is that of the
medians; its interval runs from the smallest to the largest ratio of the pairs, which for n pairs holds the true median with probability
1 - 2^(1-n) (sign test): 94 % for five.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class BenchError(Exception):
    """What was measured failed, or gave something else than its peer."""


@dataclass
class Run:
    """One process: seconds from start to end, its own figures (the last line of its output, where that is JSON), peak memory in MB."""

    wall: float
    rss_mb: float
    figures: dict = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """What counts: the seconds that the process measured itself, without its start-up, or else the whole process."""
        return self.figures.get("seconds", self.wall)


UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


def figures_of(output: str) -> dict:
    """What a program says of itself: Google Benchmark's JSON of one case, or one line of JSON at the end."""
    text = output.strip()
    if text.startswith("{") and '"benchmarks"' in text:
        cases = json.loads(text)["benchmarks"]
        if len(cases) != 1:
            raise BenchError(f"one case was to run, not {[case['name'] for case in cases]}")
        return {**cases[0], "seconds": cases[0]["real_time"] * UNITS[cases[0]["time_unit"]]}
    last = text.splitlines()[-1] if text else ""
    return json.loads(last) if last.startswith("{") else {}


def run(command: list, environment: dict | None = None) -> Run:
    """Runs `command` in the repository's root and waits for it. Error: BenchError with the end of what it printed."""
    words = [str(word) for word in command]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.perf_counter()
        process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env={**os.environ, **(environment or {})})
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        output, errors = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    if process.returncode != 0:
        raise BenchError(f"{' '.join(words)} ended with {process.returncode}:\n{(output + errors)[-3000:]}")
    # Linux counts ru_maxrss in KiB, macOS in bytes.
    return Run(wall, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6, figures_of(output))


@dataclass
class Series:
    """Runs of one thing."""

    name: str
    runs: list[Run] = field(default_factory=list)

    def values(self, key: str = "seconds") -> list[float]:
        if key == "seconds":
            return [one.seconds for one in self.runs]
        return [one.figures[key] for one in self.runs]

    def median(self, key: str = "seconds") -> float:
        return statistics.median(self.values(key))

    def wall(self) -> float:
        return statistics.median(one.wall for one in self.runs)

    def rss_mb(self) -> float:
        """The largest peak of all runs."""
        return max(one.rss_mb for one in self.runs)

    def spread(self, key: str = "seconds") -> str:
        values = self.values(key)
        return f"{number(min(values))} / {number(statistics.median(values))} / {number(max(values))}"


def alternate(ours: list, peer: list, pairs: int, names: tuple[str, str]) -> tuple[Series, Series]:
    """`pairs` pairs after one of each that is not counted: it warms the page cache and whatever a peer compiles."""
    first, second = Series(names[0]), Series(names[1])
    run(ours)
    run(peer)
    for index in range(pairs):
        # The order turns around from pair to pair, so that neither is always the one that comes after the other.
        for series, command in ((first, ours), (second, peer)) if index % 2 == 0 else ((second, peer), (first, ours)):
            series.runs.append(run(command))
    return first, second


def alone(command: list, runs: int, name: str) -> Series:
    run(command)
    return Series(name, [run(command) for _ in range(runs)])


@dataclass
class Ratio:
    """How many times the second is as large as the first, by medians, and the interval."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{number(self.median)} ({number(self.low)} to {number(self.high)})"


def ratio(ours: list[float], peer: list[float]) -> Ratio:
    each = [b / a for a, b in zip(ours, peer, strict=True)]
    return Ratio(statistics.median(peer) / statistics.median(ours), min(each), max(each))


def number(value: float) -> str:
    """Three digits that count."""
    if value == 0 or not math.isfinite(value):
        return str(value)
    return f"{value:.{max(2 - math.floor(math.log10(abs(value))), 0)}f}"


def table(header: list[str], rows: list[list[str]]) -> str:
    """Markdown, its columns padded so that it reads as text too."""
    lines = [header, ["---"] * len(header), *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines)
