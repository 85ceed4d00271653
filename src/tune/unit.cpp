#include "tune/unit.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace sofia::tune {

namespace {

struct Limits {
    double low = 0.0;
    double high = 1.0;
};

/// In log space for a logarithmic parameter.
Limits limits_of(const Distribution& distribution) {
    Limits out;
    bool log = false;
    if (const auto* i = distribution.as_int()) {
        const double half = static_cast<double>(i->step) / 2;
        out = {static_cast<double>(i->low) - half, static_cast<double>(i->high) + half};
        log = i->log;
    } else {
        const auto* f = distribution.as_float();
        assert(f != nullptr);
        out = {f->low - f->step / 2, f->high + f->step / 2};
        log = f->log;
    }
    return log ? Limits{std::log(out.low), std::log(out.high)} : out;
}

double float_at(const FloatDistribution& d, double x) {
    if (d.low == d.high) return d.low;
    const double last = std::nextafter(d.high, d.low);
    if (d.log) return std::clamp(std::exp(x), d.low, last);
    if (d.step == 0.0) return std::clamp(x, d.low, last);
    return std::clamp(std::nearbyint((x - d.low) / d.step) * d.step + d.low, d.low, d.high);
}

double int_at(const IntDistribution& d, double x) {
    const auto low = static_cast<double>(d.low);
    const auto high = static_cast<double>(d.high);
    if (d.log) return std::clamp(std::nearbyint(std::exp(x)), low, high);
    const auto step = static_cast<double>(d.step);
    return std::clamp(std::floor((x - low) / step + 0.5) * step + low, low, high);
}

}  // namespace

double from_unit(const Distribution& distribution, double u) {
    if (const auto* c = distribution.as_categorical()) {
        const auto n = static_cast<double>(c->choices.size());
        return std::clamp(std::floor(u * n), 0.0, n - 1.0);
    }
    const Limits limits = limits_of(distribution);
    const double x = limits.low + u * (limits.high - limits.low);
    const auto* i = distribution.as_int();
    return i != nullptr ? int_at(*i, x) : float_at(*distribution.as_float(), x);
}

double to_unit(const Distribution& distribution, double internal) {
    assert(distribution.as_categorical() == nullptr);
    const Limits limits = limits_of(distribution);
    if (limits.low == limits.high) return 0.5;
    const bool log = distribution.as_int() != nullptr ? distribution.as_int()->log : distribution.as_float()->log;
    return ((log ? std::log(internal) : internal) - limits.low) / (limits.high - limits.low);
}

void Intersection::learn(const FrozenTrial& trial) {
    if (!any_) {
        for (const Param& p : trial.params) shared_[p.name] = p.distribution;
        any_ = true;
        return;
    }
    std::erase_if(shared_, [&](const auto& entry) {
        const Param* p = trial.param(entry.first);
        return p == nullptr || (p->distribution != entry.second && *p->distribution != *entry.second);
    });
}

SearchSpace Intersection::space(const SearchSpace* asked) const {
    SearchSpace out;
    for (const auto& [name, distribution] : shared_) {
        if (distribution->single() || (asked != nullptr && !asked->contains(name))) continue;
        out.emplace(name, *distribution);
    }
    return out;
}

}  // namespace sofia::tune
