"""What the jobs `touch` and `direction` share: a study of ours as a process, and studies of both sides in turn. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from measure import BenchError, Run, Series, run

# Both sides leave two cores to two workers of one LightGBM thread each; threads that wait must not spin beside them.
ENVIRONMENT = {"OMP_WAIT_POLICY": "passive"}
WORKERS = 2


def tune(sofia: Path, data: Path, models: Path, study: str, trials: int, seed: int, *words) -> Run:
    """One study of ours, configured by `words`; its figures are those of `--json` and what the peers call them."""
    told = models / f"{study}.json"
    command = [sofia, "tune", "--data-dir", data, "--model-dir", models, "--study", study, "--trials", trials, "--workers", WORKERS, "--threads", WORKERS,
               "--seed", seed, "--json", "--quiet", *words]
    done = run(["bash", "-c", 'exec "${@:2}" > "$1"', "-", told, *command], ENVIRONMENT)
    figures = json.loads(told.read_text())
    if figures["complete"] != trials:
        raise BenchError(f"{figures['complete']} of {trials} trials of {study} are complete")
    time = figures["time"]
    fit = time["seconds"]["fit"]
    done.figures = {**figures, "seconds": time["wall_seconds"], "fit_seconds": fit, "rest_seconds": time["workers"] * time["wall_seconds"] - fit,
                    "best": figures["best_value"]}
    return done


def in_turn(pairs: int, folder: Path, name: str, ours_of: Callable[[int], Run], peer_of: Callable[[int, Path], list]) -> tuple[Series, Series]:
    """`pairs` studies of ours and of the peer `name`, whose command gets an empty folder for its journal. Seeds are the pair's number from 1; the order turns
    around from pair to pair. Adds "wall_over_fit": the workers' wall time over their time inside LightGBM's training."""
    ours, theirs = Series("sofia tune"), Series(name)
    for pair in range(pairs):
        journal = folder / f"journal{pair}"
        journal.mkdir()
        sides = [lambda pair=pair: ours.runs.append(ours_of(pair + 1)),
                 lambda pair=pair, journal=journal: theirs.runs.append(run(peer_of(pair + 1, journal), ENVIRONMENT))]
        for side in sides if pair % 2 == 0 else sides[::-1]:
            side()
    for series in (ours, theirs):
        for one in series.runs:
            one.figures["wall_over_fit"] = WORKERS * one.figures["seconds"] / one.figures["fit_seconds"]
    return ours, theirs
