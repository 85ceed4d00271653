#include <algorithm>
#include <limits>
#include <optional>

#include "store/parquet.hpp"
#include "store/parquet_file.hpp"

namespace sofia::store {

namespace {

// `known_at`, else `ts`, else the only column of times.
Result<std::size_t> time_column(const std::vector<ParquetColumn>& columns, const std::filesystem::path& path) {
    std::optional<std::size_t> only;
    std::size_t times = 0;
    for (const std::string_view name : {"known_at", "ts"}) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
            if (columns[i].name == name && columns[i].kind == ParquetKind::time) return i;
        }
    }
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (columns[i].kind != ParquetKind::time) continue;
        only = i;
        ++times;
    }
    if (times == 1) return *only;
    return fail(ErrorCode::data, path.string() + ": no column known_at of times", "a table needs a timestamp column known_at or ts");
}

bool is_value(ParquetKind kind) { return kind == ParquetKind::number || kind == ParquetKind::integer || kind == ParquetKind::boolean; }

}  // namespace

Result<market::Table> read_table(const std::filesystem::path& path) {
    SOFIA_TRY(ParquetReader reader, ParquetReader::open(path));
    SOFIA_TRY(const std::size_t time, time_column(reader.columns(), path));
    std::vector<std::size_t> selected = {time};
    std::vector<std::string> names;
    for (std::size_t i = 0; i < reader.columns().size(); ++i) {
        if (!is_value(reader.columns()[i].kind)) continue;
        selected.push_back(i);
        names.push_back(reader.columns()[i].name);
    }
    reader.select(selected);
    market::Table table(names);
    table.reserve(static_cast<std::size_t>(reader.rows()));
    std::vector<ParquetValues> values;
    std::vector<double> row(names.size());
    while (true) {
        SOFIA_TRY(const bool more, reader.next(values));
        if (!more) return table;
        for (std::size_t i = 0; i < values.front().rows; ++i) {
            const TimeNs known_at = values.front().integers[i];
            const std::string place = path.string() + " row " + std::to_string(table.rows() + 1);
            if (values.front().valid[i] == 0) return fail(ErrorCode::data, place + ": the time is missing");
            if (table.rows() > 0 && known_at < table.known_at().back()) return fail(ErrorCode::data, place + ": the time is before the last one");
            for (std::size_t c = 0; c < row.size(); ++c) row[c] = values[c + 1].numbers[i];
            table.append(known_at, row);
        }
    }
}

Result<Metadata> read_metadata(const std::filesystem::path& path) {
    SOFIA_TRY(const ParquetReader reader, ParquetReader::open(path));
    return reader.metadata();
}

}  // namespace sofia::store
