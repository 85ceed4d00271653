"""The peer of `sofia serve`: FastAPI with LightGBM, as it is usually put together.

    serve_peer.py fit FOLDER          a model of five features for both sides: FOLDER/X/2026-01-31/lgbm.txt and the link best_lgbm
    serve_peer.py serve FOLDER PORT   uvicorn with two worker processes (uvloop, httptools); prints "ready" on the first answer

Rows come as {"columns": [...], "rows": [[...], ...]}; pydantic checks them, NumPy holds them, LightGBM predicts with one thread.
"""

import os
import sys
from pathlib import Path

import lightgbm
import numpy as np

NAMES = ["close", "ret1", "sma20_gap", "sma50_gap", "vol_z"]
TREES, LEAVES, ROWS = 200, 63, 50_000


def fit(folder: Path) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(ROWS, len(NAMES)))
    y = (x[:, 1] - 0.5 * x[:, 2] + rng.normal(size=ROWS) > 0).astype(float)
    data = lightgbm.Dataset(x, y, feature_name=NAMES, params={"verbosity": -1})
    model = lightgbm.train({"objective": "binary", "num_leaves": LEAVES, "verbosity": -1, "num_threads": 2}, data, num_boost_round=TREES)
    dated = folder / "X" / "2026-01-31"
    dated.mkdir(parents=True)
    model.save_model(dated / "lgbm.txt")
    (folder / "X" / "best_lgbm").symlink_to("2026-01-31")


def application():
    """Made in each worker process."""
    from fastapi import FastAPI
    from pydantic import BaseModel

    model = lightgbm.Booster(model_file=Path(os.environ["MODELS"]) / "X" / "best_lgbm" / "lgbm.txt")
    names = model.feature_name()
    app = FastAPI()

    class Question(BaseModel):
        columns: list[str]
        rows: list[list[float | None]]

    @app.get("/healthz")
    def healthz():
        return {"status": "ok"}

    # async: a thread of the pool for each request would only add to what a request costs.
    @app.post("/predict")
    async def predict(question: Question):
        order = [question.columns.index(name) for name in names]
        x = np.array(question.rows, dtype=np.float64)[:, order]
        return {"symbol": "X", "proba_up": model.predict(x, num_threads=1).tolist()}

    return app


def serve(folder: Path, port: int) -> None:
    import uvicorn

    os.environ["MODELS"] = str(folder)
    uvicorn.run("serve_peer:application", factory=True, host="127.0.0.1", port=port, workers=2, loop="uvloop", http="httptools", log_level="warning",
                access_log=False, app_dir=str(Path(__file__).parent), backlog=4096)


if __name__ == "__main__":
    if sys.argv[1] == "fit":
        fit(Path(sys.argv[2]))
    else:
        serve(Path(sys.argv[2]), int(sys.argv[3]))
