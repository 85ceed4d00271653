"""The job `direction`: `sofia tune` on ninety days of simulated minutes with a planted direction beside bench/direction_peer.py. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from measure import number, ratio, run
from tuning import WORKERS, in_turn, tune

@dataclass
class Size:
    days: int
    trials: int
    pairs: int


FULL = Size(90, 200, 2)
SMALL = Size(35, 8, 1)


def minutes(sofia: Path, folder: Path, size: Size) -> Path:
    """A folder of simulated minutes whose direction can be known to 70.0 %."""
    data = folder / f"DIRECTION{size.days}"
    if not (data / "instrument.yaml").exists():
        run([sofia, "data", "simulate", "--out", folder, "--symbol", data.name, "--days", size.days, "--planted", "direction", "--edge", 0.6, "--seed", 7])
    return data


def direction(bench) -> list:
    """Rows of the table: wall time, wall over fit, the best log loss."""
    from jobs import Row, verdict
    tapes = bench.tapes
    size = SMALL if bench.small else FULL
    pairs = min(size.pairs, bench.pairs)
    data = minutes(tapes.sofia, tapes.folder, size)
    folder = bench.scratch("direction")
    ours, theirs = in_turn(
        pairs, folder, "pandas + LightGBM + Optuna",
        lambda seed: tune(tapes.sofia, data, folder, f"ours{seed}", size.trials, seed, "--config", "configs/direction.yaml"),
        lambda seed, journal: bench.peer("direction_peer.py", data / "bars.csv", journal, size.trials, WORKERS, seed))
    name = f"{size.trials} trials of the direction strategy, {size.days * 1440:,} minutes"
    times = ratio(ours.values("seconds"), theirs.values("seconds"))
    mb, peer_mb = f"{ours.rss_mb():.0f}", f"{theirs.rss_mb():.0f}"
    worst = min(b - a for a, b in zip(ours.values("best"), theirs.values("best"), strict=True))
    train, judged = theirs.runs[0].figures["rows"]
    return [
        Row(f"{name}: wall time", f"{ours.spread('seconds')} s", f"{theirs.name}: {theirs.spread('seconds')} s", str(times),
            "1.1 x faster, under 30 minutes", verdict(times.median >= 1.1 and ours.median("seconds") < 1800), mb, peer_mb,
            f"{pairs} {'pair, seed 1' if pairs == 1 else f'pairs, seeds 1 to {pairs}'}; {WORKERS} workers of one thread, {train:,} rows to train on, {judged:,} to stop and score by. How long "
            f"fits take follows from what the sampler asks for: per second inside LightGBM see the next row. The peer bins once a worker."),
        Row(f"{name}: wall / time in LightGBM's training", ours.spread("wall_over_fit"), f"{theirs.name}: {theirs.spread('wall_over_fit')}", "",
            "at most 1.05", verdict(ours.median("wall_over_fit") <= 1.05), mb, peer_mb, f"{WORKERS} workers x wall time over the workers' time in training."),
        Row(f"{name}: best log loss on validation", ours.spread("best"), f"{theirs.name}: {theirs.spread('best')}", "", "no worse, within 0.0005",
            verdict(worst >= -0.0005), mb, peer_mb, f"Both with TPE after 10 random trials; ours {number(ours.median('best'))}. Each pair counts."),
    ]
