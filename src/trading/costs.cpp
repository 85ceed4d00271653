#include "trading/costs.hpp"

#include <cmath>

#include "base/text.hpp"

namespace sofia::trading {

void CostConfig::describe(config::Keys& keys) {
    keys.number("fee_percent", fee_percent, {-1.0, 10.0},
                "Fee of entries, stops and other market orders, percent of value (0.075 = 7.5 basis points).");
    keys.number("maker_fee_percent", maker_fee_percent, {-1.0, 10.0}, "Fee of targets (limit orders), percent of value; negative is a rebate.");
    keys.number("fee_per_trade_r", fee_per_trade_r, {-1.0, 100.0}, "Fee of a whole trade in R in place of the percents; below 0 is not set.");
    keys.number("max_fee_r", max_fee_r, {0.0, 1e9}, "Signals whose expected fee is above this many R are refused.");
    keys.number("ops_cost_per_trade", ops_cost_per_trade, {0.0, 1e9}, "Operating cost of a trade, in the settlement coin.");
}

Result<void> CostConfig::validate() const {
    const auto finite = [](const char* key, double value) -> Result<void> {
        if (std::isfinite(value)) return {};
        return fail(ErrorCode::config, std::string("costs.") + key + " " + format_double(value) + " is not a finite number");
    };
    SOFIA_CHECK(finite("fee_percent", fee_percent));
    SOFIA_CHECK(finite("maker_fee_percent", maker_fee_percent));
    SOFIA_CHECK(finite("fee_per_trade_r", fee_per_trade_r));
    SOFIA_CHECK(finite("max_fee_r", max_fee_r));
    return finite("ops_cost_per_trade", ops_cost_per_trade);
}

double entry_fee_fraction(const CostConfig& config) { return config.fee_percent / 100.0; }

double exit_fee_fraction(const CostConfig& config, ExitReason reason) {
    return (reason == ExitReason::target ? config.maker_fee_percent : config.fee_percent) / 100.0;
}

double fee_r(const CostConfig& config, double entry_price, double exit_price, ExitReason reason, double risk) {
    if (config.fee_per_trade_r >= 0.0) return config.fee_per_trade_r;
    return (entry_fee_fraction(config) * entry_price + exit_fee_fraction(config, reason) * exit_price) / risk;
}

double expected_fee_r(const CostConfig& config, double close, double risk, double target_probability) {
    if (config.fee_per_trade_r >= 0.0) return config.fee_per_trade_r;
    const double p = std::isnan(target_probability) ? 0.0 : target_probability;
    const double out = p * exit_fee_fraction(config, ExitReason::target) + (1.0 - p) * exit_fee_fraction(config, ExitReason::stop);
    return (entry_fee_fraction(config) + out) * close / risk;
}

double expected_slip_r(double slippage, double risk, double target_probability) {
    const double p = std::isnan(target_probability) ? 0.0 : target_probability;
    return slippage * (2.0 - p) / risk;
}

double funding_r(Direction direction, double rate, double mark, double risk) { return sign(direction) * rate * mark / risk; }

double ops_r(const CostConfig& config, double equity, double risk_fraction) {
    if (config.ops_cost_per_trade == 0.0) return 0.0;
    return config.ops_cost_per_trade / (equity * risk_fraction);
}

void FundingClock::step(const Funding& event) {
    if (any_) interval_ = event.time - last_;
    last_ = event.time;
    rate_ = event.rate;
    any_ = true;
}

double FundingClock::expected_r(Direction direction, double close, double risk, DurationNs hold) const {
    if (interval_ <= 0 || hold <= 0) return 0.0;
    const double stamps = static_cast<double>(hold) / static_cast<double>(interval_);
    return stamps * funding_r(direction, rate_, close, risk);
}

}  // namespace sofia::trading
