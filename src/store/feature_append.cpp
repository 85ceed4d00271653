#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "store/csv_fields.hpp"
#include "store/feature_part.hpp"
#include "store/feature_session.hpp"
#include "store/feature_store.hpp"

namespace sofia::store {

namespace {

constexpr std::size_t name_bytes_max = 255;

std::unexpected<Error> bad(const std::string& why, std::string hint = {}) { return fail(ErrorCode::data, why, std::move(hint)); }

Result<void> check_name(const std::string& name) {
    const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    if (name.empty()) return bad("a column has no name");
    if (name.size() > name_bytes_max || !is_utf8(name) || std::ranges::any_of(name, is_control)) return bad("column " + shown(name) + ": not a name");
    for (const std::string_view own : {"ts", "known_at", "written_at", "date"}) {
        if (lower(name) == own) return bad(fmt::format("column {}: the store itself has a column {}", name, own), "rename it");
    }
    return {};
}

Result<void> check_column(const FeatureColumn& column, std::size_t rows) {
    SOFIA_CHECK(check_name(column.name));
    if (column.rows() != rows || (!column.valid.empty() && column.valid.size() != rows)) {
        return bad(fmt::format("column {} has {}, ts has {}", column.name, counted(column.rows(), "value"), rows));
    }
    if (column.type != ColumnType::text) return {};
    const auto wrong = std::ranges::find_if_not(column.texts, [](const std::string& text) { return is_utf8(text); });
    if (wrong == column.texts.end()) return {};
    return bad(fmt::format("row {}: column {} is no UTF-8: {}", wrong - column.texts.begin() + 1, column.name, shown(*wrong)));
}

Result<void> check_times(const FeatureRows& rows) {
    if (rows.known_at.size() != rows.rows())
        return bad(fmt::format("known_at has {}, ts has {}", counted(rows.known_at.size(), "value"), rows.rows()));
    for (std::size_t i = 0; i < rows.rows(); ++i) {
        const auto row = [&] { return fmt::format("row {}: ", i + 1); };
        if (rows.ts[i] == no_time) return bad(row() + "ts is missing");
        if (rows.ts[i] < 0 || rows.ts[i] >= time_end) return bad(row() + "ts " + format_time(rows.ts[i]) + " is not in 1970 to 2200");
        if (rows.known_at[i] == no_time) return bad(row() + "known_at is missing");
        if (rows.known_at[i] < rows.ts[i]) {
            return bad(fmt::format("{}known_at {} is before ts {}", row(), format_time(rows.known_at[i]), format_time(rows.ts[i])),
                       "ts is the start of the bar, known_at when the row could be known");
        }
        if (rows.known_at[i] >= time_end) return bad(row() + "known_at " + format_time(rows.known_at[i]) + " is not in 1970 to 2200");
    }
    return {};
}

Result<void> check_input(const FeatureRows& rows) {
    if (rows.columns.empty()) return bad("the rows have no column beside ts and known_at");
    for (std::size_t i = 0; i < rows.columns.size(); ++i) {
        SOFIA_CHECK(check_column(rows.columns[i], rows.rows()));
        for (std::size_t k = 0; k < i; ++k) {
            // SQL knows no difference between them.
            if (lower(rows.columns[k].name) == lower(rows.columns[i].name)) {
                return bad(fmt::format("columns {} and {} have one name", rows.columns[k].name, rows.columns[i].name),
                           "names differ in more than case");
            }
        }
    }
    return check_times(rows);
}

// The columns that the store does not have yet.
Result<std::vector<Column>> new_columns(const LogState& state, const FeatureRows& rows, const std::string& symbol) {
    std::vector<Column> out;
    for (const FeatureColumn& column : rows.columns) {
        const auto same = [&](const Column& known) { return lower(known.name) == lower(column.name); };
        const auto known = std::ranges::find_if(state.columns, same);
        if (known == state.columns.end()) {
            out.push_back({column.name, column.type});
        } else if (known->name != column.name) {
            return bad(fmt::format("column {}: {} has it as {}", column.name, symbol, known->name), "rename it");
        } else if (known->type != column.type) {
            return bad(
                fmt::format("column {} is {}, but {} in the rows that {} has", column.name, type_name(column.type), type_name(known->type), symbol),
                "convert it, or give it another name: the type of a column never changes");
        }
    }
    return out;
}

// The rows to be written, by ts: their order, and which version of its ts each is.
struct Order {
    std::vector<std::uint32_t> rows;
    std::vector<TimeNs> version;
    std::uint64_t repeated = 0;
};

Order order_of(const FeatureRows& rows) {
    std::vector<std::uint32_t> sorted(rows.rows());
    std::iota(sorted.begin(), sorted.end(), std::uint32_t{0});
    if (!std::ranges::is_sorted(rows.ts)) std::ranges::sort(sorted, {}, [&](std::uint32_t row) { return std::pair(rows.ts[row], row); });
    Order out;
    out.rows.reserve(sorted.size());
    std::vector<std::uint32_t> kept;  // of one ts, the last one first
    for (std::size_t first = 0, last = 0; first < sorted.size(); first = last) {
        kept.clear();
        for (last = first; last < sorted.size() && rows.ts[sorted[last]] == rows.ts[sorted[first]];) ++last;
        for (std::size_t i = last; i-- > first;) {
            if (kept.empty() || rows.known_at[sorted[i]] < rows.known_at[kept.back()]) kept.push_back(sorted[i]);
        }
        out.repeated += last - first - kept.size();
        for (std::size_t k = 0; k < kept.size(); ++k) {
            out.rows.push_back(kept[kept.size() - 1 - k]);
            out.version.push_back(static_cast<TimeNs>(k));
        }
    }
    return out;
}

FeatureRows in_order(const FeatureRows& rows, const Order& order, TimeNs moment) {
    FeatureRows out;
    for (std::size_t i = 0; i < order.rows.size(); ++i) {
        out.ts.push_back(rows.ts[order.rows[i]]);
        out.known_at.push_back(rows.known_at[order.rows[i]]);
        out.written_at.push_back(moment + order.version[i]);
    }
    for (const FeatureColumn& column : rows.columns) append_rows(out.columns.emplace_back(make_column(column.name, column.type)), column, order.rows);
    return out;
}

// Where each day begins, and the end.
std::vector<std::size_t> day_bounds(const std::vector<TimeNs>& ts) {
    std::vector<std::size_t> bounds = {0};
    for (std::size_t i = 1; i < ts.size(); ++i) {
        if (floor_time(ts[i], ns_per_day) != floor_time(ts[i - 1], ns_per_day)) bounds.push_back(i);
    }
    bounds.push_back(ts.size());
    return bounds;
}

}  // namespace

Result<AppendReport> FeatureStore::append(const std::string& symbol, const FeatureRows& rows) const {
    SOFIA_CHECK(symbol_folder(symbol));
    SOFIA_CHECK(check_input(rows));
    if (rows.rows() == 0) return AppendReport();
    const Order order = order_of(rows);
    SOFIA_TRY(WriteSession session, WriteSession::begin(*files_, *options_, symbol));
    LogEntry entry;
    SOFIA_TRY(entry.columns, new_columns(session.state(), rows, symbol));
    const TimeNs moment = session.next_moment();
    entry.at = moment + std::ranges::max(order.version);
    const FeatureRows sorted = in_order(rows, order, moment);
    const std::vector<std::size_t> bounds = day_bounds(sorted.ts);
    SOFIA_TRY(entry.added, session.stage(bounds.size() - 1, [&](std::size_t i) { return encode_part(sorted, bounds[i], bounds[i + 1]); }));
    SOFIA_CHECK(session.commit(entry));
    AppendReport report{sorted.rows(), order.repeated, entry.added.size(), {}, moment};
    for (const Column& column : entry.columns) report.new_columns.push_back(column.name);
    return report;
}

}  // namespace sofia::store
