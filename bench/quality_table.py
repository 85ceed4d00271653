"""How two searches compare: the probability that ours found better, with its interval, and the page docs/tuner.md. Standard library only."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

TRIALS = (100, 300)
Z95 = 1.959963984540054
AT_LEAST, POOLED_AT_LEAST, LEVEL = 0.42, 0.47, 0.05

INTRODUCTION = """Written by `make bench` (`bench/quality.py`); run it again to change this page.

Each row is one function, searched by our tuner and by {peer}, both with their default sampler (TPE) in seeded studies in memory. Both begin with the
same ten random trials, those of Optuna's seed, so that the luck of the start does not count (that ours are as random is tested apart). From each start
goes on one study of Optuna's and, on the functions that cost nothing, five of ours: they take no time and take most of our own luck out of the comparison. The objective is the same Python code for both (`bench/quality_functions.py`), asked trial by trial as an objective that suggests as it
goes; LightGBM is fitted on made data, its search spaces are what people search. A study has 300 trials; what it found after 100 is its own beginning.

- **best**: the smallest value after that many trials; **area**: the mean of the smallest value so far over these trials, which rewards finding soon.
- **P**: the probability that a study of ours found less than one of Optuna's, ties count half (the Mann-Whitney statistic over all pairs of
  studies), with its 95 % interval (DeLong, DeLong, Clarke-Pearson 1988, in clusters of one start: Obuchowski 1997). 0.5 is as good as Optuna, more is better.
- **all**: the mean of the rows, weighted by their starts.
- Wanted: every P at least {at_least}, the lower bound of all at least {pooled}, no P below 0.5 with significance (one-sided, 5 % after Holm's correction
  over the rows of its column)."""


@dataclass
class Found:
    """The improvements ([trial, value], ...) of every study of one function: for each start those of ours and the one of the peer."""

    name: str
    space: str
    ours: list[list]
    peer: list
    wanted: int = 0  # starts
    studies: int = 1  # of ours for each


@dataclass
class Probability:
    p: float
    variance: float

    def interval(self) -> tuple[float, float]:
        half = Z95 * math.sqrt(self.variance)
        return max(0.0, self.p - half), min(1.0, self.p + half)

    def worse(self) -> float:
        """The one-sided p-value of "not below 0.5"."""
        if self.variance == 0:
            return 1.0 if self.p >= 0.5 else 0.0
        return 0.5 * math.erfc((0.5 - self.p) / math.sqrt(2 * self.variance))

    def __str__(self) -> str:
        low, high = self.interval()
        return f"{self.p:.2f} ({low:.2f} to {high:.2f})"


def best(improvements: list, trials: int) -> float:
    return [value for number, value in improvements if number < trials][-1]


def area(improvements: list, trials: int) -> float:
    """The mean of the smallest value so far."""
    steps = [(number, value) for number, value in improvements if number < trials]
    ends = [number for number, _ in steps[1:]] + [trials]
    return sum(value * (end - number) for (number, value), end in zip(steps, ends)) / trials


def smaller(ours: list[list[float]], peer: list[float]) -> Probability:
    """P(one of ours is smaller than one of the peer's), ties half, and its variance. ours[i] and peer[i] have one start, and as many of ours have each."""

    def above(ordered: list[float], x: float) -> float:
        """The part of an ascending list above x."""
        n = len(ordered)
        return (n - bisect_right(ordered, x) + 0.5 * (bisect_right(ordered, x) - bisect_left(ordered, x))) / n

    ordered_ours, ordered_peer = sorted(x for start in ours for x in start), sorted(peer)
    of_ours = [sum(above(ordered_peer, x) for x in start) / len(start) for start in ours]
    of_peer = [above(ordered_ours, x) for x in peer]
    # What the two placements of one start have in common cancels out; the starts are independent.
    difference = [a - b for a, b in zip(of_ours, of_peer, strict=True)]
    n, mean = len(difference), sum(difference) / len(difference)
    variance = sum((d - mean) ** 2 for d in difference) / (n - 1) / n if n > 1 else 0.25
    return Probability(sum(of_ours) / n, variance)


def pooled(of: list[Probability], weights: list[int]) -> Probability:
    total = sum(weights)
    return Probability(sum(w * one.p for w, one in zip(weights, of)) / total, sum((w / total) ** 2 * one.variance for w, one in zip(weights, of)))


def holm(p_values: list[float], level: float) -> list[bool]:
    """Which hypotheses are rejected (Holm 1979)."""
    rejected = [False] * len(p_values)
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] > level / (len(p_values) - rank):
            break
        rejected[index] = True
    return rejected


def median(values: list[float]) -> float:
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(ordered) % 2 else 0.5 * (ordered[half - 1] + ordered[half])


def columns(both: list[Found]) -> dict[tuple[str, int], list[Probability]]:
    return {
        (name, trials): [smaller([[measure(one, trials) for one in start] for start in f.ours], [measure(one, trials) for one in f.peer]) for f in both]
        for trials in TRIALS
        for name, measure in (("best", best), ("area", area))
    }


def verdicts(both: list[Found], of: dict[tuple[str, int], list[Probability]]) -> list[str]:
    """What was wanted, and whether it came."""
    weights = [len(f.peer) for f in both]
    lowest = min((one.p, f"{f.name}, {kind} of {trials}") for (kind, trials), column in of.items() for f, one in zip(both, column))
    bounds = [(pooled(column, weights).interval()[0], f"{kind} of {trials}") for (kind, trials), column in of.items()]
    worse = [f"{f.name} ({kind} of {trials})" for (kind, trials), column in of.items()
             for f, bad in zip(both, holm([one.worse() for one in column], LEVEL)) if bad]
    return [
        f"- every P at least {AT_LEAST}: {'yes' if lowest[0] >= AT_LEAST else 'NO'}, the lowest is {lowest[0]:.3f} ({lowest[1]})",
        f"- the lower bound of all at least {POOLED_AT_LEAST}: {'yes' if min(bounds)[0] >= POOLED_AT_LEAST else 'NO'}, "
        f"the lowest is {min(bounds)[0]:.3f} ({min(bounds)[1]})",
        "- none significantly worse: " + ("yes" if not worse else "NO: " + ", ".join(worse)),
    ]


def unfinished(both: list[Found]) -> list[str]:
    missing = sum(f.wanted - len(f.peer) + f.wanted * f.studies - sum(map(len, f.ours)) for f in both)
    if not missing:
        return []
    return [f"**Not finished**: {missing} of {sum(f.wanted * (1 + f.studies) for f in both)} studies have not been played yet, so the intervals are wider than "
            "they will be; `make bench` plays the rest.", ""]


def document(both: list[Found], peer: str) -> str:
    """docs/tuner.md."""
    of = columns(both)
    weights = [len(f.peer) for f in both]
    heads = [f"P, {kind} of {trials}" for kind, trials in of]
    lines = ["# The tuner beside Optuna", "", INTRODUCTION.format(peer=peer.capitalize(), at_least=AT_LEAST, pooled=POOLED_AT_LEAST), "", "## Result", "",
             *verdicts(both, of), "", *unfinished(both), "| function | studies: ours, Optuna | " + " | ".join(heads) + " |", "|---" * (2 + len(heads)) + "|"]
    for row, f in enumerate(both):
        lines.append(f"| {f.name} | {sum(map(len, f.ours))}, {len(f.peer)} | " + " | ".join(str(column[row]) for column in of.values()) + " |")
    lines.append(f"| **all** | {sum(len(start) for f in both for start in f.ours)}, {sum(weights)} | " + " | ".join(f"**{pooled(c, weights)}**" for c in of.values()) + " |")
    lines += ["", "## What was found", "", "Medians over the studies, ours / Optuna's.", "", "| function | parameters | "
              + " | ".join(f"{kind} of {trials}" for kind, trials in of) + " |", "|---" * (2 + len(heads)) + "|"]
    for f in both:
        cells = []
        for kind, trials in of:
            measure = best if kind == "best" else area
            cells.append(" / ".join(f"{median([measure(one, trials) for one in side]):.4g}" for side in (sum(f.ours, []), f.peer)))
        lines.append(f"| {f.name} | {f.space} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
