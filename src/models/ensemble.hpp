#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "models/predictor.hpp"

namespace sofia::models {

/// One voice of an ensemble.
struct EnsembleMember {
    std::string name;
    std::shared_ptr<const Predictor> predictor;
    double weight = 1.0;  ///< of `Combination::mean`; above 0
};

enum class Combination : std::uint8_t {
    mean,      ///< weighted mean of the probabilities of those that answered
    stacking,  ///< logistic regression on the members' log odds (Wolpert 1992); needs an answer of every member
};

struct EnsembleConfig {
    Combination combination = Combination::mean;
    double spread_max = 1.0;            ///< abstain where the probabilities differ by more; 1: never
    std::int64_t answers_min = 1;       ///< fewer answers are an error
    double intercept = 0.0;             ///< of stacking
    std::vector<double> coefficients{};  ///< of stacking, one a member, in their order

    [[nodiscard]] Result<void> validate(std::span<const EnsembleMember> members) const;
};

/// Several predictors as one. Those that fail are left out and named; a wrong row (usage) is the caller's mistake and is returned as it is.
/// Thread-safe, as its members are.
class EnsemblePredictor final : public Predictor {
public:
    /// Error: usage (no member, a name twice, weights, coefficients).
    [[nodiscard]] static Result<EnsemblePredictor> make(std::vector<EnsembleMember> members, EnsembleConfig config = {});

    /// `answered` names those whose probabilities are in it. Abstaining is an answer, not an error. Errors: usage; unavailable.
    [[nodiscard]] Result<Answer> predict_proba(NamedValues row) const override;

private:
    EnsemblePredictor(std::vector<EnsembleMember> members, EnsembleConfig config);
    std::vector<EnsembleMember> members_;
    EnsembleConfig config_;
};

/// Intercept first, then a coefficient a member: the logistic regression of `outcomes` (0 or 1) on the log odds of the members' out-of-sample
/// probabilities, `probabilities[member][row]`, with an L2 penalty of `penalty` on the coefficients' distance from equal shares (so that without
/// evidence it is the mean of the log odds). Newton's method. Error: data (lengths, one outcome only).
[[nodiscard]] Result<std::vector<double>> fit_stacking(std::span<const std::vector<double>> probabilities, std::span<const double> outcomes,
                                                       double penalty = 1.0);

}  // namespace sofia::models
