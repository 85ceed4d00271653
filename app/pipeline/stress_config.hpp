#pragma once

#include <cstdint>
#include <vector>

#include "base/config.hpp"
#include "base/result.hpp"

namespace sofia::pipeline {

/// Section `stress`: how much worse than expected things go.
struct StressConfig {
    std::vector<double> fee_factors = {1.5, 2.0, 3.0};
    std::vector<double> slippage_factors = {2.0, 3.0};
    std::int64_t latency_bars = 5;
    double parameter_share = 0.1;
    std::vector<double> drop_shares = {0.01, 0.05};
    std::vector<double> repeat_shares = {0.01, 0.05};
    std::int64_t paths = 10'000;
    std::vector<double> ruin_levels = {0.25, 0.5, 0.75};

    void describe(config::Keys& keys);

    /// Error: config, where a list names a value twice.
    [[nodiscard]] Result<void> validate() const;
};

}  // namespace sofia::pipeline
