"""The jobs of `make bench`: what runs, against what, and which rows of the table come of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from direction_job import direction
from measure import Series, alone, alternate, number, ratio, run
from serve_job import serve
from single_job import single
from tapes import Tapes
from touch_job import touch

# What bench/features_peer.py has no definition for: columns of trades and of the clock, and two indicators.
NOT_IN_PEER = "features.exclude=time.*,*.flow*,*.tick*,*.trade*,*.sma50_slope,*.efficiency20"
MICRO = 1e-6


@dataclass
class Row:
    """A row of the table, as text."""

    job: str
    ours: str
    peer: str = ""
    times: str = ""
    target: str = ""
    met: str = ""
    ours_mb: str = ""
    peer_mb: str = ""
    remark: str = ""

    def as_dict(self) -> dict:
        return asdict(self)


@dataclass
class Bench:
    """What a job is given."""

    tapes: Tapes
    pairs: int
    large: bool

    @property
    def bin(self) -> Path:
        return self.tapes.sofia.parent

    @property
    def small(self) -> bool:
        return self.tapes.sizes.name == "small"

    def peer(self, script: str, *arguments) -> list:
        return [self.tapes.python, f"bench/{script}", *arguments]

    def google(self, program: str, name: str) -> list:
        """A Google Benchmark of a room, one case."""
        return [self.bin / program, f"--benchmark_filter=^{name}(/|$)", "--benchmark_format=json"]

    def scratch(self, name: str) -> Path:
        folder = self.tapes.folder / "out" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


def verdict(met: bool) -> str:
    return "yes" if met else "NO"


def pair_row(job: str, ours: Series, peer: Series, target: float, remark: str, key: str = "seconds", unit: str = "s") -> Row:
    """Compares by `key`, of which less is better."""
    times = ratio(ours.values(key), peer.values(key))
    return Row(job, f"{ours.spread(key)} {unit}", f"{peer.name}: {peer.spread(key)} {unit}", str(times), f"{target:g} x faster",
               verdict(times.median >= target), f"{ours.rss_mb():.0f}", f"{peer.rss_mb():.0f}", remark)


def whole(peer: Series) -> str:
    return f"The peer's time leaves out Python's start and imports; its whole process took {number(peer.wall())} s."


def bars(bench: Bench) -> list[Row]:
    tapes = bench.tapes
    ours_out, peer_out = bench.scratch("bars_ours"), bench.scratch("bars_peer")
    ours = [tapes.sofia, "bars", "--data-dir", tapes.trades(), "--out", ours_out, "--timeframes", "1m,5m,15m,1h,4h"]
    peer = bench.peer("bars_peer.py", "make", tapes.trades() / "trades.csv", peer_out)
    run(ours)
    run(peer)
    run(bench.peer("bars_peer.py", "compare", ours_out, peer_out))
    first, second = alternate(ours, peer, bench.pairs, ("sofia bars", "polars"))
    row = pair_row(f"{tapes.sizes.trades:,} trades (CSV) to bars of 5 timeframes (Parquet)", first, second, 5.0, whole(second) + " Equal bars, checked first.")
    row.target += ", under 300 MB"
    row.met = verdict(row.met == "yes" and first.rss_mb() < 300)
    return [row] + (bars_tenfold(bench, first) if bench.large else [])


def bars_tenfold(bench: Bench, single: Series) -> list[Row]:
    out = bench.scratch("bars_tenfold")
    many = alone([bench.tapes.sofia, "bars", "--data-dir", bench.tapes.tenfold_trades(), "--out", out], 3, "sofia bars")
    times = many.median() / single.median()
    return [Row(f"{10 * bench.tapes.sizes.trades:,} trades to bars", f"{many.spread()} s", "ours, a tenth of the trades", f"1 / {number(times)}",
                "linear time, flat memory", verdict(times < 12 and many.rss_mb() < 300), f"{many.rss_mb():.0f}", f"{single.rss_mb():.0f}",
                "Met when ten times the trades take less than 12 times as long, under 300 MB.")]


def features(bench: Bench) -> list[Row]:
    tapes = bench.tapes
    ours_out, peer_out = bench.scratch("features") / "ours.parquet", bench.tapes.folder / "out" / "features" / "peer.parquet"
    ours = [tapes.sofia, "features", "--data-dir", tapes.minutes(), "--out", ours_out, "--set", NOT_IN_PEER]
    peer = bench.peer("features_peer.py", "file", tapes.minutes() / "bars.csv", peer_out)
    run(ours)
    run(peer)
    agreed = run(bench.peer("features_peer.py", "compare", ours_out, peer_out)).figures
    first, second = alternate(ours, peer, bench.pairs, ("sofia features", "polars + TA-Lib"))
    remark = f"{agreed['agree']} columns agree to 1e-6 wherever both are numbers, checked first. " + whole(second)
    rows = [pair_row(f"{tapes.sizes.minutes:,} minutes (CSV) to {agreed['columns']} columns (Parquet)", first, second, 2.0, remark)]
    size = "small" if bench.small else "large"
    ours = bench.google("features_bench", f"bars_to_row_groups/peer_columns/{size}")
    peer = bench.peer("features_peer.py", "memory", 2000 if bench.small else tapes.sizes.minutes)
    first, second = alternate(ours, peer, bench.pairs, ("features_bench", "polars + TA-Lib"))
    rows.append(pair_row("minutes in memory to 150 columns", first, second, 2.0, "Ours in groups of rows, on all cores; the peer as one table."))
    for row in rows:
        row.target += ", half the memory"
        row.met = verdict(row.met == "yes" and 2 * float(row.ours_mb) <= float(row.peer_mb))
    return rows


def stream(bench: Bench) -> list[Row]:
    ours = alone(bench.google("features_bench", "one_more_bar/" + ("small" if bench.small else "large")), bench.pairs, "features_bench")
    rows = []
    for name, key in (("one more minute through every feature column", "p"), ("the same when all 5 timeframes close", "five_close_p")):
        for run_ in ours.runs:
            for percentile in ("50", "99"):
                run_.figures[f"{key}{percentile}_us"] = run_.figures[f"{key}{percentile}_ns"] / 1000
        rows.append(Row(name, f"p50 {number(ours.median(key + '50_us'))} us, p99 {ours.spread(key + '99_us')} us", "", "", "p99 under 5 us",
                        verdict(ours.median(key + "99_us") < 5), f"{ours.rss_mb():.0f}", "", f"Percentiles of single steps; p99 of {bench.pairs} runs."))
    return rows


def per_event(series: Series) -> Series:
    for one in series.runs:
        one.figures["ns_per_event"] = 1e9 * one.figures["seconds"] / one.figures["events"]
    return series


def replay(bench: Bench) -> list[Row]:
    tapes = bench.tapes
    ours = [bench.bin / "replay_bench", "configs/touch.yaml"] + ([] if bench.small else [tapes.trades()])
    rows = []
    peers = (("hftbacktest", 1.0, bench.peer("hftbacktest_peer.py", "run", tapes.hftbacktest_events())),
             ("nautilus_trader", 100.0, bench.peer("nautilus_peer.py", tapes.trades() / "trades.csv", tapes.sizes.ticks)))
    for name, target, command in peers:
        first, second = (per_event(one) for one in alternate(ours, command, bench.pairs, ("replay_bench", name)))
        a, b = first.runs[0].figures, second.runs[0].figures
        remark = (f"Ours {1000 / first.median('ns_per_event'):.1f} M events/s ({a['columns']} columns, {a['trees']} trees, {a['signals']} signals, "
                  f"{a['trades']} trades); the peer {1000 / second.median('ns_per_event'):.3g} M events/s over {b['events']:,} events ({b['trades']} fills).")
        rows.append(pair_row(f"touch strategy over {a['events']:,} trade events", first, second, target, remark, "ns_per_event", "ns/event"))
    return rows


def predict(bench: Bench) -> list[Row]:
    size = "small" if bench.small else "large"
    first, second = alternate(bench.google("models_bench", f"flat_trees/{size}/manual_time"), bench.google("models_bench", f"lightgbm_fast/{size}/manual_time"),
                              bench.pairs, ("FlatTrees", "LightGBM's fast C call"))
    for one in first.runs + second.runs:
        one.figures["us"] = one.figures["seconds"] / MICRO
    remark = (f"Another row each call. p50 {number(first.median('p50_us'))} against {number(second.median('p50_us'))} us, "
              f"p99 {number(first.median('p99_us'))} against {number(second.median('p99_us'))} us, the clock's own time included.")
    return [pair_row("one row through 300 trees x 63 leaves x 40 columns", first, second, 1.0, remark, "us", "us")]


def study(bench: Bench) -> list[Row]:
    """What the tuner itself costs a trial: TPE over 8 floats, the objective costs nothing."""
    folder = bench.scratch("study")
    program, small, many, opened = bench.bin / "study_bench", *((50, 200, 2_000) if bench.small else (500, 10_000, 100_000))

    def on_file(name: str, command: list) -> list:
        """Each run begins without the file; FILE in the command stands for it."""
        file = str(folder / name)
        return ["bash", "-c", 'rm -f "$0"*; exec "$@"', file, *(file if part == "FILE" else part for part in command)]

    rows = []
    first, second = alternate([program, "run", "memory", small], bench.peer("study_peer.py", "rustuna", small), bench.pairs, ("study_bench", "rustuna"))
    rows.append(pair_row(f"{small} trials in memory, ms a trial", first, second, 1.0, "Its defaults, seeded; Python's start left out.", "ms", "ms"))
    optuna = bench.peer("study_peer.py", "optuna", small)
    first, second = alternate([program, "run", "memory", small], optuna, max(1, bench.pairs - 2), ("study_bench", "Optuna"))
    rows.append(pair_row(f"{small} trials in memory, ms a trial", first, second, 1.0, "", "ms", "ms"))
    first, second = alternate(on_file("ours.db", [program, "run", "FILE", small]), on_file("optuna.db", [*optuna, "FILE"]), max(1, bench.pairs - 3),
                              ("study_bench", "Optuna"))
    rows.append(pair_row(f"{small} trials on SQLite, ms a trial", first, second, 30.0,
                         "Ours with a write-ahead log and synchronous=FULL, parameters visible before the objective returns.", "ms", "ms"))
    for where, command in (("memory", [program, "run", "memory", many]), ("SQLite", on_file("many.db", [program, "run", "FILE", many]))):
        long = Series("study_bench", [run(command)])
        mean, last, grown = long.median("ms"), long.median("last_ms"), long.median("bytes_a_trial")
        rows.append(Row(f"{many:,} trials in {where}", f"mean {number(mean)} ms, last hundredth {number(last)} ms, {grown:.0f} bytes a trial", "", "",
                        "mean 2 ms, last 5 ms, 2 KB a trial", verdict(mean <= 2 and last <= 5 and grown <= 2048), f"{long.rss_mb():.0f}", "",
                        "The whole history counts for every trial."))
    run(on_file("full.db", [program, "fill", "FILE", opened]))
    reading = alone([program, "open", folder / "full.db"], bench.pairs, "study_bench")
    rows.append(Row(f"{opened:,} finished trials opened from SQLite", f"{reading.spread()} s", "", "", "under 2 s", verdict(reading.median() < 2),
                    f"{reading.rss_mb():.0f}", "", ""))
    return rows


JOBS: dict[str, Callable[[Bench], list[Row]]] = {"bars": bars, "features": features, "stream": stream, "replay": replay, "predict": predict, "single": single,
                                                     "study": study, "touch": touch, "direction": direction, "serve": serve}
