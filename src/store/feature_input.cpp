#include "store/feature_input.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/files.hpp"
#include "base/text.hpp"
#include "store/feature_csv.hpp"
#include "store/feature_part.hpp"
#include "store/parquet_file.hpp"
#include "store/parquet_time.hpp"

namespace sofia::store {

namespace {

constexpr std::array<std::string_view, 3> ts_names = {"ts", "open_time", "timestamp"};
constexpr std::array<std::string_view, 2> known_names = {"known_at", "close_time"};

template <std::size_t N>
std::size_t find_first(std::span<const std::string> names, const std::array<std::string_view, N>& wanted) {
    for (const std::string_view name : wanted) {
        const auto at = std::ranges::find(names, name);
        if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
    }
    return no_column;
}

Result<ColumnType> type_of_kind(const ParquetColumn& column) {
    switch (column.kind) {
        case ParquetKind::number: return ColumnType::float64;
        case ParquetKind::integer: return ColumnType::int64;
        case ParquetKind::time: return ColumnType::timestamp;
        case ParquetKind::boolean: return ColumnType::boolean;
        case ParquetKind::text: return ColumnType::text;
        case ParquetKind::other: break;
    }
    return fail(ErrorCode::data, "column " + column.name + " has a type that a feature store cannot hold",
                "it takes floats, integers, booleans, text and timestamps");
}

// Adds a batch to a column that keeps `valid` filled.
Result<void> take(FeatureColumn& to, const ParquetValues& values, const std::string& place) {
    for (std::size_t row = 0; row < values.rows; ++row) {
        const bool valid = values.valid[row] != 0;
        const bool too_large = valid && to.type == ColumnType::int64 && values.integers[row] == std::numeric_limits<std::int64_t>::max();
        if (too_large)
            return fail(ErrorCode::data, fmt::format("{}: column {} holds an integer that has no place in 64 bits with sign", place, to.name));
        switch (to.type) {
            case ColumnType::float64: to.numbers.push_back(values.numbers[row]); break;
            case ColumnType::int64: to.integers.push_back(valid ? values.integers[row] : 0); break;
            case ColumnType::timestamp: to.integers.push_back(valid ? values.integers[row] : no_time); break;
            case ColumnType::boolean: to.flags.push_back(valid && values.numbers[row] != 0.0 ? 1 : 0); break;
            case ColumnType::text: to.texts.push_back(values.texts[row]); break;
        }
    }
    if (to.type != ColumnType::float64 && to.type != ColumnType::timestamp) to.valid.insert(to.valid.end(), values.valid.begin(), values.valid.end());
    return {};
}

Result<void> take_times(std::vector<TimeNs>& to, const ParquetValues& values, ParquetTime& time, std::string_view name, const std::string& path) {
    time.learn(values);
    for (std::size_t row = 0; row < values.rows; ++row) {
        TimeNs value = 0;
        if (const Reason reason = time.read(values, row, value)) {
            return fail(ErrorCode::data, fmt::format("{} row {}: {}: {}", path, to.size() + 1, name, *reason));
        }
        to.push_back(value);
    }
    return {};
}

bool holds_times(ParquetKind kind) { return kind == ParquetKind::time || kind == ParquetKind::integer || kind == ParquetKind::number; }

Result<FeatureRows> read_parquet(const std::filesystem::path& path, const TimeColumns& times) {
    SOFIA_TRY(ParquetReader reader, ParquetReader::open(path));
    FeatureRows out;
    std::vector<std::size_t> selected;
    std::vector<std::pair<std::vector<TimeNs>*, std::string>> time_targets;
    const auto take_time = [&](std::size_t column, std::vector<TimeNs>& target) -> Result<void> {
        if (column == no_column) return {};
        const ParquetColumn& found = reader.columns()[column];
        if (!holds_times(found.kind)) return fail(ErrorCode::data, path.string() + ": column " + found.name + " holds no times");
        selected.push_back(column);
        time_targets.emplace_back(&target, found.name);
        return {};
    };
    SOFIA_CHECK(take_time(times.ts, out.ts));
    SOFIA_CHECK(take_time(times.known_at, out.known_at));
    for (std::size_t i = 0; i < reader.columns().size(); ++i) {
        const ParquetColumn& column = reader.columns()[i];
        if (i == times.ts || i == times.known_at || column.name == written_at_column) continue;
        auto type = type_of_kind(column);
        if (!type) return fail(ErrorCode::data, path.string() + ": " + type.error().message, type.error().hint);
        selected.push_back(i);
        out.columns.push_back(make_column(column.name, *type));
    }
    reader.select(selected);
    std::vector<ParquetTime> units(time_targets.size());
    std::vector<ParquetValues> values;
    while (true) {
        SOFIA_TRY(const bool more, reader.next(values));
        if (!more) return out;
        for (std::size_t i = 0; i < time_targets.size(); ++i) {
            SOFIA_CHECK(take_times(*time_targets[i].first, values[i], units[i], time_targets[i].second, path.string()));
        }
        for (std::size_t i = 0; i < out.columns.size(); ++i) SOFIA_CHECK(take(out.columns[i], values[time_targets.size() + i], path.string()));
    }
}

bool is_csv(const std::filesystem::path& path) {
    const std::string name = lower(path.filename().string());
    return name.ends_with(".csv") || name.ends_with(".csv.gz") || name.ends_with(".csv.zst");
}

Result<std::vector<std::string>> names_of(const std::filesystem::path& path) {
    if (is_csv(path)) return csv_column_names(path);
    SOFIA_TRY(const ParquetReader reader, ParquetReader::open(path));
    return reader.names();
}

void add_field(std::string& out, std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
        out += text;
        return;
    }
    out += '"';
    for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    out += '"';
}

void add_value(std::string& out, const FeatureColumn& column, std::size_t row) {
    if (column.missing(row)) return;
    switch (column.type) {
        case ColumnType::float64: out += format_double(column.numbers[row]); return;
        case ColumnType::int64: fmt::format_to(std::back_inserter(out), "{}", column.integers[row]); return;
        case ColumnType::timestamp: out += format_time(column.integers[row]); return;
        case ColumnType::boolean: out += column.flags[row] != 0 ? "true" : "false"; return;
        case ColumnType::text: add_field(out, column.texts[row]); return;
    }
}

// Times one after the other mostly share their day.
class TimeText {
public:
    void add(std::string& out, TimeNs time) {
        const TimeNs day = floor_time(time, ns_per_day);
        const TimeNs rest = time - day;
        if (rest % ns_per_second != 0) {
            out += format_time(time);
            return;
        }
        if (day != day_ || date_.empty()) date_ = format_date(day);
        day_ = day;
        fmt::format_to(std::back_inserter(out), "{}T{:02}:{:02}:{:02}Z", date_, rest / ns_per_hour, rest / ns_per_minute % 60,
                       rest / ns_per_second % 60);
    }

private:
    TimeNs day_ = 0;
    std::string date_;
};

ColumnSlice time_slice(const char* name, const std::vector<TimeNs>& times) {
    ColumnSlice slice{{name, ColumnType::timestamp}, {}, {}, {}, {}, {}};
    slice.integers = times;
    return slice;
}

}  // namespace

Result<FeatureRows> read_feature_file(const std::filesystem::path& path, std::span<const Column> known, const FeatureFileOptions& options) {
    SOFIA_TRY(const std::vector<std::string> names, names_of(path));
    TimeColumns times{find_first(names, ts_names), find_first(names, known_names)};
    const bool required = options.times == TableTimes::required;
    if (required && times.ts == no_column && times.known_at == no_column) {
        return fail(ErrorCode::data, path.string() + ": no column ts", "ts is the start of a row's bar, known_at when it could be known");
    }
    if (required && (times.ts == no_column || times.known_at == no_column) && !options.bar) {
        return fail(ErrorCode::data, fmt::format("{}: no column {}", path.string(), times.ts == no_column ? "ts" : "known_at"),
                    "--bar 1m says how long after ts a row is known");
    }
    SOFIA_TRY(FeatureRows rows, is_csv(path) ? read_feature_csv(path, times, known) : read_parquet(path, times));
    if (times.ts == no_column && options.bar) {
        for (const TimeNs at : rows.known_at) rows.ts.push_back(at - *options.bar);
    }
    if (times.known_at == no_column && options.bar) {
        for (const TimeNs at : rows.ts) rows.known_at.push_back(at + *options.bar);
    }
    return rows;
}

std::string feature_csv(const FeatureRows& rows, WrittenAt written_at) {
    std::string out = "ts,known_at";
    if (written_at == WrittenAt::keep) out += ",written_at";
    for (const FeatureColumn& column : rows.columns) {
        out += ',';
        add_field(out, column.name);
    }
    out += '\n';
    TimeText text;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        text.add(out, rows.ts[row]);
        out += ',';
        text.add(out, rows.known_at[row]);
        if (written_at == WrittenAt::keep) out += "," + format_time(rows.written_at[row]);
        for (const FeatureColumn& column : rows.columns) {
            out += ',';
            add_value(out, column, row);
        }
        out += '\n';
    }
    return out;
}

Result<void> write_feature_file(const std::filesystem::path& path, const FeatureRows& rows, WrittenAt written_at) {
    if (lower(path.extension().string()) == ".csv") return write_file(path, feature_csv(rows, written_at));
    std::vector<ColumnSlice> slices = {time_slice(ts_column, rows.ts), time_slice(known_at_column, rows.known_at)};
    if (written_at == WrittenAt::keep) slices.push_back(time_slice(written_at_column, rows.written_at));
    for (const FeatureColumn& column : rows.columns) {
        slices.push_back({{column.name, column.type}, column.numbers, column.integers, column.flags, column.texts, column.valid});
    }
    Encoding encoding;
    encoding.numbers = Encoding::Numbers::distinct;
    SOFIA_TRY(const std::string bytes, encode_parquet(slices, {}, encoding));
    return write_file(path, bytes);
}

}  // namespace sofia::store
