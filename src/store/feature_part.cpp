#include "store/feature_part.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/hash.hpp"
#include "store/parquet_file.hpp"

namespace sofia::store {

namespace {

template <class T>
std::span<const T> cut(const std::vector<T>& values, std::size_t first, std::size_t last) {
    if (values.empty()) return {};
    return std::span(values).subspan(first, last - first);
}

ColumnSlice slice_of(const FeatureColumn& column, std::size_t first, std::size_t last) {
    return {{column.name, column.type},     cut(column.numbers, first, last), cut(column.integers, first, last),
            cut(column.flags, first, last), cut(column.texts, first, last),   cut(column.valid, first, last)};
}

ColumnSlice times_of(const char* name, const std::vector<TimeNs>& times, std::size_t first, std::size_t last) {
    ColumnSlice slice{{name, ColumnType::timestamp}, {}, {}, {}, {}, {}};
    slice.integers = cut(times, first, last);
    return slice;
}

FeaturePart describe_part(const FeatureRows& rows, std::size_t first, std::size_t last) {
    const auto known = cut(rows.known_at, first, last);
    const auto ts = cut(rows.ts, first, last);
    FeaturePart part;
    part.rows = last - first;
    part.ts_min = ts.front();
    part.ts_max = ts.back();
    part.day = floor_time(part.ts_min, ns_per_day);
    part.known_min = std::ranges::min(known);
    part.known_max = std::ranges::max(known);
    part.written_max = std::ranges::max(cut(rows.written_at, first, last));
    part.unique = std::ranges::adjacent_find(ts) == ts.end();
    part.name = fmt::format("date={}/part-{:020}-{}.parquet", format_date(part.day), part.written_max, unique_id());
    return part;
}

bool kind_is(ParquetKind kind, ColumnType type) {
    switch (type) {
        case ColumnType::float64: return kind == ParquetKind::number;
        case ColumnType::int64: return kind == ParquetKind::integer;
        case ColumnType::timestamp: return kind == ParquetKind::time;
        case ColumnType::boolean: return kind == ParquetKind::boolean;
        case ColumnType::text: break;
    }
    return kind == ParquetKind::text;
}

// Adds what a batch holds to a column, whose `valid` is always filled while that goes on.
void take(FeatureColumn& column, ParquetValues& values) {
    switch (column.type) {
        case ColumnType::float64:
            if (column.numbers.empty()) {
                column.numbers = std::move(values.numbers);
            } else {
                column.numbers.insert(column.numbers.end(), values.numbers.begin(), values.numbers.end());
            }
            return;
        case ColumnType::timestamp:
            for (std::size_t i = 0; i < values.rows; ++i) column.integers.push_back(values.valid[i] != 0 ? values.integers[i] : no_time);
            return;
        case ColumnType::int64: column.integers.insert(column.integers.end(), values.integers.begin(), values.integers.end()); break;
        case ColumnType::boolean:
            for (std::size_t i = 0; i < values.rows; ++i) column.flags.push_back(values.valid[i] != 0 && values.numbers[i] != 0.0 ? 1 : 0);
            break;
        case ColumnType::text: column.texts.insert(column.texts.end(), values.texts.begin(), values.texts.end()); break;
    }
    column.valid.insert(column.valid.end(), values.valid.begin(), values.valid.end());
}

std::unexpected<Error> changed(const std::string& place, const std::string& why) {
    return fail(ErrorCode::data, place + ": is not the part that was written: " + why, "`sofia store check` lists what is wrong");
}

// Whose values a read needs: `into` of each selected column.
struct Selection {
    std::vector<std::size_t> columns;
    std::vector<FeatureColumn*> into;
};

Result<Selection> select(const ParquetReader& reader, std::vector<FeatureColumn>& times, FeatureRows& rows, const std::string& place) {
    const std::vector<ParquetColumn>& found = reader.columns();
    Selection out;
    const auto find = [&](FeatureColumn& column) -> Result<bool> {
        const auto at = std::ranges::find(found, column.name, &ParquetColumn::name);
        if (at == found.end()) return false;
        if (!kind_is(at->kind, column.type)) return changed(place, fmt::format("column {} is no {}", column.name, type_name(column.type)));
        out.columns.push_back(static_cast<std::size_t>(at - found.begin()));
        out.into.push_back(&column);
        return true;
    };
    for (FeatureColumn& column : times) {
        SOFIA_TRY(const bool there, find(column));
        if (!there) return changed(place, "it has no column " + column.name);
    }
    for (FeatureColumn& column : rows.columns) SOFIA_CHECK(find(column));
    return out;
}

Result<void> check_rows(const FeatureRows& rows, const FeaturePart& part, const std::string& place) {
    if (rows.rows() != part.rows) return changed(place, fmt::format("{} rows in place of {}", rows.rows(), part.rows));
    if (!std::ranges::is_sorted(rows.ts)) return changed(place, "ts is not ascending");
    if (rows.rows() > 0 && (rows.ts.front() != part.ts_min || rows.ts.back() != part.ts_max)) return changed(place, "it has another span");
    return {};
}

}  // namespace

Result<EncodedPart> encode_part(const FeatureRows& rows, std::size_t first, std::size_t last) {
    EncodedPart out{describe_part(rows, first, last), {}};
    std::vector<ColumnSlice> slices = {times_of(ts_column, rows.ts, first, last), times_of(known_at_column, rows.known_at, first, last),
                                       times_of(written_at_column, rows.written_at, first, last)};
    for (const FeatureColumn& column : rows.columns) slices.push_back(slice_of(column, first, last));
    Encoding encoding;
    encoding.numbers = Encoding::Numbers::distinct;
    SOFIA_TRY(out.bytes, encode_parquet(slices, {}, encoding));
    out.part.bytes = out.bytes.size();
    out.part.sha256 = sha256_hex(out.bytes);
    return out;
}

Result<DecodedPart> decode_part(std::string bytes, const FeaturePart& part, std::span<const Column> wanted, const std::string& place) {
    SOFIA_TRY(ParquetReader reader, ParquetReader::from_bytes(std::move(bytes), place));
    DecodedPart out;
    std::vector<FeatureColumn> times;
    for (const char* name : {ts_column, known_at_column, written_at_column}) times.push_back(make_column(name, ColumnType::timestamp));
    for (const Column& column : wanted) out.rows.columns.push_back(make_column(column.name, column.type));
    SOFIA_TRY(const Selection selection, select(reader, times, out.rows, place));
    reader.select(selection.columns);
    std::vector<ParquetValues> values;
    while (true) {
        SOFIA_TRY(const bool more, reader.next(values));
        if (!more) break;
        for (std::size_t i = 0; i < selection.into.size(); ++i) take(*selection.into[i], values[i]);
    }
    out.rows.ts = std::move(times[0].integers);
    out.rows.known_at = std::move(times[1].integers);
    out.rows.written_at = std::move(times[2].integers);
    SOFIA_CHECK(check_rows(out.rows, part, place));
    for (FeatureColumn& column : out.rows.columns) {
        append_missing(column, out.rows.rows() - column.rows());
        if (std::ranges::find(column.valid, std::uint8_t{0}) == column.valid.end()) column.valid.clear();
    }
    return out;
}

std::vector<RowVersion> sorted_versions(std::span<const DecodedPart> parts, const ReadQuery& query) {
    std::vector<RowVersion> out;
    for (std::size_t p = 0; p < parts.size(); ++p) {
        const FeatureRows& rows = parts[p].rows;
        for (std::size_t i = 0; i < rows.rows(); ++i) {
            if ((query.from && rows.ts[i] < *query.from) || (query.to && rows.ts[i] >= *query.to)) continue;
            if (query.as_of && rows.known_at[i] > *query.as_of) continue;
            out.push_back({rows.ts[i], rows.known_at[i], rows.written_at[i], static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(i)});
        }
    }
    std::ranges::sort(out, {}, [](const RowVersion& v) { return std::tuple(v.ts, v.written_at, v.part, v.row); });
    return out;
}

std::vector<RowVersion> last_written(std::span<const RowVersion> versions) {
    std::vector<RowVersion> out;
    for (std::size_t i = 0; i < versions.size(); ++i) {
        if (i + 1 == versions.size() || versions[i + 1].ts != versions[i].ts) out.push_back(versions[i]);
    }
    return out;
}

std::vector<RowVersion> visible_at_some_time(std::span<const RowVersion> versions) {
    std::vector<RowVersion> out;
    for (std::size_t i = versions.size(); i-- > 0;) {
        const RowVersion& version = versions[i];
        // `out` ends with the earliest known of those written later, for each further one was known before it.
        if (!out.empty() && out.back().ts == version.ts && out.back().known_at <= version.known_at) continue;
        out.push_back(version);
    }
    std::ranges::reverse(out);
    return out;
}

FeatureRows gather(std::span<const DecodedPart> parts, std::span<const RowVersion> versions, std::span<const Column> columns) {
    FeatureRows out;
    for (const Column& column : columns) out.columns.push_back(make_column(column.name, column.type));
    for (const RowVersion& version : versions) {
        out.ts.push_back(version.ts);
        out.known_at.push_back(version.known_at);
        out.written_at.push_back(version.written_at);
    }
    std::vector<std::uint32_t> run;  // of rows of one part
    for (std::size_t first = 0, last = 0; first < versions.size(); first = last) {
        run.clear();
        for (last = first; last < versions.size() && versions[last].part == versions[first].part; ++last) run.push_back(versions[last].row);
        const FeatureRows& from = parts[versions[first].part].rows;
        for (std::size_t c = 0; c < columns.size(); ++c) append_rows(out.columns[c], from.columns[c], run);
    }
    return out;
}

}  // namespace sofia::store
