#pragma once

#include "base/config.hpp"
#include "base/result.hpp"
#include "market/instrument.hpp"
#include "trading/barriers.hpp"

namespace sofia::trading {

struct SizingConfig {
    double starting_equity = 10'000.0;  ///< settlement coin
    double risk_fraction = 0.01;
    double max_leverage = 5.0;
    bool compounding = true;

    void describe(config::Keys& keys);
    [[nodiscard]] Result<void> validate() const;
};

/// Contracts to trade, not negative: the size whose loss at the stop is `risk_fraction` of the equity (of the starting equity without
/// compounding) times `scale`, at most `max_leverage` times the equity in value, rounded down to whole lots. 0 when the equity is not positive.
/// Linear and inverse contracts by the instrument's own profit and value.
[[nodiscard]] double contracts_for(const SizingConfig& config, const market::Instrument& instrument, const Levels& levels, double equity,
                                   double scale);

}  // namespace sofia::trading
