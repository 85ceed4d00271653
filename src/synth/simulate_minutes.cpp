#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/text.hpp"
#include "synth/planted_direction.hpp"
#include "synth/season.hpp"
#include "synth/simulate.hpp"

namespace sofia::synth {

namespace {

constexpr double volume_mean_lots = 5'000.0;

/// c and its last closes.
class PulledWalk {
public:
    PulledWalk(const SimulationConfig& config, RandomStream random)
        : random_(random),
          pull_(pull_at_full_edge * config.edge),
          noise_(config.start_price * config.volatility_annual / std::sqrt(365.0 * static_cast<double>(minutes_per_day))) {
        closes_.fill(config.start_price);
    }

    double next() {
        const double mean = std::accumulate(closes_.begin(), closes_.end(), 0.0) / pull_length;
        const double last = closes_[(index_ + pull_length - 1) % pull_length];
        const double close = last - pull_ * (last - mean) + noise_ * random_.normal();
        closes_[index_] = close;
        index_ = (index_ + 1) % pull_length;
        return close;
    }

    [[nodiscard]] double noise() const { return noise_; }

private:
    RandomStream random_;
    double pull_;
    double noise_;
    std::array<double, pull_length> closes_{};
    std::size_t index_ = 0;
};

}  // namespace

Result<std::vector<market::Bar>> simulate_direction_minutes(const SimulationConfig& config, RandomStream random) {
    SOFIA_CHECK(config.validate());
    const market::Instrument instrument = simulated_instrument(config);
    PulledWalk walk(config, random.split("moves"));
    RandomStream ranges = random.split("ranges");
    RandomStream volumes = random.split("volumes");
    const auto count = static_cast<std::size_t>(config.days) * minutes_per_day;
    std::vector<market::Bar> bars;
    bars.reserve(count);
    double last = instrument.round_to_tick(config.start_price);
    for (std::size_t i = 0; i < count; ++i) {
        market::Bar bar;
        bar.open_time = config.start_time() + static_cast<TimeNs>(i) * ns_per_minute;
        bar.close_time = bar.open_time + ns_per_minute;
        bar.open = last;
        bar.close = instrument.round_to_tick(walk.next());
        const double reach = 0.5 * walk.noise();
        bar.high = instrument.round_to_tick(std::max(bar.open, bar.close) + reach * ranges.exponential());
        bar.low = instrument.round_to_tick(std::min(bar.open, bar.close) - reach * ranges.exponential());
        bar.volume = instrument.floor_to_lot(config.lot * std::ceil(volume_mean_lots * volumes.exponential()));
        if (bar.low < config.tick) {
            return fail(ErrorCode::data,
                        "simulation: the additive walk fell to zero after " + std::to_string(i / minutes_per_day) + " of " +
                            std::to_string(config.days) + " days at volatility_annual " + format_double(config.volatility_annual),
                        "simulate fewer days or a lower volatility_annual");
        }
        last = bar.close;
        bars.push_back(bar);
    }
    return bars;
}

}  // namespace sofia::synth
