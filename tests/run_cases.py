#!/usr/bin/env python3
"""Runs text cases: commands in, exit code and text out, compared exactly. The format is described in docs/testing.md.

    tests/run_cases.py [--sofia build/release/bin/sofia] FILE.case...

Exit: 0 all held, 1 some did not, 2 a case file cannot be read, 77 every case was skipped (a notice says why).
"""

from __future__ import annotations

import argparse
import difflib
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WILDCARD = "<...>"
SECONDS_MAX = 240


class BadCase(Exception):
    """The case file does not follow the format."""


@dataclass
class Command:
    line: int
    text: str
    exit_code: int = 0
    stdout: list[str] | None = None
    stderr: list[str] | None = None


@dataclass
class Case:
    path: Path
    needs: set[str] = field(default_factory=set)
    as_nobody: bool = False
    commands: list[Command] = field(default_factory=list)


def parse(path: Path) -> Case:
    case = Case(path)
    lines = path.read_text().split("\n")
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if line.startswith("$ "):
            case.commands.append(Command(number, line[2:]))
        elif line.startswith("exit ") and case.commands and line[5:].isdigit():
            case.commands[-1].exit_code = int(line[5:])
        elif line in ("stdout", "stderr") and case.commands:
            begin = number
            while number < len(lines) and lines[number] != "end":
                number += 1
            if number == len(lines):
                raise BadCase(f"{path} line {begin}: the block {line} has no `end`")
            if getattr(case.commands[-1], line) is not None:
                raise BadCase(f"{path} line {begin}: a second block {line} for one command")
            setattr(case.commands[-1], line, lines[begin:number])
            number += 1
        elif line in ("needs shared", "needs root") and not case.commands:
            case.needs.add(line.split()[1])
        elif line == "as nobody" and not case.commands:
            case.as_nobody = True
        elif line.strip() and not line.startswith("#"):
            raise BadCase(f"{path} line {number}: {line!r} is no command, expectation, condition or # comment")
    if not case.commands:
        raise BadCase(f"{path}: no command (a line that begins with `$ `)")
    return case


def line_matches(wanted: str, found: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in wanted.split(WILDCARD)), found) is not None


def text_matches(wanted: list[str], found: list[str]) -> bool:
    """Line by line; a wanted line that is only the wildcard stands for any number of lines, none included."""
    if not wanted:
        return not found
    if wanted[0] == WILDCARD:
        return any(text_matches(wanted[1:], found[skip:]) for skip in range(len(found) + 1))
    return bool(found) and line_matches(wanted[0], found[0]) and text_matches(wanted[1:], found[1:])


def lines_of(raw: bytes) -> list[str]:
    text = raw.decode("utf-8", "backslashreplace")
    if not text:
        return []
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines[:-1] + [lines[-1] + "\\ no newline at the end"]


def differences(command: Command, done: subprocess.CompletedProcess) -> list[str]:
    found_out, found_err = lines_of(done.stdout), lines_of(done.stderr)
    wrong = []
    if done.returncode != command.exit_code:
        wrong.append(f"exit code {done.returncode}, expected {command.exit_code}")
    # Standard output without a block is empty; standard error without a block is free (log, progress).
    streams = [("stdout", command.stdout or [], found_out)]
    if command.stderr is not None:
        streams.append(("stderr", command.stderr, found_err))
    for name, wanted, found in streams:
        if not text_matches(wanted, found):
            wrong += difflib.unified_diff(wanted, found, f"{name} expected", f"{name} found", lineterm="")
    if wrong and command.stderr is None and found_err:
        wrong += ["stderr was:"] + found_err[-20:]
    return wrong


def environment(sofia: Path, folder: Path, shared: Path | None) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS") if name in os.environ}
    variables = {"PATH": f"{sofia.parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(folder), "TMPDIR": str(folder),
                 "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    return variables | kept | ({"SHARED": str(shared)} if shared else {})


def shared_folder() -> Path | None:
    folder = Path(os.environ.get("SOFIA_SHARED", ROOT.parent / "shared"))
    return folder.resolve() if (folder / "data").is_dir() else None


def nobody() -> dict:
    entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def reason_to_skip(case: Case, sofia: Path, shared: Path | None) -> str | None:
    if "shared" in case.needs and not shared:
        return "no shared data (SOFIA_SHARED, or ../shared)"
    if "root" in case.needs and os.geteuid() != 0:
        return "not root"
    if case.as_nobody and os.geteuid() == 0:
        if subprocess.run(["test", "-x", str(sofia)], **nobody()).returncode != 0:
            return f"the user nobody may not run {sofia}"
    return None


def run(case: Case, sofia: Path, shared: Path | None) -> list[str]:
    """What did not hold; the first command that fails ends the case."""
    user = nobody() if case.as_nobody and os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="sofia_case_"))
    try:
        if user:
            os.chown(folder, user["user"], user["group"])
        for command in case.commands:
            try:
                done = subprocess.run(["bash", "-c", command.text], cwd=folder, env=environment(sofia, folder, shared), stdin=subprocess.DEVNULL,
                                      capture_output=True, timeout=SECONDS_MAX, check=False, **user)
            except subprocess.TimeoutExpired:
                return [f"{case.path} line {command.line}: $ {command.text}", f"not done after {SECONDS_MAX} s"]
            wrong = differences(command, done)
            if wrong:
                return [f"{case.path} line {command.line}: $ {command.text}"] + wrong
        return []
    finally:
        subprocess.run(["chmod", "-R", "u+rwX", str(folder)], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sofia", type=Path, default=ROOT / "build/release/bin/sofia")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.case")
    options = parser.parse_args()
    sofia = options.sofia.resolve()
    if not os.access(sofia, os.X_OK):
        print(f"{sofia} is not there: build it first (make build)", file=sys.stderr)
        return 2
    shared, skipped, failed = shared_folder(), 0, 0
    for path in options.files:
        try:
            case = parse(path)
        except (BadCase, OSError) as problem:
            print(problem, file=sys.stderr)
            return 2
        reason = reason_to_skip(case, sofia, shared)
        if reason:
            skipped += 1
            print(f"skipped {path.name}: {reason}")
            continue
        wrong = run(case, sofia, shared)
        failed += bool(wrong)
        print("\n".join([f"FAILED {path.name}"] + wrong) if wrong else f"ok {path.name}")
    if failed:
        return 1
    return 77 if skipped == len(options.files) else 0


if __name__ == "__main__":
    sys.exit(main())
