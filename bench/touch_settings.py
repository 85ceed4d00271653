"""What both sides of the job `touch` run with: the settings that differ from Sofia's defaults, and the search space. Standard library only."""

from __future__ import annotations

# Cheap enough a venue that something of the planted edge is left to find.
SETTINGS = {
    "bars.timeframes": "1m,5m,15m,1h,4h",
    # What bench/features_peer.py has no definition for: columns of trades and of the clock, and two indicators.
    "features.exclude": "time.*,*.flow*,*.tick*,*.trade*,*.sma50_slope,*.efficiency20",
    "touch.timeframes": "15m,1h",
    "costs.fee_percent": "0.01",
    "costs.maker_fee_percent": "0",
    "costs.max_fee_r": "0.25",
    "gate.ev_margin": "0",
    "score.min_trades": "10",
    "split.folds": "8",
    "model.rounds": "300",
    "model.early_stopping_rounds": "30",
    "tune.sampler": "tpe",
}

# name -> (kind, low, high, logarithmic), as in configs/touch_quick.yaml
SPACE = {
    "learning_rate": ("float", 0.01, 0.15, True),
    "num_leaves": ("int", 4, 63, True),
    "min_data_in_leaf": ("int", 20, 300, True),
    "feature_fraction": ("float", 0.5, 1.0, False),
    "bagging_fraction": ("float", 0.5, 1.0, False),
    "lambda_l1": ("float", 1e-6, 10.0, True),
    "lambda_l2": ("float", 1e-6, 10.0, True),
    "stop_atr": ("float", 1.0, 4.0, True),
    "target_r": ("float", 0.75, 3.0, False),
    "max_hold_bars": ("int", 8, 96, True),
}


def space_text() -> str:
    """The space as Sofia's `search`."""
    parts = [f"{name}: {{type: {kind}, low: {low!r}, high: {high!r}, log: {str(log).lower()}}}" for name, (kind, low, high, log) in SPACE.items()]
    return "search={" + ", ".join(parts) + "}"


def sets() -> list[str]:
    """Command line options of `sofia tune`."""
    words = []
    for key, value in SETTINGS.items():
        words += ["--set", f"{key}={value}"]
    return [*words, "--set", space_text()]
