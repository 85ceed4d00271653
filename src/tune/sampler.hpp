#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "tune/history.hpp"

namespace sofia::tune {

/// Parameters that were drawn together, as internal values, and system attributes to be stored in the transaction that asks the trial.
struct JointSample {
    std::map<std::string, double> internal;
    Attributes system_attributes;        ///< of the trial
    Attributes study_system_attributes;  ///< of the study: the history of the next call has them
};

/// Where parameters come from. Called under the study's lock, one call at a time.
///
/// Answers depend on the arguments only, never on earlier calls: so a study is the same for any number of threads, and one that was stopped
/// and opened again goes on as if it had not been. What a sampler has learnt from History::finished_log it keeps apart for each History
/// object (see learnt.hpp), so the same sampler may be asked with several: a pruner that shows it only the trials of one bracket keeps one
/// History a bracket. A history that is shown like this has the numbers of the whole study, with gaps.
class Sampler {
public:
    virtual ~Sampler() = default;

    /// Whether studies of these objectives can be sampled, and the sampler's own options. Error usage, config.
    [[nodiscard]] virtual Result<void> validate(const std::vector<Direction>& directions) const = 0;

    struct Needs {
        bool whole_study = false;       ///< to be shown all trials, even where a pruner divides them
        bool study_attributes = false;  ///< the study's system attributes, read again at each ask
    };
    [[nodiscard]] virtual Needs needs() const { return {}; }

    /// No trial is left to be made; waiting ones may still be asked. `asked` is the space given to ask, null when the objective suggests
    /// as it goes. The whole study is shown. Errors as joint_space.
    [[nodiscard]] virtual Result<bool> exhausted(const History&, const SearchSpace* /*asked*/) { return false; }

    /// The parameters that are drawn together for the next trial; the others are drawn one by one. Error config: not with this space.
    [[nodiscard]] virtual Result<SearchSpace> joint_space(const History& history, const SearchSpace* asked) = 0;

    /// Draws the parameters of `space` for trial `number`. Parameters left out are drawn one by one. Error config.
    [[nodiscard]] virtual Result<JointSample> sample_joint(const History& history, std::int64_t number, const SearchSpace& space,
                                                           RandomStream random) = 0;

    /// Draws one parameter. Error config, which fails the trial.
    [[nodiscard]] virtual Result<double> sample_one(const History& history, std::int64_t number, const std::string& name,
                                                    const Distribution& distribution, RandomStream random) = 0;
};

/// Uniform in the range, in log space where the distribution is logarithmic (Optuna's RandomSampler).
[[nodiscard]] double sample_uniform(const Distribution& distribution, RandomStream& random);

/// All parameters independent and uniform.
[[nodiscard]] std::unique_ptr<Sampler> random_sampler();

/// Every combination of values once, in an order shuffled by `seed`, over all processes of the study; then the study is exhausted. As
/// Optuna 5.0's GridSampler, which continues such a study and is continued: the same order for the same seed (its default is 0), the same
/// attributes `search_space` and `grid_id`. A trial that failed counts as made. A combination that another worker runs is not given out
/// again: heartbeats with retries bring back those of dead workers.
struct GridConfig {
    /// The values of each parameter. Empty: all values of the space given to ask, where a float without a step is an error.
    std::map<std::string, std::vector<ParamValue>> values;
    std::uint32_t seed = 0;

    [[nodiscard]] Result<void> validate() const;
};
inline constexpr std::size_t grid_cells_max = 1'000'000;

/// All parameters of a trial are in the grid (error config), an enqueued trial gives all of them.
[[nodiscard]] std::unique_ptr<Sampler> grid_sampler(GridConfig config = {});

/// Sobol points (Sobol' 1967; direction numbers of Joe, Kuo 2008), point n for trial n, whichever process makes it. Parameters are the
/// dimensions by name, each number scaled linearly into its range (in log space, a step widens the range by half of it) and each category by
/// equal parts, as Optuna 5.0's QMCSampler scales. Where the objective suggests as it goes, the space is that of the finished trial with the
/// lowest number, and until there is one, parameters are independent; so are parameters beyond the 128th.
struct QmcConfig {
    enum class Scramble : std::uint8_t {
        none,
        matrix_shift,  ///< a random linear map of the digits and a digital shift (Matousek 1998), as scipy; the points stay a net
    } scramble = Scramble::matrix_shift;
};
inline constexpr std::size_t sobol_dimensions_max = 128;

/// The scrambling is drawn by the study's first trial from its random stream and kept in the trial attribute `qmc:scramble` for the others.
[[nodiscard]] std::unique_ptr<Sampler> qmc_sampler(const QmcConfig& config = {});

/// Tree-structured Parzen estimator, with the defaults of Optuna 5.0's TPESampler; see sampler_tpe.cpp for the definition.
struct TpeConfig {
    std::size_t startup_trials = 10;  ///< trials (complete and pruned) that are drawn at random first
    std::size_t candidates = 24;      ///< drawn from the good set's density, of which the best ratio wins
    enum class Joint : std::uint8_t { multivariate, univariate } joint = Joint::multivariate;
    enum class Running : std::uint8_t { constant_liar, ignore } running = Running::constant_liar;

    [[nodiscard]] Result<void> validate() const;
};

/// TPE (Bergstra et al. 2011; Watanabe 2023) with the definition of Optuna 5.0, trials that violate constraints included (the last to
/// count as good ones, by the sum of their violations). For one objective.
[[nodiscard]] std::unique_ptr<Sampler> tpe_sampler(const TpeConfig& config = {});

/// CMA-ES with both rank-one and rank-mu updates and active (negative) weights (Hansen 2016, "The CMA Evolution Strategy: A Tutorial",
/// with the parameters of the Python package `cmaes`, as Optuna 5.0's CmaEsSampler uses it), without restarts.
struct CmaesConfig {
    std::size_t startup_trials = 1;  ///< complete trials that are drawn at random first
    std::size_t population = 0;      ///< trials of a generation; 0: 4 + floor(3 ln n) for n parameters

    [[nodiscard]] Result<void> validate() const;
};

/// Over the numeric parameters that all complete trials share, each scaled to [0, 1] (in log space, a step widens the range by half of it),
/// from the middle with step size 1/6; points outside are drawn again, at most 10 n times, then clipped. Categories and other parameters are
/// independent. Complete trials of a generation (`cma:generation`) make the next one; which ones did is kept in the attribute
/// `cma:told:<generation>` of the first trial of the next, and every process rebuilds the state from them. Pruned and failed trials and
/// constraints are not looked at. For one objective.
[[nodiscard]] std::unique_ptr<Sampler> cmaes_sampler(const CmaesConfig& config = {});

/// The elitist genetic algorithm NSGA-II (Deb et al. 2002) as Optuna 5.0's NSGAIISampler has it: uniform crossover of two parents, each the
/// winner of a tournament by constrained domination; a mutated parameter is drawn anew.
struct Nsga2Config {
    std::size_t population = 50;
    double crossover_probability = 0.9;
    double swapping_probability = 0.5;           ///< that a parameter comes from the first of the two
    std::optional<double> mutation_probability;  ///< of each parameter; none: 1 / n

    [[nodiscard]] Result<void> validate() const;
};

/// For any number of objectives. Generations are kept as Optuna keeps them, in the trial attribute `NSGAIISampler:generation` and the study
/// attribute `NSGAIISampler:parent:<generation>`.
[[nodiscard]] std::unique_ptr<Sampler> nsga2_sampler(const Nsga2Config& config = {});

/// The options of each sampler that has some.
struct SamplerOptions {
    GridConfig grid;
    QmcConfig qmc;
    TpeConfig tpe;
    CmaesConfig cmaes;
    Nsga2Config nsga2;
};

/// `random`, `grid` (of the space given to ask), `qmc`, `tpe`, `tpe-univariate`, `cmaes`, `nsga2`. Error usage with the nearest known name.
[[nodiscard]] Result<std::unique_ptr<Sampler>> make_sampler(const std::string& name, const SamplerOptions& options = {});

/// The names that make_sampler knows, in that order.
[[nodiscard]] const std::vector<std::string>& sampler_names();

}  // namespace sofia::tune
