#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "market/trade.hpp"
#include "store/csv_fields.hpp"
#include "store/csv_scan.hpp"
#include "store/line_chunks.hpp"
#include "store/trades.hpp"

namespace sofia::store {

inline constexpr std::size_t no_column = static_cast<std::size_t>(-1);

/// Where the columns of a trade file stand, and its unit of time.
struct TradeLayout {
    std::size_t columns = 0;
    std::size_t timestamp = no_column;
    std::size_t price = no_column;
    std::size_t size = no_column;
    std::size_t side = no_column;
    std::size_t tick = no_column;  ///< no_column: by the tick rule
    std::size_t id = no_column;
    TimeUnit unit = TimeUnit::seconds;
};

/// Error: data without the place: a column that is missing or stands twice.
[[nodiscard]] Result<TradeLayout> trade_layout(std::span<const std::string> header);

/// 128 bits of hash of a trdMatchID; all zero for a row without one.
struct TradeId {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    friend bool operator==(const TradeId&, const TradeId&) = default;
};

[[nodiscard]] TradeId trade_id(std::string_view text);

/// A bad row of one chunk: line 0 is the chunk's first.
struct LocalBadRow {
    std::uint64_t line = 0;
    std::string reason;
};

/// The trades of a piece of a file, in the order of the file. Reused from piece to piece.
struct TradeBlock {
    std::vector<market::Trade> storage;  ///< only the first `count` are trades
    std::size_t count = 0;
    std::vector<TradeId> ids;  ///< `count`, or empty for a file without trdMatchID
    std::uint64_t lines = 0;
    std::uint64_t bad_rows = 0;
    std::vector<LocalBadRow> bad;  ///< the first of them
    std::uint64_t falls = 0;       ///< trades earlier than the one before
    std::uint64_t rises = 0;       ///< trades later than the one before

    [[nodiscard]] std::span<market::Trade> trades() { return std::span(storage).first(count); }
};

/// One line (without line feed) by the plain rules; leaves `trade` and `id` alone when the row is bad. An empty line is the caller's to skip.
[[nodiscard]] Reason parse_trade_row(std::string_view line, const TradeLayout& layout, RowFields& fields, market::Trade& trade, TradeId& id);

/// Work space of a thread's parser.
struct TradeParser {
    DelimiterIndex index;
    RowFields fields;
};

/// Parses whole lines. With BadRows::refuse it stops at the first bad row, which is then the only one listed.
void parse_trades(const TextChunk& chunk, const TradeLayout& layout, BadRows bad_rows, TradeParser& parser, TradeBlock& out);

/// The same, each line by `parse_trade_row`: what the fast one is tested against.
void parse_trades_plain(const TextChunk& chunk, const TradeLayout& layout, BadRows bad_rows, TradeParser& parser, TradeBlock& out);

/// Fills falls and rises from the trades.
void count_order(TradeBlock& block);

}  // namespace sofia::store
