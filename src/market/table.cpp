#include "market/table.hpp"

#include <algorithm>
#include <cassert>

namespace sofia::market {

std::span<const double> Table::row(std::size_t index) const {
    assert(index < rows());
    return std::span(values_).subspan(index * width(), width());
}

std::optional<std::size_t> Table::find(std::string_view column) const {
    const auto found = std::ranges::find(columns_, column);
    if (found == columns_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - columns_.begin());
}

void Table::reserve(std::size_t rows) {
    known_at_.reserve(rows);
    values_.reserve(rows * width());
}

void Table::append(TimeNs known_at, std::span<const double> row) {
    assert(row.size() == width());
    assert(known_at_.empty() || known_at >= known_at_.back());
    known_at_.push_back(known_at);
    values_.insert(values_.end(), row.begin(), row.end());
}

}  // namespace sofia::market
