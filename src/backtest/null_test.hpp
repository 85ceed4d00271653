#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/random.hpp"
#include "base/threads.hpp"

// Does the whole procedure find an edge where there is none, and the edge where there is one? Over simulated markets of many seeds (docs/touch.md,
// Null and recovery tests).
namespace sofia::backtest {

/// The champion of one seed, fixed before test, on test and shadow.
struct NullSeed {
    std::vector<double> gross_r;                                            ///< gates ignored; a trade each, before costs
    std::vector<double> favoured_r;  ///< trades that the models favour when nothing costs anything, before costs
    double deflated_sharpe = std::numeric_limits<double>::quiet_NaN();
};

struct NullTestOptions {
    double level = 0.01;  ///< of each of the four alarms
    double deflated_limit = 0.95;  ///< a seed without an edge exceeds it with chance 1 - this
    double power = 0.8;  ///< of `detectable_r`
};

/// sum R / sqrt(sum R²), standard normal when trades are fair bets, however their sizes differ (de la Peña, Lai, Shao 2009: self-normalised sums).
/// NaN without a trade that won or lost anything.
[[nodiscard]] double null_z(std::span<const double> gross_r);

/// Least number of successes that `trials` tries with this chance reach with a probability of at most `level`; trials + 1 when none does.
[[nodiscard]] std::int64_t alarm_count(std::int64_t trials, double chance, double level);

/// A figure raises its alarm when it is above (z) or at least at (counts) its limit; a limit above the number of seeds raises none.
struct NullTest {
    std::int64_t seeds = 0;
    std::int64_t trades = 0;
    double sum_r = 0.0;
    double z = std::numeric_limits<double>::quiet_NaN();  ///< of the trades of all seeds together
    double z_limit = std::numeric_limits<double>::quiet_NaN();  ///< 2.326 at 1 %
    double p_value = std::numeric_limits<double>::quiet_NaN();
    double detectable_r = std::numeric_limits<double>::quiet_NaN();  ///< mean R a trade that these trades betray with probability `power`
    std::int64_t favoured_trades = 0;  ///< the same of the trades that the models favour
    double favoured_sum_r = 0.0;
    double favoured_z = std::numeric_limits<double>::quiet_NaN();
    double favoured_p_value = std::numeric_limits<double>::quiet_NaN();
    double favoured_detectable_r = std::numeric_limits<double>::quiet_NaN();
    std::int64_t positive = 0;  ///< seeds whose sum is above 0
    std::int64_t positive_limit = 0;  ///< 28 of 40
    double positive_chance = 0.0;  ///< P(limit or more without an edge)
    std::int64_t deflated = 0;  ///< seeds with a deflated Sharpe above `deflated_limit`
    std::int64_t deflated_limit = 0;  ///< 7 of 40
    double deflated_chance = 0.0;
    double false_alarm_max = 0.0;  ///< P(any alarm without an edge) is at most this: the sum over the four
    bool z_alarm = false;
    bool favoured_alarm = false;
    bool positive_alarm = false;
    bool deflated_alarm = false;

    [[nodiscard]] bool alarm() const { return z_alarm || favoured_alarm || positive_alarm || deflated_alarm; }
};

[[nodiscard]] NullTest null_test(std::span<const NullSeed> seeds, const NullTestOptions& options = {});

/// One seed with an edge: the sums of R that the model and the oracle earned by the same engine.
struct RecoverySeed {
    double model_r = 0.0;
    double oracle_r = 0.0;
};

struct RecoveryOptions {
    double confidence = 0.9;  ///< of both bounds together: each alone holds with 0.95
    std::size_t replications = 9'999;
};

struct Recovery {
    std::size_t seeds = 0;
    double rho = std::numeric_limits<double>::quiet_NaN();  ///< sum of the models' R / sum of the oracles'
    double lower = std::numeric_limits<double>::quiet_NaN();
    double upper = std::numeric_limits<double>::quiet_NaN();
};

/// Studentized bootstrap over seeds; the ratio's standard error by linearisation, in each resample its own. NaN below 3 seeds or when the oracles'
/// sum is not positive. Same for any number of threads.
[[nodiscard]] Recovery recovery(std::span<const RecoverySeed> seeds, const RecoveryOptions& options, const RandomStream& random, ThreadPool& pool);

}  // namespace sofia::backtest
