#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/log.hpp"
#include "tune/heartbeat.hpp"
#include "tune/pruner.hpp"
#include "tune/sampler.hpp"
#include "tune/storage.hpp"

namespace sofia::tune {

class Study;
struct StudyState;

/// A running trial in the hands of an objective. Refers to its study, which must outlive it (the study may be moved). One thread a trial; trials of
/// one study may run in different threads.
class Trial {
public:
    [[nodiscard]] std::int64_t number() const { return frozen_->number; }

    /// The value of a parameter: fixed by `enqueue`, drawn jointly when asked, or drawn now; stored before it is returned. Suggested
    /// twice, it is the same value. Errors: config (a bad distribution), conflict (incompatible with the study's earlier trials), io.
    [[nodiscard]] Result<double> suggest_float(const std::string& name, double low, double high);
    [[nodiscard]] Result<double> suggest_float(const std::string& name, const FloatDistribution& distribution);
    [[nodiscard]] Result<std::int64_t> suggest_int(const std::string& name, std::int64_t low, std::int64_t high);
    [[nodiscard]] Result<std::int64_t> suggest_int(const std::string& name, const IntDistribution& distribution);
    [[nodiscard]] Result<ParamValue> suggest_categorical(const std::string& name, std::vector<ParamValue> choices);
    [[nodiscard]] Result<ParamValue> suggest(const std::string& name, const Distribution& distribution);

    /// What has been suggested so far, by name.
    [[nodiscard]] std::map<std::string, ParamValue> params() const;

    /// An intermediate value at a step >= 0; the first report of a step counts. Errors: usage (negative step, several objectives), io.
    [[nodiscard]] Result<void> report(std::int64_t step, double value);

    /// Whether the pruner would stop here.
    [[nodiscard]] Result<bool> should_prune() const;

    [[nodiscard]] Result<void> set_user_attribute(const std::string& key, const Json& value);

    /// A condition on the outcome: violated where the value is above 0. The first value of a name counts. Samplers prefer trials that violate
    /// nothing (tpe, nsga2), and the best trials are chosen among them. Errors: usage (NaN), io.
    [[nodiscard]] Result<void> set_constraint(const std::string& name, double value);

    /// All conditions at once, without names: Optuna reads these from 3.0 on, named ones from 5.0 on. The first call counts.
    [[nodiscard]] Result<void> set_constraints(std::span<const double> values);

    /// Tells other processes that this trial is alive.
    [[nodiscard]] Result<void> beat();

    /// The trial as it stands.
    [[nodiscard]] const FrozenTrial& frozen() const { return *frozen_; }

private:
    friend class Study;
    Trial(StudyState& study, FrozenTrial frozen, JointSample joint, SearchSpace joint_space);
    [[nodiscard]] Result<void> set_system_attribute(const std::string& key, const std::string& json);
    StudyState* study_;
    std::shared_ptr<FrozenTrial> frozen_;
    JointSample joint_;
    SearchSpace joint_space_;
};

/// What holds a worker whose trials are counted elsewhere, with those of others: on a cluster, for instance.
struct Share {
    std::function<bool()> may_ask;  ///< called before each trial; false: there are no more, as from a sampler that has no more to give. Null: always
    /// Called before a trial is told to be complete or pruned; an error goes to who tells, and the trial stays as it is. Null: nothing.
    std::function<Result<void>(std::int64_t number)> before_tell;
    std::string worker;  ///< kept with each trial that is asked here, as its user attribute `worker`; empty: nothing is
};

struct StudyOptions {
    std::string name;  ///< empty: a random readable one
    std::vector<Direction> directions = {Direction::minimize};
    enum class Open : std::uint8_t {
        create,  ///< conflict when the name exists
        resume,  ///< continue it, or create it
        load,  ///< usage error when it does not exist
    } open = Open::create;
    std::optional<std::uint64_t> seed;  ///< none: from entropy
    std::shared_ptr<Storage> storage;  ///< none: in memory
    std::shared_ptr<Sampler> sampler;  ///< none: TPE
    std::shared_ptr<Pruner> pruner;  ///< none: no pruning
    Heartbeat heartbeat;  ///< with others through a storage: how to notice that one of them died
    Logger log;  ///< a line for each trial of a dead worker that is failed here
    Share share{};
};

/// A study: ask for a trial, tell its outcome. Thread-safe.
///
/// Trial number n draws from the seed's stream split by n, and a joint sample is drawn when the trial is asked. So with asking in
/// batches and telling in number order the trials are the same for any number of threads.
class Study {
public:
    [[nodiscard]] static Result<Study> open(StudyOptions options);
    ~Study();
    Study(Study&&) noexcept;
    Study& operator=(Study&&) noexcept;

    [[nodiscard]] const std::string& name() const;
    [[nodiscard]] const std::vector<Direction>& directions() const;
    [[nodiscard]] std::uint64_t seed() const;

    /// The next trial: a waiting one if there is any, else a new one. With a space all its parameters are drawn now and stored in the
    /// same transaction. With heartbeats, trials of dead workers are failed before. Errors: conflict (the space contradicts earlier trials),
    /// usage (the sampler has no more to give), config (the sampler cannot serve the space), io.
    [[nodiscard]] Result<Trial> ask();
    [[nodiscard]] Result<Trial> ask(const SearchSpace& space);

    /// `count` trials in one transaction; null space: the objective suggests. Fewer, or none, when the sampler has no more to give.
    [[nodiscard]] Result<std::vector<Trial>> ask_batch(std::size_t count, const SearchSpace* space);

    /// The outcome of a trial. State complete needs one value an objective; a NaN among them makes the trial fail; pruned takes its last
    /// report as value unless that is NaN; fail has none. Errors: usage (wrong count or state), conflict (already finished, by somebody else
    /// perhaps: see Heartbeat), io.
    [[nodiscard]] Result<TrialState> tell(const Trial& trial, TrialState state, std::span<const double> values = {});

    /// Complete with one value.
    [[nodiscard]] Result<TrialState> tell(const Trial& trial, double value);

    /// Failed, with its reason in the user attribute `error`.
    [[nodiscard]] Result<TrialState> tell_failure(const Trial& trial, std::string_view reason);

    /// Fails a running trial whose worker is known to have died, with the reason in the user attribute `error`, and logs it. The number of the
    /// trial that repeats it, as often as the study's heartbeat says; none: it is not repeated, or somebody else had finished it.
    /// Errors: usage (no such trial), io.
    [[nodiscard]] Result<std::optional<std::int64_t>> fail_running(std::int64_t number, const std::string& reason, Repeat repeat);

    /// Runs several tells in one transaction.
    [[nodiscard]] Result<void> together(const std::function<Result<void>()>& tells);

    /// A waiting trial with these parameters fixed; others are sampled. A value that its parameter cannot take fails the trial when it is asked.
    [[nodiscard]] Result<void> enqueue(const std::map<std::string, ParamValue>& params);

    /// Adds a trial that is already finished, for instance from another study.
    [[nodiscard]] Result<void> add(FrozenTrial trial);

    /// Reads what other processes have written; `ask` does it too.
    [[nodiscard]] Result<void> refresh();

    /// The trial of a number, as known here; null when there is none.
    [[nodiscard]] TrialPtr trial(std::int64_t number) const;

    /// All trials by number, as known here (`refresh` first to see others').
    [[nodiscard]] std::vector<TrialPtr> trials() const;

    /// The best complete and feasible trial of the only objective; the lowest number wins a tie. Errors usage: there is none, several objectives.
    [[nodiscard]] Result<TrialPtr> best_trial() const;

    /// The complete and feasible trials that no other such one dominates, by number (for one objective: all best ones).
    [[nodiscard]] std::vector<TrialPtr> best_trials() const;

    [[nodiscard]] Attributes user_attributes() const;
    [[nodiscard]] Result<void> set_user_attribute(const std::string& key, const Json& value);

private:
    explicit Study(std::unique_ptr<StudyState> state);
    [[nodiscard]] Result<FrozenTrial> next_trial(std::vector<TrialPtr>& before);
    [[nodiscard]] Result<Trial> open_trial(const SearchSpace* space, std::vector<TrialPtr>& before);
    [[nodiscard]] Result<std::vector<Param>> resolve_all(const FrozenTrial& trial, const JointSample& joint, const SearchSpace& joint_space,
                                                         const SearchSpace& space);
    [[nodiscard]] Result<void> fail_enqueued(FrozenTrial trial, const std::string& reason);
    [[nodiscard]] Result<TrialState> finish(FrozenTrial told, TrialState state, std::string_view reason);
    std::unique_ptr<StudyState> state_;
};

/// `brave-otter-1f3a`, from entropy, never from a seed.
[[nodiscard]] std::string random_study_name();

}  // namespace sofia::tune
