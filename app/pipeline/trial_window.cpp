#include "app/pipeline/trial_window.hpp"

#include <deque>
#include <exception>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "app/pipeline/crew.hpp"
#include "base/text.hpp"

namespace sofia::pipeline {
namespace {

using tune::Outcome;
using Report = tune::OptimizeReport;

class Run {
public:
    Run(tune::Study& study, const tune::Objective& objective, const tune::OptimizeOptions& options, std::size_t workers)
        : study_(study), objective_(objective), options_(options), begun_(steady_now()), crew_(workers), jobs_(crew_, 0) {
        // On resuming, only what beats the past is a new best.
        if (const auto best = study.best_trial()) best_ = (*best)->values.front();
    }

    Result<Report> all() {
        for (;;) {
            while (under_way_.size() < options_.batch && wants_more()) {
                SOFIA_TRY(const bool asked, ask());
                if (!asked) break;
            }
            if (under_way_.empty()) return report_;
            SOFIA_CHECK(tell_first());
        }
    }

private:
    struct UnderWay {
        explicit UnderWay(tune::Trial asked) : trial(std::move(asked)) {}
        tune::Trial trial;
        Result<Outcome> outcome = Outcome(tune::Pruned{});
        std::size_t job = 0;
    };

    bool wants_more() {
        if (ended_) return false;
        const auto end = [&](Report::End why) {
            report_.end = why;
            ended_ = true;
            return false;
        };
        if (options_.stop != nullptr && options_.stop->requested()) return end(Report::End::stopped);
        if (options_.trials > 0 && asked_ == options_.trials) return end(Report::End::trials);
        if (options_.timeout > 0 && steady_now() - begun_ >= options_.timeout) return end(Report::End::timeout);
        return true;
    }

    /// False: the sampler has no more to give.
    Result<bool> ask() {
        const DurationNs begun = steady_now();
        SOFIA_TRY(std::vector<tune::Trial> asked, study_.ask_batch(1, options_.space));
        report_.study_time += steady_now() - begun;
        if (asked.empty()) {
            report_.end = Report::End::exhausted;
            ended_ = true;
            return false;
        }
        ++asked_;
        UnderWay& one = under_way_.emplace_back(std::move(asked.front()));
        one.job = jobs_.add([this, &one] { one.outcome = measure(one.trial); });
        return true;
    }

    Result<Outcome> measure(tune::Trial& trial) const {
        try {
            return objective_(trial);
        } catch (const std::exception& error) {
            return fail(ErrorCode::internal, error.what());
        }
    }

    Result<tune::TrialState> outcome_told(const UnderWay& one) {
        if (!one.outcome) return study_.tell_failure(one.trial, one.outcome.error().message);
        if (const auto* value = std::get_if<double>(&*one.outcome)) return study_.tell(one.trial, *value);
        if (const auto* values = std::get_if<std::vector<double>>(&*one.outcome)) return study_.tell(one.trial, tune::TrialState::complete, *values);
        return study_.tell(one.trial, tune::TrialState::pruned);
    }

    /// Waits for the trial that was asked first and tells its outcome.
    Result<void> tell_first() {
        UnderWay& one = under_way_.front();
        jobs_.wait(one.job);
        const DurationNs begun = steady_now();
        const auto told = outcome_told(one);
        report_.study_time += steady_now() - begun;
        if (!told && told.error().code != ErrorCode::conflict) return std::unexpected(told.error());
        if (!one.outcome && one.outcome.error().code == ErrorCode::interrupted) {
            report_.end = Report::End::stopped;
            ended_ = true;
        }
        const std::int64_t number = one.trial.number();
        under_way_.pop_front();
        if (options_.progress != nullptr) options_.progress->advance();
        if (told) return note(number, *told);
        ++report_.lost;
        options_.log.warning(fmt::format("trial {} was finished by somebody else while it ran here; its result is dropped", number));
        return {};
    }

    Result<void> note(std::int64_t number, tune::TrialState state) {
        const tune::TrialPtr trial = study_.trial(number);
        if (state == tune::TrialState::complete) {
            ++report_.complete;
            note_best(*trial);
        } else if (state == tune::TrialState::pruned) {
            ++report_.pruned;
        } else {
            ++report_.failed;
            options_.log.warning(fmt::format("trial {} failed: {}", number, trial->failure_reason()));
        }
        return options_.on_trial ? options_.on_trial(study_, trial) : Result<void>();
    }

    void note_best(const tune::FrozenTrial& trial) {
        if (study_.directions().size() != 1 || !trial.feasible()) return;
        const double value = trial.values.front();
        const bool minimize = study_.directions().front() == tune::Direction::minimize;
        if (best_ && !(minimize ? value < *best_ : value > *best_)) return;
        best_ = value;
        options_.log.debug(fmt::format("trial {} is the best so far: {}", trial.number, format_double(value)));
        if (options_.progress != nullptr) options_.progress->note(fmt::format("best {}", format_double(value)));
    }

    tune::Study& study_;
    const tune::Objective& objective_;
    const tune::OptimizeOptions& options_;
    DurationNs begun_;
    std::int64_t asked_ = 0;
    bool ended_ = false;
    std::optional<double> best_;
    Report report_;
    std::deque<UnderWay> under_way_;  // by number; jobs hold references, which a deque keeps
    Crew crew_;
    Crew::Jobs jobs_;  // the last member: its jobs write into the others
};

}  // namespace

Result<tune::OptimizeReport> optimize_in_window(tune::Study& study, const tune::Objective& objective, const tune::OptimizeOptions& options,
                                                std::size_t workers) {
    SOFIA_CHECK(options.validate());
    return Run(study, objective, options, workers).all();
}

}  // namespace sofia::pipeline
