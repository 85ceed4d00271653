"""A strategy's configuration as Python gives it: a YAML file, or nested dicts with the same keys."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

Config: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any] | None"


def _plain(value: Any) -> Any:
    """What JSON can hold: NumPy's numbers as Python's, paths as texts."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_plain(one) for one in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _nested(config: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys at the top become nested ones: {"features.columns": x} is {"features": {"columns": x}}."""
    out: dict[str, Any] = {}
    for path, value in config.items():
        inner = _plain(value)
        for part in reversed(str(path).split(".")):
            inner = {part: inner}
        _merge(out, inner)
    return out


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(into.get(key), dict) and isinstance(value, dict):
            _merge(into[key], value)
        else:
            into[key] = value


@contextmanager
def config_file(config: Config) -> Iterator[str]:
    """The path of the configuration; a mapping is written into a file of its own for the time of a call. Empty: defaults."""
    if config is None:
        yield ""
    elif isinstance(config, Mapping):
        with tempfile.TemporaryDirectory(prefix="sofia-") as folder:
            path = Path(folder) / "config.yaml"
            path.write_text(json.dumps(_nested(config)) + "\n", encoding="utf-8")  # JSON is YAML
            yield str(path)
    else:
        yield os.fspath(config)


def shipped(name: str) -> str:
    """The path of a configuration that comes with the package, as configs/ has it."""
    return str(Path(__file__).parent / name)


def sets_of(overrides: Mapping[str, Any] | None) -> list[str]:
    """`key=value` texts as `--set` takes them."""
    return [f"{key}={json.dumps(_plain(value))}" for key, value in (overrides or {}).items()]
