#include "store/feature_store.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "store/feature_part.hpp"
#include "store/feature_session.hpp"

namespace sofia::store {

namespace {

constexpr std::size_t window_days = 32;  // read and held at a time
constexpr int snapshots_max = 100;

Result<std::vector<Column>> wanted_columns(const LogState& state, const ReadQuery& query, const std::string& symbol) {
    if (query.columns.empty()) return state.columns;
    std::vector<std::string> names;
    for (const Column& column : state.columns) names.push_back(column.name);
    std::vector<Column> out;
    for (const std::string& name : query.columns) {
        const auto at = std::ranges::find(state.columns, name, &Column::name);
        if (at == state.columns.end()) return fail(ErrorCode::usage, with_suggestion(fmt::format("{} has no column {}", symbol, name), name, names));
        out.push_back(*at);
    }
    return out;
}

std::vector<DayParts> wanted_days(const LogState& state, const ReadQuery& query) {
    std::vector<FeaturePart> parts;
    for (const FeaturePart& part : state.parts) {
        if ((query.from && part.ts_max < *query.from) || (query.to && part.ts_min >= *query.to)) continue;
        if (query.as_of && part.known_min > *query.as_of) continue;
        parts.push_back(part);
    }
    return by_day(parts);
}

// Whether a read of the part is all its rows.
bool is_whole(const FeaturePart& part, const ReadQuery& query) {
    return part.unique && (!query.from || part.ts_min >= *query.from) && (!query.to || part.ts_max < *query.to) &&
           (!query.as_of || part.known_max <= *query.as_of);
}

FeatureRows resolve(const DayParts& day, std::vector<DecodedPart>& parts, const ReadQuery& query, std::span<const Column> columns) {
    if (parts.size() == 1 && is_whole(day.parts.front(), query)) return std::move(parts.front().rows);
    return gather(parts, last_written(sorted_versions(parts, query)), columns);
}

// The rows of some days, day by day; nothing when a part is gone.
struct Window {
    std::vector<FeatureRows> days;
    std::string gone;  ///< the first part that is, for the rows from its day on
};

Result<Window> read_window(const StoreFiles& files, const StoreOptions& options, const SymbolPaths& paths, std::span<const DayParts> days,
                           const ReadQuery& query, std::span<const Column> columns) {
    struct Day {
        FeatureRows rows;
        std::string gone;
    };
    std::vector<Result<Day>> read(days.size());
    ThreadPool pool(std::min(file_threads(files, options), std::max<std::size_t>(days.size(), 1)));
    pool.for_each(days.size(), [&](std::size_t i) {
        read[i] = [&]() -> Result<Day> {
            Day day;
            SOFIA_TRY(auto parts, decode_day(files, paths, days[i], columns, day.gone));
            if (parts) day.rows = resolve(days[i], *parts, query, columns);
            return day;
        }();
    });
    Window out;
    for (Result<Day>& one : read) {
        SOFIA_TRY(Day day, std::move(one));
        if (!day.gone.empty()) {
            out.gone = day.gone;
            return out;
        }
        out.days.push_back(std::move(day.rows));
    }
    return out;
}

std::unexpected<Error> restless(const StoreFiles& files, const SymbolPaths& paths) {
    return fail(ErrorCode::conflict, files.root() + "/" + paths.folder + ": parts are removed faster than they can be read", "try again");
}

FeatureRows joined(std::vector<FeatureRows> pieces, std::span<const Column> columns) {
    FeatureRows out;
    for (const Column& column : columns) out.columns.push_back(make_column(column.name, column.type));
    std::size_t rows = 0;
    for (const FeatureRows& piece : pieces) rows += piece.rows();
    for (auto* times : {&out.ts, &out.known_at, &out.written_at}) times->reserve(rows);
    for (FeatureColumn& column : out.columns) {
        if (column.type == ColumnType::float64) column.numbers.reserve(rows);
    }
    for (FeatureRows& piece : pieces) {
        out.ts.insert(out.ts.end(), piece.ts.begin(), piece.ts.end());
        out.known_at.insert(out.known_at.end(), piece.known_at.begin(), piece.known_at.end());
        out.written_at.insert(out.written_at.end(), piece.written_at.begin(), piece.written_at.end());
        for (std::size_t c = 0; c < columns.size(); ++c) append_all(out.columns[c], piece.columns[c]);
        piece = FeatureRows();
    }
    return out;
}

FeatureRows last_rows(const FeatureRows& rows, std::size_t count) {
    std::vector<std::uint32_t> kept(count);
    std::iota(kept.begin(), kept.end(), static_cast<std::uint32_t>(rows.rows() - count));
    FeatureRows out;
    for (const std::uint32_t row : kept) {
        out.ts.push_back(rows.ts[row]);
        out.known_at.push_back(rows.known_at[row]);
        out.written_at.push_back(rows.written_at[row]);
    }
    for (const FeatureColumn& column : rows.columns) append_rows(out.columns.emplace_back(make_column(column.name, column.type)), column, kept);
    return out;
}

// All rows of one state, from the newest day back where only the last ones are wanted; nothing when a part is gone.
Result<std::optional<FeatureRows>> read_state(const StoreFiles& files, const StoreOptions& options, const SymbolPaths& paths, const LogState& state,
                                              const ReadQuery& query, std::span<const Column> columns, std::string& gone) {
    const std::vector<DayParts> days = wanted_days(state, query);
    const std::size_t last = query.last.value_or(std::numeric_limits<std::size_t>::max());
    std::vector<FeatureRows> pieces;  // newest first
    std::size_t rows = 0;
    std::size_t step = query.last ? 1 : window_days;
    for (std::size_t end = days.size(); end > 0 && rows < last;) {
        const std::size_t first = end - std::min(end, step);
        SOFIA_TRY(Window window, read_window(files, options, paths, std::span(days).subspan(first, end - first), query, columns));
        if (!window.gone.empty()) {
            gone = window.gone;
            return std::nullopt;
        }
        for (std::size_t i = window.days.size(); i-- > 0;) {
            rows += window.days[i].rows();
            pieces.push_back(std::move(window.days[i]));
        }
        end = first;
        step = std::min(2 * step, window_days);
    }
    std::ranges::reverse(pieces);
    FeatureRows all = joined(std::move(pieces), columns);
    if (all.rows() > last) return last_rows(all, last);
    return all;
}

}  // namespace

FeatureStore::FeatureStore(std::shared_ptr<StoreFiles> files, StoreOptions options)
    : files_(std::move(files)), options_(std::make_shared<const StoreOptions>(std::move(options))) {}

Result<FeatureStore> FeatureStore::open(const std::string& root, StoreOptions options) {
    if (root.empty()) return fail(ErrorCode::usage, "the store's folder or URL is empty");
    if (!is_url(root)) return FeatureStore(local_files(root), std::move(options));
    if (root.starts_with("file:///")) return FeatureStore(local_files(root.substr(7)), std::move(options));
    SOFIA_TRY(auto files, object_files(root));
    return FeatureStore(std::move(files), std::move(options));
}

const std::string& FeatureStore::root() const { return files_->root(); }

bool FeatureStore::is_local() const { return files_->is_local(); }

Result<FeatureRows> FeatureStore::read(const std::string& symbol, const ReadQuery& query) const {
    SOFIA_TRY(const std::string folder, symbol_folder(symbol));
    const SymbolPaths paths{folder};
    GoneParts gone_parts;
    for (int attempt = 0; attempt < snapshots_max; ++attempt) {
        SOFIA_TRY(const LogState state, load_existing(*files_, paths, symbol));
        SOFIA_TRY(const std::vector<Column> columns, wanted_columns(state, query, symbol));
        std::string gone;
        SOFIA_TRY(auto rows, read_state(*files_, *options_, paths, state, query, columns, gone));
        if (rows) return *std::move(rows);
        SOFIA_CHECK(gone_parts.add(gone, root() + "/" + paths.part(gone)));
    }
    return restless(*files_, paths);
}

Result<void> FeatureStore::scan(const std::string& symbol, const ReadQuery& query, const std::function<Result<void>(FeatureRows&&)>& sink) const {
    SOFIA_TRY(const std::string folder, symbol_folder(symbol));
    const SymbolPaths paths{folder};
    GoneParts gone_parts;
    ReadQuery rest = query;
    std::optional<std::vector<Column>> columns;  // of the first state, so that all pieces have the same
    for (int attempt = 0; attempt < snapshots_max; ++attempt) {
        SOFIA_TRY(const LogState state, load_existing(*files_, paths, symbol));
        if (!columns) {
            SOFIA_TRY(columns, wanted_columns(state, query, symbol));
        }
        const std::vector<DayParts> days = wanted_days(state, rest);
        std::string gone;
        for (std::size_t first = 0; first < days.size() && gone.empty(); first += window_days) {
            const std::size_t count = std::min(window_days, days.size() - first);
            SOFIA_TRY(Window window, read_window(*files_, *options_, paths, std::span(days).subspan(first, count), rest, *columns));
            for (std::size_t i = 0; i < window.days.size(); ++i) {
                rest.from = std::max(rest.from.value_or(std::numeric_limits<TimeNs>::min()), days[first + i].day + ns_per_day);
                if (window.days[i].rows() > 0) SOFIA_CHECK(sink(std::move(window.days[i])));
            }
            gone = window.gone;
        }
        if (gone.empty()) return {};
        SOFIA_CHECK(gone_parts.add(gone, root() + "/" + paths.part(gone)));
    }
    return restless(*files_, paths);
}

Result<std::vector<Column>> FeatureStore::columns(const std::string& symbol) const {
    SOFIA_TRY(const std::string folder, symbol_folder(symbol));
    SOFIA_TRY(LogState state, load_existing(*files_, {folder}, symbol));
    return std::move(state.columns);
}

Result<std::vector<std::string>> FeatureStore::parts(const std::string& symbol) const {
    SOFIA_TRY(const std::string folder, symbol_folder(symbol));
    SOFIA_TRY(const LogState state, load_existing(*files_, {folder}, symbol));
    std::vector<std::string> names;
    for (const FeaturePart& part : state.parts) names.push_back(part.name);
    return names;
}

Result<std::optional<TimeNs>> FeatureStore::last_day(const std::string& symbol) const {
    SOFIA_TRY(const std::string folder, symbol_folder(symbol));
    SOFIA_TRY(const LogState state, load_existing(*files_, {folder}, symbol));
    if (state.parts.empty()) return std::nullopt;
    return state.parts.back().day;
}

}  // namespace sofia::store
