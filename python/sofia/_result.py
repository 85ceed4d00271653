"""What a verb found, as Python has it."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any


class Result(Mapping[str, Any]):
    """What a stage found: the document that the command prints with ``--json``, by key or attribute; ``text`` is what it prints for people.

    ``exit_code`` is the command's: 0, or 4 when a check said no.
    """

    def __init__(self, verb: str, text: str, document: Mapping[str, Any], exit_code: int = 0) -> None:
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
        return html_of(f"sofia {self.verb}", self.document)


def html_of(title: str, document: Mapping[str, Any]) -> str:
    """A table of names and values, as a notebook shows it."""
    return f"<b>{html.escape(title)}</b>{_cell(document)}"


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        return "<table>" + "".join(f"<tr><td>{html.escape(str(k))}</td><td>{_cell(v)}</td></tr>" for k, v in value.items()) + "</table>"
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        keys = list(dict.fromkeys(key for one in value for key in one))
        head = "".join(f"<th>{html.escape(str(key))}</th>" for key in keys)
        rows = "".join("<tr>" + "".join(f"<td>{_cell(one.get(key, ''))}</td>" for key in keys) + "</tr>" for one in value[:50])
        return f"<table><tr>{head}</tr>{rows}</table>"
    if isinstance(value, float):
        return f"{value:.6g}"
    return html.escape(str(value))


def result_of(verb: str, answer: tuple[str, str, int]) -> Result:
    text, document, exit_code = answer
    read = json.loads(document)
    return Result(verb, text, read if isinstance(read, dict) else {"result": read}, exit_code)
