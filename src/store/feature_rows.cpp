#include "store/feature_rows.hpp"

#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

namespace sofia::store {

namespace {

constexpr std::array<std::pair<ColumnType, std::string_view>, 5> type_names = {{{ColumnType::timestamp, "timestamp"},
                                                                                {ColumnType::float64, "float64"},
                                                                                {ColumnType::int64, "int64"},
                                                                                {ColumnType::boolean, "boolean"},
                                                                                {ColumnType::text, "text"}}};

bool needs_valid(ColumnType type) { return type == ColumnType::int64 || type == ColumnType::boolean || type == ColumnType::text; }

// Calls `use` with the vector that holds the values of each.
template <class Use>
void with_values(FeatureColumn& to, const FeatureColumn& from, Use use) {
    switch (to.type) {
        case ColumnType::float64: return use(to.numbers, from.numbers);
        case ColumnType::int64:
        case ColumnType::timestamp: return use(to.integers, from.integers);
        case ColumnType::boolean: return use(to.flags, from.flags);
        case ColumnType::text: return use(to.texts, from.texts);
    }
}

// `valid` of what is there so far, when the column gets its first missing value.
void fill_valid(FeatureColumn& column) {
    if (column.valid.empty()) column.valid.assign(column.rows(), 1);
}

bool is_one_run(std::span<const std::uint32_t> rows) {
    for (std::size_t i = 1; i < rows.size(); ++i) {
        if (rows[i] != rows[0] + i) return false;
    }
    return !rows.empty();
}

}  // namespace

std::size_t FeatureColumn::rows() const {
    switch (type) {
        case ColumnType::float64: return numbers.size();
        case ColumnType::int64:
        case ColumnType::timestamp: return integers.size();
        case ColumnType::boolean: return flags.size();
        case ColumnType::text: break;
    }
    return texts.size();
}

bool FeatureColumn::missing(std::size_t row) const {
    if (type == ColumnType::float64) return std::isnan(numbers[row]);
    if (type == ColumnType::timestamp) return integers[row] == no_time;
    return !valid.empty() && valid[row] == 0;
}

double FeatureColumn::number(std::size_t row) const {
    if (type == ColumnType::float64) return numbers[row];
    if (type == ColumnType::text || missing(row)) return std::numeric_limits<double>::quiet_NaN();
    return type == ColumnType::boolean ? static_cast<double>(flags[row]) : static_cast<double>(integers[row]);
}

const FeatureColumn* FeatureRows::find(std::string_view name) const {
    for (const FeatureColumn& column : columns) {
        if (column.name == name) return &column;
    }
    return nullptr;
}

std::string_view type_name(ColumnType type) {
    for (const auto& [known, name] : type_names) {
        if (known == type) return name;
    }
    return "text";
}

Result<ColumnType> type_of_name(std::string_view name) {
    for (const auto& [type, known] : type_names) {
        if (known == name) return type;
    }
    return fail(ErrorCode::data, "\"" + std::string(name) + "\" is not a column type");
}

FeatureColumn make_column(std::string name, ColumnType type) {
    FeatureColumn column;
    column.name = std::move(name);
    column.type = type;
    return column;
}

void append_rows(FeatureColumn& to, const FeatureColumn& from, std::span<const std::uint32_t> rows) {
    assert(to.type == from.type);
    if (needs_valid(to.type) && !(to.valid.empty() && from.valid.empty())) {
        fill_valid(to);
        for (const std::uint32_t row : rows) to.valid.push_back(from.valid.empty() ? 1 : from.valid[row]);
    }
    const bool is_run = is_one_run(rows);
    with_values(to, from, [&](auto& out, const auto& in) {
        if (is_run) {
            const auto first = in.begin() + rows.front();
            out.insert(out.end(), first, first + static_cast<std::ptrdiff_t>(rows.size()));
        } else {
            for (const std::uint32_t row : rows) out.push_back(in[row]);
        }
    });
}

void append_all(FeatureColumn& to, const FeatureColumn& from) {
    assert(to.type == from.type);
    if (needs_valid(to.type) && !(to.valid.empty() && from.valid.empty())) {
        fill_valid(to);
        if (from.valid.empty()) {
            to.valid.insert(to.valid.end(), from.rows(), 1);
        } else {
            to.valid.insert(to.valid.end(), from.valid.begin(), from.valid.end());
        }
    }
    with_values(to, from, [](auto& out, const auto& in) { out.insert(out.end(), in.begin(), in.end()); });
}

void append_missing(FeatureColumn& to, std::size_t count) {
    if (count == 0) return;
    if (needs_valid(to.type)) {
        fill_valid(to);
        to.valid.insert(to.valid.end(), count, 0);
    }
    switch (to.type) {
        case ColumnType::float64: to.numbers.insert(to.numbers.end(), count, std::numeric_limits<double>::quiet_NaN()); break;
        case ColumnType::int64: to.integers.insert(to.integers.end(), count, 0); break;
        case ColumnType::timestamp: to.integers.insert(to.integers.end(), count, no_time); break;
        case ColumnType::boolean: to.flags.insert(to.flags.end(), count, 0); break;
        case ColumnType::text: to.texts.insert(to.texts.end(), count, std::string()); break;
    }
}

}  // namespace sofia::store
