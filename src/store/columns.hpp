#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/folder.hpp"

namespace sofia::store {

/// What a file is, by its columns; nothing for one that is none of Sofia's business here (funding rates).
/// Error: data without the place: neither trades nor bars, with the column that is missing for the kind it is nearest to.
[[nodiscard]] Result<std::optional<DataKind>> kind_of(std::span<const std::string> columns);

/// The position of a column by its plain name; nothing when it is not there. Error: data without the place: it stands twice.
[[nodiscard]] Result<std::optional<std::size_t>> find_column(std::span<const std::string> columns, std::string_view name);

/// The column names of a Parquet file. Errors: io, data, with the file's name.
[[nodiscard]] Result<std::vector<std::string>> parquet_column_names(const std::filesystem::path& path);

}  // namespace sofia::store
