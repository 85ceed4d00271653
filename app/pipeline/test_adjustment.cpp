#include "app/pipeline/test_adjustment.hpp"

#include <algorithm>
#include <limits>

namespace sofia::pipeline {

double AdjustedTest::p_of(std::int64_t trial) const {
    const auto at = std::ranges::find(trials, trial);
    if (at == trials.end()) return std::numeric_limits<double>::quiet_NaN();
    return result.adjusted[static_cast<std::size_t>(at - trials.begin())];
}

AdjustedTest adjust_test(const std::vector<TestedTrial>& tested, std::uint64_t seed, ThreadPool& pool) {
    AdjustedTest out;
    for (const TestedTrial& one : tested) {
        if (out.days == 0) out.days = one.test->daily_net_r.size();
    }
    if (out.days == 0) return out;
    std::vector<std::vector<double>> daily;
    for (const TestedTrial& one : tested) {
        const bool no_model = one.test->daily_net_r.empty() && !one.test->note.empty();
        if (!no_model && one.test->daily_net_r.size() != out.days) continue;
        out.trials.push_back(one.trial);
        daily.push_back(no_model ? std::vector<double>(out.days, 0.0) : one.test->daily_net_r);
    }
    out.result = math::superiority_of(daily, {}, RandomStream(seed).split("adjusted test"), pool);
    return out;
}

}  // namespace sofia::pipeline
