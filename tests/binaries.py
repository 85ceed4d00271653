"""Where the programs under test are, and how a test runs `sofia`: those of SOFIA_BIN_DIR, else of build/release/bin."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(os.environ.get("SOFIA_BIN_DIR", ROOT / "build" / "release" / "bin"))
SOFIA = BIN / "sofia"


def sofia(*words, cwd=None, expect=0, timeout=300):
    """A run that must end with exit code `expect`, without a terminal."""
    done = subprocess.run([SOFIA, *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
    assert done.returncode == expect, f"{words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def answer(*words, cwd=None, expect=0):
    """What a verb prints with --json."""
    return json.loads(sofia(*words, "--json", "--quiet", cwd=cwd, expect=expect).stdout)
