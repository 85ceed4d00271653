#include "app/pipeline/direction_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "app/pipeline/store.hpp"
#include "base/text.hpp"
#include "features/minute.hpp"
#include "store/feature_input.hpp"
#include "store/parquet.hpp"

namespace sofia::pipeline {
namespace {

using market::Bar;
using store::FeatureColumn;
using store::FeatureRows;

constexpr std::string_view label_column = "y";

std::vector<std::uint32_t> order_by_ts(const FeatureRows& rows) {
    std::vector<std::uint32_t> order(rows.rows());
    std::iota(order.begin(), order.end(), std::uint32_t{0});
    std::ranges::sort(order, {}, [&](std::uint32_t row) { return std::pair(rows.ts[row], row); });
    return order;
}

Result<FeatureRows> sorted(FeatureRows rows, const std::string& place) {
    const std::vector<std::uint32_t> order = order_by_ts(rows);
    for (std::size_t i = 1; i < order.size(); ++i) {
        if (rows.ts[order[i]] != rows.ts[order[i - 1]]) continue;
        return fail(ErrorCode::data, fmt::format("{}: there are two rows of {}", place, format_time(rows.ts[order[i]])),
                    "keep one, or put the rows into a feature store, which gives the last written");
    }
    if (std::ranges::is_sorted(order)) return rows;
    FeatureRows out;
    for (const std::uint32_t row : order) {
        out.ts.push_back(rows.ts[row]);
        out.known_at.push_back(rows.known_at[row]);
    }
    for (const FeatureColumn& column : rows.columns)
        store::append_rows(out.columns.emplace_back(store::make_column(column.name, column.type)), column, order);
    return out;
}

/// `more` behind `rows`; a column that one of them does not have is missing there.
Result<void> add_rows(FeatureRows& rows, FeatureRows more, const std::filesystem::path& file) {
    const std::size_t before = rows.rows();
    rows.ts.insert(rows.ts.end(), more.ts.begin(), more.ts.end());
    rows.known_at.insert(rows.known_at.end(), more.known_at.begin(), more.known_at.end());
    for (const FeatureColumn& column : more.columns) {
        auto own = std::ranges::find(rows.columns, column.name, &FeatureColumn::name);
        if (own == rows.columns.end()) {
            store::append_missing(rows.columns.emplace_back(store::make_column(column.name, column.type)), before);
            own = rows.columns.end() - 1;
        }
        if (own->type != column.type) {
            return fail(ErrorCode::data, fmt::format("{}: column {} is {}, but {} in the files before it", file.string(), column.name,
                                                     store::type_name(column.type), store::type_name(own->type)));
        }
        store::append_all(*own, column);
    }
    for (FeatureColumn& column : rows.columns) {
        if (column.rows() < rows.rows()) store::append_missing(column, rows.rows() - column.rows());
    }
    return {};
}

const FeatureColumn* number_column(const FeatureRows& rows, std::string_view name) {
    const FeatureColumn* column = rows.find(name);
    return column != nullptr && column->type != store::ColumnType::text && column->type != store::ColumnType::timestamp ? column : nullptr;
}

struct BarField {
    std::string_view name;
    double Bar::* member;
};
constexpr std::array<BarField, 11> bar_fields{{{"open", &Bar::open},
                                               {"high", &Bar::high},
                                               {"low", &Bar::low},
                                               {"close", &Bar::close},
                                               {"volume", &Bar::volume},
                                               {"vwap", &Bar::vwap},
                                               {"trades", &Bar::trades},
                                               {"buy_volume", &Bar::buy_volume},
                                               {"sell_volume", &Bar::sell_volume},
                                               {"plus_ticks", &Bar::plus_ticks},
                                               {"minus_ticks", &Bar::minus_ticks}}};
constexpr std::size_t bar_fields_needed = 5;

Result<void> check_bar(Bar& bar) {
    const auto bad = [&](const std::string& what) {
        return fail(ErrorCode::data, fmt::format("the bar of {} {}", format_time(bar.open_time), what));
    };
    if (bar.close_time - bar.open_time != ns_per_minute || bar.open_time % ns_per_minute != 0) return bad("is not a whole minute of the clock");
    for (const BarField& field : std::span(bar_fields).first(bar_fields_needed - 1)) {
        if (!(bar.*field.member > 0.0) || !std::isfinite(bar.*field.member)) return bad(fmt::format("has {} {}", field.name, bar.*field.member));
    }
    if (!(bar.volume >= 0.0) || !std::isfinite(bar.volume)) return bad(fmt::format("has volume {}", bar.volume));
    if (bar.close < bar.low || bar.close > bar.high) return bad(fmt::format("has close {} outside low {} to high {}", bar.close, bar.low, bar.high));
    // As store::read_bars: an open that was carried on may lie outside.
    bar.low = std::min(bar.low, bar.open);
    bar.high = std::max(bar.high, bar.open);
    return {};
}

Result<void> refuse_made_of_bars(const store::DataFolder& folder, const DirectionSettings& settings) {
    const char* key = nullptr;
    if (!settings.features.joined.empty()) key = "features.joined";
    if (!settings.features.custom.empty()) key = "features.custom";
    if (!settings.funding.file.empty()) key = "funding.file";
    if (settings.label != DirectionSettings().label) key = "label";
    if (key == nullptr) return {};
    return fail(ErrorCode::config, fmt::format("{}: {} holds minute features, and these are made of bars", key, folder.path().string()),
                "give the data folder with the bars or trades, or leave the key out");
}

/// Minutes as far as a close tells them.
std::vector<Bar> bars_of_closes(const FeatureRows& rows, const FeatureColumn& close) {
    std::vector<Bar> bars(rows.rows());
    for (std::size_t i = 0; i < bars.size(); ++i) {
        Bar& bar = bars[i];
        bar.open_time = rows.ts[i];
        bar.close_time = rows.known_at[i];
        bar.open = bar.high = bar.low = bar.close = close.number(i);
        bar.volume = std::numeric_limits<double>::quiet_NaN();
    }
    return bars;
}

/// How many rows have both labels, and they differ.
std::size_t differing(const std::vector<double>& y, const FeatureColumn& given) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
        const double other = given.number(i);
        count += !std::isnan(y[i]) && !std::isnan(other) && y[i] != other ? 1 : 0;
    }
    return count;
}

Result<void> check_labels(const store::DataFolder& folder, const FeatureRows& rows, const Minutes& minutes, std::int64_t horizon) {
    const FeatureColumn* given = number_column(rows, label_column);
    if (given == nullptr) return {};
    const std::size_t wrong = differing(minutes.table.y, *given);
    if (wrong == 0) return {};
    for (const std::int64_t other : {1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 45, 60, 90, 120, 180, 240, 720, 1440}) {
        SOFIA_TRY(const features::MinuteTable table, features::minute_features(minutes.bars, other));
        if (differing(table.y, *given) > 0) continue;
        return fail(ErrorCode::data, fmt::format("{}: y looks {} minutes ahead, the configuration {}", folder.path().string(), other, horizon),
                    fmt::format("set horizon={}, or make the rows again", other));
    }
    return fail(
        ErrorCode::data,
        fmt::format("{}: y of {} is not whether the close {} minutes later is higher", folder.path().string(), counted(wrong, "row"), horizon),
        "leave the column out: labels follow from the closes");
}

void log_unused(const FeatureRows& rows, const std::vector<features::FeatureSpec>& columns, const Context& context) {
    std::vector<std::string> unused;
    for (const FeatureColumn& column : rows.columns) {
        if (column.name != label_column && std::ranges::find(columns, column.name, &features::FeatureSpec::name) == columns.end())
            unused.push_back(column.name);
    }
    if (!unused.empty()) context.log.info("columns that are not used: " + join(unused, ", "));
}

}  // namespace

Result<FeatureRows> read_rows(const store::DataFolder& folder, const Context& context) {
    if (folder.in_feature_store()) {
        const std::filesystem::path whole = std::filesystem::absolute(folder.path()).lexically_normal();
        const std::filesystem::path own = whole.has_filename() ? whole : whole.parent_path();
        SOFIA_TRY(const store::FeatureStore store, open_feature_store(own.parent_path().string(), context));
        return store.read(folder.symbol());
    }
    FeatureRows rows;
    for (const std::filesystem::path& file : folder.files()) {
        SOFIA_CHECK(context.go_on());
        SOFIA_TRY(FeatureRows more, store::read_feature_file(file, {}, {.bar = ns_per_minute}));
        SOFIA_CHECK(add_rows(rows, std::move(more), file));
    }
    return sorted(std::move(rows), folder.path().string());
}

Result<std::optional<std::vector<Bar>>> bars_of_rows(const FeatureRows& rows) {
    for (const BarField& field : std::span(bar_fields).first(bar_fields_needed)) {
        if (number_column(rows, field.name) == nullptr) return std::nullopt;
    }
    std::vector<Bar> bars(rows.rows());
    for (std::size_t i = 0; i < bars.size(); ++i) {
        bars[i].open_time = rows.ts[i];
        bars[i].close_time = rows.known_at[i];
    }
    for (const BarField& field : bar_fields) {
        const FeatureColumn* column = number_column(rows, field.name);
        for (std::size_t i = 0; column != nullptr && i < bars.size(); ++i) bars[i].*field.member = column->number(i);
    }
    const FeatureColumn* filled = number_column(rows, "filled");
    for (std::size_t i = 0; i < bars.size(); ++i) {
        SOFIA_CHECK(check_bar(bars[i]));
        bars[i].filled = filled != nullptr ? filled->number(i) > 0.0 : bars[i].volume == 0.0 && !(bars[i].trades > 0.0);
    }
    return bars;
}

Result<Minutes> minutes_of_rows(const store::DataFolder& folder, const FeatureRows& rows, const DirectionSettings& settings, const Context& context) {
    SOFIA_CHECK(refuse_made_of_bars(folder, settings));
    Minutes minutes;
    minutes.symbol = settings.instrument.symbol.empty() ? folder.symbol() : settings.instrument.symbol;
    minutes.simulated = settings.instrument.simulated;
    minutes.files = folder.files();
    minutes.fills = trading::FillMode::bar_close;
    SOFIA_TRY(minutes.custom, custom_of(settings, context));
    const auto flow = settings.features.order_flow ? features::MinuteColumns::OrderFlow::on : features::MinuteColumns::OrderFlow::off;
    minutes.columns = features::minute_specs({.order_flow = flow, .joined = {}});
    std::vector<std::string> names;
    std::vector<const FeatureColumn*> columns;
    for (const features::FeatureSpec& spec : minutes.columns) {
        names.push_back(spec.name);
        columns.push_back(number_column(rows, spec.name));
        if (columns.back() != nullptr) continue;
        return fail(
            ErrorCode::data, fmt::format("{}: there is no column {} of numbers", folder.path().string(), spec.name),
            "rows of the direction strategy have ts, known_at, close, ret1, sma20_gap, sma50_gap, vol_z; or bars: open, high, low, close, volume");
    }
    minutes.bars = bars_of_closes(rows, *columns.front());
    auto labeled = features::minute_features(minutes.bars, settings.horizon);
    if (!labeled) return fail(labeled.error().code, folder.path().string() + ": " + labeled.error().message, labeled.error().hint);
    minutes.table = *std::move(labeled);
    minutes.table.features = market::Table(names);
    minutes.table.features.reserve(rows.rows());
    std::vector<double> row(columns.size());
    for (std::size_t i = 0; i < rows.rows(); ++i) {
        for (std::size_t c = 0; c < columns.size(); ++c) row[c] = columns[c]->number(i);
        minutes.table.features.append(rows.known_at[i], row);
    }
    SOFIA_CHECK(check_labels(folder, rows, minutes, settings.horizon));
    log_unused(rows, minutes.columns, context);
    return minutes;
}

}  // namespace sofia::pipeline
