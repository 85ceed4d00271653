"""The job `direction`: `sofia tune` on ninety days of simulated minutes with a planted direction beside bench/direction_peer.py. Standard library only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from measure import BenchError, Run, Series, number, ratio, run

# Both sides leave two cores to two workers of one LightGBM thread each; threads that wait must not spin beside them.
ENVIRONMENT = {"OMP_WAIT_POLICY": "passive"}
WORKERS = 2


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


def tune(sofia: Path, data: Path, models: Path, study: str, trials: int, seed: int) -> Run:
    """One study of ours; its figures are those of `--json` and what the peer's are called."""
    told = models / f"{study}.json"
    words = [sofia, "tune", "--config", "configs/direction.yaml", "--data-dir", data, "--model-dir", models, "--study", study, "--trials", trials,
             "--workers", WORKERS, "--threads", WORKERS, "--seed", seed, "--json", "--quiet"]
    done = run(["bash", "-c", 'exec "${@:2}" > "$1"', "-", told, *words], ENVIRONMENT)
    figures = json.loads(told.read_text())
    if figures["complete"] != trials:
        raise BenchError(f"{figures['complete']} of {trials} trials of {study} are complete")
    time = figures["time"]
    done.figures = {**figures, "seconds": time["wall_seconds"], "fit_seconds": time["seconds"]["fit"], "best": figures["best_value"]}
    return done


def direction(bench) -> list:
    """Rows of the table: wall time, wall over fit, the best log loss."""
    from jobs import Row, verdict
    tapes = bench.tapes
    size = SMALL if bench.small else FULL
    data = minutes(tapes.sofia, tapes.folder, size)
    folder = bench.scratch("direction")
    ours, theirs = Series("sofia tune"), Series("pandas + LightGBM + Optuna")
    for pair in range(size.pairs):
        journal = folder / f"journal{pair}"
        journal.mkdir()
        peer = bench.peer("direction_peer.py", data / "bars.csv", journal, size.trials, WORKERS, pair + 1)
        sides = [lambda pair=pair: ours.runs.append(tune(tapes.sofia, data, folder, f"ours{pair}", size.trials, pair + 1)),
                 lambda peer=peer: theirs.runs.append(run(peer, ENVIRONMENT))]
        for side in sides if pair % 2 == 0 else sides[::-1]:
            side()
    for series in (ours, theirs):
        for one in series.runs:
            one.figures["wall_over_fit"] = WORKERS * one.figures["seconds"] / one.figures["fit_seconds"]
    name = f"{size.trials} trials of the direction strategy, {size.days * 1440:,} minutes"
    times = ratio(ours.values("seconds"), theirs.values("seconds"))
    mb, peer_mb = f"{ours.rss_mb():.0f}", f"{theirs.rss_mb():.0f}"
    worst = min(b - a for a, b in zip(ours.values("best"), theirs.values("best"), strict=True))
    train, judged = theirs.runs[0].figures["rows"]
    return [
        Row(f"{name}: wall time", f"{ours.spread('seconds')} s", f"{theirs.name}: {theirs.spread('seconds')} s", str(times),
            "1.1 x faster, under 30 minutes", verdict(times.median >= 1.1 and ours.median("seconds") < 1800), mb, peer_mb,
            f"{size.pairs} pairs, seeds 1 to {size.pairs}; {WORKERS} workers of one thread, {train:,} rows to train on, {judged:,} to stop and score by. How long "
            f"fits take follows from what the sampler asks for: per second inside LightGBM see the next row. The peer bins once a worker."),
        Row(f"{name}: wall / time in LightGBM's training", ours.spread("wall_over_fit"), f"{theirs.name}: {theirs.spread('wall_over_fit')}", "",
            "at most 1.05", verdict(ours.median("wall_over_fit") <= 1.05), mb, peer_mb, f"{WORKERS} workers x wall time over the workers' time in training."),
        Row(f"{name}: best log loss on validation", ours.spread("best"), f"{theirs.name}: {theirs.spread('best')}", "", "no worse, within 0.0005",
            verdict(worst >= -0.0005), mb, peer_mb, f"Both with TPE after 10 random trials; ours {number(ours.median('best'))}. Each pair counts."),
    ]
