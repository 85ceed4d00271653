#include <cassert>
#include <utility>

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <arrow/util/bit_util.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>

#include "store/parquet.hpp"
#include "store/parquet_arrow.hpp"

namespace sofia::store {

namespace {

using Bitmap = std::pair<std::shared_ptr<arrow::Buffer>, std::int64_t>;  // and how many are missing

template <class Missing>
arrow::Result<Bitmap> bitmap(std::size_t rows, Missing missing) {
    std::int64_t count = 0;
    for (std::size_t i = 0; i < rows; ++i) count += missing(i) ? 1 : 0;
    if (count == 0) return Bitmap(nullptr, 0);
    ARROW_ASSIGN_OR_RAISE(auto bits, arrow::AllocateEmptyBitmap(static_cast<std::int64_t>(rows)));
    for (std::size_t i = 0; i < rows; ++i) {
        if (!missing(i)) arrow::bit_util::SetBit(bits->mutable_data(), static_cast<std::int64_t>(i));
    }
    return Bitmap(std::move(bits), count);
}

arrow::Result<Bitmap> bitmap_of(std::span<const std::uint8_t> valid) {
    return bitmap(valid.size(), [&](std::size_t i) { return valid[i] == 0; });
}

std::shared_ptr<arrow::Buffer> wrap(std::span<const std::int64_t> values) {
    return std::make_shared<arrow::Buffer>(reinterpret_cast<const std::uint8_t*>(values.data()), static_cast<std::int64_t>(values.size_bytes()));
}

arrow::Result<std::shared_ptr<arrow::Array>> integer_array(const ColumnSlice& slice) {
    const auto rows = static_cast<std::int64_t>(slice.integers.size());
    if (slice.column.type == ColumnType::timestamp) {
        ARROW_ASSIGN_OR_RAISE(auto valid, bitmap(slice.integers.size(), [&](std::size_t i) { return slice.integers[i] == no_time; }));
        return std::make_shared<arrow::TimestampArray>(arrow_type(slice.column.type), rows, wrap(slice.integers), std::move(valid.first),
                                                       valid.second);
    }
    ARROW_ASSIGN_OR_RAISE(auto valid, bitmap_of(slice.valid));
    return std::make_shared<arrow::Int64Array>(rows, wrap(slice.integers), std::move(valid.first), valid.second);
}

arrow::Result<std::shared_ptr<arrow::Array>> boolean_array(const ColumnSlice& slice) {
    const auto rows = static_cast<std::int64_t>(slice.flags.size());
    ARROW_ASSIGN_OR_RAISE(auto valid, bitmap_of(slice.valid));
    ARROW_ASSIGN_OR_RAISE(auto bits, arrow::AllocateEmptyBitmap(rows));
    for (std::size_t i = 0; i < slice.flags.size(); ++i) {
        if (slice.flags[i] != 0) arrow::bit_util::SetBit(bits->mutable_data(), static_cast<std::int64_t>(i));
    }
    return std::make_shared<arrow::BooleanArray>(rows, std::move(bits), std::move(valid.first), valid.second);
}

arrow::Result<std::shared_ptr<arrow::Array>> text_array(const ColumnSlice& slice) {
    arrow::StringBuilder builder;
    for (std::size_t i = 0; i < slice.texts.size(); ++i) {
        ARROW_RETURN_NOT_OK(slice.valid.empty() || slice.valid[i] != 0 ? builder.Append(slice.texts[i]) : builder.AppendNull());
    }
    return builder.Finish();
}

arrow::Result<std::shared_ptr<arrow::Array>> array_of(const ColumnSlice& slice) {
    switch (slice.column.type) {
        case ColumnType::float64: return double_array(slice.numbers);
        case ColumnType::timestamp:
        case ColumnType::int64: return integer_array(slice);
        case ColumnType::boolean: return boolean_array(slice);
        case ColumnType::text: break;
    }
    return text_array(slice);
}

arrow::Result<std::string> encode(std::span<const ColumnSlice> slices, const Metadata& metadata, const Encoding& encoding) {
    std::vector<Column> columns;
    arrow::ArrayVector arrays;
    for (const ColumnSlice& slice : slices) {
        columns.push_back(slice.column);
        ARROW_ASSIGN_OR_RAISE(arrays.emplace_back(), array_of(slice));
        assert(arrays.back()->length() == arrays.front()->length());
    }
    const auto table = arrow::Table::Make(arrow_schema(columns, metadata), arrays);
    ARROW_ASSIGN_OR_RAISE(auto out, arrow::io::BufferOutputStream::Create());
    const std::size_t group_rows = rows_of_group(columns.size(), encoding);
    parquet::ArrowWriterProperties::Builder arrow_properties;
    arrow_properties.store_schema();
    ARROW_RETURN_NOT_OK(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, static_cast<std::int64_t>(group_rows),
                                                   writer_properties(columns, encoding, group_rows), arrow_properties.build()));
    ARROW_ASSIGN_OR_RAISE(const auto bytes, out->Finish());
    return bytes->ToString();
}

}  // namespace

Result<std::string> encode_parquet(std::span<const ColumnSlice> columns, const Metadata& metadata, Encoding encoding) {
    assert(!columns.empty());
    std::string why;
    try {
        auto bytes = encode(columns, metadata, encoding);
        if (bytes.ok()) return *std::move(bytes);
        why = bytes.status().message();
    } catch (const std::exception& thrown) {
        why = thrown.what();
    }
    return fail(ErrorCode::internal, "cannot make a Parquet file: " + why);
}

}  // namespace sofia::store
