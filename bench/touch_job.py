#!/usr/bin/env python3
"""The job `touch`: `sofia tune` on a year of simulated minutes beside bench/touch_peer.py.

    touch_job.py SOFIA    ours alone and small, for `make test`: that it runs, says where its time went and made once what trials share

Standard library only.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measure import Run, number, ratio, run
from touch_settings import SETTINGS, sets
from tuning import WORKERS, in_turn, tune

STAGES = ("features", "labels", "datasets", "fit", "models", "decide", "storage", "other", "waiting")


@dataclass
class Size:
    days: int
    trades: int
    trials: int
    pairs: int


FULL = Size(365, 6_000_000, 200, 2)
SMALL = Size(70, 1_150_000, 8, 1)
CHECKED = Size(70, 1_150_000, 6, 1)  # what both sides are compared on before


def minutes(sofia: Path, folder: Path, size: Size) -> Path:
    """A folder of simulated minutes with the planted edge of touches, as Parquet, with its instrument."""
    name = f"TOUCH{size.days}"
    bars = folder / name
    if not (bars / "instrument.yaml").exists():
        raw = folder / f"{name}TRADES"
        run([sofia, "data", "simulate", "--out", folder, "--symbol", raw.name, "--days", size.days, "--trades", size.trades, "--seed", 7, "--edge", 1])
        run([sofia, "bars", "--data-dir", raw, "--out", bars, "--timeframes", "1m"])
        (bars / "instrument.yaml").write_bytes((raw / "instrument.yaml").read_bytes())
        (raw / "trades.csv").unlink()
    return bars


def stages_of(runs: list[Run]) -> str:
    """Where ours spent its time: medians are not sums, so the first run's."""
    shares = runs[0].figures["time"]["share"]
    return ", ".join(f"{name} {100 * shares[name]:.1f} %" for name in STAGES)


def compare(bench, data: Path) -> str:
    """Both sides judge the same trials on the same feature rows. Error: BenchError where a fold differs."""
    sofia, folder = bench.tapes.sofia, bench.scratch("touch_check")
    features = folder / "features.parquet"
    run([sofia, "features", "--data-dir", data, "--out", features, "--set", f"features.exclude={SETTINGS['features.exclude']}"])
    tune(sofia, data, folder, "checked", CHECKED.trials, 1, *sets())
    agreed = run(bench.peer("touch_peer.py", "check", data / "bars_1m.parquet", features, *sorted(folder.glob("checked/tuning_summary_*.json")))).figures
    return f"{agreed['folds']} folds of {agreed['trials']} trials on equal feature rows: equal labels, trades and net R, checked first."


def touch(bench) -> list:
    """Rows of the table: what is not fitting, wall over fit, the best score."""
    from jobs import Row, verdict
    tapes = bench.tapes
    size = SMALL if bench.small else FULL
    remark = compare(bench, minutes(tapes.sofia, tapes.folder, CHECKED))
    data = minutes(tapes.sofia, tapes.folder, size)
    folder = bench.scratch("touch")
    ours, theirs = in_turn(
        size.pairs, folder, "polars + LightGBM + Optuna",
        lambda seed: tune(tapes.sofia, data, folder, f"ours{seed}", size.trials, seed, *sets()),
        lambda seed, journal: bench.peer("touch_peer.py", "run", data / "bars_1m.parquet", journal, size.trials, WORKERS, seed))
    name = f"{size.trials} trials of the touch strategy, {size.days * 1440:,} minutes"
    times = ratio(ours.values("rest_seconds"), theirs.values("rest_seconds"))
    mb, peer_mb = f"{ours.rss_mb():.0f}", f"{theirs.rss_mb():.0f}"
    peer_stages = ", ".join(f"{stage} {number(seconds)} s" for stage, seconds in theirs.runs[0].figures["stages"].items())
    wall = ours.median("wall_over_fit")
    worst = min(a - b for a, b in zip(ours.values("best"), theirs.values("best"), strict=True))
    return [
        Row(f"{name}: all that is not fitting", f"{ours.spread('rest_seconds')} s", f"{theirs.name}: {theirs.spread('rest_seconds')} s", str(times),
            "5 x faster, under 2 GB", verdict(times.median >= 5 and ours.rss_mb() < 2000), mb, peer_mb,
            f"{WORKERS} workers x wall time less the time inside LightGBM's training calls; {size.pairs} pairs, seeds 1 to {size.pairs}; 8 folds, at most "
            f"{SETTINGS['model.rounds']} rounds, stopped after {SETTINGS['model.early_stopping_rounds']} without gain; entry model and expected value "
            f"gate, trend and regime gates off; {theirs.runs[0].figures['columns']} columns, {theirs.runs[0].figures['touches']} touches. {remark} Ours writes "
            f"a summary for each trial too. Ours: {stages_of(ours.runs)} of {WORKERS} x {number(ours.runs[0].figures['seconds'])} s. The peer: {peer_stages} of "
            f"{WORKERS} x {number(theirs.runs[0].figures['seconds'])} s; its MB are of its largest process."),
        Row(f"{name}: wall / time in LightGBM's training", ours.spread("wall_over_fit"), f"{theirs.name}: {theirs.spread('wall_over_fit')}", "",
            "at most 1.15", verdict(wall <= 1.15), mb, peer_mb, f"{WORKERS} workers x wall time over the workers' time in training calls."),
        Row(f"{name}: best robust score, R a trade", ours.spread("best"), f"{theirs.name}: {theirs.spread('best')}", "", "no worse, within 0.01",
            verdict(worst >= -0.01), mb, peer_mb, "Both with TPE after 10 random trials; scores within score.tie_tolerance count as equal. Each pair counts."),
    ]


def main(sofia: Path) -> int:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        done = tune(sofia, minutes(sofia, folder, SMALL), folder, "small", SMALL.trials, 1, *sets())
    figures = done.figures
    cache = figures["cache"]
    fits = cache["datasets"]["made"] + cache["datasets"]["reused"]
    sound = (cache["touches"]["made"] == 1 and cache["labels"]["made"] == SMALL.trials and fits > 0
             and cache["datasets"]["made"] <= WORKERS * 4 * int(SETTINGS["split.folds"]) and figures["time"]["wall_over_fit"] >= 1)
    print(f"{SMALL.trials} trials in {number(figures['seconds'])} s: {stages_of([done])}; {cache['datasets']['made']} of {fits} binned")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
