"""What a parameter may be. The same classes, fields and JSON as Optuna's; its own objects are taken too."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .errors import ConfigError

Choice: TypeAlias = "None | bool | int | float | str"


@dataclass(frozen=True)
class FloatDistribution:
    """[low, high]; with a step the values low + k step, with log drawn evenly on a logarithmic scale."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def single(self) -> bool:
        return self.low == self.high if self.step is None else self.high - self.low < self.step


@dataclass(frozen=True)
class IntDistribution:
    """low, low + step, ... up to high."""

    low: int
    high: int
    log: bool = False
    step: int = 1

    def single(self) -> bool:
        return self.low == self.high or (not self.log and self.high - self.low < self.step)


@dataclass(frozen=True)
class CategoricalDistribution:
    """One of the choices: None, bool, int, float or str."""

    choices: tuple[Any, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", tuple(self.choices))

    def single(self) -> bool:
        return len(self.choices) == 1


Distribution: TypeAlias = "FloatDistribution | IntDistribution | CategoricalDistribution"


def choice(value: Any) -> Choice:
    """A value as a study can store it: NumPy's numbers become Python's."""
    if value is None or isinstance(value, (bool, str)):
        return value
    item = getattr(value, "item", None)
    if item is not None and getattr(value, "ndim", 0) == 0:
        value = item()
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str(value)
    raise ConfigError(f"a parameter cannot be {value!r} of type {type(value).__name__}", "it is None, a bool, an int, a float or a str")


def to_json(distribution: Any) -> str:
    """As Optuna writes it into a study. Takes our objects and Optuna's."""
    kind = type(distribution).__name__
    if kind == "FloatDistribution":
        values: dict[str, Any] = {"step": distribution.step, "low": float(distribution.low), "high": float(distribution.high), "log": distribution.log}
    elif kind == "IntDistribution":
        values = {"log": distribution.log, "step": distribution.step, "low": int(distribution.low), "high": int(distribution.high)}
    elif kind == "CategoricalDistribution":
        values = {"choices": [choice(one) for one in distribution.choices]}
    else:
        raise ConfigError(f"a {kind} is no distribution", "FloatDistribution, IntDistribution or CategoricalDistribution")
    return json.dumps({"name": kind, "attributes": values})


def from_json(text: str) -> Distribution:
    """Reads what C++ writes, which is Optuna's form."""
    read = json.loads(text)
    name, values = read["name"], read["attributes"]
    if name == "CategoricalDistribution":
        return CategoricalDistribution(tuple(values["choices"]))
    if name == "IntDistribution":
        return IntDistribution(values["low"], values["high"], values["log"], values["step"])
    step = values.get("step")
    return FloatDistribution(values["low"], values["high"], values.get("log", False), None if step in (None, 0, 0.0) else step)


def checked(low: float, high: float) -> tuple[float, float]:
    low, high = float(low), float(high)
    if math.isnan(low) or math.isnan(high):
        raise ConfigError(f"low {low} and high {high} are not both numbers")
    return low, high


def space_json(space: dict[str, Any]) -> dict[str, str]:
    return {name: to_json(distribution) for name, distribution in space.items()}


__all__: Sequence[str] = ["FloatDistribution", "IntDistribution", "CategoricalDistribution"]
