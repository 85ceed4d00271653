#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace sofia::models {

/// Values of one row by name, in any order; NaN is a missing value.
using NamedValues = std::span<const std::pair<std::string_view, double>>;

/// A probability and who stands for it.
struct Answer {
    double probability = 0.0;           ///< of the positive class; NaN where `abstained`
    bool abstained = false;             ///< those who answered differ too much to be combined
    std::vector<std::string> answered;  ///< names, in the order of the members
    std::vector<std::pair<std::string, Error>> failed;
    double spread = 0.0;                ///< largest less smallest of the probabilities that were combined
};

/// One way to ask one model or many. Implementations are safe to call from several threads.
class Predictor {
public:
    virtual ~Predictor() = default;

    /// Error: usage (names), io or data (a model cannot be read), unavailable (too few of several answered).
    [[nodiscard]] virtual Result<Answer> predict_proba(NamedValues row) const = 0;
};

}  // namespace sofia::models
