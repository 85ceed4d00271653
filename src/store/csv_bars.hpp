#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "market/bar.hpp"
#include "store/csv_fields.hpp"
#include "store/csv_trades.hpp"
#include "store/line_chunks.hpp"
#include "store/trades.hpp"

namespace sofia::store {

/// The order-flow columns of a bar file; every one may lack.
enum class FlowColumn : std::uint8_t { trades, vwap, buy_volume, sell_volume, plus_ticks, minus_ticks };
inline constexpr std::array<std::string_view, 6> flow_names = {"trades", "vwap", "buy_volume", "sell_volume", "plus_ticks", "minus_ticks"};

/// Where the columns of a bar file stand.
struct BarLayout {
    std::size_t columns = 0;
    std::size_t start = no_column;
    std::array<std::size_t, 5> ohlcv = {no_column, no_column, no_column, no_column, no_column};
    std::array<std::size_t, 6> flow = {no_column, no_column, no_column, no_column, no_column, no_column};
    std::size_t filled = no_column;
    TimeUnit unit = TimeUnit::seconds;
};

/// Error: data without the place.
[[nodiscard]] Result<BarLayout> bar_layout(std::span<const std::string> header);

struct BarBlock {
    std::vector<market::Bar> bars;
    std::uint64_t lines = 0;
    std::uint64_t bad_rows = 0;
    std::vector<LocalBadRow> bad;
    std::uint64_t widened = 0;
};

/// What both formats check and complete once the numbers are in a bar: prices, volume, order flow, high and low around open and close.
/// `has_filled`: the file says itself which bars are filled. `widened` is raised where the open lay outside.
[[nodiscard]] Reason complete_bar(market::Bar& bar, bool has_filled, std::uint64_t& widened);

/// One line without its line end. close_time stays 0: the timeframe is found later.
[[nodiscard]] Reason parse_bar_row(std::string_view line, const BarLayout& layout, RowFields& fields, market::Bar& bar, std::uint64_t& widened);

void parse_bars(const TextChunk& chunk, const BarLayout& layout, BadRows bad_rows, RowFields& fields, BarBlock& out);

/// The block of a whole Parquet file, in bars_parquet.cpp. Errors name the file.
[[nodiscard]] Result<BarBlock> read_parquet_bars(const std::filesystem::path& path, BadRows bad_rows, BarLayout& layout);

}  // namespace sofia::store
