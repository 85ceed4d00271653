#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/csv_fields.hpp"
#include "store/csv_trades.hpp"
#include "store/feature_rows.hpp"

namespace sofia::store {

/// Where the times of a table stand; one of them may be `no_column`.
struct TimeColumns {
    std::size_t ts = no_column;
    std::size_t known_at = no_column;
};

/// The header of a CSV file. Errors: io, data.
[[nodiscard]] Result<std::vector<std::string>> csv_column_names(const std::filesystem::path& path);

/// A CSV of feature rows, as read_feature_file says. The file is read twice: types show only at its end. A time column that is `no_column` stays
/// empty. Errors: io, data with file and line.
[[nodiscard]] Result<FeatureRows> read_feature_csv(const std::filesystem::path& path, const TimeColumns& times, std::span<const Column> known);

}  // namespace sofia::store
