#pragma once

#include <limits>
#include <span>
#include <vector>

#include "base/random.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "synth/config.hpp"

// What only the simulator knows of the moves to come: the yardstick for whoever looks for the planted edge.
namespace sofia::synth {

/// The drift of log mid after a moment: theta a unit of its variance until it has moved by `up` upwards or `down` downwards, none afterwards.
struct Drift {
    double theta = 0.0;
    double up = std::numeric_limits<double>::infinity();
    double down = std::numeric_limits<double>::infinity();
};

/// P(log mid moves up by `up` before it moves down by `down`), both above zero: `hit_probability` as far as the drift reaches, and fair from
/// there on. A continuous path without a deadline: prints overshoot, and a trade may time out.
[[nodiscard]] double up_first(const Drift& drift, double up, double down);

/// The drift at each of `times` (ascending) of the market that `config` and `random` make, as `TradeSimulator` does: of an event that was planted
/// before, or of one that begins with the first print at or after the moment. Runs the whole simulation. Error: config.
[[nodiscard]] Result<std::vector<Drift>> drifts_at(const SimulationConfig& config, const RandomStream& random, std::span<const TimeNs> times);

}  // namespace sofia::synth
