#include "report/report.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace sofia::report {

namespace {

struct Month {
    int year;
    int month;
    friend bool operator==(Month, Month) = default;
};

Month month_of(TimeNs time) {
    const std::chrono::sys_days day{std::chrono::days{floor_time(time, ns_per_day) / ns_per_day}};
    const std::chrono::year_month_day date{day};
    return {static_cast<int>(date.year()), static_cast<int>(static_cast<unsigned>(date.month()))};
}

}  // namespace

std::vector<Marker> trade_markers(std::span<const TradeRow> trades) {
    std::vector<Marker> markers;
    markers.reserve(trades.size() * 2);
    for (const TradeRow& trade : trades) {
        const bool bought = trade.direction == "long";
        markers.push_back({trade.entry_time, trade.entry_price, bought ? MarkerKind::entry_long : MarkerKind::entry_short, trade.direction});
        markers.push_back(
            {trade.exit_time, trade.exit_price, trade.net_profit > 0.0 ? MarkerKind::exit_win : MarkerKind::exit_loss, trade.exit_reason});
    }
    std::ranges::stable_sort(markers, {}, &Marker::time);
    return markers;
}

std::vector<MonthReturn> monthly_returns(const Series& equity) {
    std::vector<MonthReturn> out;
    if (equity.points.empty()) return out;
    double start = equity.points.front().value;
    for (std::size_t i = 0; i < equity.points.size(); ++i) {
        const Month month = month_of(equity.points[i].time);
        const bool last = i + 1 == equity.points.size() || month_of(equity.points[i + 1].time) != month;
        if (!last) continue;
        const double value = equity.points[i].value;
        out.push_back({month.year, month.month, 100.0 * (value / start - 1.0)});
        start = value;
    }
    return out;
}

Series drawdown_of(const Series& equity) {
    Series out{.name = "drawdown", .unit = "%", .points = {}};
    double peak = -std::numeric_limits<double>::infinity();
    for (const Point& point : equity.points) {
        if (point.value > peak) peak = point.value;
        out.points.push_back({point.time, peak > 0.0 ? 100.0 * (point.value / peak - 1.0) : 0.0});
    }
    return out;
}

}  // namespace sofia::report
