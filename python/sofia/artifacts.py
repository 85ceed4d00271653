"""Models of the direction strategy as programs expect them that were written for joblib's pickles."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .errors import DataError, UnavailableError

PICKLE = "lgbm.pkl"
LINK = "best_lgbm.pkl"
MODEL_LINK = "best_lgbm"


def _write_whole(booster: object, target: Path) -> None:
    """A reader sees all of the file, or none."""
    import joblib

    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            joblib.dump(booster, file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _model_in_use(model_dir: Path) -> str | None:
    """The name of the folder that best_lgbm names."""
    try:
        return os.readlink(model_dir / MODEL_LINK)
    except OSError:
        return None


def _follow(model_dir: Path) -> None:
    """Points best_lgbm.pkl at the pickle of the model in use, if it has one. Trainings at once move the other link meanwhile: then once more."""
    while (name := _model_in_use(model_dir)) is not None and (model_dir / name / PICKLE).exists():
        target = os.path.join(name, PICKLE)
        link = model_dir / LINK
        if not link.is_symlink() and link.exists():
            raise DataError(f"{link} is no link", "move it away: it would name the pickle of the model in use")
        if not link.is_symlink() or os.readlink(link) != target:
            with tempfile.TemporaryDirectory(prefix=f".{LINK}-", dir=model_dir) as folder:
                made = Path(folder) / LINK
                made.symlink_to(target)  # as seen from where it goes
                os.replace(made, link)
        if _model_in_use(model_dir) == name:
            return


def pickle_model(folder: str | os.PathLike[str]) -> str:
    """Writes ``lgbm.pkl`` beside a model's ``lgbm.txt``, and points ``best_lgbm.pkl`` at it where ``best_lgbm`` names the folder; returns the file's path.

    ``joblib.load`` gives a ``lightgbm.Booster`` of the same trees: ``predict(X)`` is P(up) of each row, ``feature_name()`` the columns in their order. It needs
    lightgbm and joblib, not sofia. `train` and `train_from_parquet` call this; for a model that the command has trained, call it with its dated folder, or
    with the link ``models/<SYMBOL>/best_lgbm``. File and link change in one step each: a reader sees the old one or the new one. As with any pickle, load
    only what you trust.
    """
    try:
        import lightgbm
        import joblib  # noqa: F401
    except ImportError as problem:
        raise UnavailableError(f"lgbm.pkl needs lightgbm and joblib: {problem}", "pip install joblib lightgbm") from None
    place = Path(folder).resolve()
    text = place / "lgbm.txt"
    if not text.exists():
        raise DataError(f"{place} holds no lgbm.txt", "a dated folder of a model, models/<SYMBOL>/YYYY-MM-DD, or the link best_lgbm")
    target = place / PICKLE
    _write_whole(lightgbm.Booster(model_file=text), target)
    _follow(place.parent)
    return str(target)


__all__ = ["pickle_model"]
