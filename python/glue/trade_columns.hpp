#pragma once

#include <span>
#include <vector>

#include "glue.hpp"
#include "market/trade.hpp"

namespace sofia::python {

/// Trades in order of time from columns by name: ts, price, size, side (0 bought, 1 sold), optional tick (0 plus, 1 zero plus, 2 minus, 3 zero
/// minus; without it by the tick rule, as store::read_trades has it). Rows that are out of order are sorted, those of one time staying as they are.
/// Holding Python's lock. Throws Failure: data, with the row from 0.
[[nodiscard]] std::vector<market::Trade> trades_of(const nb::dict& columns);

/// The columns of trades by name: ts, price, size, side, tick, the last two as numbers as above. Holding Python's lock.
[[nodiscard]] nb::dict columns_of(std::span<const market::Trade> trades);

}  // namespace sofia::python
