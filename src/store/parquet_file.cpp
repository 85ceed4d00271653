#include "store/parquet_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/io/memory.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <unistd.h>

#include "store/columns.hpp"

namespace sofia::store {

namespace {

constexpr std::int64_t batch_rows = 1 << 16;

ParquetKind kind_of_type(const arrow::DataType& type) {
    switch (type.id()) {
        case arrow::Type::FLOAT:
        case arrow::Type::DOUBLE: return ParquetKind::number;
        case arrow::Type::INT8:
        case arrow::Type::INT16:
        case arrow::Type::INT32:
        case arrow::Type::INT64:
        case arrow::Type::UINT8:
        case arrow::Type::UINT16:
        case arrow::Type::UINT32:
        case arrow::Type::UINT64: return ParquetKind::integer;
        case arrow::Type::TIMESTAMP: return ParquetKind::time;
        case arrow::Type::BOOL: return ParquetKind::boolean;
        case arrow::Type::STRING:
        case arrow::Type::LARGE_STRING: return ParquetKind::text;
        case arrow::Type::DICTIONARY: {
            const auto& value = *static_cast<const arrow::DictionaryType&>(type).value_type();
            return kind_of_type(value) == ParquetKind::text ? ParquetKind::text : ParquetKind::other;
        }
        default: return ParquetKind::other;
    }
}

std::int64_t unit_scale(const arrow::DataType& type) {
    switch (static_cast<const arrow::TimestampType&>(type).unit()) {
        case arrow::TimeUnit::SECOND: return ns_per_second;
        case arrow::TimeUnit::MILLI: return ns_per_ms;
        case arrow::TimeUnit::MICRO: return ns_per_us;
        case arrow::TimeUnit::NANO: break;
    }
    return 1;
}

template <class Array, class Use>
void each_valid(const arrow::Array& array, Use use) {
    const auto& typed = static_cast<const Array&>(array);
    if (typed.null_count() == 0) {
        for (std::int64_t i = 0; i < typed.length(); ++i) use(static_cast<std::size_t>(i), typed.Value(i));
        return;
    }
    for (std::int64_t i = 0; i < typed.length(); ++i) {
        if (typed.IsValid(i)) use(static_cast<std::size_t>(i), typed.Value(i));
    }
}

template <class Array>
void take_integers(const arrow::Array& array, ParquetValues& out) {
    each_valid<Array>(array, [&](std::size_t i, auto value) {
        out.numbers[i] = static_cast<double>(value);
        out.integers[i] = std::cmp_greater(value, std::numeric_limits<std::int64_t>::max()) ? std::numeric_limits<std::int64_t>::max()
                                                                                            : static_cast<std::int64_t>(value);
    });
}

void take_times(const arrow::Array& array, ParquetValues& out) {
    const std::int64_t scale = unit_scale(*array.type());
    each_valid<arrow::TimestampArray>(array, [&](std::size_t i, std::int64_t value) {
        if (__builtin_mul_overflow(value, scale, &out.integers[i])) out.integers[i] = std::numeric_limits<std::int64_t>::max();
    });
}

void take_texts(const arrow::Array& array, ParquetValues& out) {
    if (array.type_id() == arrow::Type::DICTIONARY) {
        const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
        ParquetValues words;
        words.texts.resize(static_cast<std::size_t>(coded.dictionary()->length()));
        take_texts(*coded.dictionary(), words);
        for (std::int64_t i = 0; i < coded.length(); ++i) {
            if (coded.IsValid(i)) out.texts[static_cast<std::size_t>(i)] = words.texts[static_cast<std::size_t>(coded.GetValueIndex(i))];
        }
        return;
    }
    const auto take = [&](const auto& typed) {
        for (std::int64_t i = 0; i < typed.length(); ++i) {
            if (typed.IsValid(i)) out.texts[static_cast<std::size_t>(i)] = typed.GetView(i);
        }
    };
    if (array.type_id() == arrow::Type::STRING) take(static_cast<const arrow::StringArray&>(array));
    if (array.type_id() == arrow::Type::LARGE_STRING) take(static_cast<const arrow::LargeStringArray&>(array));
}

void take_numbers(const arrow::Array& array, ParquetValues& out) {
    const auto take = [&](std::size_t i, auto value) { out.numbers[i] = static_cast<double>(value); };
    switch (array.type_id()) {
        case arrow::Type::FLOAT: return each_valid<arrow::FloatArray>(array, take);
        case arrow::Type::DOUBLE: return each_valid<arrow::DoubleArray>(array, take);
        case arrow::Type::BOOL: return each_valid<arrow::BooleanArray>(array, [&](std::size_t i, bool value) { out.numbers[i] = value ? 1.0 : 0.0; });
        case arrow::Type::INT8: return take_integers<arrow::Int8Array>(array, out);
        case arrow::Type::INT16: return take_integers<arrow::Int16Array>(array, out);
        case arrow::Type::INT32: return take_integers<arrow::Int32Array>(array, out);
        case arrow::Type::INT64: return take_integers<arrow::Int64Array>(array, out);
        case arrow::Type::UINT8: return take_integers<arrow::UInt8Array>(array, out);
        case arrow::Type::UINT16: return take_integers<arrow::UInt16Array>(array, out);
        case arrow::Type::UINT32: return take_integers<arrow::UInt32Array>(array, out);
        case arrow::Type::UINT64: return take_integers<arrow::UInt64Array>(array, out);
        default: return;
    }
}

void take_column(const arrow::Array& array, ParquetValues& out) {
    out.rows = static_cast<std::size_t>(array.length());
    out.valid.assign(out.rows, 1);
    for (std::int64_t i = 0; array.null_count() > 0 && i < array.length(); ++i) out.valid[static_cast<std::size_t>(i)] = array.IsValid(i) ? 1 : 0;
    const ParquetKind kind = kind_of_type(*array.type());
    const bool numeric = kind == ParquetKind::number || kind == ParquetKind::integer || kind == ParquetKind::boolean;
    out.numbers.assign(numeric ? out.rows : 0, std::numeric_limits<double>::quiet_NaN());
    out.integers.assign(kind == ParquetKind::integer || kind == ParquetKind::time ? out.rows : 0, 0);
    if (kind == ParquetKind::text) {
        out.texts.resize(out.rows);
        for (std::string& text : out.texts) text.clear();
        take_texts(array, out);
    } else if (kind == ParquetKind::time) {
        take_times(array, out);
    } else if (numeric) {
        take_numbers(array, out);
    }
}

Error damaged(const std::filesystem::path& path, const std::string& why) {
    return {ErrorCode::data, path.string() + ": not a readable Parquet file: " + why.substr(0, why.find('\n')), {}};
}

}  // namespace

struct ParquetReader::State {
    std::filesystem::path path;
    std::unique_ptr<parquet::arrow::FileReader> reader;
    std::shared_ptr<arrow::Schema> schema;
    std::vector<ParquetColumn> columns;
    std::vector<std::size_t> selected;
    std::unique_ptr<arrow::RecordBatchReader> batches;

    arrow::Status open() {
        ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::ReadableFile::Open(path.string()));
        return open(std::move(file));
    }

    arrow::Status open(std::shared_ptr<arrow::io::RandomAccessFile> file) {
        parquet::arrow::FileReaderBuilder builder;
        ARROW_RETURN_NOT_OK(builder.Open(std::move(file)));
        parquet::ArrowReaderProperties properties;
        properties.set_batch_size(batch_rows);
        properties.set_use_threads(false);
        ARROW_ASSIGN_OR_RAISE(reader, builder.properties(properties)->Build());
        ARROW_RETURN_NOT_OK(reader->GetSchema(&schema));
        for (const auto& field : schema->fields()) columns.push_back({field->name(), kind_of_type(*field->type())});
        for (std::size_t i = 0; i < columns.size(); ++i) selected.push_back(i);
        return arrow::Status::OK();
    }

    // Only the selected columns are decoded, where each field is one leaf.
    arrow::Status start() {
        std::vector<int> groups(static_cast<std::size_t>(reader->num_row_groups()));
        for (std::size_t i = 0; i < groups.size(); ++i) groups[i] = static_cast<int>(i);
        const bool flat = reader->parquet_reader()->metadata()->num_columns() == schema->num_fields();
        std::vector<int> leaves;
        for (const std::size_t column : selected) leaves.push_back(static_cast<int>(column));
        if (flat) {
            ARROW_ASSIGN_OR_RAISE(batches, reader->GetRecordBatchReader(groups, leaves));
        } else {
            ARROW_ASSIGN_OR_RAISE(batches, reader->GetRecordBatchReader(groups));
        }
        return arrow::Status::OK();
    }
};

ParquetReader::ParquetReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
ParquetReader::~ParquetReader() = default;
ParquetReader::ParquetReader(ParquetReader&&) noexcept = default;
ParquetReader& ParquetReader::operator=(ParquetReader&&) noexcept = default;

Result<ParquetReader> ParquetReader::open(const std::filesystem::path& path) {
    if (::access(path.c_str(), R_OK) != 0) return fail(ErrorCode::io, "cannot read " + path.string() + ": " + std::strerror(errno));
    std::error_code error;
    if (std::filesystem::file_size(path, error) == 0 && !error) return fail(ErrorCode::data, path.string() + ": the file is empty");
    auto state = std::make_unique<State>();
    state->path = path;
    try {
        if (const arrow::Status status = state->open(); !status.ok()) return std::unexpected(damaged(path, status.message()));
    } catch (const std::exception& thrown) {
        return std::unexpected(damaged(path, thrown.what()));
    }
    return ParquetReader(std::move(state));
}

Result<ParquetReader> ParquetReader::from_bytes(std::string bytes, const std::string& name) {
    if (bytes.empty()) return fail(ErrorCode::data, name + ": the file is empty");
    auto state = std::make_unique<State>();
    state->path = name;
    try {
        auto file = std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(std::move(bytes)));
        if (const arrow::Status status = state->open(std::move(file)); !status.ok()) return std::unexpected(damaged(name, status.message()));
    } catch (const std::exception& thrown) {
        return std::unexpected(damaged(name, thrown.what()));
    }
    return ParquetReader(std::move(state));
}

const std::vector<ParquetColumn>& ParquetReader::columns() const { return state_->columns; }

std::vector<std::string> ParquetReader::names() const {
    std::vector<std::string> names;
    for (const ParquetColumn& column : state_->columns) names.push_back(column.name);
    return names;
}

std::uint64_t ParquetReader::rows() const { return static_cast<std::uint64_t>(state_->reader->parquet_reader()->metadata()->num_rows()); }

Metadata ParquetReader::metadata() const {
    Metadata out;
    const auto& stored = state_->schema->metadata();
    if (stored == nullptr) return out;
    for (std::int64_t i = 0; i < stored->size(); ++i) out[stored->key(i)] = stored->value(i);
    return out;
}

void ParquetReader::select(std::vector<std::size_t> columns) { state_->selected = std::move(columns); }

Result<bool> ParquetReader::next(std::vector<ParquetValues>& out) {
    State& state = *state_;
    try {
        if (!state.batches) {
            if (const arrow::Status status = state.start(); !status.ok()) return std::unexpected(damaged(state.path, status.message()));
        }
        std::shared_ptr<arrow::RecordBatch> batch;
        if (const arrow::Status status = state.batches->ReadNext(&batch); !status.ok()) {
            return std::unexpected(damaged(state.path, status.message()));
        }
        if (batch == nullptr) return false;
        out.resize(state.selected.size());
        for (std::size_t i = 0; i < state.selected.size(); ++i) {
            const auto array = batch->GetColumnByName(state.columns[state.selected[i]].name);
            if (array == nullptr) return std::unexpected(damaged(state.path, "two columns have one name"));
            take_column(*array, out[i]);
        }
        return true;
    } catch (const std::exception& thrown) {
        return std::unexpected(damaged(state.path, thrown.what()));
    }
}

Result<std::vector<std::string>> parquet_column_names(const std::filesystem::path& path) {
    SOFIA_TRY(const ParquetReader reader, ParquetReader::open(path));
    return reader.names();
}

}  // namespace sofia::store
