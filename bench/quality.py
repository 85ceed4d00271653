#!/usr/bin/env python3
"""The tuner's quality beside Optuna's: plays both on quality_functions.py and writes docs/tuner.md.

    quality.py ours|optuna [--seeds N] [--only FUNCTION] [--bin FOLDER]    plays one side
    quality.py both                                                        plays both and writes the table
    quality.py table [--out docs/tuner.md]                                 writes the table of what has been played

Run by .venv-peers. Each seed is a study of 300 trials in memory with the default sampler, asked trial by trial; what it found after 100 trials is its
own beginning. Ours begins with the ten random trials that Optuna's begins with, so that the luck of the start does not count; where an objective costs
little, five of ours go on from each start, since ours take no time. Finished seeds are kept under build/bench/quality and not played again: ours by what
the tuner draws in a few small studies (a tuner that draws something else starts anew), Optuna's by its version, both by the text of the function. A play
can be stopped and started at any time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

from quality_functions import FUNCTIONS, Function
from quality_table import TRIALS, Found, document

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "build" / "bench" / "quality"
LONGEST = max(TRIALS)
STARTUP = 10  # random trials before TPE, of both
NEXT_STUDY = 1_000_000  # between the seeds of two studies of ours from one start


class Native:
    """Our tuner in a process of its own, driven line by line by quality_study; the trial that an objective is given."""

    def __init__(self, program: Path):
        self.process = subprocess.Popen([str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def say(self, line: str):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"quality_study ended at: {line}")
        return json.loads(answer)

    def suggest(self, name: str, kind: str, attributes: dict):
        return self.say(f"suggest {name} " + json.dumps({"name": kind + "Distribution", "attributes": attributes}))

    def suggest_float(self, name, low, high, step=None, log=False):
        return self.suggest(name, "Float", {"low": low, "high": high, "step": step, "log": log})

    def suggest_int(self, name, low, high, step=1, log=False):
        return self.suggest(name, "Int", {"low": low, "high": high, "step": step, "log": log})

    def suggest_categorical(self, name, choices):
        return self.suggest(name, "Categorical", {"choices": choices})

    def values(self, function: Function, seed: int, trials: int, start: list[dict]) -> list[float]:
        self.say(f"study {seed}")
        for params in start:
            self.say("enqueue " + json.dumps(params))
        out = []
        for _ in range(trials):
            self.say("ask")
            out.append(function.objective(self))
            self.say(f"tell {out[-1]!r}")
        return out

    def kept(self) -> str:
        """What a few small studies find: a name for how this tuner draws."""
        probes = [self.values(FUNCTIONS[name], seed, 60, []) for name in ("hartmann6", "mixed", "pipeline", "log_scales") for seed in (0, 1)]
        return "ours-shared-start-" + hashlib.sha256(repr(probes).encode()).hexdigest()[:12]


class Peer:
    """Optuna with its defaults."""

    def study(self, function: Function, seed: int, trials: int):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        study.optimize(function.objective, n_trials=trials)
        return study

    def values(self, function: Function, seed: int, trials: int, _start: list[dict]) -> list[float]:
        return [trial.value for trial in self.study(function, seed, trials).trials]

    def start(self, function: Function, seed: int) -> list[dict]:
        """The parameters of the random trials that it begins with."""
        return [trial.params for trial in self.study(function, seed, STARTUP).trials]

    def kept(self) -> str:
        import optuna

        return "optuna-" + optuna.__version__


def improvements(values: list[float]) -> list[list[float]]:
    """The trials that were better than all before, and their values."""
    out: list[list[float]] = []
    for number, value in enumerate(values):
        if not out or value < out[-1][1]:
            out.append([number, value])
    return out


def file_of(folder: str, function: Function) -> Path:
    return KEPT / folder / f"{function.name.replace(' ', '_')}-{function.fingerprint()}.jsonl"


def read(folder: str, function: Function) -> dict[tuple[int, int], list[list[float]]]:
    """(Seed, which of its studies) -> improvements. A line that was cut off is played again."""
    out = {}
    file = file_of(folder, function)
    for line in file.read_text().splitlines() if file.exists() else ():
        try:
            one = json.loads(line)
            out[one["seed"], one.get("study", 0)] = one["best"]
        except (json.JSONDecodeError, KeyError):
            continue
    return out


def play(player, peer: Peer, functions: list[Function], seeds: int | None) -> None:
    """Ten seeds of every function, then the next ten, so that a play that is stopped has something of each."""
    folder = player.kept()
    (KEPT / folder).mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    for first in range(0, max(seeds or one.seeds for one in functions), 10):
        for function in functions:
            have = read(folder, function)
            studies = 1 if player is peer else function.studies
            missing = [(s, k) for s in range(first, min(first + 10, seeds or function.seeds)) for k in range(studies) if (s, k) not in have]
            starts = {} if player is peer else {seed: peer.start(function, seed) for seed in {seed for seed, _ in missing}}
            for seed, study in missing:
                best = improvements(player.values(function, seed + study * NEXT_STUDY, LONGEST, starts.get(seed, [])))
                with file_of(folder, function).open("a") as out:
                    out.write(json.dumps({"seed": seed, "study": study, "best": best}) + "\n")
            if missing:
                print(f"{time.monotonic() - begin:6.0f} s {folder} {function.name}: seeds {missing[0][0]} to {missing[-1][0]}", flush=True)


def found(ours: str, peer: str) -> list[Found]:
    """Of every function, the seeds that are there on both sides, with as many studies of ours for each as all of them have."""
    out = []
    for function in FUNCTIONS.values():
        a, b = read(ours, function), read(peer, function)
        pairs = [s for s in range(function.seeds) if (s, 0) in a and (s, 0) in b]
        studies = [k for k in range(function.studies) if all((s, k) in a for s in pairs)]
        if pairs:
            out.append(Found(function.name, function.space, [[a[s, k] for k in studies] for s in pairs], [b[s, 0] for s in pairs], function.seeds, function.studies))
    return out


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("verb", choices=["ours", "optuna", "both", "table"])
    parser.add_argument("--seeds", type=int, help="fewer seeds than the functions ask for")
    parser.add_argument("--only", choices=list(FUNCTIONS), action="append", help="one function; may be given again")
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bin", help="folder of our programs")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/tuner.md")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    functions = [FUNCTIONS[name] for name in options.only or FUNCTIONS]
    peer = Peer()
    native = Native(options.bin / "quality_study") if options.verb != "optuna" else None
    if options.verb in ("ours", "both"):
        play(native, peer, functions, options.seeds)
    if options.verb in ("optuna", "both"):
        play(peer, peer, functions, options.seeds)
    if options.verb in ("ours", "optuna"):
        return 0
    both = found(native.kept(), peer.kept())
    if not both:
        sys.exit("quality: nothing has been played yet; quality.py both")
    options.out.write_text(document(both, peer.kept().replace("-", " ")))
    print(f"wrote {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
