"""What is made by its constructor's arguments alone travels between processes as these."""

from __future__ import annotations

from typing import Any


def _made(kind: type, words: tuple[Any, ...], named: dict[str, Any]) -> Any:
    return kind(*words, **named)


class ByArguments:
    """Pickles the arguments it was made with; what it holds of C++ stays behind and is made anew."""

    _arguments: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *words: Any, **named: Any) -> Any:
        self = super().__new__(cls)
        self._arguments = (words, named)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (type(self), *self._arguments)
