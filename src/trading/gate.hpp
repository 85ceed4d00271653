#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/config.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "trading/barriers.hpp"
#include "trading/costs.hpp"
#include "trading/touch.hpp"

// Whether a touch is worth its cost.
namespace sofia::trading {

/// A touch and what the models say of it. NaN: no such model, and the gates that need it let pass.
struct Signal {
    Touch touch;
    double probability = std::numeric_limits<double>::quiet_NaN();  ///< P(target before stop)
    double size_scale = 1.0;                                        ///< multiplies the size, 0 or more
    double trend_probability = std::numeric_limits<double>::quiet_NaN();   ///< P(the trend goes on in the touch's direction)
    double regime_probability = std::numeric_limits<double>::quiet_NaN();  ///< P(a regime that trends in the touch's direction)
};

/// Why a signal was not acted on, in the order in which the reasons are asked for.
enum class Refusal : std::uint8_t {
    window,          ///< known outside the window
    window_end,      ///< its vertical barrier does not lie before the end of the window
    levels,          ///< no ATR, or the stop would not be a price
    outranked,       ///< another signal of the same moment was taken
    entry_pending,   ///< an entry order is in flight
    in_position,     ///< a position in the same direction is open, or the opposite is ignored
    cooldown,        ///< too soon after the last trade
    fee,             ///< expected fees above `max_fee_r`
    probability,     ///< below `min_prob`
    trend,           ///< the trend gate
    regime,          ///< the regime gate
    expected_value,  ///< not above `ev_margin`
    equity,          ///< nothing left
    size,            ///< less than one lot
};
inline constexpr std::size_t refusals = 14;
using RefusalCounts = std::array<std::int64_t, refusals>;
[[nodiscard]] std::string_view name(Refusal refusal);

struct GateConfig {
    bool use_gates = true;
    double ev_margin = 0.05;
    double min_prob = 0.0;
    std::string expected_rr_mode = "realized";
    bool use_trend_gate = false;
    double min_trend_prob = 0.4;
    bool use_regime_gate = false;
    double min_regime_prob = 0.4;
    bool use_expected_value_gate = true;  ///< not a key: off for a strategy that goes by the probability alone

    void describe(config::Keys& keys);
    [[nodiscard]] Result<void> validate() const;
};

/// What a trade is expected to make, in R before costs, from the labels of the training window (labels::realized_ev).
struct EvModel {
    double win = std::numeric_limits<double>::quiet_NaN();       ///< W = E[R | target before stop]
    double loss = std::numeric_limits<double>::quiet_NaN();      ///< l = -E[R | not], timeouts included
    double timeouts = std::numeric_limits<double>::quiet_NaN();  ///< share of the labels
    DurationNs mean_hold = 0;                                    ///< from entry to exit
    std::int64_t labels = 0;
};

/// W = target_r and l = 1 in `config` mode, `realized` as it is otherwise (1 and 1 are never made up: with NaN the gate refuses).
[[nodiscard]] EvModel ev_in_use(const GateConfig& gate, const BarrierConfig& barriers, const EvModel& realized);

/// What to warn of: `config` mode with more than 5 % timeouts, or `realized` without labels.
[[nodiscard]] std::optional<std::string> ev_warning(const GateConfig& gate, const EvModel& realized);

/// p W - (1 - p) l - costs.
[[nodiscard]] double expected_value(double probability, const EvModel& ev, const CostsR& costs);

struct Verdict {
    std::optional<Refusal> refusal;
    double expected_value = std::numeric_limits<double>::quiet_NaN();  ///< NaN without a probability
    /// What is left to the nearest of the gates' limits, in R or in probability; negative where a gate refuses, infinite without gates.
    double headroom = std::numeric_limits<double>::infinity();
};

/// The gates that look at the signal and its costs: fee, probability, trend, regime, expected value.
[[nodiscard]] Verdict judge(const Signal& signal, const CostsR& costs, const GateConfig& gate, const CostConfig& limits, const EvModel& ev);

}  // namespace sofia::trading
