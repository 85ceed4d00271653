#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/random.hpp"
#include "tune/history.hpp"

namespace sofia::tune {

/// Parameters that were drawn together, as internal values, and system attributes to be stored with the trial.
struct JointSample {
    std::map<std::string, double> internal;
    Attributes system_attributes;
};

/// Where parameters come from. Called under the study's lock, one call at a time. A sampler may keep what it has learnt from
/// History::finished_log, but its answers depend on the history and on `random` only, never on earlier calls.
class Sampler {
public:
    virtual ~Sampler() = default;

    /// Whether studies of these objectives can be sampled. Error usage.
    [[nodiscard]] virtual Result<void> validate(const std::vector<Direction>& directions) const = 0;

    /// The parameters that are drawn together for the next trial; the others are drawn one by one. `asked` is the space given to ask,
    /// null when the objective suggests as it goes.
    [[nodiscard]] virtual SearchSpace joint_space(const History& history, const SearchSpace* asked) = 0;

    /// Draws the parameters of `space` for trial `number`. Parameters left out are drawn one by one.
    [[nodiscard]] virtual JointSample sample_joint(const History& history, std::int64_t number, const SearchSpace& space, RandomStream random) = 0;

    /// Draws one parameter.
    [[nodiscard]] virtual double sample_one(const History& history, std::int64_t number, const std::string& name, const Distribution& distribution,
                                            RandomStream random) = 0;
};

/// Uniform in the range, in log space where the distribution is logarithmic (Optuna's RandomSampler).
[[nodiscard]] double sample_uniform(const Distribution& distribution, RandomStream& random);

/// All parameters independent and uniform.
[[nodiscard]] std::unique_ptr<Sampler> random_sampler();

/// Optuna 5's TPESampler defaults, see sampler_tpe.cpp for the definition.
struct TpeConfig {
    std::size_t startup_trials = 10;  ///< trials (complete and pruned) that are drawn at random first
    std::size_t candidates = 24;      ///< drawn from the good set's density, of which the best ratio wins
    enum class Joint : std::uint8_t { multivariate, univariate } joint = Joint::multivariate;
    enum class Running : std::uint8_t { constant_liar, ignore } running = Running::constant_liar;

    [[nodiscard]] Result<void> validate() const;
};

/// Tree-structured Parzen estimator (Bergstra et al. 2011; Watanabe 2023) with the definition of Optuna 5.0. For one objective.
[[nodiscard]] std::unique_ptr<Sampler> tpe_sampler(const TpeConfig& config = {});

/// `random`, `tpe`. Error usage with the nearest known name.
[[nodiscard]] Result<std::unique_ptr<Sampler>> make_sampler(const std::string& name);

}  // namespace sofia::tune
