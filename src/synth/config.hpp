#pragma once

#include <cstdint>
#include <string>

#include "base/config.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "market/instrument.hpp"

namespace sofia::synth {

/// What to simulate. The same struct serves trades and minutes with a planted direction.
struct SimulationConfig {
    std::string symbol = "SIMUSDT";
    std::int64_t days = 30;
    std::int64_t trades = 1'000'000;   ///< exactly so many prints; minutes do not use it
    double edge = 0.0;                 ///< 0: nobody can earn anything; 1: the largest edge
    std::string start = "2024-01-01";  ///< a UTC date
    double start_price = 40'000.0;
    double tick = 0.5;
    double lot = 0.001;
    double volatility_annual = 0.6;    ///< of the mid's log, root of the mean variance of 365 days
    double half_spread_ticks = 0.5;    ///< h: ask = ceil(mid + h), bid = floor(mid - h)

    void describe(config::Keys& keys);
    [[nodiscard]] Result<void> validate() const;

    /// The first moment. `start` is valid (asserted).
    [[nodiscard]] TimeNs start_time() const;

    /// The first moment after: `days` later.
    [[nodiscard]] TimeNs end_time() const;
};

/// The instrument of the simulated data: linear, 24x7, labelled `simulated`.
[[nodiscard]] market::Instrument simulated_instrument(const SimulationConfig& config);

}  // namespace sofia::synth
