#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tune/frozen.hpp"

namespace sofia::tune {

/// The trials of one study as samplers and pruners see them: what this process has read or told. Trials are immutable snapshots.
///
/// It changes only at `ask` (what other processes wrote comes in) and at `tell`. So while a batch runs, every trial of it sees the
/// same history, and what a sampler draws does not depend on which thread was faster. A running trial shows the parameters that were
/// decided when it was asked.
class History {
public:
    explicit History(std::vector<Direction> directions) : directions_(std::move(directions)) {}

    [[nodiscard]] const std::vector<Direction>& directions() const { return directions_; }

    /// The study's name, by which a pruner may divide its trials.
    [[nodiscard]] const std::string& study_name() const { return study_name_; }
    void set_study_name(std::string name) { study_name_ = std::move(name); }

    /// By number. A gap (another process has made a trial that was not read yet) is a null pointer.
    [[nodiscard]] const std::vector<TrialPtr>& trials() const { return trials_; }

    /// Finished trials in the order in which they came to be known here: a sampler keeps a cursor into it and learns each trial once.
    [[nodiscard]] const std::vector<TrialPtr>& finished_log() const { return finished_; }

    /// Running trials by number.
    [[nodiscard]] const std::map<std::int64_t, TrialPtr>& running() const { return running_; }

    /// Waiting trials by number.
    [[nodiscard]] const std::map<std::int64_t, TrialPtr>& waiting() const { return waiting_; }

    /// The study's system attributes, as far as a sampler needs them (Sampler::needs); else those it was opened with.
    [[nodiscard]] const Attributes& study_system_attributes() const { return study_system_attributes_; }
    void set_study_system_attributes(Attributes attributes) { study_system_attributes_ = std::move(attributes); }

    /// How many trials are in a finished state (0 for the others: see `running` and `waiting`).
    [[nodiscard]] std::size_t count(TrialState state) const;

    /// Takes the newest snapshot of a trial. A finished trial is never replaced.
    void put(TrialPtr trial);

    /// Takes back an unfinished trial whose transaction failed.
    void forget(std::int64_t number);

private:
    std::vector<Direction> directions_;
    std::string study_name_;
    Attributes study_system_attributes_;
    std::vector<TrialPtr> trials_;
    std::vector<TrialPtr> finished_;
    std::map<std::int64_t, TrialPtr> running_;
    std::map<std::int64_t, TrialPtr> waiting_;
    std::map<TrialState, std::size_t> counts_;
};

}  // namespace sofia::tune
