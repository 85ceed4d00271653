#include "synth/arrivals.hpp"

#include <algorithm>
#include <cmath>

namespace sofia::synth {

// The next arrival is the earlier of one from the constant part and one from the decaying part; the latter may never come.
double Arrivals::next() {
    double wait = random_.exponential() / (1.0 - branching);
    const double rest = 1.0 - decay * random_.exponential() / excitation_;
    if (rest > 0.0) wait = std::min(wait, -std::log(rest) / decay);
    excitation_ = excitation_ * std::exp(-decay * wait) + branching * decay;
    time_ += wait;
    return time_;
}

}  // namespace sofia::synth
