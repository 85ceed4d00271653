#pragma once

#include <cstddef>
#include <cstdint>

#include "market/trade.hpp"
#include "store/csv_trades.hpp"

namespace sofia::store {

/// Whether `parse_fours` may be called: this processor has AVX2, and times are in seconds.
[[nodiscard]] bool can_parse_fours(const TradeLayout& layout);

/// Parses rows of plain fields four at a time, one in each quarter of a register. `delimiters` are positions in `text` of the row before's
/// line feed (at [-1]) and of `rows` times `layout.columns` commas and line feeds; `text` has `chunk_padding` readable bytes on both sides. Returns
/// how many rows it has written to `out`: it stops before four of which one is not plain, or does not end with a line feed.
/// Plain: prices and sizes of up to eight characters, times of ten digits with up to seven decimals, no CR. Values are those of parse_trade_row; ids
/// are not read. Thread-safe.
[[nodiscard]] std::size_t parse_fours(const char* text, const TradeLayout& layout, const std::uint32_t* delimiters, std::size_t rows,
                                      market::Trade* out);

}  // namespace sofia::store
