#include "app/pipeline/store_put.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

namespace sofia::pipeline {
namespace {

using store::ColumnType;
using store::FeatureColumn;
using store::FeatureRows;
using store::FeatureStore;

/// What the store holds between the first and the last ts of `rows`; no rows for a symbol that is new.
Result<FeatureRows> held_by(const FeatureStore& store, const std::string& symbol, const FeatureRows& rows) {
    SOFIA_CHECK(store::symbol_folder(symbol));
    SOFIA_TRY(const std::vector<std::string> symbols, store.symbols());
    if (std::ranges::find(symbols, symbol) == symbols.end()) return FeatureRows();
    const auto [first, last] = std::ranges::minmax(rows.ts);
    if (first == store::no_time) return FeatureRows();  // append refuses such a row
    store::ReadQuery query;
    query.from = first;
    query.to = last + 1;
    return store.read(symbol, query);
}

std::optional<std::size_t> place_of(const FeatureRows& rows, TimeNs ts) {
    const auto at = std::ranges::lower_bound(rows.ts, ts);
    if (at == rows.ts.end() || *at != ts) return std::nullopt;
    return static_cast<std::size_t>(at - rows.ts.begin());
}

bool same_value(const FeatureColumn& a, std::size_t i, const FeatureColumn& b, std::size_t k) {
    if (a.missing(i) || b.missing(k)) return a.missing(i) && b.missing(k);
    switch (a.type) {
        case ColumnType::float64: return a.numbers[i] == b.numbers[k];
        case ColumnType::int64:
        case ColumnType::timestamp: return a.integers[i] == b.integers[k];
        case ColumnType::boolean: return (a.flags[i] != 0) == (b.flags[k] != 0);
        case ColumnType::text: break;
    }
    return a.texts[i] == b.texts[k];
}

/// Compares rows of two tables whose columns are matched once.
class RowComparison {
public:
    RowComparison(const FeatureRows& ours, const FeatureRows& theirs) : ours_(ours), theirs_(theirs) {
        for (const FeatureColumn& column : ours.columns) partners_.push_back(theirs.find(column.name));
        for (const FeatureColumn& column : theirs.columns) {
            if (ours.find(column.name) == nullptr) only_theirs_.push_back(&column);
        }
    }

    [[nodiscard]] bool same(std::size_t i, std::size_t k) const {
        if (ours_.known_at[i] != theirs_.known_at[k]) return false;
        for (std::size_t c = 0; c < partners_.size(); ++c) {
            const FeatureColumn& own = ours_.columns[c];
            if (partners_[c] == nullptr) {
                if (!own.missing(i)) return false;
            } else if (partners_[c]->type != own.type || !same_value(own, i, *partners_[c], k)) {
                return false;
            }
        }
        return std::ranges::all_of(only_theirs_, [&](const FeatureColumn* column) { return column->missing(k); });
    }

private:
    const FeatureRows& ours_;
    const FeatureRows& theirs_;
    std::vector<const FeatureColumn*> partners_;
    std::vector<const FeatureColumn*> only_theirs_;
};

FeatureRows rows_at(const FeatureRows& rows, const std::vector<std::uint32_t>& which) {
    FeatureRows out;
    for (const std::uint32_t row : which) {
        out.ts.push_back(rows.ts[row]);
        out.known_at.push_back(rows.known_at[row]);
    }
    for (const FeatureColumn& column : rows.columns)
        store::append_rows(out.columns.emplace_back(store::make_column(column.name, column.type)), column, which);
    return out;
}

/// What append would refuse has to reach it as it is.
bool is_whole(const FeatureRows& rows) {
    const auto fits = [&](const FeatureColumn& column) {
        return column.rows() == rows.rows() && (column.valid.empty() || column.valid.size() == rows.rows());
    };
    return rows.known_at.size() == rows.rows() && std::ranges::all_of(rows.columns, fits);
}

}  // namespace

Result<PutReport> put_rows(const FeatureStore& store, const std::string& symbol, const FeatureRows& rows) {
    PutReport report;
    if (rows.rows() == 0 || !is_whole(rows)) {
        SOFIA_TRY(report.appended, store.append(symbol, rows));
        return report;
    }
    SOFIA_TRY(const FeatureRows held, held_by(store, symbol, rows));
    const RowComparison comparison(rows, held);
    std::map<TimeNs, std::size_t> versions;  // of a ts in `rows`; where there are several, earlier ones may count for some `as_of`
    for (const TimeNs ts : rows.ts) ++versions[ts];
    std::vector<std::uint32_t> fresh;
    bool replaces = false;
    for (std::size_t i = 0; i < rows.rows(); ++i) {
        const auto k = place_of(held, rows.ts[i]);
        if (k && versions[rows.ts[i]] == 1 && comparison.same(i, *k)) continue;
        fresh.push_back(static_cast<std::uint32_t>(i));
        replaces = replaces || (k && rows.known_at[i] <= held.known_at[*k]);
    }
    report.unchanged = rows.rows() - fresh.size();
    if (fresh.empty()) return report;
    SOFIA_TRY(report.appended, store.append(symbol, rows_at(rows, fresh)));
    if (replaces) {
        SOFIA_TRY(const store::CompactReport compacted, store.compact(symbol));
        report.days_rewritten = compacted.days;
    }
    return report;
}

}  // namespace sofia::pipeline
