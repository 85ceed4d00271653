"""One call of `Study.optimize`: who asks, who measures, who tells, and what becomes of exceptions."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias

from .errors import TrialPruned
from .trial import FrozenTrial, Trial, TrialState

if TYPE_CHECKING:
    from .study import Study

_log = logging.getLogger("sofia.study")

Objective: TypeAlias = Callable[[Trial], Any]
Callback: TypeAlias = "Callable[[Study, FrozenTrial], None]"


def _is_pruned(problem: BaseException) -> bool:
    """Also when code that was written for Optuna raises its own."""
    optuna = sys.modules.get("optuna")
    return isinstance(problem, TrialPruned) or (optuna is not None and isinstance(problem, optuna.TrialPruned))


class Run:
    """One call of optimize."""

    def __init__(
        self,
        study: Study,
        func: Objective,
        n_trials: int | None,
        timeout: float | None,
        catch: Iterable[type[Exception]] | type[Exception],
        callbacks: list[Callback],
        gc_after_trial: bool,
        show_progress_bar: bool,
    ) -> None:
        self.study = study
        self.func = func
        self.left = n_trials
        self.until = None if timeout is None else time.monotonic() + timeout
        self.catch = (catch,) if isinstance(catch, type) else tuple(catch)
        self.callbacks = callbacks
        self.gc_after_trial = gc_after_trial
        self.bar = self._bar(n_trials) if show_progress_bar else None
        self.lock = threading.Lock()
        self.best: float | None = None

    @staticmethod
    def _bar(n_trials: int | None) -> Any:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            _log.warning("no progress bar: the package tqdm is not installed")
            return None
        return tqdm(total=n_trials)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()

    def take(self, count: int) -> int:
        """How many trials may begin now, at most `count`."""
        with self.lock:
            if self.study._stop.is_set() or (self.until is not None and time.monotonic() >= self.until):
                return 0
            if self.left is not None:
                count = min(count, self.left)
                self.left -= count
            return count

    def one_by_one(self) -> None:
        while self.take(1):
            asked = self.study._ask(1)
            if not asked:
                return
            self.finish(asked[0], *self.measure(asked[0]))

    def when_free(self, n_jobs: int) -> None:
        def work() -> None:
            try:
                self.one_by_one()
            except BaseException:
                self.study._stop.set()
                raise

        with ThreadPoolExecutor(max_workers=_jobs(n_jobs)) as pool:
            futures = [pool.submit(work) for _ in range(_jobs(n_jobs))]
            self.wait(futures)

    def in_batches(self, batch: int, n_jobs: int) -> None:
        with ThreadPoolExecutor(max_workers=_jobs(n_jobs)) as pool:
            while count := self.take(batch):
                asked = self.study._ask(count)
                futures = [pool.submit(self.measure, trial) for trial in asked]
                try:
                    self.wait(futures)
                finally:
                    problem = self.tell_all(asked, [future.result() for future in futures])
                if problem is not None:
                    raise problem
                if len(asked) < count:
                    return

    def tell_all(self, asked: list[Trial], outcomes: list[tuple[Any, BaseException | None]]) -> BaseException | None:
        """Tells a batch in order of its numbers, all of it even where one trial's exception ends the study: that of the lowest number."""
        first: BaseException | None = None
        for trial, (value, problem) in zip(asked, outcomes):
            try:
                self.finish(trial, value, problem)
            except BaseException as raised:
                first = first or raised
        return first

    def wait(self, futures: list[Future[Any]]) -> None:
        """After Ctrl-C, or another exception, what runs is finished and nothing else begins."""
        try:
            for future in futures:
                future.result()
        except BaseException:
            self.study._stop.set()
            raise

    def measure(self, trial: Trial) -> tuple[Any, BaseException | None]:
        try:
            return self.func(trial), None
        except (Exception, KeyboardInterrupt) as problem:
            return None, problem

    def finish(self, trial: Trial, value: Any, problem: BaseException | None) -> None:
        study = self.study
        if problem is not None and _is_pruned(problem):
            state = study._tell(trial, None, TrialState.PRUNED)
            _log.info("trial %d pruned. %s", trial.number, problem)
        elif problem is not None:
            state = study._tell(trial, None, TrialState.FAIL, f"{type(problem).__name__}: {problem}")
            _log.warning("trial %d failed with %s because of %r", trial.number, trial.params, problem)
        else:
            state = study._tell(trial, value, None)
            if state == TrialState.FAIL:
                _log.warning("trial %d failed: the objective returned %r", trial.number, value)
            else:
                _log.info("trial %d finished with value %r and parameters %s", trial.number, value, trial.params)
        if problem is not None and state == TrialState.FAIL and not isinstance(problem, self.catch):
            raise problem
        if self.gc_after_trial:
            gc.collect()
        if self.callbacks:
            frozen = study._trial(trial.number)
            for callback in self.callbacks:
                callback(study, frozen)
        if self.bar is not None:
            with self.lock:
                self.bar.update(1)


def _jobs(n_jobs: int) -> int:
    return len(os.sched_getaffinity(0)) if n_jobs == -1 else n_jobs
