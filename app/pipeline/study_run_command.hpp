#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/process.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "tune/optimize.hpp"

namespace sofia::pipeline {

/// A command whose arguments hold `{name}` where a parameter's value goes, alone or inside (`--lr={lr}`); `{{` and `}}` stand for braces.
class CommandTemplate {
public:
    /// Errors: usage (a name that is no parameter, with the nearest one; a brace without its partner), unavailable (no such program).
    [[nodiscard]] static Result<CommandTemplate> parse(const std::vector<std::string>& arguments, const tune::SearchSpace& space);

    /// The arguments with the values as tune::format_value writes them: numbers shortest round-trip, `true`, `null`, text as it is.
    [[nodiscard]] std::vector<std::string> fill(const std::map<std::string, tune::ParamValue>& params) const;

    /// Parameters of the space that no argument holds, by name.
    [[nodiscard]] const std::vector<std::string>& unused() const { return unused_; }

private:
    /// `text` and then, unless it is the last part of its argument, the value of `parameter`.
    struct Part {
        std::string text;
        std::string parameter;
    };
    std::vector<std::vector<Part>> arguments_;
    std::vector<std::string> unused_;
};

/// What a trial's command says, line by line.
///
/// `report STEP VALUE` is an intermediate value, `constraint NAME VALUE` a constraint that holds at 0 or below; the last line that is not
/// empty is the value, or as many values as there are objectives, with blanks or commas between. All other lines are for people.
class CommandReader {
public:
    explicit CommandReader(tune::Trial& trial) : trial_(&trial) {}

    /// `end` when the pruner would stop here. Errors: data (a report or constraint that is no number), those of Trial::report.
    [[nodiscard]] Result<AfterLine> read(const ProcessLine& line);

    /// The outcome after the last line. Error data: the last line is no value, with the line.
    [[nodiscard]] Result<tune::Outcome> outcome() const;

private:
    [[nodiscard]] Result<AfterLine> report(std::string_view step, std::string_view value);
    tune::Trial* trial_;
    std::string last_;
    std::size_t cut_ = 0;
    bool pruned_ = false;
};

struct CommandOptions {
    std::string study;                 ///< for the command's environment
    DurationNs timeout = 0;            ///< of a trial; 0: none
    const StopFlag* stop = nullptr;
};

/// An objective that runs the command, once a trial, in the current folder and without a shell. In its environment are SOFIA_STUDY,
/// SOFIA_TRIAL (the trial's number) and SOFIA_PARAMS (all parameters as a JSON object). A pruned command gets SIGTERM. A trial fails with the
/// reason when the command exits with another code than 0, is killed, takes longer than the timeout or prints no value.
[[nodiscard]] tune::Objective command_objective(std::shared_ptr<const CommandTemplate> command, CommandOptions options);

}  // namespace sofia::pipeline
