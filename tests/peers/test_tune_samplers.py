"""Our samplers' parts against scipy, the `cmaes` package and Optuna: points, updates, ranks, splits, grid orders, and studies both continue.

Runs `sampler_dump`, found in SOFIA_BIN_DIR or build/release/bin.
"""

import json
import math
import subprocess
import warnings

import numpy as np
import pytest

from binaries import BIN

optuna = pytest.importorskip("optuna", reason="Optuna is not installed in this environment (tools/setup)")

from optuna.samplers import GridSampler, NSGAIISampler, TPESampler  # noqa: E402
from optuna.samplers._tpe.sampler import _split_trials  # noqa: E402
from optuna.samplers.nsgaii import _elite_population_selection_strategy as elites  # noqa: E402
from optuna.study._multi_objective import _fast_non_domination_rank  # noqa: E402
from optuna.trial import TrialState, create_trial  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.ERROR)

DUMP = BIN / "sampler_dump"


def dump(*arguments, given=None):
    text = None if given is None else json.dumps(given)
    done = subprocess.run([DUMP, *map(str, arguments)], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout else None


# ------------------------------------------------------------------------------------------------------------------------------- points


@pytest.mark.parametrize("dimensions", [1, 2, 7, 64, 128])
def test_sobol_points_are_scipys(dimensions):
    from scipy.stats import qmc

    expected = qmc.Sobol(dimensions, scramble=False).random(1024)
    np.testing.assert_array_equal(np.array(dump("sobol", dimensions, 1024)), expected)


@pytest.mark.parametrize("n, population", [(1, 0), (2, 0), (5, 0), (5, 30), (12, 0)])
def test_a_cma_update_is_that_of_the_cmaes_package(n, population):
    cmaes = pytest.importorskip("cmaes", reason="the package cmaes is not installed in this environment (tools/setup)")
    rng = np.random.default_rng(n + population)
    theirs = cmaes.CMA(mean=np.full(n, 0.5), sigma=1 / 6, bounds=np.array([[0.0, 1.0]] * n), seed=1, population_size=population or None)
    generations, states = [], []
    for _ in range(25):
        points = sorted((rng.uniform(size=n) for _ in range(theirs.population_size)), key=lambda x: float(np.sum((x - 0.3) ** 2 * np.arange(1, n + 1))))
        generations.append([p.tolist() for p in points])
        theirs.tell([(p, float(i)) for i, p in enumerate(points)])
        theirs._eigen_decomposition()  # makes the covariance symmetric, as we do at once
        states.append((theirs._mean.copy(), theirs._sigma, theirs._C.copy()))
    ours = dump("cma", given={"n": n, "population": population, "generations": generations})
    for mine, (mean, sigma, covariance) in zip(ours, states, strict=True):
        np.testing.assert_allclose(mine["mean"], mean, rtol=1e-9, atol=1e-12)
        assert math.isclose(mine["sigma"], sigma, rel_tol=1e-9)
        np.testing.assert_allclose(np.array(mine["covariance"]).reshape(n, n), covariance, rtol=1e-7, atol=1e-9)


# ---------------------------------------------------------------------------------------------------------------------- several objectives


def population(rng, objectives, size, constrained):
    def value():
        kind = rng.uniform()
        return math.inf if kind < 0.04 else -math.inf if kind < 0.06 else float(rng.integers(0, 12)) / 4

    trials = []
    for _ in range(size):
        constraints = {"a": float(rng.integers(-3, 3)), "b": float(rng.integers(-5, 2))} if constrained else {}
        trials.append({"values": [value() for _ in range(objectives)], "constraints": constraints})
    return trials


def as_optuna(trials):
    out = []
    for number, t in enumerate(trials):
        one = create_trial(values=t["values"], system_attrs={f"constraints:{k}": v for k, v in t["constraints"].items()})
        one.number = number
        one._trial_id = number
        out.append(one)
    return out


@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_ranks_crowding_and_elite_are_optunas(objectives, constrained):
    rng = np.random.default_rng(objectives)
    directions = ["minimize", "maximize", "minimize"][:objectives]
    study = optuna.create_study(directions=directions)
    for size in (2, 10, 60):
        trials = population(rng, objectives, size, constrained)
        count = max(2, size // 2)
        ours = dump("fronts", given={"directions": directions, "trials": trials, "count": count})
        theirs = as_optuna(trials)
        signs = np.array([1.0 if d == "minimize" else -1.0 for d in directions])
        losses = np.array([t["values"] for t in trials]) * signs
        penalty = np.array([sum(v for v in t["constraints"].values() if v > 0) for t in trials]) if constrained else None
        ranks = _fast_non_domination_rank(losses, penalty=penalty)
        assert [int(r) for r in ours["ranks"]] == ranks.tolist()
        front = [t for t, rank in zip(theirs, ranks) if rank == 0]
        distances = elites._calc_crowding_distance(list(front))
        np.testing.assert_allclose(ours["crowding"], [distances[t.number] for t in front], rtol=1e-12)
        chosen = elites.NSGAIIElitePopulationSelectionStrategy(population_size=count)(study, list(theirs))
        assert [int(n) for n in ours["elite"]] == sorted(t.number for t in chosen)


# -------------------------------------------------------------------------------------------------------------------------------- constraints


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_good_trials_of_tpe_are_optunas(direction):
    rng = np.random.default_rng(7)
    study = optuna.create_study(direction=direction)
    for round_ in range(20):
        trials = []
        for _ in range(40):
            state = rng.choice(["complete", "pruned"])
            reports = [[int(s), float(rng.choice([1.0, 2.0, math.nan]))] for s in sorted(set(rng.integers(0, 4, size=rng.integers(0, 3))))]
            constraints = {"a": float(rng.integers(-3, 2)), "b": float(rng.integers(-3, 1))} if rng.uniform() < 0.7 + 0.02 * round_ else {}
            values = [float(rng.integers(0, 10))] if state == "complete" else []
            trials.append({"state": str(state), "values": values, "reports": reports, "constraints": constraints})
        theirs = []
        for number, t in enumerate(trials):
            one = create_trial(
                state=TrialState.COMPLETE if t["state"] == "complete" else TrialState.PRUNED,
                value=t["values"][0] if t["values"] else None,
                intermediate_values=dict(t["reports"]),
                system_attrs={f"constraints:{k}": v for k, v in t["constraints"].items()},
            )
            one.number = number
            theirs.append(one)
        for below in (1, 4, 25, 39):
            ours = dump("split", given={"direction": direction, "trials": trials, "below": below})
            good, _ = _split_trials(study, theirs, below)
            assert sorted(int(n) for n in ours) == [t.number for t in good]


# -------------------------------------------------------------------------------------------------------------------------------- both continue


@pytest.mark.parametrize("seed", [0, 1, 77])
def test_the_order_of_a_grid_is_optunas(seed):
    space = {"b": [1, 2, 3, 4, 5], "a": ["x", None, True, 0.5], "c": [0.1, 0.2, 0.7]}
    theirs = GridSampler(space, seed=seed)
    expected = [dict(zip(theirs._param_names, cell)) for cell in theirs._all_grids]
    assert dump("grid", seed, given=space) == expected


CELLS = {"c": ["a", None], "n": [1, 2, 3, 4], "x": [0.0, 0.5, 1.0]}


def objective(trial):
    trial.suggest_categorical("c", ["a", None])
    n, x = trial.suggest_int("n", 1, 4), trial.suggest_float("x", 0, 1, step=0.5)
    trial.set_constraint("n", n - 3.0)
    return (x + n, x * n) if len(trial.study.directions) == 2 else x + n


def test_optuna_continues_our_grid_and_we_continue_its(tmp_path):
    url = f"sqlite:///{tmp_path / 'grid.db'}"
    dump("run", url, "g", "grid", 6)
    study = optuna.load_study(study_name="g", storage=url, sampler=GridSampler(CELLS))
    study.optimize(objective, n_trials=9)
    dump("run", url, "g", "grid", 1000)
    trials = study.get_trials()
    assert len(trials) == 24
    assert len({tuple(sorted(t.params.items(), key=str)) for t in trials}) == 24
    assert sorted(t.system_attrs["grid_id"] for t in trials) == list(range(24))
    assert GridSampler(CELLS).is_exhausted(study)


def test_optuna_continues_our_generations_and_we_continue_its(tmp_path):
    url = f"sqlite:///{tmp_path / 'nsga2.db'}"
    dump("run", url, "n", "nsga2", 26)
    sampler = NSGAIISampler(population_size=10, seed=1)
    study = optuna.load_study(study_name="n", storage=url, sampler=sampler)
    # What we kept as parents is what Optuna would choose from the same trials.
    kept = study._storage.get_study_system_attrs(study._study_id)
    for generation in (1, 2):
        chosen = sampler.select_parent(study, generation)
        assert kept[f"NSGAIISampler:parent:{generation}"] == sorted(t._trial_id for t in chosen)
    study.optimize(objective, n_trials=20)
    dump("run", url, "n", "nsga2", 14)
    trials = study.get_trials()
    assert [t.system_attrs["NSGAIISampler:generation"] for t in trials] == [i // 10 for i in range(60)]
    assert len(study._storage.get_study_system_attrs(study._study_id)) == 5


def test_optuna_reads_our_constraints_in_both_forms(tmp_path):
    url = f"sqlite:///{tmp_path / 'c.db'}"
    dump("run", url, "c", "tpe", 30)
    study = optuna.load_study(study_name="c", storage=url)
    for t in study.get_trials():
        assert t.constraints == {"0": t.params["x"] - 0.5, "n": t.params["n"] - 3.0}
    feasible = [t for t in study.get_trials() if t.params["x"] <= 0.5 and t.params["n"] <= 3]
    assert study.best_trial.number == min(feasible, key=lambda t: (t.value, t.number)).number


@pytest.mark.parametrize("sampler", ["qmc", "cmaes", "tpe-univariate"])
def test_optuna_continues_what_our_other_samplers_wrote(tmp_path, sampler):
    url = f"sqlite:///{tmp_path / 's.db'}"
    dump("run", url, "s", sampler, 14)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own = {
            "qmc": lambda: optuna.samplers.QMCSampler(seed=1),
            "cmaes": lambda: optuna.samplers.CmaEsSampler(seed=1),
            "tpe-univariate": lambda: TPESampler(multivariate=False, seed=1),
        }[sampler]()
        study = optuna.load_study(study_name="s", storage=url, sampler=own)
        study.optimize(objective, n_trials=10)
    dump("run", url, "s", sampler, 10)
    trials = study.get_trials()
    assert [t.number for t in trials] == list(range(34))
    assert all(t.state == TrialState.COMPLETE for t in trials)
