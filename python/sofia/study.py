"""Studies with Optuna's manners over sofia's tuner: the same names, the same tables, so that either opens what the other has made."""

from __future__ import annotations


import json
import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any

from . import distributions as _d
from ._load import core
from ._dataframe import trials_dataframe
from ._optimize import Callback, Objective, Run
from .errors import ConflictError, UsageError
from .pruners import BasePruner
from .samplers import BaseSampler, NSGAIISampler, TPESampler
from .trial import FrozenTrial, Trial, TrialState, _nanoseconds, attribute_text


class StudyDirection(IntEnum):
    """As in Optuna."""

    NOT_SET = 0
    MINIMIZE = 1
    MAXIMIZE = 2


class Study:
    """A study: ask for a trial, tell its outcome, or let `optimize` do both. Made by `create_study` and `load_study`. Safe to use from several threads."""

    def __init__(self, made: Any, storage: str | None, sampler: BaseSampler, pruner: BasePruner | None) -> None:
        self._core = made
        self._storage_url = storage
        self.sampler = sampler
        self.pruner = pruner
        self._finished: dict[int, FrozenTrial] = {}
        self._known = 0  # all trials below are either finished or in _unfinished
        self._unfinished: set[int] = set()
        self._asked: dict[int, Trial] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._optimizing = False

    # ---- what it is

    @property
    def study_name(self) -> str:
        return self._core.name

    @property
    def seed(self) -> int:
        """Of the sampler's random stream: with it the study can be repeated."""
        return self._core.seed

    @property
    def directions(self) -> list[StudyDirection]:
        return [StudyDirection[text.upper()] for text in self._core.directions]

    @property
    def direction(self) -> StudyDirection:
        self._only("direction")
        return self.directions[0]

    @property
    def user_attrs(self) -> dict[str, Any]:
        return {key: json.loads(text) for key, text in self._core.attributes()[0].items()}

    def set_user_attr(self, key: str, value: Any) -> None:
        """Anything that JSON can say."""
        self._core.set_user_attribute(key, attribute_text(value))

    @property
    def metric_names(self) -> list[str] | None:
        text = self._core.attributes()[1].get("study:metric_names")
        return None if text is None else json.loads(text)

    def set_metric_names(self, metric_names: Sequence[str]) -> None:
        """What the objectives are called, one name each."""
        if len(metric_names) != len(self.directions):
            raise UsageError(f"{len(metric_names)} names for {len(self.directions)} objectives")
        self._core.set_system_attribute("study:metric_names", json.dumps(list(metric_names)))

    def _only(self, what: str) -> None:
        if len(self._core.directions) != 1:
            raise UsageError(f"a study of several objectives has no single {what}", "ask for the plural: directions, best_trials, values")

    # ---- trials

    def get_trials(self, deepcopy: bool = True, states: Iterable[TrialState] | None = None) -> list[FrozenTrial]:
        """All trials by number, as they are stored now; those of ``states`` only, where given. ``deepcopy`` is there for Optuna's sake."""
        with self._lock:
            fresh = [FrozenTrial._of(raw) for raw in self._core.trials(self._known, sorted(self._unfinished))]
            running = {}
            for trial in fresh:
                if trial.state.is_finished():
                    self._finished[trial.number] = trial
                    self._unfinished.discard(trial.number)
                else:
                    running[trial.number] = trial
                    self._unfinished.add(trial.number)
                self._known = max(self._known, trial.number + 1)
            merged = [self._finished.get(number) or running.get(number) for number in range(self._known)]
        trials = [trial for trial in merged if trial is not None]
        if states is not None:
            wanted = set(states)
            trials = [trial for trial in trials if trial.state in wanted]
        return trials

    @property
    def trials(self) -> list[FrozenTrial]:
        return self.get_trials()

    @property
    def best_trials(self) -> list[FrozenTrial]:
        """The complete and feasible trials that no other dominates, by number."""
        numbers = set(self._core.best())
        return [trial for trial in self.get_trials() if trial.number in numbers]

    @property
    def best_trial(self) -> FrozenTrial:
        """The best complete and feasible trial; the lowest number wins a tie."""
        self._only("best trial")
        best = self.best_trials
        if not best:
            raise UsageError("no trial is complete and feasible yet")
        return best[0]

    @property
    def best_params(self) -> dict[str, Any]:
        return self.best_trial.params

    @property
    def best_value(self) -> float:
        value = self.best_trial.value
        assert value is not None
        return value

    # ---- ask and tell

    def ask(self, fixed_distributions: Mapping[str, Any] | None = None) -> Trial:
        """The next trial. With distributions by name all its parameters are drawn now, together, and stand in ``trial.params``.

        Raises `UsageError` when the sampler has no more to give (a grid).
        """
        asked = self._ask(1, fixed_distributions)
        if not asked:
            raise UsageError(f'study "{self.study_name}": the sampler has no more trials to give')
        return asked[0]

    def _ask(self, count: int, space: Mapping[str, Any] | None = None) -> list[Trial]:
        raw = self._core.ask(count, None if space is None else _d.space_json(dict(space)))
        trials = [Trial(self, one) for one in raw]
        with self._lock:
            self._asked.update((trial.number, trial) for trial in trials)
        return trials

    def tell(
        self,
        trial: Trial | int,
        values: float | Sequence[float] | None = None,
        state: TrialState | None = None,
        skip_if_finished: bool = False,
    ) -> FrozenTrial:
        """The outcome of a trial that was asked here: one value an objective, or a state. Neither, or a value that is NaN or no number, fails it."""
        if state is not None and TrialState(state) == TrialState.COMPLETE and values is None:
            raise UsageError("a complete trial needs its values")
        if state is not None and TrialState(state) in (TrialState.PRUNED, TrialState.FAIL) and values is not None:
            raise UsageError(f"a trial that is {TrialState(state).name} takes no values")
        if state is not None and not TrialState(state).is_finished():
            raise UsageError(f"a trial cannot be told to be {TrialState(state).name}")
        number = trial if isinstance(trial, int) else trial.number
        with self._lock:
            asked = self._asked.get(number)
        if asked is None:
            return self._tell_unknown(number, skip_if_finished)
        try:
            self._tell(asked, values, None if state is None else TrialState(state))
        except ConflictError:
            if not skip_if_finished:
                raise
        return self._trial(number)

    def _tell_unknown(self, number: int, skip_if_finished: bool) -> FrozenTrial:
        found = [trial for trial in self.get_trials() if trial.number == number]
        if not found:
            raise UsageError(f"there is no trial {number}")
        if found[0].state.is_finished() and skip_if_finished:
            return found[0]
        raise UsageError(f"trial {number} is {found[0].state.name} and was not asked for by this study object")

    def _trial(self, number: int) -> FrozenTrial:
        """That one only, as it is stored now."""
        return FrozenTrial._of(self._core.trials(2**62, [number])[0])

    def _tell(self, trial: Trial, values: Any, state: TrialState | None, reason: str | None = None) -> TrialState:
        """Tells and forgets the trial. A value that counts for nothing fails it, with the reason in the user attribute `error`."""
        told: list[float] = []
        if state is None:
            told, reason = self._checked(values)
            state = TrialState.FAIL if reason is not None else TrialState.COMPLETE
        elif state == TrialState.COMPLETE:
            told, bad = self._checked(values)
            if bad is not None:
                raise UsageError(f"trial {trial.number}: {bad}")
        if state == TrialState.FAIL and reason is not None:
            self._core.tell_failure(trial._core, reason)
        else:
            state = TrialState(self._core.tell(trial._core, int(state), told))
        with self._lock:
            self._asked.pop(trial.number, None)
        return state

    def _checked(self, values: Any) -> tuple[list[float], str | None]:
        if values is None:
            return [], "the objective returned nothing"
        if hasattr(values, "tolist"):
            values = values.tolist()
        several = values if isinstance(values, Sequence) and not isinstance(values, str) else [values]
        told = []
        for one in several:
            try:
                told.append(float(one))
            except (TypeError, ValueError):
                return [], f"the value {one!r} is no number"
            if math.isnan(told[-1]):
                return [], "the value is NaN"
        if len(told) != len(self._core.directions):
            return [], f"{len(told)} values for {len(self._core.directions)} objectives"
        return told, None

    def enqueue_trial(self, params: Mapping[str, Any], user_attrs: Mapping[str, Any] | None = None, skip_if_exists: bool = False) -> None:
        """A trial that waits with these parameters fixed; the next `ask` takes it. What is not named is sampled."""
        fixed = {name: _d.choice(value) for name, value in params.items()}
        if skip_if_exists and any(
            trial.params == fixed or trial.system_attrs.get("fixed_params") == fixed for trial in self.get_trials()
        ):
            return
        self._core.add(
            int(TrialState.WAITING), [], [], {}, {key: attribute_text(value) for key, value in (user_attrs or {}).items()},
            {"fixed_params": json.dumps(fixed)}, None, None,
        )  # fmt: skip

    def add_trial(self, trial: FrozenTrial) -> None:
        """Adds a trial that is finished, for instance from another study (or from `create_trial`, or one of Optuna's)."""
        params = [(name, _d.choice(value), _d.to_json(trial.distributions[name])) for name, value in trial.params.items()]
        self._core.add(
            int(trial.state),
            list(trial.values or []),
            params,
            dict(trial.intermediate_values),
            {key: attribute_text(value) for key, value in trial.user_attrs.items()},
            {key: json.dumps(value) for key, value in trial.system_attrs.items()},
            _nanoseconds(trial.datetime_start),
            _nanoseconds(trial.datetime_complete),
        )

    def add_trials(self, trials: Iterable[FrozenTrial]) -> None:
        for trial in trials:
            self.add_trial(trial)

    # ---- optimize

    def stop(self) -> None:
        """Ends `optimize` once the running trials are told. To be called by an objective or a callback."""
        if not self._optimizing:
            raise UsageError("stop is for an objective or a callback of optimize")
        self._stop.set()

    def optimize(
        self,
        func: Objective,
        n_trials: int | None = None,
        timeout: float | None = None,
        n_jobs: int = 1,
        catch: Iterable[type[Exception]] | type[Exception] = (),
        callbacks: Iterable[Callback] | None = None,
        gc_after_trial: bool = False,
        show_progress_bar: bool = False,
        *,
        batch: int = 1,
    ) -> None:
        """Runs trials until their number, the timeout, `stop`, Ctrl-C, or the sampler has no more to give.

        Parameters
        ----------
        func : callable
            Takes a `Trial`, returns one number, or one an objective. `TrialPruned` prunes the trial. Any other exception fails it and ends the study,
            unless its class is among ``catch``; Ctrl-C fails the running trial and is raised on.
        n_trials : int, optional
            Of this call. None: until ``timeout`` (seconds) or for ever. What is running at the timeout is finished.
        n_jobs : int
            Threads; -1: one a core. An objective that holds Python's lock gains nothing from it.
        callbacks : iterable of callable
            Each called with the study and the told trial.
        batch : int
            Trials asked together and told together in order of their numbers. With it the study is the same for any ``n_jobs``; without (1) several
            jobs ask whenever they are free, and the order depends on the clock.
        """
        if self._optimizing:
            raise UsageError("optimize is running already")
        if batch < 1 or n_jobs == 0 or n_jobs < -1:
            raise UsageError(f"batch {batch} and n_jobs {n_jobs} have to be at least 1 (n_jobs -1: all cores)")
        run = Run(self, func, n_trials, timeout, catch, list(callbacks or []), gc_after_trial, show_progress_bar)
        self._stop.clear()
        self._optimizing = True
        try:
            if batch > 1:
                run.in_batches(batch, n_jobs)
            elif n_jobs == 1:
                run.one_by_one()
            else:
                run.when_free(n_jobs)
        finally:
            self._optimizing = False
            run.close()

    # ---- tables

    def trials_dataframe(
        self,
        attrs: tuple[str, ...] = ("number", "value", "datetime_start", "datetime_complete", "duration", "params", "user_attrs", "system_attrs", "state"),
        multi_index: bool = False,
    ) -> Any:
        """All trials as a pandas DataFrame with Optuna's columns: `params_x`, `user_attrs_y`, ..., states by name, times as naive local time."""
        return trials_dataframe(self.get_trials(), attrs, len(self._core.directions), self.metric_names, multi_index)

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process it is opened from its storage again."""
        if self._storage_url is None:
            raise UsageError("a study in memory cannot go to another process", "give it a storage")
        return _loaded, (self.study_name, self._storage_url, self.sampler, self.pruner)

    def __repr__(self) -> str:
        return f"Study(study_name={self.study_name!r}, storage={_shown(self._storage_url)}, directions={self._core.directions})"

    def _repr_html_(self) -> str:
        trials = self.get_trials()
        count = {state: sum(trial.state == state for trial in trials) for state in TrialState}
        head = f"<b>{self.study_name}</b>: {len(trials)} trials, " + ", ".join(f"{n} {state.name.lower()}" for state, n in count.items() if n)
        best = self.best_trials[:10]
        params = sorted({name for trial in best for name in trial.params})
        rows = "".join(
            f"<tr><td>{t.number}</td><td>{', '.join(f'{v:.6g}' for v in t.values or [])}</td>"
            + "".join(f"<td>{t.params.get(name, '')}</td>" for name in params) + "</tr>"
            for t in best
        )  # fmt: skip
        return head + f"<table><tr><th>best trial</th><th>value</th>{''.join(f'<th>{p}</th>' for p in params)}</tr>{rows}</table>"


def _shown(url: str | None) -> str:
    """Without a password."""
    if url is None:
        return "in memory"
    if "@" in url:
        scheme, rest = url.split("://", 1)
        user = rest.split("@")[0].split(":")[0]
        return f"{scheme}://{user}@{rest.rsplit('@', 1)[1].split('?')[0]}"
    return url


def storage_url(storage: Any) -> str | None:
    """A URL (`sqlite:///study.db`, `postgresql://user@host/db`), a bare path of a SQLite file, or an Optuna RDBStorage."""
    if storage is None:
        return None
    url = getattr(storage, "url", storage)
    if hasattr(storage, "_backend") and hasattr(storage._backend, "url"):  # what optuna.Study keeps
        url = storage._backend.url
    if not isinstance(url, str):
        url = str(url) if hasattr(url, "__fspath__") else None
    if url is None:
        raise UsageError(f"a {type(storage).__name__} is no storage", "give a URL such as sqlite:///study.db")
    return url


def _opened(
    mode: str,
    storage: Any,
    name: str,
    directions: list[str],
    sampler: BaseSampler | None,
    pruner: BasePruner | None,
    heartbeat: float,
    grace: float,
    max_retry: int | None,
) -> Study:
    url = storage_url(storage)
    default = TPESampler() if len(directions) == 1 else NSGAIISampler()

    def opened(chosen: BaseSampler) -> Study:
        made = core.open_study(
            url, name, directions, mode, chosen.seed, chosen._core, pruner._core if pruner else None, heartbeat, grace, max_retry
        )  # fmt: skip
        return Study(made, url, chosen, pruner)

    if sampler is None and mode == "load":
        # Only the study itself knows how many objectives it has.
        study = opened(NSGAIISampler())
        return study if len(study.directions) > 1 else opened(TPESampler())
    return opened(sampler or default)


def create_study(
    *,
    storage: Any = None,
    sampler: BaseSampler | None = None,
    pruner: BasePruner | None = None,
    study_name: str | None = None,
    direction: str | StudyDirection | None = None,
    load_if_exists: bool = False,
    directions: Sequence[str | StudyDirection] | None = None,
    heartbeat_interval: float = 0.0,
    grace_period: float = 0.0,
    max_retry: int | None = 0,
) -> Study:
    """Makes a study.

    Parameters
    ----------
    storage : str or None
        ``sqlite:///study.db``, ``postgresql://user@host/db``; None: in memory, gone with the process. Optuna opens what is made there.
    sampler : BaseSampler, optional
        None: TPE for one objective, NSGA-II for several. With a seed the study can be repeated: ``sofia study run --seed`` makes the same one.
    pruner : BasePruner, optional
        None: nothing is pruned (Optuna's default is the median).
    study_name : str, optional
        None: a random readable one.
    direction, directions
        ``minimize`` (the default) or ``maximize``, one an objective.
    load_if_exists : bool
        Goes on with a study of this name instead of raising `ConflictError`.
    heartbeat_interval, grace_period : float
        Seconds. With an interval, running trials write that they are alive, and those of dead workers are failed after the grace period (0: twice the interval).
    max_retry : int or None
        How often such a trial is run again; None: without end.
    """
    if direction is not None and directions is not None:
        raise UsageError("both direction and directions are given")
    wanted = directions if directions is not None else [direction if direction is not None else "minimize"]
    texts = [StudyDirection(one).name.lower() if isinstance(one, int) else getattr(one, "name", str(one)).lower() for one in wanted]
    mode = "resume" if load_if_exists else "create"
    return _opened(mode, storage, study_name or "", texts, sampler, pruner, heartbeat_interval, grace_period, max_retry)


def load_study(
    *,
    study_name: str | None,
    storage: Any,
    sampler: BaseSampler | None = None,
    pruner: BasePruner | None = None,
    heartbeat_interval: float = 0.0,
    grace_period: float = 0.0,
    max_retry: int | None = 0,
) -> Study:
    """Opens a study, ours or Optuna's. ``study_name`` None: the only one of the storage. `UsageError` when there is none."""
    if storage is None:
        raise UsageError("a study in memory cannot be loaded")
    if study_name is None:
        names = get_all_study_names(storage)
        if len(names) != 1:
            raise UsageError(f"the storage holds {len(names)} studies", "name one: " + ", ".join(names[:10]))
        study_name = names[0]
    return _opened("load", storage, study_name, ["minimize"], sampler, pruner, heartbeat_interval, grace_period, max_retry)


def _loaded(study_name: str, storage: str, sampler: BaseSampler, pruner: BasePruner | None) -> Study:
    return load_study(study_name=study_name, storage=storage, sampler=sampler, pruner=pruner)


def delete_study(*, study_name: str, storage: Any) -> None:
    """Deletes a study with its trials."""
    core.delete_study(_stored(storage), study_name)


def get_all_study_names(storage: Any) -> list[str]:
    """Of a storage that is there."""
    return core.study_names(_stored(storage))


def copy_study(*, from_study_name: str, from_storage: Any, to_storage: Any, to_study_name: str | None = None) -> None:
    """Copies a study with its finished and waiting trials, its user attributes and the names of its objectives."""
    source = load_study(study_name=from_study_name, storage=from_storage)
    target = create_study(storage=to_storage, study_name=to_study_name or from_study_name, directions=source.directions)
    for key, value in source.user_attrs.items():
        target.set_user_attr(key, value)
    if source.metric_names is not None:
        target.set_metric_names(source.metric_names)
    target.add_trials(trial for trial in source.trials if trial.state != TrialState.RUNNING)


def _stored(storage: Any) -> str:
    url = storage_url(storage)
    if url is None:
        raise UsageError("no storage is given")
    return url


__all__ = [
    "Study", "StudyDirection", "copy_study", "create_study", "delete_study", "get_all_study_names", "load_study",
]
