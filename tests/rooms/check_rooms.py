#!/usr/bin/env python3
"""Checks which room includes which against the table of docs/architecture.md.

    tests/rooms/check_rooms.py [REPOSITORY]

Read: every `#include "..."` under src/, app/ and python/, and every DEPENDS of sofia_room(). A room is a folder of src/ or of app/ (named app/x), or python.
Every room may include itself and base; base includes none; `every room` means those of src/. A line of the table closes transitively, except through a room that may include
every room: what app/pipeline may is not handed on to those that may include app/pipeline.
Exit: 0 holds, 1 something is forbidden (each on a line of its own), 2 the table or the tree cannot be read.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

EVERY = "every room"
OUTSIDE = {"python"}  # a room that lies neither under src/ nor under app/
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)
DEPENDS = re.compile(r"sofia_room\(\s*(\w+)\s+(?:[^)]*?\s)?DEPENDS\s+([^)]*?)(?=\s+(?:LINK|SOURCES|TESTS|BENCHES)\b|\))", re.DOTALL)


class Unreadable(Exception):
    """The table or the tree is not what this check expects."""


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def read_table(text: str) -> dict[str, set[str]]:
    """Room -> rooms named beside it. `app/cli, http` means app/cli and app/http; app rooms are named by their last part."""
    granted: dict[str, set[str]] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if line.startswith("|") and cells(line)[:2] == ["room", "may include"]:
            break
    else:
        raise Unreadable("docs/architecture.md holds no table that begins with | room | may include |")
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            break
        row = cells(line)
        for rooms, may in zip(row[0::2], row[1::2]):
            in_app = rooms.startswith("app/")
            for room in filter(None, (r.strip() for r in rooms.replace("app/", "").split(","))):
                name = f"app/{room}" if in_app else room
                if name in granted:
                    raise Unreadable(f"docs/architecture.md: the room {name} stands in the table twice")
                granted[name] = {r.strip() for r in may.split(",") if r.strip()}
    # `pipeline` beside an app room is the room app/pipeline.
    for name, may in granted.items():
        granted[name] = {f"app/{r}" if r not in granted and f"app/{r}" in granted else r for r in may}
        unknown = granted[name] - set(granted) - {EVERY, "base"}
        if unknown:
            raise Unreadable(f"docs/architecture.md: {name} may include {', '.join(sorted(unknown))}, which is no room of the table")
    return granted


def close(granted: dict[str, set[str]]) -> dict[str, set[str]]:
    """Room -> every room it may include, itself and base among them."""

    def reach(room: str, seen: set[str]) -> set[str]:
        for other in granted.get(room, set()) - seen - {EVERY}:
            seen.add(other)
            if EVERY not in granted.get(other, set()):
                reach(other, seen)
        return seen

    closed = {"base": {"base"}}
    for room, may in granted.items():
        if EVERY in may:
            closed[room] = {other for other in granted if not other.startswith("app/")} - OUTSIDE | may - {EVERY} | {room, "base"}
        else:
            closed[room] = reach(room, {room, "base"})
    return closed


def room_of(path: Path) -> str:
    """The room of a path relative to the repository: src/bars/x.hpp -> bars, app/cli/x.hpp -> app/cli."""
    if path.parts[0] in OUTSIDE:
        return path.parts[0]
    return path.parts[1] if path.parts[0] == "src" else f"app/{path.parts[1]}"


def included_room(text: str, file: Path, root: Path) -> str | None:
    """The room that an include names; None for a header that is no room's."""
    for candidate in (root / "src" / text, root / text, root / "app" / text, file.parent / text):
        resolved = candidate.resolve()
        if candidate.is_file() and resolved.is_relative_to(root.resolve()):
            relative = resolved.relative_to(root.resolve())
            if relative.parts[0] in ("src", "app", *OUTSIDE) and len(relative.parts) > 2:
                return room_of(relative)
    first = text.split("/")[0]
    return first if "/" in text and (root / "src" / first).is_dir() else None


def forbidden(root: Path, closed: dict[str, set[str]]) -> list[str]:
    found = []
    for file in sorted(p for top in ("src", "app", *OUTSIDE) for p in (root / top).glob("*/**/*")):
        if not file.is_file() or (file.suffix not in (".hpp", ".cpp", ".h", ".inc") and file.name != "CMakeLists.txt"):
            continue
        relative = file.relative_to(root)
        room, text = room_of(relative), file.read_text(encoding="utf-8", errors="replace")
        if room not in closed:
            found.append(f"{relative}: the room {room} is not in the table of docs/architecture.md")
            continue
        if file.name == "CMakeLists.txt":
            # CMake targets of app/ carry no `app/` in their names.
            uses = [(m.start(2), f"app/{name}" if f"app/{name}" in closed else name) for m in DEPENDS.finditer(text) for name in m[2].split()]
        else:
            uses = [(m.start(1), other) for m in INCLUDE.finditer(text) if (other := included_room(m[1], file, root))]
        for place, other in uses:
            if other not in closed[room]:
                line = text.count("\n", 0, place) + 1
                found.append(f"{relative} line {line}: {room} may not include {other} (docs/architecture.md)")
    return found


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    try:
        closed = close(read_table((root / "docs/architecture.md").read_text()))
        if not (root / "src").is_dir():
            raise Unreadable(f"{root} has no folder src")
        found = forbidden(root, closed)
    except (Unreadable, OSError) as problem:
        print(problem, file=sys.stderr)
        return 2
    print("\n".join(found) if found else f"rooms: {len(closed)} in the table, no forbidden include")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
