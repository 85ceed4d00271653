"""Work on a Ray cluster: the workers of one study, the features of many symbols. Ray is imported when one of them is called.

Workers of a study share nothing but its storage and a ledger: an actor beside the caller that counts the trials which may still begin, and keeps the
summaries of those that are done. What a worker has told is in the storage, whatever becomes of its node; what it had begun is failed by the caller, who
gives the trial to somebody else.
"""

from __future__ import annotations

import importlib
import logging
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from . import custom
from ._config import Config, config_file, sets_of
from ._load import core
from ._result import Result, result_of
from .errors import SofiaError, UnavailableError, UsageError
from .study import Study, load_study, storage_url
from .trial import FrozenTrial, TrialState

_log = logging.getLogger("sofia.ray")

#: Workers in a row that die without having finished a trial, before the call gives up.
_DEATHS_MAX = 5


def package() -> Any:
    """Ray, connected: to the cluster that `ray.init` has joined, else as Ray itself decides (RAY_ADDRESS, or a cluster of this machine alone)."""
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError as problem:
        raise UnavailableError("the package ray is not installed", "pip install 'sofia[ray]' here and on every node") from problem
    if not ray.is_initialized():
        ray.init()
    return ray


def _here(ray: Any) -> Any:
    """A place on the caller's own node."""
    strategies: Any = importlib.import_module("ray.util.scheduling_strategies")
    return strategies.NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def _portable(config: Config) -> Config:
    """A configuration that other machines can read: a file's text in place of its path."""
    if config is None or isinstance(config, Mapping):
        return config
    return _ConfigText(Path(os.fspath(config)).read_text(encoding="utf-8"))


class _ConfigText(os.PathLike[str]):
    """The text of a file, which becomes a file where it is used."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._file: Any = None

    def __fspath__(self) -> str:
        if self._file is None:
            self._file = tempfile.NamedTemporaryFile("w", suffix=".yaml", prefix="sofia-", encoding="utf-8")
            self._file.write(self.text)
            self._file.flush()
        return str(self._file.name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _ConfigText, (self.text,)


def _absolute(url: str) -> str:
    """A SQLite file by its whole path: workers have folders of their own."""
    scheme, separator, rest = url.partition(":///")
    if separator and scheme.startswith("sqlite"):
        path, question, options = rest.partition("?")
        return f"{scheme}:///{os.path.abspath(path)}{question}{options}"
    return url if "://" in url else f"sqlite:///{os.path.abspath(url)}"


def _adopt(things: Iterable[custom.Registered]) -> None:
    """What the caller has registered is known to a worker too."""
    for one in things:
        custom._register(one, replace=True)


# ---- one study, many workers


class Ledger:
    """How many trials may still begin, and the summaries of those that are done."""

    def __init__(self, trials: int, timeout: float, folder: str) -> None:
        self.left: int | None = trials if trials > 0 else None
        self.until = time.monotonic() + timeout if timeout > 0 else None
        self.folder = Path(folder)
        self.given: dict[str, int] = {}
        self.dead: set[str] = set()

    def take(self, worker: str) -> bool:
        """Whether this worker may begin a trial."""
        if worker in self.dead or not self.more():
            return False
        if self.left is not None:
            self.left -= 1
        self.given[worker] = self.given.get(worker, 0) + 1
        return True

    def keep(self, name: str, content: bytes) -> None:
        """A summary, written whole. Where all nodes see the same folder it is there already."""
        path = self.folder / name
        if path.exists() and path.read_bytes() == content:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix=f".{name}.", delete=False) as file:
            file.write(content)
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)

    def more(self) -> bool:
        """Whether any trial may begin now."""
        return self.left != 0 and (self.until is None or time.monotonic() < self.until)

    def bury(self, worker: str) -> None:
        """Whatever of it still moves begins nothing any more."""
        self.dead.add(worker)

    def give_back(self, worker: str, finished: int) -> bool:
        """The trials that a dead worker has begun and not finished may begin again. Whether any may begin now."""
        if self.left is not None:
            self.left += max(self.given.pop(worker, 0) - finished, 0)
        return self.more()

    def stop(self) -> None:
        self.left = 0


@dataclass(frozen=True)
class Work:
    """What every worker of a call is told."""

    config: Config
    sets: list[str]
    data_dir: str
    model_dir: str
    study: str
    storage: str
    resume: bool
    seed: int
    threads: int
    registered: list[custom.Registered] = field(default_factory=list)


def run_worker(work: Work, may_ask: Callable[[], bool], keep: Callable[[str, bytes], None], worker: str) -> Result:
    """Trials of the study until `may_ask` says no; each one's summary is kept before the trial is told."""
    _adopt(work.registered)
    folder = Path(work.model_dir) / work.study

    def before_tell(number: int) -> None:
        name = f"tuning_summary_{number}.json"
        keep(name, (folder / name).read_bytes())

    with config_file(work.config) as path:
        answer = core.tune_worker(
            core.CallOptions(work.seed, work.threads, False), path, work.sets, work.data_dir, work.model_dir, work.study, work.storage, work.resume,
            may_ask, before_tell, worker,
        )  # fmt: skip
    return result_of("tune", answer)


def _remote_worker(work: Work, ledger: Any, name: str) -> tuple[str, dict[str, int]]:
    """A Ray task. Its trials carry its name and its node's."""
    ray: Any = importlib.import_module("ray")
    node = str(ray.get_runtime_context().get_node_id())
    if ledger is None:
        result = run_worker(work, lambda: False, lambda file, content: None, "")
    else:
        result = run_worker(
            work, lambda: bool(ray.get(ledger.take.remote(name))), lambda file, content: ray.get(ledger.keep.remote(file, content)), f"{name}@{node}"
        )
    return node, {state: int(result.get(state, 0)) for state in ("complete", "pruned", "failed")}


class _Call:
    """One call of `tune.on_ray`, in the caller's process."""

    def __init__(self, ray: Any, work: Work, ledger: Any, task: Any) -> None:
        self.ray = ray
        self.work = work
        self.ledger = ledger
        self.task = task
        self.name = uuid.uuid4().hex[:12]
        self.running: dict[Any, str] = {}
        self.begun = 0
        self.nodes: list[dict[str, Any]] = []
        self.lost_workers = 0
        self.lost_trials = 0
        self.deaths = 0  # in a row

    def begin(self) -> None:
        name = f"{self.name}/{self.begun}"
        self.begun += 1
        self.running[self.task.remote(self.work, self.ledger, name)] = name

    def run(self) -> None:
        while self.running:
            done, _ = self.ray.wait(list(self.running), num_returns=1)
            for one in done:
                self.end(one, self.running.pop(one))

    def end(self, one: Any, name: str) -> None:
        errors = self.ray.exceptions
        try:
            node, counts = self.ray.get(one)
        except errors.RayTaskError as problem:
            raise problem.cause if isinstance(problem.cause, SofiaError) else problem from None
        except errors.RayError as problem:
            self.lost(name, problem)
            return
        self.deaths = 0
        self.nodes.append({"worker": name, "node": node, **counts})

    def lost(self, name: str, problem: BaseException) -> None:
        """A worker died, or its node. What it told counts; what it had begun is failed, and may begin elsewhere."""
        self.ray.get(self.ledger.bury.remote(name))
        study = self.study()
        failed = self.fail(study, name, "its worker died")
        finished = [trial for trial in _trials_of(study, name) if trial.state.is_finished() and trial.number not in failed and not _given_up(trial)]
        self.lost_workers += 1
        self.lost_trials += len(failed) + sum(_given_up(trial) for trial in _trials_of(study, name))
        self.deaths = 0 if finished else self.deaths + 1
        _log.warning("worker %s died after %d trials, which are kept: %s", name, len(finished), str(problem).split("\n")[0])
        more = self.ray.get(self.ledger.give_back.remote(name, len(finished)))
        if self.deaths >= _DEATHS_MAX:
            raise UnavailableError(f"{self.deaths} workers in a row died before they finished a trial; the last one: {problem}", "look into Ray's logs")
        if more:
            self.begin()

    def fail(self, study: Study, name: str, reason: str) -> set[int]:
        """Fails what workers of this name had begun; the numbers."""
        running = [trial.number for trial in _trials_of(study, name) if not trial.state.is_finished()]
        failed = {number for number in running if study._core.fail_running(number, reason)}
        return failed

    def stop(self) -> None:
        """After Ctrl-C or an error: what runs is stopped, and its trials are failed."""
        self.ray.get(self.ledger.stop.remote())
        for one in self.running:
            self.ray.cancel(one)
        if self.running:
            self.ray.wait(list(self.running), num_returns=len(self.running), timeout=30)
        self.fail(self.study(), self.name, "the call that it belonged to was stopped")

    def study(self) -> Study:
        return load_study(study_name=self.work.study, storage=self.work.storage)

    def result(self) -> Result:
        study = self.study()
        own = _trials_of(study, self.name)
        count = {state: sum(trial.state == state for trial in own) for state in TrialState}
        best = study.best_trials[:1]
        folder = Path(self.work.model_dir) / self.work.study
        document: dict[str, Any] = {
            "study": self.work.study,
            "folder": str(folder),
            "complete": count[TrialState.COMPLETE],
            "pruned": count[TrialState.PRUNED],
            "failed": count[TrialState.FAIL] - self.lost_trials,
            "best_trial": best[0].number if best else None,
            "best_value": best[0].values[0] if best and best[0].values else None,
            "best_summary": str(folder / f"tuning_summary_{best[0].number}.json") if best else "",
            "workers": self.nodes,
            "lost_workers": self.lost_workers,
            "lost_trials": self.lost_trials,
        }
        lines = [f"study      {self.work.study}", f"folder     {folder}"]
        lines.append(f"trials     {document['complete']} complete, {document['pruned']} pruned, {document['failed']} failed")
        lines.append(f"workers    {self.begun}, of which {self.lost_workers} died with {self.lost_trials} trials under way")
        if best:
            lines += [f"best trial {best[0].number}", f"value      {document['best_value']}", f"summary    {document['best_summary']}"]
        return Result("tune.on_ray", "\n".join(lines) + "\n", document, 1 if document["failed"] and not document["complete"] + document["pruned"] else 0)


def _trials_of(study: Study, name: str) -> list[FrozenTrial]:
    """Those of a worker `call/3`, or of a whole call."""
    return [trial for trial in study.get_trials() if str(trial.user_attrs.get("worker", "")).startswith((f"{name}/", f"{name}@"))]


def _given_up(trial: FrozenTrial) -> bool:
    """Another worker has failed it after its heartbeat's grace, before Ray said that its worker died."""
    return trial.state == TrialState.FAIL and str(trial.user_attrs.get("error", "")).startswith("its worker gave no sign of life")


def tune(
    config: Config,
    storage: Any,
    study: str,
    *,
    data_dir: str,
    model_dir: str,
    trials: int,
    timeout: float,
    workers: int | None,
    threads: int,
    resume: bool,
    overrides: Mapping[str, Any] | None,
    seed: int,
    task_options: Mapping[str, Any] | None,
) -> Result:
    """See `sofia.tune.on_ray`."""
    url = storage_url(storage)
    if url is None or not study:
        raise UsageError("workers on several nodes need a storage and the study's name", "postgresql://user@host/database, for instance")
    if trials < 0 or timeout < 0 or (trials == 0 and timeout == 0):
        raise UsageError(f"trials {trials} and timeout {timeout}: one of them has to be above 0, none below")
    if threads < 1 or (workers is not None and workers < 1):
        raise UsageError(f"workers {workers} and threads {threads} have to be at least 1")
    ray = package()
    work = Work(
        config=_portable(config), sets=sets_of(overrides), data_dir=os.path.abspath(data_dir), model_dir=os.path.abspath(model_dir), study=study,
        storage=_absolute(url), resume=resume, seed=seed, threads=threads, registered=custom.registered(),
    )  # fmt: skip
    options = {"num_cpus": threads, "max_retries": 0, "scheduling_strategy": "SPREAD", **(task_options or {})}
    task = ray.remote(_remote_worker).options(**options)
    ledger = ray.remote(num_cpus=0)(Ledger).options(scheduling_strategy=_here(ray)).remote(trials, timeout, os.path.join(work.model_dir, study))
    call = _Call(ray, replace(work, resume=True), ledger, task)
    # The first one makes the study, or refuses: what is wrong with the settings or the data is told once.
    opening = task.remote(work, None, "")
    try:
        ray.get(opening)
    except ray.exceptions.RayTaskError as problem:
        raise problem.cause if isinstance(problem.cause, SofiaError) else problem from None
    for _ in range(workers or max(int(ray.cluster_resources().get("CPU", 1)) // threads, 1)):
        call.begin()
    try:
        call.run()
    except BaseException:
        call.stop()
        raise
    return call.result()


# ---- features of many symbols


def _remote_features(config: Config, sets: list[str], data_dir: str, out: str, minute: bool, horizon: int, threads: int, things: list[Any]) -> Result:
    """A Ray task: one symbol. The file appears whole, so that the task may be run again."""
    _adopt(things)
    with config_file(config) as path:
        return result_of("features", core.feature_table(core.CallOptions(42, threads, False), path, sets, data_dir, out, minute, horizon))


def features(
    data_dirs: Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    config: Config,
    *,
    minute: bool,
    horizon: int,
    overrides: Mapping[str, Any] | None,
    threads: int,
    task_options: Mapping[str, Any] | None,
) -> dict[str, Result]:
    """See `sofia.features.on_ray`."""
    folders: dict[str, str] = {}
    for folder in data_dirs:
        path = os.path.abspath(os.fspath(folder))
        if os.path.basename(path) in folders:
            raise UsageError(f"two folders of {os.path.basename(path)}: {folders[os.path.basename(path)]} and {path}")
        folders[os.path.basename(path)] = path
    if threads < 1:
        raise UsageError(f"threads {threads} has to be at least 1")
    ray = package()
    target = Path(os.path.abspath(os.fspath(out)))
    target.mkdir(parents=True, exist_ok=True)
    task = ray.remote(_remote_features).options(**{"num_cpus": threads, "scheduling_strategy": "SPREAD", **(task_options or {})})
    given = _portable(config)
    things = custom.registered()
    waiting = {
        symbol: task.remote(given, sets_of(overrides), folder, str(target / f"{symbol}.parquet"), minute, horizon, threads, things)
        for symbol, folder in folders.items()
    }
    results: dict[str, Result] = {}
    first: BaseException | None = None
    for symbol, one in waiting.items():  # the others go on where one fails
        try:
            results[symbol] = ray.get(one)
        except ray.exceptions.RayTaskError as problem:
            _log.error("%s: %s", symbol, problem.cause)
            first = first or (problem.cause if isinstance(problem.cause, SofiaError) else problem)
    if first is not None:
        raise first
    return results
