#include "report/chart_data.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "report/page_text.hpp"

namespace sofia::report {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::array<DurationNs, 10> lengths = {ns_per_second,      10 * ns_per_second, ns_per_minute,   5 * ns_per_minute, 15 * ns_per_minute,
                                                30 * ns_per_minute, ns_per_hour,        4 * ns_per_hour, ns_per_day,        7 * ns_per_day};

struct Candle {
    TimeNs time;
    double open, high, low, close;
};

/// A row of the drawing: a candle where there are bars, else only a time.
struct Grid {
    DurationNs length = ns_per_minute;
    std::vector<Candle> candles;
};

std::vector<Candle> join(std::span<const market::Bar> bars, DurationNs length) {
    std::vector<Candle> out;
    for (const market::Bar& bar : bars) {
        if (std::isnan(bar.open) || std::isnan(bar.high) || std::isnan(bar.low) || std::isnan(bar.close)) continue;
        const TimeNs time = floor_time(bar.open_time, length);
        if (out.empty() || out.back().time != time) {
            out.push_back({time, bar.open, bar.high, bar.low, bar.close});
            continue;
        }
        Candle& candle = out.back();
        candle.high = std::max(candle.high, bar.high);
        candle.low = std::min(candle.low, bar.low);
        candle.close = bar.close;
    }
    return out;
}

/// Without bars the lines have a grid of their own, as fine as fits.
std::vector<Candle> empty_candles(const Series& series, DurationNs length) {
    std::vector<Candle> out;
    for (const Point& point : series.points) {
        const TimeNs time = floor_time(point.time, length);
        if (out.empty() || out.back().time != time) out.push_back({time, nan, nan, nan, nan});
    }
    return out;
}

/// The finest usual length from that of the bars up that leaves at most `candles_max`.
Grid make_grid(const ReportData& data) {
    Grid grid;
    const DurationNs finest = data.bars.empty() ? ns_per_minute : data.bars.front().close_time - data.bars.front().open_time;
    for (const DurationNs length : lengths) {
        if (length < finest && length != lengths.back()) continue;
        grid.length = length;
        grid.candles = data.bars.empty() ? empty_candles(data.equity, length) : join(data.bars, length);
        if (grid.candles.size() <= candles_max) break;
    }
    return grid;
}

enum class Keep : std::uint8_t { last, least };

/// The series at the end of each candle: its last value up to then, or the least one since the candle before. NaN before the first point.
std::vector<double> sample(const Series& series, const Grid& grid, Keep keep) {
    std::vector<double> out;
    out.reserve(grid.candles.size());
    std::size_t next = 0;
    double value = nan;
    for (const Candle& candle : grid.candles) {
        double least = value;
        while (next < series.points.size() && series.points[next].time <= candle.time + grid.length) {
            value = series.points[next++].value;
            least = std::isnan(least) ? value : std::min(least, value);
        }
        out.push_back(keep == Keep::last ? value : least);
    }
    return out;
}

template <class Values, class Text>
std::string list(const Values& values, Text text) {
    std::string out = "[";
    for (const auto& value : values) {
        if (out.size() > 1) out += ',';
        out += text(value);
    }
    return out + "]";
}

std::string line_json(const Series& series, const Grid& grid, Keep keep) {
    const std::vector<double> values = sample(series, grid, keep);
    return fmt::format("{{\"name\":{},\"unit\":{},\"values\":{}}}", script_string(series.name), script_string(series.unit),
                       list(values, [](double v) { return script_number(v, 8); }));
}

/// Prices as whole numbers of the last decimal, each relative to its neighbour: a few bytes a number.
std::string candles_json(const Grid& grid, int decimals) {
    const double scale = std::pow(10.0, decimals);
    const auto whole = [&](double price) { return static_cast<std::int64_t>(std::llround(price * scale)); };
    std::int64_t close_before = 0;
    const auto four = [&](const Candle& c) {
        const std::int64_t open = whole(c.open);
        const std::int64_t close = whole(c.close);
        const std::string text =
            fmt::format("{},{},{},{}", open - close_before, close - open, std::max<std::int64_t>(0, whole(c.high) - std::max(open, close)),
                        std::max<std::int64_t>(0, std::min(open, close) - whole(c.low)));
        close_before = close;
        return text;
    };
    return list(grid.candles, four);
}

std::string times_json(const Grid& grid) {
    TimeNs before = 0;
    return list(grid.candles, [&](const Candle& candle) {
        const std::int64_t steps = (candle.time - before) / grid.length;
        before = candle.time;
        return std::to_string(steps);
    });
}

std::string_view kind_text(MarkerKind kind) {
    switch (kind) {
        case MarkerKind::entry_long: return "long";
        case MarkerKind::entry_short: return "short";
        case MarkerKind::exit_win: return "win";
        case MarkerKind::exit_loss: return "loss";
    }
    return "";
}

std::string seconds(TimeNs time) { return std::to_string(floor_time(time, ns_per_second) / ns_per_second); }

std::string markers_json(std::vector<Marker> markers) {
    std::ranges::stable_sort(markers, {}, &Marker::time);
    return list(markers, [](const Marker& marker) {
        return fmt::format("[{},{},\"{}\",{}]", seconds(marker.time), script_number(marker.price, 12), kind_text(marker.kind),
                           script_string(marker.text));
    });
}

std::string trades_json(std::span<const TradeRow> trades) {
    return list(trades, [](const TradeRow& trade) {
        return fmt::format("[{},{},{},{}]", seconds(trade.entry_time), script_number(trade.entry_price, 12), seconds(trade.exit_time),
                           script_number(trade.exit_price, 12));
    });
}

}  // namespace

bool has_chart(const ReportData& data) { return !data.bars.empty() || !data.equity.points.empty(); }

int price_decimals(const ReportData& data) {
    if (data.price_decimals >= 0) return std::min(data.price_decimals, 8);
    int decimals = 0;
    for (const market::Bar& bar : data.bars) {
        for (const double price : {bar.open, bar.high, bar.low, bar.close}) {
            double scaled = price * std::pow(10.0, decimals);
            while (decimals < 8 && std::isfinite(scaled) && std::abs(scaled - std::round(scaled)) > 1e-6 * std::max(1.0, std::abs(price) * 1e-6)) {
                scaled = price * std::pow(10.0, ++decimals);
            }
        }
    }
    return decimals;
}

std::string chart_json(const ReportData& data) {
    const Grid grid = make_grid(data);
    const int decimals = price_decimals(data);
    std::string out = fmt::format("{{\"length\":{},\"decimals\":{},\"symbol\":{},\"price_unit\":{},\"times\":{}", grid.length / ns_per_second,
                                  decimals, script_string(data.symbol), script_string(data.price_unit), times_json(grid));
    if (!data.bars.empty()) out += ",\"candles\":" + candles_json(grid, decimals);
    if (!data.equity.points.empty()) {
        const Series drawdown = data.drawdown.points.empty() ? drawdown_of(data.equity) : data.drawdown;
        out += ",\"equity\":" + line_json(data.equity, grid, Keep::last) + ",\"drawdown\":" + line_json(drawdown, grid, Keep::least);
    }
    out += ",\"benchmarks\":" + list(data.benchmarks, [&](const Series& series) { return line_json(series, grid, Keep::last); });
    out += ",\"markers\":" + markers_json(data.markers);
    return out + ",\"trades\":" + trades_json(data.trades) + "}";
}

}  // namespace sofia::report
