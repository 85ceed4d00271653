"""The package `sofia` of the build whose programs are tested, as in tests/python."""

import sys

from binaries import BIN

sys.path.insert(0, str(BIN.parent / "python"))
