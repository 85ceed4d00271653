"""The package `sofia` of the build whose programs are tested: <build>/python, beside <build>/bin."""

import sys

from binaries import BIN

PACKAGE = BIN.parent / "python"
sys.path.insert(0, str(PACKAGE))
