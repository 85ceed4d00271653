#include <algorithm>
#include <cassert>
#include <cmath>
#include <future>
#include <optional>
#include <utility>

#include <arrow/api.h>
#include <arrow/io/interfaces.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/thread_pool.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>
#include <parquet/properties.h>

#include "base/files.hpp"
#include "store/parquet.hpp"
#include "store/parquet_arrow.hpp"

namespace sofia::store {

namespace {

constexpr std::size_t group_cells = std::size_t{1} << 20U;
constexpr std::size_t group_rows_min = 1024;
constexpr std::size_t group_rows_max = std::size_t{1} << 17U;

// Arrow writes through this into the atomic file, whose errors say more than Arrow's.
class AtomicOutput final : public arrow::io::OutputStream {
public:
    explicit AtomicOutput(AtomicFile file) : file_(std::move(file)) { set_mode(arrow::io::FileMode::WRITE); }

    arrow::Status Write(const void* data, std::int64_t size) override {
        auto written = file_.write({static_cast<const char*>(data), static_cast<std::size_t>(size)});
        if (!written) {
            error_ = std::move(written).error();
            return arrow::Status::IOError(error_->message);
        }
        position_ += size;
        return arrow::Status::OK();
    }
    using arrow::io::OutputStream::Write;
    arrow::Status Close() override {
        closed_ = true;
        return arrow::Status::OK();
    }
    [[nodiscard]] bool closed() const override { return closed_; }
    [[nodiscard]] arrow::Result<std::int64_t> Tell() const override { return position_; }

    Result<void> commit() { return file_.commit(); }
    [[nodiscard]] const std::optional<Error>& error() const { return error_; }

private:
    AtomicFile file_;
    std::int64_t position_ = 0;
    bool closed_ = false;
    std::optional<Error> error_;
};

// The rows of one column that are not written yet.
struct Buffer {
    ColumnType type = ColumnType::float64;
    std::vector<std::int64_t> integers;
    std::vector<double> numbers;
    std::vector<std::uint8_t> flags;
    std::vector<std::string> texts;

    void clear() {
        integers.clear();
        numbers.clear();
        flags.clear();
        texts.clear();
    }

    void add(const Cell& cell) {
        switch (type) {
            case ColumnType::timestamp:
            case ColumnType::int64: integers.push_back(std::get<std::int64_t>(cell)); break;
            case ColumnType::float64: numbers.push_back(std::get<double>(cell)); break;
            case ColumnType::boolean: flags.push_back(std::get<bool>(cell) ? 1 : 0); break;
            case ColumnType::text: texts.emplace_back(std::get<std::string_view>(cell)); break;
        }
    }

    arrow::Result<std::shared_ptr<arrow::Array>> array() const {
        switch (type) {
            case ColumnType::timestamp: {
                arrow::TimestampBuilder builder(arrow_type(type), arrow::default_memory_pool());
                std::vector<bool> valid;
                valid.reserve(integers.size());
                for (const std::int64_t value : integers) valid.push_back(value != no_time);
                ARROW_RETURN_NOT_OK(builder.AppendValues(integers, valid));
                return builder.Finish();
            }
            case ColumnType::int64: {
                arrow::Int64Builder builder;
                ARROW_RETURN_NOT_OK(builder.AppendValues(integers));
                return builder.Finish();
            }
            case ColumnType::float64: return double_array(numbers);
            case ColumnType::boolean: {
                arrow::BooleanBuilder builder;
                ARROW_RETURN_NOT_OK(builder.AppendValues(flags.data(), static_cast<std::int64_t>(flags.size())));
                return builder.Finish();
            }
            case ColumnType::text: break;
        }
        arrow::StringBuilder builder;
        ARROW_RETURN_NOT_OK(builder.AppendValues(texts));
        return builder.Finish();
    }
};

}  // namespace

std::shared_ptr<arrow::DataType> arrow_type(ColumnType type) {
    switch (type) {
        case ColumnType::timestamp: return arrow::timestamp(arrow::TimeUnit::NANO, "UTC");
        case ColumnType::float64: return arrow::float64();
        case ColumnType::int64: return arrow::int64();
        case ColumnType::boolean: return arrow::boolean();
        case ColumnType::text: break;
    }
    return arrow::utf8();
}

std::shared_ptr<arrow::Schema> arrow_schema(const std::vector<Column>& columns, const Metadata& metadata) {
    arrow::FieldVector fields;
    for (const Column& column : columns) fields.push_back(arrow::field(column.name, arrow_type(column.type)));
    if (metadata.empty()) return arrow::schema(fields);
    std::vector<std::string> keys;
    std::vector<std::string> values;
    for (const auto& [key, value] : metadata) {
        keys.push_back(key);
        values.push_back(value);
    }
    return arrow::schema(fields, arrow::KeyValueMetadata::Make(keys, values));
}

std::shared_ptr<parquet::WriterProperties> writer_properties(const std::vector<Column>& columns, const Encoding& encoding, std::size_t group_rows) {
    parquet::WriterProperties::Builder properties;
    properties.compression(parquet::Compression::ZSTD)->max_row_group_length(static_cast<std::int64_t>(group_rows));
    for (const Column& column : columns) {
        const bool number = column.type == ColumnType::float64 || column.type == ColumnType::timestamp;
        if (number && encoding.numbers == Encoding::Numbers::distinct) properties.disable_dictionary(column.name);
    }
    return properties.build();
}

arrow::Result<std::shared_ptr<arrow::Array>> double_array(std::span<const double> numbers) {
    const auto count = static_cast<std::int64_t>(numbers.size());
    const auto missing = std::ranges::count_if(numbers, [](double value) { return std::isnan(value); });
    std::shared_ptr<arrow::Buffer> valid;
    if (missing > 0) {
        ARROW_ASSIGN_OR_RAISE(valid, arrow::AllocateEmptyBitmap(count));
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            if (!std::isnan(numbers[i])) arrow::bit_util::SetBit(valid->mutable_data(), static_cast<std::int64_t>(i));
        }
    }
    auto values =
        std::make_shared<arrow::Buffer>(reinterpret_cast<const std::uint8_t*>(numbers.data()), static_cast<std::int64_t>(numbers.size_bytes()));
    return std::make_shared<arrow::DoubleArray>(count, std::move(values), std::move(valid), missing);
}

std::size_t rows_of_group(std::size_t columns, const Encoding& encoding) {
    const std::size_t cells = encoding.numbers == Encoding::Numbers::distinct ? 4 * group_cells : group_cells;
    return std::clamp(cells / columns, group_rows_min, group_rows_max);
}

struct ParquetWriter::State {
    std::filesystem::path path;
    std::vector<Column> columns;
    std::vector<Buffer> buffers;  // rows to come
    std::size_t buffered = 0;
    std::vector<Buffer> group;  // rows that are being written
    std::size_t grouped = 0;
    std::size_t group_rows = group_rows_max;
    std::uint64_t rows = 0;
    std::shared_ptr<AtomicOutput> output;
    std::shared_ptr<arrow::Schema> schema;
    Encoding encoding;
    std::shared_ptr<arrow::internal::ThreadPool> encoders;  // null: one thread
    std::unique_ptr<parquet::arrow::FileWriter> writer;     // goes before what it writes to
    std::future<Result<void>> writing;                      // goes first: it uses all others

    Error error_of(const std::string& why) const {
        if (output && output->error()) return *output->error();
        return {ErrorCode::io, "cannot write " + path.string() + ": " + why, {}};
    }

    // Runs what calls Arrow; its failures and its exceptions become an Error.
    template <class Call>
    Result<void> guarded(Call call) {
        try {
            if (const arrow::Status status = call(); !status.ok()) return std::unexpected(error_of(status.message()));
        } catch (const std::exception& thrown) {
            return std::unexpected(error_of(thrown.what()));
        }
        return {};
    }

    arrow::Status open(const Metadata& metadata) {
        schema = arrow_schema(columns, metadata);
        parquet::ArrowWriterProperties::Builder arrow_properties;
        arrow_properties.store_schema();
        if (encoding.threads > 1) {
            ARROW_ASSIGN_OR_RAISE(encoders, arrow::internal::ThreadPool::Make(static_cast<int>(encoding.threads)));
            arrow_properties.set_use_threads(true)->set_executor(encoders.get());
        }
        ARROW_ASSIGN_OR_RAISE(writer, parquet::arrow::FileWriter::Open(*schema, arrow::default_memory_pool(), output,
                                                                       writer_properties(columns, encoding, group_rows), arrow_properties.build()));
        return arrow::Status::OK();
    }

    // The bytes do not depend on the way; one column after the other needs less memory.
    arrow::Status write_group() {
        ARROW_RETURN_NOT_OK(encoders ? write_together() : write_in_turn());
        for (Buffer& column : group) column.clear();
        return arrow::Status::OK();
    }

    arrow::Status write_in_turn() {
        ARROW_RETURN_NOT_OK(writer->NewRowGroup());
        for (const Buffer& column : group) {
            ARROW_ASSIGN_OR_RAISE(const auto array, column.array());
            ARROW_RETURN_NOT_OK(writer->WriteColumnChunk(*array));
        }
        return arrow::Status::OK();
    }

    arrow::Status write_together() {
        arrow::ArrayVector arrays;
        for (const Buffer& column : group) {
            ARROW_ASSIGN_OR_RAISE(arrays.emplace_back(), column.array());
        }
        ARROW_RETURN_NOT_OK(writer->NewBufferedRowGroup());
        return writer->WriteRecordBatch(*arrow::RecordBatch::Make(schema, static_cast<std::int64_t>(grouped), std::move(arrays)));
    }

    Result<void> wait() { return writing.valid() ? writing.get() : Result<void>(); }

    // Writes what is buffered, in the background where there is a thread for it; its error comes with the next call.
    Result<void> flush() {
        SOFIA_CHECK(wait());
        if (buffered == 0) return {};
        std::swap(buffers, group);
        grouped = std::exchange(buffered, 0);
        const auto write = [this] { return guarded([this] { return write_group(); }); };
        if (encoding.threads == 0) return write();
        writing = std::async(std::launch::async, write);
        return {};
    }

    Result<void> rows_done(std::size_t count) {
        rows += count;
        buffered += count;
        if (buffered < group_rows) return {};
        return flush();
    }
};

ParquetWriter::ParquetWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
ParquetWriter::~ParquetWriter() = default;
ParquetWriter::ParquetWriter(ParquetWriter&&) noexcept = default;
ParquetWriter& ParquetWriter::operator=(ParquetWriter&&) noexcept = default;

Result<ParquetWriter> ParquetWriter::create(const std::filesystem::path& path, std::vector<Column> columns, const Metadata& metadata,
                                            Encoding encoding) {
    assert(!columns.empty());
    auto state = std::make_unique<State>();
    state->path = path;
    state->encoding = encoding;
    state->columns = std::move(columns);
    for (const Column& column : state->columns) state->buffers.push_back({column.type, {}, {}, {}, {}});
    state->group = state->buffers;
    state->group_rows = rows_of_group(state->columns.size(), encoding);
    SOFIA_TRY(AtomicFile file, AtomicFile::create(path));
    state->output = std::make_shared<AtomicOutput>(std::move(file));
    SOFIA_CHECK(state->guarded([&] { return state->open(metadata); }));
    return ParquetWriter(std::move(state));
}

Result<void> ParquetWriter::append(std::span<const Cell> row) {
    assert(row.size() == state_->columns.size());
    for (std::size_t i = 0; i < row.size(); ++i) state_->buffers[i].add(row[i]);
    return state_->rows_done(1);
}

Result<void> ParquetWriter::append(TimeNs time, std::span<const double> values) {
    assert(values.size() + 1 == state_->columns.size());
    state_->buffers.front().integers.push_back(time);
    for (std::size_t i = 0; i < values.size(); ++i) state_->buffers[i + 1].numbers.push_back(values[i]);
    return state_->rows_done(1);
}

Result<void> ParquetWriter::append(std::span<const TimeNs> times, std::span<const double> values) {
    State& state = *state_;
    const std::size_t width = state.columns.size() - 1;
    assert(values.size() == times.size() * width);
    // A tile of rows stays in the cache while its columns are taken out of it.
    constexpr std::size_t tile_rows = 32;
    for (std::size_t first = 0; first < times.size();) {
        const std::size_t rows = std::min({tile_rows, times.size() - first, state.group_rows - state.buffered});
        std::vector<std::int64_t>& stamps = state.buffers.front().integers;
        stamps.insert(stamps.end(), times.begin() + static_cast<std::ptrdiff_t>(first), times.begin() + static_cast<std::ptrdiff_t>(first + rows));
        for (std::size_t c = 0; c < width; ++c) {
            std::vector<double>& numbers = state.buffers[c + 1].numbers;
            for (std::size_t i = first; i < first + rows; ++i) numbers.push_back(values[i * width + c]);
        }
        first += rows;
        SOFIA_CHECK(state.rows_done(rows));
    }
    return {};
}

std::uint64_t ParquetWriter::rows() const { return state_->rows; }

Result<void> ParquetWriter::close() {
    State& state = *state_;
    SOFIA_CHECK(state.flush());
    SOFIA_CHECK(state.wait());
    SOFIA_CHECK(state.guarded([&] { return state.writer->Close(); }));
    return state.output->commit();
}

std::vector<Column> bar_columns() {
    std::vector<Column> columns = {{"open_time", ColumnType::timestamp}, {"close_time", ColumnType::timestamp}};
    for (const char* name : {"open", "high", "low", "close", "volume", "vwap", "trades", "buy_volume", "sell_volume", "plus_ticks", "minus_ticks"}) {
        columns.push_back({name, ColumnType::float64});
    }
    columns.push_back({"filled", ColumnType::boolean});
    return columns;
}

Result<void> append_bar(ParquetWriter& writer, const market::Bar& bar) {
    const Cell row[] = {bar.open_time, bar.close_time, bar.open,       bar.high,        bar.low,        bar.close,       bar.volume,
                        bar.vwap,      bar.trades,     bar.buy_volume, bar.sell_volume, bar.plus_ticks, bar.minus_ticks, bar.filled};
    return writer.append(row);
}

Result<void> write_bars(const std::filesystem::path& path, std::span<const market::Bar> bars, const Metadata& metadata) {
    SOFIA_TRY(ParquetWriter writer, ParquetWriter::create(path, bar_columns(), metadata));
    for (const market::Bar& bar : bars) SOFIA_CHECK(append_bar(writer, bar));
    return writer.close();
}

std::vector<Column> trade_columns() {
    return {{"timestamp", ColumnType::timestamp},
            {"price", ColumnType::float64},
            {"size", ColumnType::float64},
            {"side", ColumnType::text},
            {"tickDirection", ColumnType::text}};
}

Result<void> append_trade(ParquetWriter& writer, const market::Trade& trade) {
    constexpr std::string_view ticks[] = {"PlusTick", "ZeroPlusTick", "MinusTick", "ZeroMinusTick"};
    const std::string_view side = trade.side == market::Side::buy ? "Buy" : "Sell";
    const Cell row[] = {trade.ts, trade.price, trade.size, side, ticks[static_cast<std::size_t>(trade.tick)]};
    return writer.append(row);
}

Result<void> write_table(const std::filesystem::path& path, const market::Table& table, const Metadata& metadata) {
    std::vector<Column> columns = {{"known_at", ColumnType::timestamp}};
    for (const std::string& name : table.columns()) columns.push_back({name, ColumnType::float64});
    SOFIA_TRY(ParquetWriter writer, ParquetWriter::create(path, std::move(columns), metadata));
    for (std::size_t i = 0; i < table.rows(); ++i) SOFIA_CHECK(writer.append(table.known_at()[i], table.row(i)));
    return writer.close();
}

}  // namespace sofia::store
