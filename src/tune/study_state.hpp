#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tune/study.hpp"

namespace sofia::tune {

/// What a study holds; shared by study.cpp (asking, telling) and trial.cpp (suggesting).
struct StudyState {
    std::recursive_mutex mutex;
    std::shared_ptr<Storage> storage;
    std::shared_ptr<Sampler> sampler;
    std::shared_ptr<Pruner> pruner;
    StudyInfo info;
    std::uint64_t seed = 0;
    Heartbeat heartbeat;
    Logger logger;
    Share share;
    History history{{}};
    std::int64_t last_id = 0;            ///< all trials up to this id of the storage have been read
    std::map<std::string, std::shared_ptr<const Distribution>> first_seen;  ///< what later distributions must be compatible with
    std::set<std::int64_t> owned;        ///< numbers of the running trials that were asked here: nobody else changes them
    bool together = false;

    /// The part of the history that one of the pruner's brackets is shown.
    struct Bracket {
        History history;
        std::size_t read = 0;  ///< of the whole history's finished_log
    };
    std::map<std::int64_t, Bracket> brackets;  // a map: samplers know a History by its address

    /// What the sampler sees for a trial: its bracket, where the pruner has some and the sampler does not need everything.
    [[nodiscard]] const History& shown(std::int64_t number);

    std::vector<FrozenTrial> told;       ///< inside `together`: goes into the history after the commit

    [[nodiscard]] RandomStream stream(std::int64_t number) const {
        return RandomStream(seed).split("trial").split(static_cast<std::uint64_t>(number));
    }

    /// One object for equal distributions of a name. Error conflict: incompatible with an earlier trial.
    [[nodiscard]] Result<std::shared_ptr<const Distribution>> intern(const std::string& name, const Distribution& distribution);

    /// The internal value of a parameter of `trial`: fixed, single, drawn jointly, or drawn now.
    [[nodiscard]] Result<Param> resolve(const FrozenTrial& trial, const JointSample& joint, const SearchSpace& joint_space, const std::string& name,
                                        const Distribution& distribution);

    /// Reads what other processes wrote.
    [[nodiscard]] Result<void> refresh();

    /// The study's system attributes: reads what others wrote, writes and keeps some.
    [[nodiscard]] Result<void> refresh_attributes();
    [[nodiscard]] Result<void> write_attributes(const Attributes& attributes);

    /// Only the trials that are not known yet.
    [[nodiscard]] Result<void> refresh_new();

    void put(FrozenTrial trial);

    /// What was read. Error data: a trial that the study's directions contradict.
    [[nodiscard]] Result<void> put_all(std::vector<FrozenTrial> read);

    /// Starts the thread that beats for the trials asked here, if heartbeats are wanted.
    void start_beating();
    void beat_until(const std::stop_token& stop);

    /// Fails other workers' trials without a sign of life. Not inside a transaction.
    [[nodiscard]] Result<void> fail_stale();
    [[nodiscard]] Result<std::optional<std::int64_t>> fail_one(std::int64_t number, const std::string& reason, Repeat repeat);

    std::jthread beating;  ///< last: it ends before what it uses
};

}  // namespace sofia::tune
