"""The stages of a strategy as functions: what `sofia tune`, `select`, `train`, `backtest` and `stress` do, with the same files and numbers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ._config import Config, config_file, sets_of, shipped
from ._load import core
from ._on_ray import TuneOnRay
from ._result import Result, result_of
from .errors import UsageError

StrPath: TypeAlias = "str | os.PathLike[str]"


def _path(path: StrPath | None) -> str:
    return "" if path is None else os.fspath(path)


def _run(verb: str, options: tuple[int, int, bool], config: Config, overrides: Mapping[str, Any] | None, *words: Any) -> Result:
    """The stage `verb` of the extension module; `options` are seed, threads and progress."""
    with config_file(config) as path:
        return result_of(verb, getattr(core, verb)(core.CallOptions(*options), path, sets_of(overrides), *words))


class _Tune(TuneOnRay):
    """`sofia.tune(...)`: see `__call__`."""

    def __call__(
        self,
        config: Config = None,
        *,
        data_dir: StrPath,
        model_dir: StrPath,
        study: str = "",
        storage: str = "",
        trials: int = 100,
        timeout: float = 0.0,
        batch: int = 0,
        workers: int = 0,
        resume: bool = False,
        overrides: Mapping[str, Any] | None = None,
        seed: int = 42,
        threads: int = 0,
        progress: bool = True,
    ) -> Result:
        """Searches a strategy's parameters: on walk-forward folds inside the tuning window, or, with ``strategy: direction``, on its validation window.

        Parameters
        ----------
        config : path or mapping
            The strategy: configs/touch.yaml, configs/direction.yaml, or a mapping with its keys.
        data_dir, model_dir : path
            data/<SYMBOL> with trades or bars; models/<SYMBOL>, where the study's folder is made.
        study, storage : str
            Empty: a random readable name; optuna.db in the study's folder.
        trials : int
            Of this call; 0: until the timeout (seconds).
        batch, workers : int
            Trials asked together (0: ``tune.batch``); folds worked on at the same time (0: one a thread). Workers change no result.
        resume : bool
            Goes on with the study, or creates it.
        overrides : mapping
            Single keys over the configuration, as ``--set``.
        seed, threads, progress
            Of every random stream; 0: all cores, changes no result; a line on stderr where that is a terminal. Log lines go to the logger ``sofia``.

        Returns
        -------
        Result
            study, folder, complete, pruned, failed, best_trial, best_value, ... as ``sofia tune --json``. Ctrl-C keeps what is finished and raises
            KeyboardInterrupt.
        """
        if trials == 0 and not timeout > 0:
            raise UsageError("trials 0 needs a timeout: nothing else ends the call", "timeout is in seconds")
        words = (_path(data_dir), _path(model_dir), study, storage, trials, timeout, batch, workers, resume)
        return _run("tune", (seed, threads, progress), config, overrides, *words)

    def __repr__(self) -> str:
        return "<function sofia.tune>"


tune = _Tune()
tune.__doc__ = _Tune.__call__.__doc__


def select(
    *,
    model_dir: StrPath,
    study: str,
    data_dir: StrPath | None = None,
    config: Config = None,
    overrides: Mapping[str, Any] | None = None,
    seed: int = 42,
    threads: int = 0,
    progress: bool = True,
) -> Result:
    """Runs a study's best trials over test, fixes one champion, and lets shadow decide on it once. As ``sofia select``."""
    return _run("select", (seed, threads, progress), config, overrides, _path(model_dir), study, _path(data_dir))


def train(
    summary: StrPath | None = None,
    *,
    config: Config = None,
    data_dir: StrPath | None = None,
    through: str = "tuning",
    model_dir: StrPath | None = None,
    study: str = "",
    force: bool = False,
    overrides: Mapping[str, Any] | None = None,
    seed: int = 42,
    threads: int = 0,
    progress: bool = True,
) -> Result:
    """Fits the model of a trial. As ``sofia train``.

    Parameters
    ----------
    summary : path, optional
        ``tuning_summary_<trial>.json``, which says what strategy it is of. Direction strategy: None takes the best trial of ``study`` in ``model_dir``, of the
        only study there where none is named.
    through : ``tuning`` or ``all``
        ``all`` is for live use: every backtest is in-sample then. Not of the direction strategy, which fits its training window.
    model_dir : path, optional
        Direction strategy: models/<SYMBOL>, where the dated folder is made and ``best_lgbm`` stands; None: where the summary's study lies.
    force : bool
        Direction strategy: the model comes into use without being better, and its card says so.

    Returns
    -------
    Result
        What ``sofia train --json`` prints. Direction strategy: ``folder``, ``model``, ``card`` (paths), ``validation``, ``test``, ``promotion``, ..., and ``pkl``:
        ``lgbm.pkl`` in the folder, to which ``best_lgbm.pkl`` points where the model is in use (`pickle_model`).
    """
    if through not in ("tuning", "all"):
        raise UsageError(f"through is {through!r}", "tuning or all")
    if summary is None and model_dir is None:
        raise UsageError("neither a summary nor a model_dir is given", "a tuning_summary_<trial>.json, or models/<SYMBOL>")
    words = (_path(summary), _path(data_dir), through == "all", _path(model_dir), study, force)
    trained = _run("train", (seed, threads, progress), config, overrides, *words)
    return _pickled(trained) if trained.document.get("strategy") == "direction" else trained


def _pickled(trained: Result) -> Result:
    from .artifacts import pickle_model

    if not str(trained["model"]).endswith("lgbm.txt"):
        return trained  # a model that was written in Python is a pickle as it is
    return Result(trained.verb, trained.text, {**trained.document, "pkl": pickle_model(trained["folder"])}, trained.exit_code)


def train_from_parquet(
    path: StrPath,
    val_days: float = 14,
    trials: int = 50,
    model_dir: StrPath = "models",
    *,
    symbol: str = "",
    test_days: float | None = None,
    horizon: int | None = None,
    config: Config = None,
    study: str = "",
    timeout: float = 0.0,
    workers: int = 0,
    force: bool = False,
    overrides: Mapping[str, Any] | None = None,
    seed: int = 42,
    threads: int = 0,
    progress: bool = True,
) -> Result:
    """Tunes and trains the direction strategy on rows in Parquet: `tune`, then `train` with the best trial. The same model as on the bars that the rows come of.

    Parameters
    ----------
    path : path
        What `to_parquet` returns, a symbol's folder in a feature store; or one Parquet file; or a folder of them. Rows are minute features (``ts``,
        ``known_at``, ``close``, ``ret1``, ``sma20_gap``, ``sma50_gap``, ``vol_z``; labels follow from the closes, and a column ``y`` must agree), or bars (``open``,
        ``high``, ``low``, ``close``, ``volume``).
    val_days : float
        Days of validation, which stop each fit, score each trial and decide whether the model comes into use.
    trials : int
        0: until the timeout (seconds).
    model_dir : path
        The parent of the symbols' folders: models are made in ``model_dir/<symbol>``.
    symbol : str, optional
        Default: the store's symbol, the name of the file without its ending, or the name of the folder.
    test_days : float, optional
        Days at the end that only the trained model is measured on; None: as many as ``val_days``. Validation lies before them.
    horizon : int, optional
        Minutes; None: the configuration's, 5.
    config : path or mapping, optional
        None: configs/direction.yaml as it was shipped with this package.
    study, workers, force, overrides, seed, threads, progress
        As `tune` and `train` have them.

    Returns
    -------
    Result
        What `train` returns, and ``metrics`` (``validation``, ``test``), ``study``, ``best_trial``, ``best_value``, ``summary``, ``symbol``.

    Raises
    ------
    DataError : too few days for the windows, a missing column, a ``y`` of another horizon. BlockedError : the model in use has other columns.
    """
    if not Path(path).exists():
        raise UsageError(f"{_path(path)} is not there", "the rows have to lie on this machine: read a bucket's with FeatureStore.read, and write them with to_parquet")
    symbol = symbol or core.symbol_of_data(_path(path))
    keys: dict[str, Any] = {"split.val_days": val_days, "split.test_days": val_days if test_days is None else test_days}
    keys["instrument.symbol"] = symbol
    if horizon is not None:
        keys["horizon"] = horizon
    keys.update(overrides or {})
    folder = Path(model_dir) / core.symbol_folder(symbol)
    common: dict[str, Any] = {"seed": seed, "threads": threads, "progress": progress}
    settings: Config = shipped("direction.yaml") if config is None else config
    if isinstance(settings, Mapping):
        settings = {"strategy": "direction", **settings}
    tuned = tune(settings, data_dir=path, model_dir=folder, study=study, trials=trials, timeout=timeout, workers=workers, overrides=keys, **common)
    if tuned["best_trial"] is None:
        raise UsageError(f"no trial of study {tuned['study']} has ended well", "the log says why; more trials, or another search space")
    trained = train(tuned["best_summary"], model_dir=folder, force=force, **common)
    found = {name: tuned[name] for name in ("study", "best_trial", "best_value")}
    found |= {"summary": tuned["best_summary"], "symbol": symbol, "metrics": {name: trained[name] for name in ("validation", "test")}}
    return Result("train_from_parquet", tuned.text + "\n" + trained.text, {**trained.document, **found}, trained.exit_code)


def backtest(
    train_config: StrPath,
    *,
    window: str = "test",
    fold: int | None = None,
    in_sample: bool = False,
    against: StrPath | None = None,
    config: Config = None,
    data_dir: StrPath | None = None,
    overrides: Mapping[str, Any] | None = None,
    seed: int = 42,
    threads: int = 0,
    progress: bool = True,
) -> Result:
    """Runs a trained model (``train_config_<trial>.json``) over a window through the decision core: test, shadow, all, or FROM..TO; or the tuner's fold again.

    A window that shaped the model is refused (`BlockedError`) unless ``in_sample`` says that this is meant, and then every figure says so too.

    Direction strategy: given ``tuning_summary_<trial>.json``, its rule is walked forward over the last ``simulation.days``. ``against``: kpis.json or
    model_card.json of an accepted model; ``exit_code`` is 4 where a KPI is worse than its interval.
    """
    words = (_path(train_config), _path(data_dir), window, in_sample, fold, _path(against))
    return _run("backtest", (seed, threads, progress), config, overrides, *words)


def stress(
    train_config: StrPath,
    *,
    extra_data: Sequence[StrPath] = (),
    in_sample: bool = False,
    config: Config = None,
    data_dir: StrPath | None = None,
    overrides: Mapping[str, Any] | None = None,
    seed: int = 42,
    threads: int = 0,
    progress: bool = True,
) -> Result:
    """Runs a trained model through dearer fees, slippage, latency, other parameters, lost bars and resampled trades. As ``sofia stress``."""
    words = (_path(train_config), _path(data_dir), [_path(folder) for folder in extra_data], in_sample)
    return _run("stress", (seed, threads, progress), config, overrides, *words)


def simulate(
    out: StrPath, *, symbol: str = "SIMUSDT", planted: str | None = None, seed: int = 42, progress: bool = False, **settings: Any
) -> Result:
    """Writes ``out/<symbol>/`` with a simulated market: trades, or minute bars with ``planted="direction"``.

    ``settings``: days, trades (exactly so many prints), edge (0: nobody can earn anything), start, start_price, tick, lot, ...
    """
    if planted not in (None, "direction"):
        raise UsageError(f"planted is {planted!r}", "direction, or None for trades")
    options = core.CallOptions(seed, 0, progress)
    return result_of("data simulate", core.simulate(options, _path(out), planted == "direction", sets_of({"symbol": symbol, **settings})))


def check_data(data_dir: StrPath, *, skip_bad_rows: bool = False) -> Result:
    """What lies in a data folder: rows, span, gaps, duplicates, disorder, outliers. As ``sofia data check``."""
    return result_of("data check", core.check_data(core.CallOptions(42, 0, False), _path(data_dir), skip_bad_rows))


__all__ = ["Result", "backtest", "check_data", "select", "simulate", "stress", "train", "train_from_parquet", "tune"]
