#include "app/pipeline/stress_feed.hpp"

#include <cassert>
#include <cmath>

namespace sofia::pipeline {

std::vector<market::Bar> drop_bars(std::span<const market::Bar> bars, double share, RandomStream random) {
    std::vector<market::Bar> out;
    out.reserve(bars.size());
    for (const market::Bar& bar : bars) {
        if (bar.filled) continue;
        const bool lost = random.uniform() < share;
        if (!lost || out.empty()) out.push_back(bar);
    }
    return out;
}

std::vector<market::Bar> repeat_bars(std::span<const market::Bar> bars, double share, RandomStream random) {
    std::vector<market::Bar> out;
    out.reserve(bars.size());
    for (const market::Bar& bar : bars) {
        if (bar.filled) continue;
        const bool again = random.uniform() < share;
        if (!again || out.empty()) {
            out.push_back(bar);
            continue;
        }
        market::Bar repeated = out.back();
        repeated.open_time = bar.open_time;
        repeated.close_time = bar.close_time;
        out.push_back(repeated);
    }
    return out;
}

Result<History> seen_history(const History& history, std::vector<market::Bar> bars, const Settings& settings, const Context& context) {
    MarketData data;
    data.symbol = history.data.symbol;
    data.instrument = history.data.instrument;
    data.session = history.data.session;
    data.kind = store::DataKind::bars;
    data.report.carried_opens = history.data.report.carried_opens;
    data.bars = std::move(bars);
    SOFIA_TRY(const auto timeframes, market::parse_timeframes(settings.decision.touch.timeframes));
    return build_history(std::move(data), settings, timeframes.front(), context);
}

std::vector<std::string> empty_columns(const market::Table& known, const market::Table& other) {
    assert(known.width() == other.width());
    const auto filled = [](const market::Table& table) {
        std::vector<bool> any(table.width(), false);
        for (std::size_t row = 0; row < table.rows(); ++row) {
            const std::span<const double> values = table.row(row);
            for (std::size_t column = 0; column < values.size(); ++column) any[column] = any[column] || !std::isnan(values[column]);
        }
        return any;
    };
    const std::vector<bool> here = filled(known);
    const std::vector<bool> there = filled(other);
    std::vector<std::string> out;
    for (std::size_t column = 0; column < here.size(); ++column) {
        if (here[column] && !there[column]) out.push_back(known.columns()[column]);
    }
    return out;
}

}  // namespace sofia::pipeline
