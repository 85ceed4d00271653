#include <algorithm>
#include <cmath>

#include "tune/sampler.hpp"

namespace sofia::tune {

namespace {

double uniform_float(const FloatDistribution& d, RandomStream& random) {
    const double last = std::nextafter(d.high, d.low);
    if (d.log) return std::clamp(std::exp(random.uniform(std::log(d.low), std::log(d.high))), d.low, last);
    if (d.step == 0.0) return std::clamp(random.uniform(d.low, d.high), d.low, last);
    const double x = random.uniform(d.low - d.step / 2, d.high + d.step / 2);
    return std::clamp(std::nearbyint((x - d.low) / d.step) * d.step + d.low, d.low, d.high);
}

/// Half a step is added at both ends, so that every value of the grid has the same cell.
double uniform_int(const IntDistribution& d, RandomStream& random) {
    const auto low = static_cast<double>(d.low);
    const auto high = static_cast<double>(d.high);
    if (d.log) return std::clamp(std::nearbyint(std::exp(random.uniform(std::log(low - 0.5), std::log(high + 0.5)))), low, high);
    const auto cells = static_cast<std::uint64_t>((d.high - d.low) / d.step) + 1;
    return static_cast<double>(d.low + static_cast<std::int64_t>(random.below(cells)) * d.step);
}

class RandomSampler : public Sampler {
public:
    Result<void> validate(const std::vector<Direction>&) const override { return {}; }
    Result<SearchSpace> joint_space(const History&, const SearchSpace*) override { return SearchSpace(); }
    Result<JointSample> sample_joint(const History&, std::int64_t, const SearchSpace&, RandomStream) override { return JointSample(); }
    Result<double> sample_one(const History&, std::int64_t, const std::string&, const Distribution& distribution, RandomStream random) override {
        return sample_uniform(distribution, random);
    }
};

}  // namespace

double sample_uniform(const Distribution& distribution, RandomStream& random) {
    if (const auto* c = distribution.as_categorical()) return static_cast<double>(random.below(c->choices.size()));
    if (const auto* i = distribution.as_int()) return uniform_int(*i, random);
    const auto& f = *distribution.as_float();
    return f.low == f.high ? f.low : uniform_float(f, random);
}

std::unique_ptr<Sampler> random_sampler() { return std::make_unique<RandomSampler>(); }

}  // namespace sofia::tune
