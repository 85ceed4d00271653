"""Where a study's parameters come from: Optuna's names and options, as far as the C++ samplers have them (docs/tuner.md).

Trial number n draws from the seed's stream split by n, so a study is the same whoever runs it, Python or the command, in how many threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._load import core
from ._pickled import ByArguments
from .distributions import choice


class BaseSampler(ByArguments):
    """A sampler's options. Any number of studies may be made with the same one."""

    def __init__(self, made: Any, seed: int | None, **options: Any) -> None:
        self._core = made
        self.seed = seed
        self._options = options

    def __repr__(self) -> str:
        options = {**self._options, "seed": self.seed}
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in options.items())})"


class RandomSampler(BaseSampler):
    """Each parameter by itself, evenly over its range."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(core.random_sampler(), seed)


class TPESampler(BaseSampler):
    """The tree-structured Parzen estimator of Optuna 5.0, for one objective."""

    def __init__(
        self,
        *,
        n_startup_trials: int = 10,
        n_ei_candidates: int = 24,
        multivariate: bool = True,
        constant_liar: bool = True,
        seed: int | None = None,
    ) -> None:
        super().__init__(
            core.tpe_sampler(n_startup_trials, n_ei_candidates, multivariate, constant_liar),
            seed,
            n_startup_trials=n_startup_trials,
            n_ei_candidates=n_ei_candidates,
            multivariate=multivariate,
            constant_liar=constant_liar,
        )


class CmaEsSampler(BaseSampler):
    """CMA-ES over the numeric parameters, for one objective. ``popsize`` None: 4 + floor(3 ln n) for n parameters."""

    def __init__(self, *, n_startup_trials: int = 1, popsize: int | None = None, seed: int | None = None) -> None:
        super().__init__(core.cmaes_sampler(n_startup_trials, popsize or 0), seed, n_startup_trials=n_startup_trials, popsize=popsize)


class NSGAIISampler(BaseSampler):
    """The genetic algorithm NSGA-II, for any number of objectives."""

    def __init__(
        self,
        *,
        population_size: int = 50,
        mutation_prob: float | None = None,
        crossover_prob: float = 0.9,
        swapping_prob: float = 0.5,
        seed: int | None = None,
    ) -> None:
        super().__init__(
            core.nsga2_sampler(population_size, mutation_prob, crossover_prob, swapping_prob),
            seed,
            population_size=population_size,
            mutation_prob=mutation_prob,
            crossover_prob=crossover_prob,
            swapping_prob=swapping_prob,
        )


class QMCSampler(BaseSampler):
    """Sobol points, scrambled by a random linear map and a digital shift where ``scramble`` is set."""

    def __init__(self, *, scramble: bool = False, seed: int | None = None) -> None:
        super().__init__(core.qmc_sampler(scramble), seed, scramble=scramble)


class GridSampler(BaseSampler):
    """Every combination of the values once, in an order shuffled by the seed; then the study is exhausted and `Study.optimize` ends."""

    def __init__(self, search_space: Mapping[str, Sequence[Any]], seed: int | None = None) -> None:
        values = {name: [choice(one) for one in choices] for name, choices in search_space.items()}
        super().__init__(core.grid_sampler(values, seed or 0), seed, search_space=values)


__all__: Sequence[str] = ["BaseSampler", "RandomSampler", "TPESampler", "CmaEsSampler", "NSGAIISampler", "QMCSampler", "GridSampler"]
