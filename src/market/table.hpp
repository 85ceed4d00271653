#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace sofia::market {

/// Rows that became known at a time: `known_at[i]` (ascending) and one double a column, NaN missing. Row-major, as models want them.
/// A plain value.
class Table {
public:
    explicit Table(std::vector<std::string> columns) : columns_(std::move(columns)) {}

    [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }
    [[nodiscard]] std::size_t width() const { return columns_.size(); }
    [[nodiscard]] std::size_t rows() const { return known_at_.size(); }
    [[nodiscard]] const std::vector<TimeNs>& known_at() const { return known_at_; }
    [[nodiscard]] std::span<const double> row(std::size_t index) const;
    [[nodiscard]] std::span<const double> values() const { return values_; }
    [[nodiscard]] std::optional<std::size_t> find(std::string_view column) const;

    void reserve(std::size_t rows);

    /// `row` has `width` values; `known_at` is not before the last one (asserted).
    void append(TimeNs known_at, std::span<const double> row);

private:
    std::vector<std::string> columns_;
    std::vector<TimeNs> known_at_;
    std::vector<double> values_;
};

}  // namespace sofia::market
