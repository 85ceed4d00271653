#include "math/oscillators.hpp"

#include <array>

namespace sofia::math {

namespace {

// Four partial sums in a fixed order: the additions of one sum would wait for each other.
double absolute_deviations(const std::vector<double>& values, double center) {
    std::array<double, 4> sums{};
    std::size_t i = 0;
    for (; i + 4 <= values.size(); i += 4) {
        for (std::size_t lane = 0; lane < 4; ++lane) sums[lane] += std::fabs(values[i + lane] - center);
    }
    for (; i < values.size(); ++i) sums[0] += std::fabs(values[i] - center);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace

double Cci::step(double high, double low, double close) {
    const double typical = (high + low + close) / 3.0;
    ring_[at_] = typical;
    if (++at_ == ring_.size()) at_ = 0;
    const double mean = moments_.step(typical);
    if (std::isnan(mean)) return value_ = missing;
    const double deviation = typical - mean;
    const double spread = absolute_deviations(ring_, mean) / length_;
    return value_ = ratio(deviation, 0.015 * spread, 0.0);
}

double Mfi::step(double high, double low, double close, double volume) {
    const double typical = (high + low + close) / 3.0;
    const double change = typical - typical_;
    typical_ = typical;
    const double flow = typical * volume + 0.0 * change;
    const double up = up_.step(change > 0.0 ? flow : 0.0 * flow);
    const double down = down_.step(change < 0.0 ? flow : 0.0 * flow);
    const double total = up + down;
    return value_ = total < 1.0 ? 0.0 : 100.0 * (up / total);
}

}  // namespace sofia::math
