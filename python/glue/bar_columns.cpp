#include "bar_columns.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>

#include <fmt/format.h>

namespace sofia::python {
namespace {

using market::Bar;

struct Field {
    const char* name;
    double Bar::* member;
    bool needed;
};
constexpr std::array<Field, 11> fields{{{"open", &Bar::open, true},
                                        {"high", &Bar::high, true},
                                        {"low", &Bar::low, true},
                                        {"close", &Bar::close, true},
                                        {"volume", &Bar::volume, true},
                                        {"vwap", &Bar::vwap, false},
                                        {"trades", &Bar::trades, false},
                                        {"buy_volume", &Bar::buy_volume, false},
                                        {"sell_volume", &Bar::sell_volume, false},
                                        {"plus_ticks", &Bar::plus_ticks, false},
                                        {"minus_ticks", &Bar::minus_ticks, false}}};

/// The commonest distance of neighbouring starts, the smaller one of equals; a minute where there is a single bar.
Result<market::Timeframe> timeframe_of(std::span<const TimeNs> starts) {
    std::map<DurationNs, std::size_t> counts;
    for (std::size_t i = 1; i < starts.size(); ++i) {
        if (starts[i] <= starts[i - 1]) {
            return fail(ErrorCode::data, fmt::format("bars: row {} starts at {}, which is not after row {}", i, format_time(starts[i]), i - 1),
                        "sort the table by open_time and keep one bar a start");
        }
        ++counts[starts[i] - starts[i - 1]];
    }
    if (counts.empty()) return market::one_minute();
    auto best = counts.begin();
    for (auto at = counts.begin(); at != counts.end(); ++at) {
        if (at->second > best->second) best = at;
    }
    auto parsed = market::Timeframe::parse(fmt::format("{}s", best->first / ns_per_second));
    if (!parsed || best->first % ns_per_second != 0) {
        return fail(ErrorCode::data,
                    fmt::format("bars: neighbours are {} s apart, which does not divide a day", static_cast<double>(best->first) / 1e9),
                    "bars start on the grid of their timeframe");
    }
    return parsed;
}

Result<void> check_bar(Bar& bar, std::size_t row, market::Timeframe timeframe) {
    const auto bad = [&](const std::string& what) { return fail(ErrorCode::data, fmt::format("bars: row {} {}", row, what)); };
    if (timeframe.open_of(bar.open_time) != bar.open_time) {
        return bad(fmt::format("starts at {}, which is not on the grid of {}", format_time(bar.open_time), timeframe.name()));
    }
    for (const Field& field : std::span(fields).first(4)) {
        if (!(bar.*field.member > 0.0) || !std::isfinite(bar.*field.member)) return bad(fmt::format("has {} {}", field.name, bar.*field.member));
    }
    if (!(bar.volume >= 0.0) || !std::isfinite(bar.volume)) return bad(fmt::format("has volume {}", bar.volume));
    if (bar.high < bar.low) return bad(fmt::format("has high {} below low {}", bar.high, bar.low));
    if (bar.close < bar.low || bar.close > bar.high) return bad(fmt::format("has close {} outside low {} to high {}", bar.close, bar.low, bar.high));
    bar.low = std::min(bar.low, bar.open);
    bar.high = std::max(bar.high, bar.open);
    return {};
}

}  // namespace

BarInput bars_of(const nb::dict& columns) {
    const auto starts = nb::cast<Times>(columns["open_time"]);
    BarInput out;
    out.timeframe = value_of(timeframe_of(span_of<TimeNs>(starts)));
    out.bars.resize(starts.shape(0));
    for (std::size_t i = 0; i < out.bars.size(); ++i) {
        out.bars[i].open_time = starts.data()[i];
        out.bars[i].close_time = starts.data()[i] + out.timeframe.length();
    }
    for (const Field& field : fields) {
        if (!field.needed && !columns.contains(field.name)) continue;
        const auto column = nb::cast<Doubles>(columns[field.name]);
        for (std::size_t i = 0; i < out.bars.size(); ++i) out.bars[i].*field.member = column.data()[i];
    }
    if (columns.contains("filled")) {
        const auto filled = nb::cast<Codes>(columns["filled"]);
        for (std::size_t i = 0; i < out.bars.size(); ++i) out.bars[i].filled = filled.data()[i] != 0;
    } else {
        for (Bar& bar : out.bars) bar.filled = bar.volume == 0.0 && !(bar.trades > 0.0);
    }
    const nb::gil_scoped_release unlocked;
    for (std::size_t i = 0; i < out.bars.size(); ++i) value_of(check_bar(out.bars[i], i, out.timeframe));
    return out;
}

nb::dict columns_of(std::span<const Bar> bars) {
    const auto column = [&]<class T>(T Bar::* member) {
        std::vector<T> values(bars.size());
        for (std::size_t i = 0; i < bars.size(); ++i) values[i] = bars[i].*member;
        return array_of(std::move(values));
    };
    nb::dict out;
    out["open_time"] = column(&Bar::open_time);
    out["close_time"] = column(&Bar::close_time);
    for (const Field& field : fields) out[field.name] = column(field.member);
    std::vector<std::uint8_t> filled(bars.size());
    for (std::size_t i = 0; i < bars.size(); ++i) filled[i] = bars[i].filled ? 1 : 0;
    out["filled"] = array_of(std::move(filled));
    return out;
}

}  // namespace sofia::python
