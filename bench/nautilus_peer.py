"""A peer of replay_bench: nautilus_trader's own EMA-cross example on trade ticks.

    nautilus_peer.py TRADES.csv COUNT     prints {"events": …, "seconds": …, "trades": …} for the first COUNT prints

The engine makes minute bars of the ticks and the strategy trades at the market when its averages cross. Ticks are objects in memory before the
clock starts, logging is off, and the strategy does not subscribe to the ticks themselves (its example would only log them).
"""

import json
import sys
import time
from decimal import Decimal

import pandas as pd
import polars as pl
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.examples.strategies.ema_cross import EMACross, EMACrossConfig
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.identifiers import TraderId
from nautilus_trader.model.objects import Money
from nautilus_trader.persistence.wranglers import TradeTickDataWrangler
from nautilus_trader.test_kit.providers import TestInstrumentProvider


def ticks(path, count, instrument):
    frame = pl.read_csv(path, n_rows=count)
    stamps = pd.to_datetime((frame["timestamp"] * 1e6).round().cast(pl.Int64).to_numpy(), unit="us", utc=True)
    data = pd.DataFrame({"price": frame["price"].to_numpy(), "quantity": frame["size"].to_numpy(), "side": frame["side"].str.to_uppercase().to_numpy(),
                         "trade_id": range(len(stamps))}, index=stamps)
    return TradeTickDataWrangler(instrument=instrument).process(data)


def main(path, count):
    instrument = TestInstrumentProvider.btcusdt_perp_binance()
    engine = BacktestEngine(BacktestEngineConfig(trader_id=TraderId("BENCH-001"), logging=LoggingConfig(bypass_logging=True), run_analysis=False))
    engine.add_venue(venue=instrument.id.venue, oms_type=OmsType.NETTING, account_type=AccountType.MARGIN, base_currency=None,
                     starting_balances=[Money(10_000_000, USDT)], trade_execution=True)
    engine.add_instrument(instrument)
    data = ticks(path, count, instrument)
    engine.add_data(data)
    bars = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-INTERNAL")
    engine.add_strategy(EMACross(EMACrossConfig(instrument_id=instrument.id, bar_type=bars, trade_size=Decimal("0.010"), subscribe_trade_ticks=False,
                                                request_bars=False)))
    begin = time.perf_counter()
    engine.run()
    seconds = time.perf_counter() - begin
    orders = engine.trader.generate_order_fills_report()
    print(json.dumps({"events": len(data), "seconds": seconds, "trades": len(orders)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
