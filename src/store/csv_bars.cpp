#include "store/csv_bars.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "store/columns.hpp"

namespace sofia::store {

namespace {

using market::Bar;

constexpr std::array<std::string_view, 5> ohlcv_names = {"open", "high", "low", "close", "volume"};

// A part may be above the whole by what summing in another order makes.
constexpr double part_tolerance = 1e-9;

double& flow_of(Bar& bar, std::size_t column) {
    switch (static_cast<FlowColumn>(column)) {
        case FlowColumn::trades: return bar.trades;
        case FlowColumn::vwap: return bar.vwap;
        case FlowColumn::buy_volume: return bar.buy_volume;
        case FlowColumn::sell_volume: return bar.sell_volume;
        case FlowColumn::plus_ticks: return bar.plus_ticks;
        case FlowColumn::minus_ticks: break;
    }
    return bar.minus_ticks;
}

// The plain form without a detour; everything else with its reason.
Reason read_quickly(std::string_view field, std::string_view name, double& out) {
    // scan_decimal reads before the field, where there may be nothing.
    std::array<char, 32> padded{};
    if (field.size() <= 16) {
        std::ranges::copy(field, padded.begin() + 16);
        const Decimal decimal = scan_decimal(padded.data() + 16, padded.data() + 16 + field.size());
        if (decimal.plain && decimal.digits <= exact_digits_max) {
            out = to_double(decimal);
            return {};
        }
    }
    return read_number(field, name, out);
}

Reason read_filled(std::string_view field, bool& out) {
    const std::string text = lower(trim(field));
    if (text == "true" || text == "1") {
        out = true;
    } else if (text == "false" || text == "0" || text.empty()) {
        out = false;
    } else {
        return "filled " + shown(field) + " is neither true nor false";
    }
    return {};
}

Reason check_flow(const Bar& bar) {
    const std::array<double, 6> values = {bar.trades, bar.vwap, bar.buy_volume, bar.sell_volume, bar.plus_ticks, bar.minus_ticks};
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::isnan(values[i])) continue;
        if (static_cast<FlowColumn>(i) == FlowColumn::vwap) {
            // Some sources write 0 for the vwap of a bar without volume; complete_bar has made that NaN.
            if (Reason reason = check_positive(values[i], flow_names[i])) return reason;
        } else if (Reason reason = check_not_negative(values[i], flow_names[i])) {
            return reason;
        }
    }
    return {};
}

}  // namespace

Result<BarLayout> bar_layout(std::span<const std::string> header) {
    BarLayout layout;
    layout.columns = header.size();
    const auto place = [&](std::string_view name, std::size_t& out) -> Result<void> {
        SOFIA_TRY(const std::optional<std::size_t> at, find_column(header, name));
        if (at) out = *at;
        return {};
    };
    SOFIA_CHECK(place("timestamp", layout.start));
    if (layout.start == no_column) SOFIA_CHECK(place("open_time", layout.start));
    for (std::size_t i = 0; i < ohlcv_names.size(); ++i) SOFIA_CHECK(place(ohlcv_names[i], layout.ohlcv[i]));
    for (std::size_t i = 0; i < flow_names.size(); ++i) SOFIA_CHECK(place(flow_names[i], layout.flow[i]));
    SOFIA_CHECK(place("filled", layout.filled));
    const bool complete = layout.start != no_column && std::ranges::find(layout.ohlcv, no_column) == layout.ohlcv.end();
    if (!complete) {
        return fail(ErrorCode::data, "a column is missing: the header has " + shown(join(header, ",")),
                    "bar files need timestamp, open, high, low, close, volume");
    }
    return layout;
}

Reason complete_bar(Bar& bar, bool has_filled, std::uint64_t& widened) {
    if (Reason reason = check_positive(bar.open, "open")) return reason;
    if (Reason reason = check_positive(bar.high, "high")) return reason;
    if (Reason reason = check_positive(bar.low, "low")) return reason;
    if (Reason reason = check_positive(bar.close, "close")) return reason;
    if (Reason reason = check_not_negative(bar.volume, "volume")) return reason;
    if (bar.volume == 0.0 && bar.vwap == 0.0) bar.vwap = std::numeric_limits<double>::quiet_NaN();
    if (Reason reason = check_flow(bar)) return reason;
    if (bar.high < bar.low) return "high " + format_double(bar.high) + " is below low " + format_double(bar.low);
    if (bar.close < bar.low || bar.close > bar.high) {
        return "close " + format_double(bar.close) + " lies outside low " + format_double(bar.low) + " to high " + format_double(bar.high);
    }
    const double most = bar.volume * (1.0 + part_tolerance);
    if (bar.buy_volume > most) return "buy_volume " + format_double(bar.buy_volume) + " is above volume " + format_double(bar.volume);
    if (bar.sell_volume > most) return "sell_volume " + format_double(bar.sell_volume) + " is above volume " + format_double(bar.volume);
    if (std::isnan(bar.sell_volume) && !std::isnan(bar.buy_volume)) bar.sell_volume = std::max(0.0, bar.volume - bar.buy_volume);
    if (std::isnan(bar.buy_volume) && !std::isnan(bar.sell_volume)) bar.buy_volume = std::max(0.0, bar.volume - bar.sell_volume);
    if (!has_filled) bar.filled = bar.volume == 0.0 && !(bar.trades > 0.0);
    if (bar.open < bar.low || bar.open > bar.high) {
        ++widened;
        bar.low = std::min(bar.low, bar.open);
        bar.high = std::max(bar.high, bar.open);
    }
    return {};
}

Reason parse_bar_row(std::string_view line, const BarLayout& layout, RowFields& fields, Bar& bar, std::uint64_t& widened) {
    if (!is_utf8(line)) return "the row has bytes that are no UTF-8: " + shown(line);
    if (Reason reason = fields.split(line)) return reason;
    if (fields.size() != layout.columns) {
        return "the row has " + std::to_string(fields.size()) + (fields.size() == 1 ? " field" : " fields") + ", the header has " +
               std::to_string(layout.columns);
    }
    Bar read;
    if (Reason reason = read_time(fields[layout.start], layout.unit, read.open_time)) return reason;
    double* const targets[] = {&read.open, &read.high, &read.low, &read.close, &read.volume};
    for (std::size_t i = 0; i < ohlcv_names.size(); ++i) {
        if (Reason reason = read_quickly(fields[layout.ohlcv[i]], ohlcv_names[i], *targets[i])) return reason;
    }
    for (std::size_t i = 0; i < flow_names.size(); ++i) {
        if (layout.flow[i] == no_column || trim(fields[layout.flow[i]]).empty()) continue;
        if (Reason reason = read_quickly(fields[layout.flow[i]], flow_names[i], flow_of(read, i))) return reason;
    }
    if (layout.filled != no_column) {
        if (Reason reason = read_filled(fields[layout.filled], read.filled)) return reason;
    }
    if (Reason reason = complete_bar(read, layout.filled != no_column, widened)) return reason;
    bar = read;
    return {};
}

void parse_bars(const TextChunk& chunk, const BarLayout& layout, BadRows bad_rows, RowFields& fields, BarBlock& out) {
    out.bars.clear();
    out.bad.clear();
    out.lines = 0;
    out.bad_rows = 0;
    out.widened = 0;
    std::string_view text = chunk.text();
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size() - 1);
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        const std::uint64_t number = out.lines++;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) continue;
        Bar bar;
        Reason reason =
            line.size() > line_bytes_max ? Reason("the line is longer than 1 MiB") : parse_bar_row(line, layout, fields, bar, out.widened);
        if (!reason) {
            out.bars.push_back(bar);
            continue;
        }
        ++out.bad_rows;
        if (out.bad.size() < bad_listed_max) out.bad.push_back({number, std::move(*reason)});
        if (bad_rows == BadRows::refuse) return;
    }
}

}  // namespace sofia::store
