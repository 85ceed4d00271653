#include "trading/sizing.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"

namespace sofia::trading {

namespace {
/// Sizes stop growing here, so that years of compounding a planted edge stay far inside the ledger's integers.
constexpr double sizing_equity_max = 1e8;
}  // namespace

void SizingConfig::describe(config::Keys& keys) {
    keys.number("starting_equity", starting_equity, {1e-6, 1e8}, "Equity at the start, in the settlement coin.");
    keys.number("risk_fraction", risk_fraction, {1e-6, 1.0}, "Share of the equity that is lost when a trade is stopped out.");
    keys.number("max_leverage", max_leverage, {0.01, 1000.0}, "Largest value of a position over the equity.");
    keys.boolean("compounding", compounding, "Whether risk follows the equity; off, it stays a share of the starting equity.");
}

Result<void> SizingConfig::validate() const {
    const auto positive = [](const char* key, double value) -> Result<void> {
        if (std::isfinite(value) && value > 0.0) return {};
        return fail(ErrorCode::config, std::string("sizing.") + key + " " + format_double(value) + " is not above 0");
    };
    SOFIA_CHECK(positive("starting_equity", starting_equity));
    SOFIA_CHECK(positive("risk_fraction", risk_fraction));
    return positive("max_leverage", max_leverage);
}

double contracts_for(const SizingConfig& config, const market::Instrument& instrument, const Levels& levels, double equity, double scale) {
    if (!(equity > 0.0) || !(scale > 0.0)) return 0.0;
    const double base = std::min(config.compounding ? equity : config.starting_equity, sizing_equity_max);
    const double loss = -instrument.profit(sign(levels.direction), levels.entry, levels.stop);
    const double wanted = base * config.risk_fraction * scale / loss;
    const double most = config.max_leverage * std::min(equity, sizing_equity_max) / instrument.notional(1.0, levels.entry);
    const double contracts = std::min(wanted, most);
    return std::isfinite(contracts) ? instrument.floor_to_lot(contracts) : 0.0;
}

}  // namespace sofia::trading
