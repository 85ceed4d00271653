#include "synth/oracle.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <optional>

#include "synth/ceiling.hpp"
#include "synth/simulate.hpp"

namespace sofia::synth {

double up_first(const Drift& drift, double up, double down) {
    assert(up > 0.0 && down > 0.0);
    if (drift.theta == 0.0) return down / (up + down);
    const double first_up = std::min(up, drift.up);
    const double first_down = std::min(down, drift.down);
    const double upwards = hit_probability(drift.theta, first_up, first_down);
    // From where the drift ends on the walk is fair: P = distance to the lower barrier over the distance between both.
    const double from_up = (down + first_up) / (up + down);
    const double from_down = (down - first_down) / (up + down);
    return upwards * from_up + (1.0 - upwards) * from_down;
}

namespace {

Drift drift_of(const PlantedEvent& event, double log_mid) {
    const double theta = event.direction * std::log(event.probability / (1.0 - event.probability)) / (2.0 * event.half_width);
    const double moved = log_mid - event.log_mid;
    return {theta, event.half_width - moved, event.half_width + moved};
}

}  // namespace

Result<std::vector<Drift>> drifts_at(const SimulationConfig& config, const RandomStream& random, std::span<const TimeNs> times) {
    SOFIA_TRY(TradeSimulator simulator, TradeSimulator::make(config, random));
    std::vector<Drift> drifts;
    drifts.reserve(times.size());
    std::optional<PlantedEvent> active;
    double log_mid = std::log(config.start_price);
    for (Tick tick; drifts.size() < times.size() && simulator.next(tick);) {
        while (drifts.size() < times.size() && times[drifts.size()] <= tick.trade.ts) {
            // One that begins with this print drives the moves after it; what was active before has ended with the move to it.
            if (tick.begins) {
                drifts.push_back(drift_of(*tick.begins, tick.begins->log_mid));
            } else {
                drifts.push_back(active ? drift_of(*active, log_mid) : Drift{});
            }
        }
        log_mid = std::log(tick.mid);
        if (active && std::fabs(log_mid - active->log_mid) >= active->half_width) active.reset();
        if (tick.begins) active = tick.begins;
    }
    drifts.resize(times.size());
    return drifts;
}

}  // namespace sofia::synth
