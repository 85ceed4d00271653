#!/usr/bin/env python3
"""make bench: times Sofia's jobs beside their peers and prints the ratios.

    bench/run.py [--small] [--only NAME] [--pairs N] [--large] [--out FILE] [--bin FOLDER]

Every figure is minimum / median / maximum of processes of their own, ours and the peer's in turn. Nothing here fails because something is slow; it
fails (exit 1) when a program fails or when ours and the peer do not give the same. Standard library only; the peers run in .venv-peers.
A full run writes docs/benchmarks.md; rows of jobs that did not run this time stay as they were measured last.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from jobs import JOBS, Bench, Row
from measure import ROOT, BenchError, table
from tapes import FULL, SMALL, Tapes

HEADER = ["job", "ours: min / median / max", "peer: min / median / max", "peer / ours (interval)", "target", "met", "ours MB", "peer MB"]
METHOD = """Each figure comes from processes of their own, ours and the peer's in turn (the order turns around from pair to pair) after one of each that
does not count, with the files in the page cache. "peer / ours" is the ratio of the medians; its interval runs from the smallest to the
largest ratio of the pairs, which for five pairs holds the true one with 94 % (sign test). MB is the largest ru_maxrss of a process,
start-up and input included."""


def cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def versions(python: Path, sofia: Path) -> list[str]:
    names = ["polars", "TA-Lib", "hftbacktest", "nautilus_trader", "lightgbm", "optuna", "rustuna", "fastapi", "uvicorn"]
    asked = "import sys; from importlib import metadata; print(chr(10).join(n + ' ' + metadata.version(n) for n in sys.argv[1:]))"
    peers = subprocess.run([str(python), "-c", asked, *names], capture_output=True, text=True, check=True).stdout.split("\n")
    own = subprocess.run([str(sofia), "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return ["sofia " + own.removeprefix("sofia "), *(line for line in peers if line), f"Python {platform.python_version()}"]


def document(results: dict, python: Path, sofia: Path) -> str:
    """docs/benchmarks.md."""
    rows = [Row(**row) for job in JOBS if job in results for row in results[job]["rows"]]
    lines = ["# Benchmarks", "", "Written by `make bench`; run it again to change this page.", "",
             f"- machine: {cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
             f"- versions: {', '.join(versions(python, sofia))}",
             "- measured: " + ", ".join(f"{job} {results[job]['date']}" for job in JOBS if job in results),
             "", METHOD, "",
             table(HEADER, [[r.job, r.ours, r.peer, r.times, r.target, r.met, r.ours_mb, r.peer_mb] for r in rows]), "", "## Remarks", ""]
    lines += [f"- {row.job}: {row.remark}" for row in rows if row.remark]
    return "\n".join(lines) + "\n"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--small", action="store_true", help="seconds, with tiny sizes: shows that everything runs, measures nothing")
    parser.add_argument("--only", choices=list(JOBS), action="append", help="one job; may be given again")
    parser.add_argument("--pairs", type=int, help="pairs of runs (5; with --small 1)")
    parser.add_argument("--large", action="store_true", help="100 million trades too (5 GB under build/bench)")
    parser.add_argument("--out", type=Path, help="where to write the table (docs/benchmarks.md; with --small nowhere)")
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bin", help="folder of our programs")
    return parser.parse_args()


def need(path: Path, command: str) -> None:
    if not path.exists():
        sys.exit(f"bench: {path} is missing; {command} makes it")


def show(row: Row, *, judged: bool) -> None:
    print(f"  {row.job}\n    ours {row.ours}, {row.ours_mb} MB")
    if row.peer:
        print(f"    {row.peer}" + (f", {row.peer_mb} MB" if row.peer_mb else "") + f"\n    peer / ours {row.times}")
    print((f"    target {row.target}: {row.met}\n" if judged else "") + f"    {row.remark}", flush=True)


def main() -> int:
    options = arguments()
    python = ROOT / ".venv-peers/bin/python"
    sofia = options.bin.resolve() / "sofia"
    need(sofia, "make build")
    need(python, "tools/setup --peers")
    tapes = Tapes(sofia, python, SMALL if options.small else FULL)
    tapes.folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(tapes, options.pairs or (1 if options.small else 5), options.large)
    results_file = tapes.folder / "results.json"
    results = json.loads(results_file.read_text()) if results_file.exists() else {}
    failed = 0
    for name in options.only or JOBS:
        begin = time.monotonic()
        print(f"{name}:", flush=True)
        try:
            rows = JOBS[name](bench)
        except BenchError as error:
            print(f"  failed: {error}", flush=True)
            failed += 1
            continue
        for row in rows:
            show(row, judged=not options.small)
        print(f"  ({time.monotonic() - begin:.0f} s)", flush=True)
        results[name] = {"date": datetime.now(timezone.utc).strftime("%Y-%m-%d"), "rows": [row.as_dict() for row in rows]}
        results_file.write_text(json.dumps(results, indent=1))
    out = options.out or (None if options.small else ROOT / "docs/benchmarks.md")
    if out and results:
        out.write_text(document(results, python, sofia))
        print(f"wrote {out}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
