#pragma once

// Internal to the parquet_*.cpp files: what those that write share. Includes Arrow.

#include <memory>
#include <vector>

#include <arrow/api.h>
#include <parquet/properties.h>

#include "store/parquet.hpp"

namespace sofia::store {

[[nodiscard]] std::shared_ptr<arrow::DataType> arrow_type(ColumnType type);
[[nodiscard]] std::shared_ptr<arrow::Schema> arrow_schema(const std::vector<Column>& columns, const Metadata& metadata);
[[nodiscard]] std::shared_ptr<parquet::WriterProperties> writer_properties(const std::vector<Column>& columns, const Encoding& encoding,
                                                                           std::size_t group_rows);

/// Numbers where they lie, NaN as null; they must outlive the array.
[[nodiscard]] arrow::Result<std::shared_ptr<arrow::Array>> double_array(std::span<const double> numbers);

/// How many rows a row group has, so that wide tables need no more memory than narrow ones.
[[nodiscard]] std::size_t rows_of_group(std::size_t columns, const Encoding& encoding);

}  // namespace sofia::store
