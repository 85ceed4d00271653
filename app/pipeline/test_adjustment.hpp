#pragma once

#include <cstdint>
#include <vector>

#include "app/pipeline/verdict.hpp"
#include "base/threads.hpp"
#include "math/superiority.hpp"

namespace sofia::pipeline {

/// A trial with its figures on test.
struct TestedTrial {
    std::int64_t trial = 0;
    const WindowFigures* test = nullptr;
};

/// What is left of the best figures on test once it is known that several trials were run over it. The benchmark is not to trade: 0 R a day.
struct AdjustedTest {
    std::vector<std::int64_t> trials;  ///< in the order of `adjusted` and `statistics`
    std::size_t days = 0;
    math::Superiority result;          ///< of daily net R

    /// The step-down p-value of a trial; NaN when it is not among them.
    [[nodiscard]] double p_of(std::int64_t trial) const;
};

/// `tested` in order; those whose days are not as many as the first one's are left out, those without a model count as not trading. Nothing without
/// one that has days.
[[nodiscard]] AdjustedTest adjust_test(const std::vector<TestedTrial>& tested, std::uint64_t seed, ThreadPool& pool);

}  // namespace sofia::pipeline
