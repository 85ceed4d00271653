#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "store/feature_store.hpp"

namespace sofia::store::testing {

inline constexpr TimeNs day0 = 19'723 * ns_per_day;  // 2024-01-01
inline constexpr double missing = std::numeric_limits<double>::quiet_NaN();

inline FeatureColumn numbers(std::string name, std::vector<double> values) {
    FeatureColumn column = make_column(std::move(name), ColumnType::float64);
    column.numbers = std::move(values);
    return column;
}

/// Rows at these minutes after day0, known a minute later, with one column.
inline FeatureRows minute_rows(const std::vector<std::int64_t>& minutes, const std::vector<double>& values, const std::string& name = "a") {
    FeatureRows rows;
    for (const std::int64_t minute : minutes) {
        rows.ts.push_back(day0 + minute * ns_per_minute);
        rows.known_at.push_back(rows.ts.back() + ns_per_minute);
    }
    rows.columns.push_back(numbers(name, values));
    return rows;
}

inline FeatureStore open_store(const std::filesystem::path& root, StoreOptions options = {}) {
    return FeatureStore::open(root.string(), options).value();
}

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return *std::move(result);
}

/// The values of a column by minute after day0.
inline std::map<std::int64_t, double> by_minute(const FeatureRows& rows, const std::string& name = "a") {
    std::map<std::int64_t, double> out;
    for (std::size_t i = 0; i < rows.rows(); ++i) out[(rows.ts[i] - day0) / ns_per_minute] = rows.find(name)->number(i);
    return out;
}

/// All Parquet files that lie where other readers look, by their paths below `root`.
inline std::vector<std::string> visible_parts(const std::filesystem::path& root) {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
        if (entry.path().extension() == ".parquet") out.push_back(std::filesystem::relative(entry.path(), root).string());
    }
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace sofia::store::testing
