"""The job `single`: one prediction at a time, from C++, from Python and over HTTP, beside LightGBM's own Python. Standard library only."""

from __future__ import annotations

import subprocess

from measure import ROOT, BenchError, Series, alone, alternate, number, ratio
from serve_job import free_port, running

COUNT = 100_000


def figures(series: Series) -> str:
    return f"p50 {number(series.median('p50_us'))}, p99 {series.spread('p99_us')} us"


def single(bench) -> list:
    from jobs import Row, verdict

    count = 1_000 if bench.small else COUNT
    folder = bench.scratch("single")
    for script, what in (("serve_peer.py", "fit"), ("single_peer.py", "rows")):
        subprocess.run([str(word) for word in bench.peer(script, what, folder)], cwd=ROOT, check=True)
    model = folder / "X/best_lgbm"
    peer = bench.peer("single_peer.py", "lightgbm", folder, max(count // 10, 1_000))
    cpp = [bench.bin / "single_bench", model, folder / "rows.csv", count]
    python = bench.peer("single_peer.py", "python", folder, count, bench.bin.parent / "python")
    port = free_port()
    server = [bench.tapes.sofia, "serve", "--model-dir", folder, "--port", port, "--quiet"]
    name = "one row, 200 trees x 63 leaves x 5 columns"
    rows, sums = [], set()
    for way, ours, target in (("C++, by names", cpp, 20), ("Python, a dict", python, 60)):
        first, second = alternate(ours, peer, bench.pairs, (way, "Booster.predict"))
        sums.update(value for series in (first, second) for value in series.values("sum"))
        rows.append(Row(f"{name}: {way}", figures(first), f"lightgbm.Booster.predict: {figures(second)}", str(ratio(first.values("p99_us"), second.values("p99_us"))),
                        f"p99 under {target} us", verdict(first.median("p99_us") < target), f"{first.rss_mb():.0f}", f"{second.rss_mb():.0f}",
                        f"{count:,} single calls a run, another row each; p99 of {bench.pairs} runs."))
    with running(server, port):
        http = alone(bench.peer("single_peer.py", "http", folder, max(count // 10, 1_000), port), bench.pairs, "HTTP")
    sums.update(http.values("sum"))
    rows.append(Row(f"{name}: HTTP, one connection that stays open", figures(http), "", "", "p99 under 1000 us", verdict(http.median("p99_us") < 1000), "", "",
                    "A Python client on a socket, on the same cores; reading its answer is inside the time."))
    if len(sums) != 1:
        raise BenchError(f"the ways to ask predict differently: {sums}")
    return rows
