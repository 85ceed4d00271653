#pragma once

#include "base/random.hpp"

namespace sofia::synth {

/// A Hawkes process with exponential kernel and mean rate 1, drawn exactly (Dassios, Zhao 2013): intensity = 1 - n + Σ n β e^{-β (t - t_i)}.
class Arrivals {
public:
    static constexpr double branching = 0.7;  ///< n: share of arrivals caused by earlier ones
    static constexpr double decay = 0.3;      ///< β, a unit of mean time between arrivals

    explicit Arrivals(RandomStream random) : random_(random) {}

    /// The time of the next arrival.
    double next();

private:
    RandomStream random_;
    double time_ = 0.0;
    double excitation_ = branching;  // its mean, so that the start is near stationary
};

}  // namespace sofia::synth
