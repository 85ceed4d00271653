"""What goes wrong, one class an error code of the C++ library. Each is a `SofiaError`, and the built-in exception that Python code expects."""

from __future__ import annotations


class SofiaError(Exception):
    """A failure that sofia expects. `message` says what and where, `hint` what to do and may be empty."""

    code = "internal"

    def __init__(self, message: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message

    def __reduce__(self):
        return type(self), (self.message, self.hint)


class UsageError(SofiaError, ValueError):
    """The call is wrong."""

    code = "usage"


class ConfigError(SofiaError, ValueError):
    """A configuration key, a parameter or its value is wrong."""

    code = "config"


class DataError(SofiaError, ValueError):
    """Input data is malformed or inconsistent."""

    code = "data"


class IoError(SofiaError, OSError):
    """A file cannot be read or written: missing, no permission, full disk."""

    code = "io"


class BlockedError(SofiaError, RuntimeError):
    """A check refused: feature audit, overlap with training, a leak."""

    code = "blocked"


class FutureLeakError(BlockedError, AssertionError):
    """Training data reaches into the validation: what is learnt there is the future."""


class InterruptedCallError(SofiaError, RuntimeError):
    """The work was asked to stop by other means than Ctrl-C, which raises KeyboardInterrupt."""

    code = "interrupted"


class UnavailableError(SofiaError, RuntimeError):
    """A remote side or an optional program or package is not there."""

    code = "unavailable"


class ConflictError(SofiaError, RuntimeError):
    """Somebody else holds or has changed the thing: a study of this name, a trial that is finished."""

    code = "conflict"


class InternalError(SofiaError, RuntimeError):
    """A third-party library failed in a way that is nobody's input."""

    code = "internal"


class TrialPruned(SofiaError):
    """Raised by an objective: the trial stops early and counts as pruned."""

    code = "usage"


_CLASSES = {
    kind.code: kind
    for kind in (UsageError, ConfigError, DataError, IoError, BlockedError, InterruptedCallError, UnavailableError, ConflictError, InternalError)
}


def from_code(code: str, message: str, hint: str = "") -> SofiaError:
    """The exception of an error code. Called by the extension module."""
    return _CLASSES.get(code, InternalError)(message, hint)
