#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "market/bar.hpp"
#include "market/table.hpp"
#include "market/trade.hpp"

namespace sofia::store {

enum class ColumnType : std::uint8_t {
    timestamp,  ///< int64 UTC nanoseconds, `timestamp[ns, UTC]` in the file; `no_time` is written as null
    float64,    ///< NaN is written as null
    int64,
    boolean,
    text,       ///< UTF-8, dictionary-encoded
};

struct Column {
    std::string name;
    ColumnType type = ColumnType::float64;
};

/// A moment that is missing: numpy's and pandas' NaT.
inline constexpr TimeNs no_time = std::numeric_limits<TimeNs>::min();

/// A value of a row: int64 for timestamp and int64 columns, double, bool, or text.
using Cell = std::variant<std::int64_t, double, bool, std::string_view>;

/// Notes in the file's schema, such as the revision or the seed.
using Metadata = std::map<std::string, std::string>;

/// How columns are encoded; the bytes do not depend on `threads`.
struct Encoding {
    enum class Numbers : std::uint8_t {
        repeating,  ///< prices and sizes: a dictionary makes the file smaller
        distinct,   ///< features, bars: a dictionary would make it larger and take twice the time
    } numbers = Numbers::repeating;
    std::size_t threads = 0;  ///< of the writer's own; 0: the caller's, 1: one writes while the caller goes on, more: columns side by side
};

/// Writes one Parquet file (zstd) in row groups as rows come, so memory stays flat; the file appears whole at `close` or not at all. Equal rows give
/// equal bytes on one build. Move-only; not thread-safe. Errors: io with path and reason (a full disk too),
/// which come with a later call where a thread of the writer's own met them.
class ParquetWriter {
public:
    [[nodiscard]] static Result<ParquetWriter> create(const std::filesystem::path& path, std::vector<Column> columns, const Metadata& metadata = {},
                                                      Encoding encoding = {});
    ~ParquetWriter();
    ParquetWriter(ParquetWriter&&) noexcept;
    ParquetWriter& operator=(ParquetWriter&&) noexcept;

    /// One row: a cell a column, of the column's type (asserted).
    [[nodiscard]] Result<void> append(std::span<const Cell> row);

    /// One row of a file whose first column is a timestamp and all others float64 (asserted).
    [[nodiscard]] Result<void> append(TimeNs time, std::span<const double> values);

    /// Rows of such a file: `values` holds a row after the other.
    [[nodiscard]] Result<void> append(std::span<const TimeNs> times, std::span<const double> values);

    /// Rows so far.
    [[nodiscard]] std::uint64_t rows() const;

    [[nodiscard]] Result<void> close();

private:
    struct State;
    explicit ParquetWriter(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// A column of rows that lie in memory. Which span holds the values follows from the type; the others are empty.
struct ColumnSlice {
    Column column;
    std::span<const double> numbers;         ///< float64; NaN is written as null
    std::span<const std::int64_t> integers;  ///< int64; timestamp, `no_time` is written as null
    std::span<const std::uint8_t> flags;     ///< boolean
    std::span<const std::string> texts;
    std::span<const std::uint8_t> valid;     ///< int64, boolean, text: 0 is written as null; empty: none is
};

/// A whole Parquet file (zstd) as bytes. All columns have the same number of rows (asserted). Equal rows give equal bytes on one build;
/// `encoding.threads` is not used. Error: internal.
[[nodiscard]] Result<std::string> encode_parquet(std::span<const ColumnSlice> columns, const Metadata& metadata = {}, Encoding encoding = {});

/// Bars as open_time, close_time (timestamps), open, high, low, close, volume, vwap, trades, buy_volume, sell_volume, plus_ticks,
/// minus_ticks, filled (boolean).
[[nodiscard]] Result<void> write_bars(const std::filesystem::path& path, std::span<const market::Bar> bars, const Metadata& metadata = {});

/// The same row by row, for bars that come as a stream.
[[nodiscard]] std::vector<Column> bar_columns();
[[nodiscard]] Result<void> append_bar(ParquetWriter& writer, const market::Bar& bar);

/// Trades as timestamp, price, size, side, tickDirection: what `read_trades` reads back to the last bit.
[[nodiscard]] std::vector<Column> trade_columns();
[[nodiscard]] Result<void> append_trade(ParquetWriter& writer, const market::Trade& trade);

/// A whole file: `known_at` (or `ts`, or its only timestamp column) and every number or boolean column as doubles, null as NaN; text columns
/// and further timestamps are left out. Errors: io; data (no Parquet, no time column, times that descend).
[[nodiscard]] Result<market::Table> read_table(const std::filesystem::path& path);

/// Writes `known_at` and the table's columns.
[[nodiscard]] Result<void> write_table(const std::filesystem::path& path, const market::Table& table, const Metadata& metadata = {});

/// The notes that a writer put into the file. Errors: io; data.
[[nodiscard]] Result<Metadata> read_metadata(const std::filesystem::path& path);

}  // namespace sofia::store
