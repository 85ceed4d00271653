#include "synth/config.hpp"

#include <algorithm>
#include <cassert>
#include <cctype>
#include <cmath>

#include "base/text.hpp"

namespace sofia::synth {

namespace {

constexpr std::int64_t days_max = 36'500;
constexpr std::int64_t trades_max = 10'000'000'000;
constexpr double ticks_in_price_min = 100.0;

// The symbol names a folder.
bool is_name(const std::string& symbol) {
    return !symbol.empty() && symbol.front() != '.' &&
           std::ranges::all_of(symbol, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; });
}

}  // namespace

void SimulationConfig::describe(config::Keys& keys) {
    keys.text("symbol", symbol, "Name of the simulated instrument.");
    keys.integer("days", days, {1, static_cast<double>(days_max)}, "Days to simulate.");
    keys.integer("trades", trades, {1, static_cast<double>(trades_max)}, "Number of prints, exactly.");
    keys.number("edge", edge, {0.0, 1.0}, "Size of the planted edge; at 0 no strategy can earn.");
    keys.text("start", start, "First day, a UTC date.");
    keys.number("start_price", start_price, {1e-6, 1e9}, "First mid price, in quote units.");
    keys.number("tick", tick, {1e-9, 1e7}, "Smallest price step, in quote units.");
    keys.number("lot", lot, {1e-9, 1e7}, "Smallest quantity step, in base units.");
    keys.number("volatility_annual", volatility_annual, {0.01, 5.0}, "Volatility of the mid a year (365 days), as a fraction.");
    keys.number("half_spread_ticks", half_spread_ticks, {0.0, 1.0}, "Half of the spread before rounding outward to the tick, in ticks.");
}

Result<void> SimulationConfig::validate() const {
    const auto wrong = [](const std::string& what, const std::string& hint) { return fail(ErrorCode::config, "simulation: " + what, hint); };
    if (!is_name(symbol)) return wrong("symbol \"" + symbol + "\" cannot name a folder", "use letters, digits, -, _ and .");
    if (days < 1 || days > days_max) return wrong("days " + std::to_string(days) + " is not in 1..36500", "");
    if (trades < 1 || trades > trades_max) return wrong("trades " + std::to_string(trades) + " is not in 1..10000000000", "");
    if (!(edge >= 0.0 && edge <= 1.0)) return wrong("edge " + format_double(edge) + " is not in 0..1", "");
    const auto parsed = parse_time(start);
    if (!parsed || *parsed % ns_per_day != 0) return wrong("start \"" + start + "\" is no date", "write it as 2024-01-01");
    if (*parsed > parse_time("2150-01-01").value()) return wrong("start \"" + start + "\" is after 2150", "choose an earlier date");
    if (!(tick > 0.0) || !(lot > 0.0)) return wrong("tick and lot must be above zero", "");
    if (!(start_price >= ticks_in_price_min * tick) || !std::isfinite(start_price)) {
        return wrong("start_price " + format_double(start_price) + " is below 100 ticks of " + format_double(tick), "choose a smaller tick");
    }
    if (!(volatility_annual > 0.0 && volatility_annual <= 5.0)) {
        return wrong("volatility_annual " + format_double(volatility_annual) + " is not in (0, 5]", "0.6 is 60 % a year");
    }
    if (!(half_spread_ticks >= 0.0 && half_spread_ticks <= 1.0)) {
        return wrong("half_spread_ticks " + format_double(half_spread_ticks) + " is not in 0..1", "");
    }
    return {};
}

TimeNs SimulationConfig::start_time() const {
    const auto parsed = parse_time(start);
    assert(parsed);
    return *parsed;
}

TimeNs SimulationConfig::end_time() const { return start_time() + days * ns_per_day; }

market::Instrument simulated_instrument(const SimulationConfig& config) {
    market::Instrument instrument;
    instrument.symbol = config.symbol;
    instrument.tick = config.tick;
    instrument.lot = config.lot;
    instrument.simulated = true;
    return instrument;
}

}  // namespace sofia::synth
