#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/hash.hpp"
#include "store/feature_part.hpp"
#include "store/feature_session.hpp"
#include "store/feature_store.hpp"

namespace sofia::store {

namespace {

void widen(TimeNs& first, TimeNs& last, TimeNs from, TimeNs to) {
    first = first == no_time ? from : std::min(first, from);
    last = last == no_time ? to : std::max(last, to);
}

void add_values(ColumnSummary& summary, const FeatureColumn& column) {
    for (std::size_t row = 0; row < column.rows(); ++row) {
        if (column.missing(row)) {
            ++summary.missing;
            continue;
        }
        const double value = column.number(row);
        if (std::isnan(value)) continue;  // text
        summary.least = std::min(summary.least.value_or(value), value);
        summary.most = std::max(summary.most.value_or(value), value);
    }
}

// The parts themselves against what the log says of them.
Result<void> check_part(const StoreFiles& files, const SymbolPaths& paths, const FeaturePart& part, std::span<const Column> columns,
                        StoreCheck& out) {
    const std::string place = files.root() + "/" + paths.part(part.name);
    SOFIA_TRY(std::optional<std::string> bytes, files.get(paths.part(part.name)));
    if (!bytes) {
        SOFIA_TRY(bytes, files.get(paths.staged(part.name)));
        if (bytes) out.remarks.push_back(place + ": not in its place yet: the next write moves it");
    }
    if (!bytes) {
        out.problems.push_back(place + ": is missing");
        return {};
    }
    if (sha256_hex(*bytes) != part.sha256) {
        out.problems.push_back(place + ": is damaged or was changed: its SHA-256 is another one");
        return {};
    }
    const auto decoded = decode_part(*std::move(bytes), part, columns, place);
    if (!decoded) out.problems.push_back(decoded.error().message);
    return {};
}

Result<void> check_strays(const StoreFiles& files, const SymbolPaths& paths, const LogState& state, StoreCheck& out) {
    std::set<std::string> known;
    for (const FeaturePart& part : state.parts) known.insert(part.name);
    SOFIA_TRY(const std::vector<StoredFile> beside, files.list(paths.folder));
    for (const StoredFile& file : beside) {
        if (!file.name.empty()) out.remarks.push_back(files.root() + "/" + paths.folder + "/" + file.name + ": does not belong to the store");
    }
    SOFIA_TRY(const std::vector<std::string> folders, files.folders(paths.folder));
    for (const std::string& folder : folders) {
        SOFIA_TRY(const std::vector<StoredFile> inside, files.list(paths.part(folder)));
        for (const StoredFile& file : inside) {
            const std::string name = folder + "/" + file.name;
            if (known.contains(name)) continue;
            out.remarks.push_back(files.root() + "/" + paths.part(name) +
                                  ": does not belong to the store: reads here leave it out, other readers of the folder do not");
        }
    }
    SOFIA_TRY(const std::vector<StoredFile> staged, files.list(paths.staging()));
    std::size_t abandoned = 0;
    for (const StoredFile& file : staged) {
        const auto part = SymbolPaths::part_of_staged(file.name);
        abandoned += part && !known.contains(*part) ? 1 : 0;
    }
    if (abandoned > 0) out.remarks.push_back(fmt::format("{}/{}: {} staged and not committed", files.root(), paths.staging(), abandoned));
    return {};
}

}  // namespace

Result<StoreDescription> FeatureStore::describe(const std::string& symbol) const {
    SOFIA_TRY(const std::string folder, symbol_folder(symbol));
    SOFIA_TRY(const LogState state, load_existing(*files_, {folder}, symbol));
    StoreDescription out;
    out.symbol = symbol;
    std::uint64_t stored = 0;
    for (const FeaturePart& part : state.parts) {
        stored += part.rows;
        out.bytes += part.bytes;
        widen(out.ts_first, out.ts_last, part.ts_min, part.ts_max);
        widen(out.known_first, out.known_last, part.known_min, part.known_max);
        out.written_last = std::max(out.written_last, part.written_max);
    }
    out.parts = state.parts.size();
    out.days = by_day(state.parts).size();
    for (const Column& column : state.columns) out.columns.push_back({column.name, column.type, 0, {}, {}});
    ReadQuery query;
    for (const Column& column : state.columns) query.columns.push_back(column.name);
    SOFIA_CHECK(scan(symbol, query, [&](FeatureRows&& rows) -> Result<void> {
        out.rows += rows.rows();
        for (std::size_t c = 0; c < out.columns.size(); ++c) add_values(out.columns[c], rows.columns[c]);
        return {};
    }));
    // Rows that came since the log was read are not among those counted there.
    out.duplicates = stored > out.rows ? stored - out.rows : 0;
    return out;
}

Result<StoreCheck> FeatureStore::check(const std::string& symbol) const {
    SOFIA_TRY(const std::string folder, symbol_folder(symbol));
    const SymbolPaths paths{folder};
    SOFIA_TRY(LogState state, load_existing(*files_, paths, symbol));
    while (true) {
        StoreCheck out;
        out.parts = state.parts.size();
        for (const FeaturePart& part : state.parts) {
            out.rows += part.rows;
            SOFIA_CHECK(check_part(*files_, paths, part, state.columns, out));
        }
        SOFIA_CHECK(check_strays(*files_, paths, state, out));
        if (out.problems.empty() && out.remarks.empty()) return out;
        // Somebody may have written meanwhile: only what is found in an unchanged state counts.
        SOFIA_TRY(LogState now, load_log(*files_, paths));
        if (now.objects == state.objects) return out;
        state = std::move(now);
    }
}

}  // namespace sofia::store
