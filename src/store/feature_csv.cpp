#include "store/feature_csv.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/text.hpp"
#include "store/csv_file.hpp"
#include "store/feature_part.hpp"

namespace sofia::store {

namespace {

constexpr std::size_t chunk_bytes = std::size_t{1} << 20U;

using UseRow = std::function<Reason(const RowFields& fields)>;

// Every row of the file, split. Error: io, data with file and line.
Result<void> each_row(const std::filesystem::path& path, const UseRow& use) {
    SOFIA_TRY(CsvFile file, open_csv(path, chunk_bytes));
    TextChunk chunk;
    RowFields fields;
    std::uint64_t number = 1;
    const auto take = [&](std::string_view line) -> Reason {
        if (line.size() > line_bytes_max) return "the line is longer than 1 MiB";
        if (!is_utf8(line)) return "the row has bytes that are no UTF-8: " + shown(line);
        if (Reason reason = fields.split(line)) return reason;
        if (fields.size() != file.header.size()) {
            return fmt::format("the row has {}, the header has {}", counted(fields.size(), "field"), file.header.size());
        }
        return use(fields);
    };
    while (true) {
        auto more = file.lines.next(chunk);
        if (!more) return std::unexpected(at_line(path, number + 1, std::move(more).error()));
        if (!*more) return {};
        for (std::string_view text = chunk.text(); !text.empty();) {
            const std::size_t end = std::min(text.find('\n'), text.size() - 1);
            std::string_view line = text.substr(0, end);
            text.remove_prefix(end + 1);
            ++number;
            if (line.ends_with('\r')) line.remove_suffix(1);
            if (line.empty()) continue;
            if (const Reason reason = take(line)) return std::unexpected(at_line(path, number, {ErrorCode::data, *reason, {}}));
        }
    }
}

std::optional<bool> flag_of(std::string_view field) {
    const std::string text = lower(field);
    if (text == "true") return true;
    if (text == "false") return false;
    return std::nullopt;
}

// pandas ends UTC times with +00:00.
std::string time_text(std::string_view field) {
    std::string text(trim(field));
    if (text.ends_with("+00:00")) text.replace(text.size() - 6, 6, "Z");
    return text;
}

bool is_iso_time(std::string_view field) { return field.size() >= 10 && field[4] == '-' && parse_time(time_text(field)).has_value(); }

// What a column can still be after the fields that were seen.
struct Guess {
    bool seen = false;
    bool boolean = true;
    bool number = true;
    bool time = true;

    void add(std::string_view raw) {
        const std::string_view field = trim(raw);
        if (field.empty()) return;
        seen = true;
        boolean = boolean && flag_of(field).has_value();
        number = number && parse_double(field).has_value();
        time = time && is_iso_time(field);
    }
    ColumnType type() const {
        if (!seen || number) return ColumnType::float64;
        if (boolean) return ColumnType::boolean;
        return time ? ColumnType::timestamp : ColumnType::text;
    }
};

struct Layout {
    std::vector<std::size_t> fields;  // of the columns
    std::vector<FeatureColumn> columns;
};

Result<Layout> layout_of(const std::filesystem::path& path, const TimeColumns& times, std::span<const Column> known) {
    SOFIA_TRY(const std::vector<std::string> header, csv_column_names(path));
    Layout out;
    std::vector<Guess> guesses;
    std::vector<std::size_t> guessed;  // positions in out.columns
    for (std::size_t i = 0; i < header.size(); ++i) {
        if (i == times.ts || i == times.known_at || header[i] == written_at_column) continue;
        const auto at = std::ranges::find(known, header[i], &Column::name);
        if (at == known.end()) guessed.push_back(out.columns.size());
        out.fields.push_back(i);
        out.columns.push_back(make_column(header[i], at == known.end() ? ColumnType::float64 : at->type));
    }
    if (guessed.empty()) return out;
    guesses.resize(guessed.size());
    SOFIA_CHECK(each_row(path, [&](const RowFields& fields) -> Reason {
        for (std::size_t g = 0; g < guessed.size(); ++g) guesses[g].add(fields[out.fields[guessed[g]]]);
        return {};
    }));
    for (std::size_t g = 0; g < guessed.size(); ++g) out.columns[guessed[g]].type = guesses[g].type();
    return out;
}

Reason take_time(std::string_view field, std::optional<TimeUnit>& unit, std::string_view name, std::vector<TimeNs>& out) {
    const std::string text = time_text(field);
    if (!unit) unit = unit_of(text).value_or(TimeUnit::seconds);
    TimeNs time = 0;
    if (const Reason reason = read_time(text, *unit, time)) return fmt::format("{}: {}", name, *reason);
    out.push_back(time);
    return {};
}

Reason not_a(std::string_view what, const FeatureColumn& column, std::string_view field) {
    return fmt::format("{} {} is not {}", column.name, shown(field), what);
}

Reason take_value(std::string_view raw, FeatureColumn& column) {
    const std::string_view field = trim(raw);
    if (field.empty()) {
        append_missing(column, 1);
        return {};
    }
    if (!column.valid.empty()) column.valid.push_back(1);
    switch (column.type) {
        case ColumnType::float64: {
            const auto value = parse_double(field);
            if (!value) return not_a("a number", column, field);
            column.numbers.push_back(*value);
            return {};
        }
        case ColumnType::int64: {
            const auto value = parse_int(field);
            if (!value) return not_a("an integer, as the column is in the store", column, field);
            column.integers.push_back(*value);
            return {};
        }
        case ColumnType::boolean: {
            const auto value = flag_of(field);
            if (!value) return not_a("true or false", column, field);
            column.flags.push_back(*value ? 1 : 0);
            return {};
        }
        case ColumnType::timestamp: {
            if (!is_iso_time(field)) return not_a("a time like 2024-01-31T00:00:00Z", column, field);
            column.integers.push_back(*parse_time(time_text(field)));
            return {};
        }
        case ColumnType::text: column.texts.emplace_back(raw); return {};
    }
    return {};
}

}  // namespace

Result<std::vector<std::string>> csv_column_names(const std::filesystem::path& path) {
    auto file = open_csv(path, chunk_bytes);
    if (!file) {
        const std::string empty = path.string() + ": the file is empty";
        if (file.error().message.starts_with(empty)) return fail(ErrorCode::data, empty + ": expected a header with ts, known_at and the columns");
        return std::unexpected(std::move(file).error());
    }
    return std::move(file->header);
}

Result<FeatureRows> read_feature_csv(const std::filesystem::path& path, const TimeColumns& times, std::span<const Column> known) {
    SOFIA_TRY(Layout layout, layout_of(path, times, known));
    FeatureRows out;
    std::optional<TimeUnit> ts_unit;
    std::optional<TimeUnit> known_unit;
    SOFIA_CHECK(each_row(path, [&](const RowFields& fields) -> Reason {
        if (times.ts != no_column) {
            if (Reason reason = take_time(fields[times.ts], ts_unit, ts_column, out.ts)) return reason;
        }
        if (times.known_at != no_column) {
            if (Reason reason = take_time(fields[times.known_at], known_unit, known_at_column, out.known_at)) return reason;
        }
        for (std::size_t i = 0; i < layout.fields.size(); ++i) {
            if (Reason reason = take_value(fields[layout.fields[i]], layout.columns[i])) return reason;
        }
        return {};
    }));
    out.columns = std::move(layout.columns);
    return out;
}

}  // namespace sofia::store
