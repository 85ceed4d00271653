"""A peer of replay_bench: hftbacktest with a strategy that trades on a tape of prints.

    hftbacktest_peer.py prepare TRADES.csv TAPE.npy     the prints as hftbacktest's events, once
    hftbacktest_peer.py run TAPE.npy                    prints {"events": …, "seconds": …, "trades": …}

The strategy crosses two averages of minute closes and holds one unit with the trend, by limit orders a few ticks beyond the last price. The tape
lies in memory and the strategy is compiled (on the tape's first events) before the clock starts.
"""

import json
import sys
import time

import numpy as np
from hftbacktest import (BUY_EVENT, EXCH_EVENT, GTC, LIMIT, LOCAL_EVENT, SELL_EVENT, TRADE_EVENT, BacktestAsset, HashMapMarketDepthBacktest)
from hftbacktest.types import event_dtype
from numba import njit

TICK = 0.5
MINUTE = 60_000_000_000


def prepare(trades, tape):
    import polars as pl
    frame = pl.read_csv(trades, columns=["timestamp", "price", "size", "side"])
    events = np.zeros(frame.height, event_dtype)
    side = np.where((frame["side"] == "Buy").to_numpy(), BUY_EVENT, SELL_EVENT).astype(np.uint64)
    events["ev"] = np.uint64(TRADE_EVENT | EXCH_EVENT | LOCAL_EVENT) | side
    events["exch_ts"] = (frame["timestamp"] * 1e6).round().cast(pl.Int64).to_numpy() * 1000
    events["local_ts"] = events["exch_ts"]
    events["px"] = frame["price"].to_numpy()
    events["qty"] = frame["size"].to_numpy()
    np.save(tape, events)


@njit
def strategy(backtest, tick, minute):
    order_id = 1
    fast = slow = 0.0
    steps = 0
    while backtest.elapse(minute) == 0:
        prints = backtest.last_trades(0)
        if len(prints) == 0:
            continue
        price = prints[-1].px
        backtest.clear_last_trades(0)
        fast = price if steps == 0 else fast + (price - fast) * 2.0 / 11.0
        slow = price if steps == 0 else slow + (price - slow) * 2.0 / 21.0
        steps += 1
        wanted = 1.0 if fast > slow else -1.0
        gap = wanted - backtest.position(0)
        if abs(gap) < 0.5:
            continue
        orders = backtest.orders(0)
        waiting = orders.values()
        while waiting.has_next():
            order = waiting.get()
            if order.cancellable:
                backtest.cancel(0, order.order_id, False)
        if gap > 0:
            backtest.submit_buy_order(0, order_id, price + 5 * tick, gap, GTC, LIMIT, False)
        else:
            backtest.submit_sell_order(0, order_id, price - 5 * tick, -gap, GTC, LIMIT, False)
        order_id += 1
        backtest.clear_inactive_orders(0)
    return steps


def make_backtest(events):
    asset = (BacktestAsset().data(events).linear_asset(1.0).constant_order_latency(1_000_000, 1_000_000).risk_adverse_queue_model()
             .no_partial_fill_exchange().trading_value_fee_model(0.00075, 0.00075).tick_size(TICK).lot_size(0.001).last_trades_capacity(1000))
    return HashMapMarketDepthBacktest([asset])


def run(tape):
    events = np.load(tape)
    warm_up = make_backtest(events[:5000])
    strategy(warm_up, TICK, MINUTE)
    warm_up.close()
    backtest = make_backtest(events)
    begin = time.perf_counter()
    steps = strategy(backtest, TICK, MINUTE)
    seconds = time.perf_counter() - begin
    state = backtest.state_values(0)
    print(json.dumps({"events": len(events), "seconds": seconds, "minutes": int(steps), "trades": int(state.num_trades)}))
    backtest.close()


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(sys.argv[2], sys.argv[3])
    else:
        run(sys.argv[2])
