#include "backtest/null_test.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "math/special.hpp"

namespace sofia::backtest {

namespace {

struct Sums {
    std::int64_t trades = 0;
    double r = 0.0;
    double squares = 0.0;

    void add(std::span<const double> gross_r) {
        for (const double value : gross_r) {
            r += value;
            squares += value * value;
        }
        trades += std::ssize(gross_r);
    }
    [[nodiscard]] double z() const { return squares > 0.0 ? r / std::sqrt(squares) : std::numeric_limits<double>::quiet_NaN(); }

    /// Mean R a trade whose Z exceeds a limit with the chance that `quantiles`, the sum of the two normal quantiles, stands for.
    [[nodiscard]] double detectable_r(double quantiles) const {
        return trades > 0 ? quantiles * std::sqrt(squares) / static_cast<double>(trades) : std::numeric_limits<double>::quiet_NaN();
    }
};

}  // namespace

double null_z(std::span<const double> gross_r) {
    Sums sums;
    sums.add(gross_r);
    return sums.z();
}

std::int64_t alarm_count(std::int64_t trials, double chance, double level) {
    for (std::int64_t count = 0; count <= trials; ++count) {
        if (math::binomial_at_least(count, trials, chance) <= level) return count;
    }
    return trials + 1;
}

NullTest null_test(std::span<const NullSeed> seeds, const NullTestOptions& options) {
    NullTest out;
    Sums pooled;
    Sums favoured;
    for (const NullSeed& seed : seeds) {
        Sums own;
        own.add(seed.gross_r);
        pooled.add(seed.gross_r);
        favoured.add(seed.favoured_r);
        out.positive += own.r > 0.0 ? 1 : 0;
        out.deflated += seed.deflated_sharpe > options.deflated_limit ? 1 : 0;
    }
    out.seeds = std::ssize(seeds);
    out.z_limit = math::normal_quantile(1.0 - options.level);
    const double quantiles = out.z_limit + math::normal_quantile(options.power);
    out.trades = pooled.trades;
    out.sum_r = pooled.r;
    out.z = pooled.z();
    out.p_value = math::normal_cdf(-out.z);
    out.detectable_r = pooled.detectable_r(quantiles);
    out.favoured_trades = favoured.trades;
    out.favoured_sum_r = favoured.r;
    out.favoured_z = favoured.z();
    out.favoured_p_value = math::normal_cdf(-out.favoured_z);
    out.favoured_detectable_r = favoured.detectable_r(quantiles);
    out.positive_limit = alarm_count(out.seeds, 0.5, options.level);
    out.positive_chance = math::binomial_at_least(out.positive_limit, out.seeds, 0.5);
    out.deflated_limit = alarm_count(out.seeds, 1.0 - options.deflated_limit, options.level);
    out.deflated_chance = math::binomial_at_least(out.deflated_limit, out.seeds, 1.0 - options.deflated_limit);
    out.z_alarm = out.z > out.z_limit;
    out.favoured_alarm = out.favoured_z > out.z_limit;
    out.positive_alarm = out.positive >= out.positive_limit;
    out.deflated_alarm = out.deflated >= out.deflated_limit;
    out.false_alarm_max = 2.0 * options.level + out.positive_chance + out.deflated_chance;
    return out;
}

namespace {

struct Ratio {
    double value;
    double error;
};

/// What the model earned beyond `value` times the oracle is what the ratio is uncertain by.
Ratio ratio_of(std::span<const RecoverySeed> seeds) {
    double model = 0.0;
    double oracle = 0.0;
    for (const RecoverySeed& seed : seeds) {
        model += seed.model_r;
        oracle += seed.oracle_r;
    }
    const double value = model / oracle;
    double squares = 0.0;
    for (const RecoverySeed& seed : seeds) {
        const double rest = seed.model_r - value * seed.oracle_r;
        squares += rest * rest;
    }
    const auto n = static_cast<double>(seeds.size());
    return {value, std::sqrt(squares * n / (n - 1.0)) / std::fabs(oracle)};
}

/// A resample without spread is as far off as can be.
double studentized(const Ratio& drawn, double rho, double negligible) {
    const double off = drawn.value - rho;
    if (drawn.error > negligible) return off / drawn.error;
    return std::fabs(off) <= negligible ? 0.0 : std::copysign(std::numeric_limits<double>::infinity(), off);
}

double sum_of_oracles(std::span<const RecoverySeed> seeds) {
    double total = 0.0;
    for (const RecoverySeed& seed : seeds) total += seed.oracle_r;
    return total;
}

}  // namespace

Recovery recovery(std::span<const RecoverySeed> seeds, const RecoveryOptions& options, const RandomStream& random, ThreadPool& pool) {
    assert(options.confidence > 0.0 && options.confidence < 1.0 && options.replications >= 1);
    Recovery out;
    out.seeds = seeds.size();
    if (seeds.size() < 3 || !(sum_of_oracles(seeds) > 0.0)) return out;
    const Ratio all = ratio_of(seeds);
    out.rho = all.value;
    const double negligible = 1e-12 * std::fabs(all.value);
    out.lower = out.upper = all.value;
    if (!(all.error > negligible)) return out;
    std::vector<double> t(options.replications);
    pool.for_each(options.replications, [&](std::size_t i) {
        RandomStream draw = random.split(i);
        std::vector<RecoverySeed> drawn(seeds.size());
        for (RecoverySeed& seed : drawn) seed = seeds[draw.below(seeds.size())];
        // Where the oracles lost there is no ratio: counted on the side that lowers the lower bound.
        t[i] = sum_of_oracles(drawn) > 0.0 ? studentized(ratio_of(drawn), all.value, negligible) : std::numeric_limits<double>::infinity();
    });
    std::ranges::sort(t);
    const double tail = (1.0 - options.confidence) / 2.0 * static_cast<double>(options.replications + 1);
    const auto rank = static_cast<std::size_t>(std::max(1.0, std::floor(tail + 1e-9)));
    out.lower = all.value - t[t.size() - rank] * all.error;
    out.upper = all.value - t[rank - 1] * all.error;
    return out;
}

}  // namespace sofia::backtest
