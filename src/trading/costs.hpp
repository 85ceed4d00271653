#pragma once

#include <limits>
#include <vector>

#include "base/config.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "trading/barriers.hpp"

// What trading costs, in R (multiples of the risk |entry - stop|). Positive numbers cost, negative ones pay.
namespace sofia::trading {

struct CostConfig {
    double fee_percent = 0.075;        ///< taker
    double maker_fee_percent = 0.075;  ///< targets
    double fee_per_trade_r = -1.0;     ///< below zero: from the percents
    double max_fee_r = 0.25;
    double ops_cost_per_trade = 0.0;   ///< settlement coin

    void describe(config::Keys& keys);
    [[nodiscard]] Result<void> validate() const;
};

/// A funding payment: at `time` a long position pays rate * its value at `mark`, a short one receives it.
struct Funding {
    TimeNs time = 0;
    double rate = 0.0;                                       ///< a fraction
    double mark = std::numeric_limits<double>::quiet_NaN();  ///< NaN: the last price seen is taken
};

/// The four costs of a trade, in R.
struct CostsR {
    double fee = 0.0;
    double slip = 0.0;
    double funding = 0.0;
    double ops = 0.0;
    [[nodiscard]] double sum() const { return fee + slip + funding + ops; }
};

/// The fee of a fill as a fraction of its value: a target is a limit order (maker), everything else takes.
[[nodiscard]] double entry_fee_fraction(const CostConfig& config);
[[nodiscard]] double exit_fee_fraction(const CostConfig& config, ExitReason reason);

/// (f_in * P_in + f_out * P_out) / risk, or `fee_per_trade_r` where that is set. For the ledger: at the fills.
[[nodiscard]] double fee_r(const CostConfig& config, double entry_price, double exit_price, ExitReason reason, double risk);

/// The same before the trade, both prices at the last close; `target_probability` weighs the maker's fee, NaN takes the taker's.
[[nodiscard]] double expected_fee_r(const CostConfig& config, double close, double risk, double target_probability);

/// Slippage before the trade: a market fill in, and one out unless the target is hit.
[[nodiscard]] double expected_slip_r(double slippage, double risk, double target_probability);

/// Sum over the stamps in (entry, exit] of sign * rate * mark / risk.
[[nodiscard]] double funding_r(Direction direction, double rate, double mark, double risk);

/// Cost per trade / (equity * risk fraction); 0 when nothing is set.
[[nodiscard]] double ops_r(const CostConfig& config, double equity, double risk_fraction);

/// What is known of funding so far: the last rate and the time between the last two stamps.
class FundingClock {
public:
    void step(const Funding& event);

    /// Expected funding of a trade that lasts `hold`, as R: stamps expected times the last rate; 0 before two stamps were seen.
    [[nodiscard]] double expected_r(Direction direction, double close, double risk, DurationNs hold) const;

private:
    TimeNs last_ = 0;
    DurationNs interval_ = 0;
    double rate_ = 0.0;
    bool any_ = false;
};

}  // namespace sofia::trading
