#include "trade_columns.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

namespace sofia::python {
namespace {

using market::TickDirection;
using market::Trade;

Result<void> check_trade(const Trade& trade, std::size_t row) {
    const auto bad = [&](const char* what, double value) { return fail(ErrorCode::data, fmt::format("trades: row {} has {} {}", row, what, value)); };
    if (!(trade.price > 0.0) || !std::isfinite(trade.price)) return bad("price", trade.price);
    if (!(trade.size >= 0.0) || !std::isfinite(trade.size)) return bad("size", trade.size);
    return {};
}

/// By time, those of one time as they stand.
std::vector<Trade> in_order(const std::vector<Trade>& trades) {
    std::vector<std::size_t> order(trades.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return trades[i].ts; });
    std::vector<Trade> sorted(trades.size());
    std::ranges::transform(order, sorted.begin(), [&](std::size_t i) { return trades[i]; });
    return sorted;
}

void derive_ticks(std::vector<Trade>& trades) {
    for (std::size_t i = 0; i < trades.size(); ++i) {
        if (i == 0) {
            trades[i].tick = TickDirection::zero_plus;
        } else if (trades[i].price != trades[i - 1].price) {
            trades[i].tick = trades[i].price > trades[i - 1].price ? TickDirection::plus : TickDirection::minus;
        } else {
            trades[i].tick = is_up(trades[i - 1].tick) ? TickDirection::zero_plus : TickDirection::zero_minus;
        }
    }
}

}  // namespace

std::vector<Trade> trades_of(const nb::dict& columns) {
    const auto ts = nb::cast<Times>(columns["ts"]);
    const auto price = nb::cast<Doubles>(columns["price"]);
    const auto size = nb::cast<Doubles>(columns["size"]);
    const auto side = nb::cast<Codes>(columns["side"]);
    const bool has_ticks = columns.contains("tick");
    const auto tick = has_ticks ? nb::cast<Codes>(columns["tick"]) : side;
    const nb::gil_scoped_release unlocked;
    std::vector<Trade> trades(ts.shape(0));
    for (std::size_t i = 0; i < trades.size(); ++i) {
        trades[i] = {.ts = ts.data()[i], .price = price.data()[i], .size = size.data()[i], .side = static_cast<market::Side>(side.data()[i])};
        if (has_ticks) trades[i].tick = static_cast<TickDirection>(tick.data()[i]);
        value_of(check_trade(trades[i], i));
    }
    if (!std::ranges::is_sorted(trades, {}, &Trade::ts)) trades = in_order(trades);
    if (!has_ticks) derive_ticks(trades);
    return trades;
}

nb::dict columns_of(std::span<const Trade> trades) {
    const auto column = [&]<class Value>(Value Trade::* member, auto as) {
        std::vector<decltype(as)> values(trades.size());
        std::ranges::transform(trades, values.begin(), [&](const Trade& trade) { return static_cast<decltype(as)>(trade.*member); });
        return array_of(std::move(values));
    };
    nb::dict out;
    out["ts"] = column(&Trade::ts, TimeNs{});
    out["price"] = column(&Trade::price, 0.0);
    out["size"] = column(&Trade::size, 0.0);
    out["side"] = column(&Trade::side, std::uint8_t{});
    out["tick"] = column(&Trade::tick, std::uint8_t{});
    return out;
}

}  // namespace sofia::python
