"""`on_ray` of `sofia.tune` and `sofia.features`: the same work on the nodes of a Ray cluster. Ray itself is imported when they are called."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from ._config import Config
from ._result import Result


class TuneOnRay:
    """What `sofia.tune` has beside its call."""

    def on_ray(
        self,
        config: Config,
        storage: Any,
        study: str,
        *,
        data_dir: str | os.PathLike[str],
        model_dir: str | os.PathLike[str],
        trials: int = 100,
        timeout: float = 0.0,
        workers: int | None = None,
        threads: int = 1,
        resume: bool = False,
        overrides: Mapping[str, Any] | None = None,
        seed: int = 42,
        task_options: Mapping[str, Any] | None = None,
    ) -> Result:
        """Searches a strategy's parameters with workers on a Ray cluster: each runs one trial after the other of the one study in `storage`.

        Ray has to be installed (``pip install 'sofia[ray]'``), and sofia on every node. The cluster is the one that ``ray.init`` has joined; without that call Ray
        decides. A worker that dies, or its node, loses no finished trial: the one that it had begun is failed, another one begins in its place on a node that
        lives. Trials carry the user attribute ``worker``: call, number of the worker, node.

        Parameters
        ----------
        config : path or mapping
            The strategy: configs/touch.yaml, configs/direction.yaml, or a mapping with its keys. A file is read here; the files that it names are read on the nodes.
        storage : str
            A database that all nodes and the caller reach: ``postgresql://user@host/database``; ``sqlite:///FILE`` where they are one machine.
        study : str
        data_dir : path
            data/<SYMBOL>, under this path on every node.
        model_dir : path
            models/<SYMBOL>, where the study's folder is made. The caller's gets the summary of every trial before the trial is told, whether or not nodes
            see the same folder.
        trials : int
            Of this call, of all workers together; 0: until the timeout (seconds), after which no trial begins. Those that a dead worker leaves do not count.
        workers : int, optional
            Ray tasks at the same time; None: as many as the cluster has CPUs for.
        threads : int
            CPUs of each worker. Changes no number; more workers use them better than more threads.
        resume : bool
            Goes on with the study, or creates it.
        overrides, seed
            As `sofia.tune`. Workers ask when they are free, so which trial knows which others depends on the clock, as with ``sofia study run --workers``.
        task_options : mapping, optional
            Over the options of the workers' Ray tasks: ``resources``, ``scheduling_strategy``, ``runtime_env``, ...

        What has been registered (`sofia.feature`, `sofia.label`, `sofia.model`) goes along to the workers.

        Returns
        -------
        Result
            study, folder, complete, pruned, failed (of this call), best_trial, best_value, best_summary (of the study), workers, lost_workers, lost_trials. Ctrl-C
            stops the workers, keeps what is finished, and raises KeyboardInterrupt.

        Raises
        ------
        UnavailableError : Ray is not installed, or workers die before any trial is finished. Else as `sofia.tune`.
        """
        from . import _ray

        return _ray.tune(
            config, storage, study, data_dir=os.fspath(data_dir), model_dir=os.fspath(model_dir), trials=trials, timeout=timeout, workers=workers,
            threads=threads, resume=resume, overrides=overrides, seed=seed, task_options=task_options,
        )  # fmt: skip


class FeaturesOnRay:
    """What `sofia.features` has beside its call."""

    def on_ray(
        self,
        data_dirs: Iterable[str | os.PathLike[str]],
        out: str | os.PathLike[str],
        config: Config = None,
        *,
        minute: bool = False,
        horizon: int = 0,
        overrides: Mapping[str, Any] | None = None,
        threads: int = 1,
        task_options: Mapping[str, Any] | None = None,
    ) -> dict[str, Result]:
        """The features of many symbols, a Ray task each: what ``sofia features`` writes, ``out/<SYMBOL>.parquet``.

        A task whose node dies is run again by Ray; a file appears whole or not at all. Where one symbol fails the others are still made, then its exception
        is raised.

        Parameters
        ----------
        data_dirs : paths
            Folders of trades or bars, data/<SYMBOL>, under these paths on every node.
        out : path
            A folder that all nodes see.
        config : path or mapping, optional
            As of `sofia.features`. With ``strategy: direction``, or with ``minute``, the columns of the direction strategy with their label.
        horizon : int
            With ``minute``: minutes that the label looks ahead; 0: as configured.
        threads : int
            CPUs of each task. Changes no number.
        overrides, task_options
            As `sofia.tune.on_ray`.

        Returns
        -------
        dict of str to Result
            By symbol, in the order of ``data_dirs``: rows, columns, file, ... as ``sofia features --json``.
        """
        from . import _ray

        return _ray.features(
            data_dirs, out, config, minute=minute, horizon=horizon, overrides=overrides, threads=threads, task_options=task_options
        )
