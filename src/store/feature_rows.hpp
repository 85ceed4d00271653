#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "store/parquet.hpp"

namespace sofia::store {

/// One column of rows that a feature store takes or gives. Which vector holds the values follows from the type; the others are empty.
struct FeatureColumn {
    std::string name;
    ColumnType type = ColumnType::float64;
    std::vector<double> numbers;         ///< float64; NaN is missing
    std::vector<std::int64_t> integers;  ///< int64; timestamp, where `no_time` is missing
    std::vector<std::uint8_t> flags;     ///< boolean: 0, 1
    std::vector<std::string> texts;      ///< text, UTF-8
    std::vector<std::uint8_t> valid;     ///< int64, boolean, text: 0 is missing; an empty vector: none is

    [[nodiscard]] std::size_t rows() const;
    [[nodiscard]] bool missing(std::size_t row) const;

    /// The value as a double, NaN when missing: a timestamp in nanoseconds, a boolean 0 or 1. NaN for text.
    [[nodiscard]] double number(std::size_t row) const;
};

/// Rows of one symbol, column by column. A plain value.
struct FeatureRows {
    std::vector<TimeNs> ts;          ///< start of the bar
    std::vector<TimeNs> known_at;    ///< when the row could be known; not before its ts
    std::vector<TimeNs> written_at;  ///< when it came into the store; the store sets it, `append` ignores it
    std::vector<FeatureColumn> columns;

    [[nodiscard]] std::size_t rows() const { return ts.size(); }
    [[nodiscard]] const FeatureColumn* find(std::string_view name) const;
};

/// `float64`, `int64`, `timestamp`, `boolean`, `text`.
[[nodiscard]] std::string_view type_name(ColumnType type);

/// Error data: no such type.
[[nodiscard]] Result<ColumnType> type_of_name(std::string_view name);

/// An empty column of this name and type.
[[nodiscard]] FeatureColumn make_column(std::string name, ColumnType type);

/// Adds `rows` of `from`, which has the type of `to` (asserted), in this order.
void append_rows(FeatureColumn& to, const FeatureColumn& from, std::span<const std::uint32_t> rows);

/// Adds all rows of `from`.
void append_all(FeatureColumn& to, const FeatureColumn& from);

/// Adds `count` missing values.
void append_missing(FeatureColumn& to, std::size_t count);

}  // namespace sofia::store
