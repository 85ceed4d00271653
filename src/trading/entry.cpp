#include "trading/entry.hpp"

#include <cmath>

#include "base/text.hpp"

namespace sofia::trading {

std::string_view name(FillMode mode) {
    switch (mode) {
        case FillMode::trades: return "trades";
        case FillMode::bar_close: return "bar_close";
        case FillMode::bar_open: return "bar_open";
    }
    return "";
}

std::string_view name(Unfilled why) {
    switch (why) {
        case Unfilled::no_print: return "no_print";
        case Unfilled::too_late: return "too_late";
        case Unfilled::end_of_data: return "end_of_data";
    }
    return "";
}

void ExecutionConfig::describe(config::Keys& keys) {
    keys.number("slippage_ticks", slippage_ticks, {0.0, 10000.0}, "Ticks against us on every market fill.");
    keys.number("latency_ms", latency_ms, {0.0, 86'400'000.0}, "Milliseconds from decision to market; on bars only whole bars of it count.");
    keys.number("max_wait_seconds", max_wait_seconds, {0.0, 86'400.0}, "Seconds after which an entry order without a fill is given up.");
}

Result<void> ExecutionConfig::validate() const {
    const auto check = [](const char* key, double value) -> Result<void> {
        if (std::isfinite(value) && value >= 0.0) return {};
        return fail(ErrorCode::config, std::string("execution.") + key + " " + format_double(value) + " is not a number from 0");
    };
    SOFIA_CHECK(check("slippage_ticks", slippage_ticks));
    SOFIA_CHECK(check("latency_ms", latency_ms));
    return check("max_wait_seconds", max_wait_seconds);
}

FillRules FillRules::of(const ExecutionConfig& config, const market::Instrument& instrument, FillMode mode) {
    FillRules rules;
    rules.mode = mode;
    rules.tick = instrument.tick;
    rules.slippage = config.slippage_ticks * instrument.tick;
    rules.latency = std::llround(config.latency_ms * static_cast<double>(ns_per_ms));
    rules.max_wait = std::llround(config.max_wait_seconds * static_cast<double>(ns_per_second));
    return rules;
}

std::optional<Fill> MarketOrder::on_bar(const Bar& bar) const {
    if (bar.filled || bar.open_time < decided_at_) return std::nullopt;
    const DurationNs length = bar.close_time - bar.open_time;
    if (bar.open_time < decided_at_ + rules_.latency / length * length) return std::nullopt;
    return rules_.mode == FillMode::bar_open ? fill(bar.open_time, bar.open) : fill(bar.close_time, bar.close);
}

}  // namespace sofia::trading
