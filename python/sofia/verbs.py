"""The stages of a strategy as functions: what `sofia tune`, `select`, `train`, `backtest` and `stress` do, with the same files and numbers."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from ._config import Config, config_file, sets_of
from ._load import core

StrPath: TypeAlias = "str | os.PathLike[str]"


class Result(Mapping[str, Any]):
    """What a stage found: the document that the command prints with ``--json``, by key or attribute; ``text`` is what it prints for people.

    ``exit_code`` is the command's: 0, or 4 when a check said no.
    """

    def __init__(self, verb: str, text: str, document: Mapping[str, Any], exit_code: int) -> None:
        self.verb = verb
        self.text = text
        self.document = document
        self.exit_code = exit_code

    def __getitem__(self, key: str) -> Any:
        return self.document[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.document)

    def __len__(self) -> int:
        return len(self.document)

    def __getattr__(self, name: str) -> Any:
        document = self.__dict__.get("document", {})
        if name in document:
            return document[name]
        raise AttributeError(f"{type(self).__name__} of {self.__dict__.get('verb')} has no {name}; there is {', '.join(document)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.document]

    def __repr__(self) -> str:
        return f"<sofia {self.verb}>\n{self.text}"

    def _repr_html_(self) -> str:
        def cell(value: Any) -> str:
            if isinstance(value, Mapping):
                return "<table>" + "".join(f"<tr><td>{html.escape(str(k))}</td><td>{cell(v)}</td></tr>" for k, v in value.items()) + "</table>"
            if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
                keys = list(dict.fromkeys(key for one in value for key in one))
                head = "".join(f"<th>{html.escape(str(key))}</th>" for key in keys)
                rows = "".join("<tr>" + "".join(f"<td>{cell(one.get(key, ''))}</td>" for key in keys) + "</tr>" for one in value[:50])
                return f"<table><tr>{head}</tr>{rows}</table>"
            if isinstance(value, float):
                return f"{value:.6g}"
            return html.escape(str(value))

        return f"<b>sofia {html.escape(self.verb)}</b>{cell(self.document)}"


def _result(verb: str, answer: tuple[str, str, int]) -> Result:
    text, document, exit_code = answer
    read = json.loads(document)
    return Result(verb, text, read if isinstance(read, dict) else {"result": read}, exit_code)


def _path(path: StrPath | None) -> str:
    return "" if path is None else os.fspath(path)


class _Tune:
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
        """Searches a strategy's parameters on walk-forward folds inside the tuning window.

        Parameters
        ----------
        config : path or mapping
            The strategy: configs/touch.yaml, or a mapping with its keys.
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
        with config_file(config) as path:
            answer = core.tune(
                core.CallOptions(seed, threads, progress), path, sets_of(overrides), _path(data_dir), _path(model_dir), study, storage, trials,
                timeout, batch, workers, resume,
            )  # fmt: skip
        return _result("tune", answer)

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
    with config_file(config) as path:
        options = core.CallOptions(seed, threads, progress)
        return _result("select", core.select(options, path, sets_of(overrides), _path(model_dir), study, _path(data_dir)))


def train(
    summary: StrPath,
    *,
    config: Config = None,
    data_dir: StrPath | None = None,
    through: str = "tuning",
    overrides: Mapping[str, Any] | None = None,
    seed: int = 42,
    threads: int = 0,
    progress: bool = True,
) -> Result:
    """Fits the model of a trial (``tuning_summary_<trial>.json``) on the tuning window. ``through="all"`` is for live use: every backtest is in-sample then."""
    from .errors import UsageError

    if through not in ("tuning", "all"):
        raise UsageError(f"through is {through!r}", "tuning or all")
    with config_file(config) as path:
        options = core.CallOptions(seed, threads, progress)
        return _result("train", core.train(options, _path(summary), path, sets_of(overrides), _path(data_dir), through == "all"))


def backtest(
    train_config: StrPath,
    *,
    window: str = "test",
    fold: int | None = None,
    in_sample: bool = False,
    config: Config = None,
    data_dir: StrPath | None = None,
    overrides: Mapping[str, Any] | None = None,
    seed: int = 42,
    threads: int = 0,
    progress: bool = True,
) -> Result:
    """Runs a trained model (``train_config_<trial>.json``) over a window through the decision core: test, shadow, all, or FROM..TO; or the tuner's fold again.

    A window that shaped the model is refused (`BlockedError`) unless ``in_sample`` says that this is meant, and then every figure says so too.
    """
    with config_file(config) as path:
        options = core.CallOptions(seed, threads, progress)
        answer = core.backtest(options, _path(train_config), path, sets_of(overrides), _path(data_dir), window, in_sample, fold)
    return _result("backtest", answer)


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
    with config_file(config) as path:
        options = core.CallOptions(seed, threads, progress)
        extra = [_path(folder) for folder in extra_data]
        answer = core.stress(options, _path(train_config), path, sets_of(overrides), _path(data_dir), extra, in_sample)
    return _result("stress", answer)


def simulate(
    out: StrPath, *, symbol: str = "SIMUSDT", planted: str | None = None, seed: int = 42, progress: bool = False, **settings: Any
) -> Result:
    """Writes ``out/<symbol>/`` with a simulated market: trades, or minute bars with ``planted="direction"``.

    ``settings``: days, trades (exactly so many prints), edge (0: nobody can earn anything), start, start_price, tick, lot, ...
    """
    from .errors import UsageError

    if planted not in (None, "direction"):
        raise UsageError(f"planted is {planted!r}", "direction, or None for trades")
    options = core.CallOptions(seed, 0, progress)
    return _result("data simulate", core.simulate(options, _path(out), planted == "direction", sets_of({"symbol": symbol, **settings})))


def check_data(data_dir: StrPath, *, skip_bad_rows: bool = False) -> Result:
    """What lies in a data folder: rows, span, gaps, duplicates, disorder, outliers. As ``sofia data check``."""
    return _result("data check", core.check_data(core.CallOptions(42, 0, False), _path(data_dir), skip_bad_rows))


__all__ = ["Result", "backtest", "check_data", "select", "simulate", "stress", "train", "tune"]
