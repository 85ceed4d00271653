#include "tune/optimize.hpp"

#include <algorithm>
#include <exception>

#include <fmt/core.h>

#include "base/text.hpp"
#include "base/threads.hpp"

namespace sofia::tune {

namespace {

Result<Outcome> measure(const Objective& objective, Trial& trial) {
    try {
        return objective(trial);
    } catch (const std::exception& error) {
        return fail(ErrorCode::internal, error.what());
    }
}

Result<TrialState> tell_outcome(Study& study, const Trial& trial, const Result<Outcome>& outcome) {
    if (!outcome) return study.tell_failure(trial, outcome.error().message);
    if (std::holds_alternative<Pruned>(*outcome)) return study.tell(trial, TrialState::pruned);
    if (const auto* value = std::get_if<double>(&*outcome)) return study.tell(trial, *value);
    const auto& values = std::get<std::vector<double>>(*outcome);
    if (values.size() != study.directions().size()) {
        return study.tell_failure(trial, counted(values.size(), "value") + " for " + counted(study.directions().size(), "objective"));
    }
    return study.tell(trial, TrialState::complete, values);
}

class Run {
public:
    Run(Study& study, const Objective& objective, const OptimizeOptions& options)
        : study_(study), objective_(objective), options_(options), pool_(options.threads), begun_(steady_now()) {
        // On resuming, only what beats the past is a new best.
        if (const auto best = study.directions().size() == 1 ? study.best_trial() : fail(ErrorCode::usage, "")) best_ = (*best)->values.front();
    }

    Result<OptimizeReport> all() {
        std::int64_t left = options_.trials;
        while (options_.trials == 0 || left > 0) {
            if (options_.stop != nullptr && options_.stop->requested()) return ended(OptimizeReport::End::stopped);
            if (options_.timeout > 0 && steady_now() - begun_ >= options_.timeout) return ended(OptimizeReport::End::timeout);
            const auto count = options_.trials == 0 ? options_.batch : std::min(options_.batch, static_cast<std::size_t>(left));
            SOFIA_TRY(const Batch done, batch(count));
            left -= static_cast<std::int64_t>(done.asked);
            if (!done.go_on) return ended(OptimizeReport::End::stopped);
            if (done.asked < count) return ended(OptimizeReport::End::exhausted);
        }
        return ended(OptimizeReport::End::trials);
    }

private:
    OptimizeReport ended(OptimizeReport::End end) {
        report_.end = end;
        return report_;
    }

    struct Batch {
        std::size_t asked = 0;
        bool go_on = true;
    };

    Result<Batch> batch(std::size_t wanted) {
        const DurationNs asked = steady_now();
        SOFIA_TRY(std::vector<Trial> trials, study_.ask_batch(wanted, options_.space));
        report_.study_time += steady_now() - asked;
        const std::size_t count = trials.size();
        if (count == 0) return Batch{0, true};
        std::vector<Result<Outcome>> outcomes(count, Result<Outcome>(Pruned{}));
        pool_.for_each(count, [&](std::size_t i) { outcomes[i] = measure(objective_, trials[i]); });

        std::vector<std::optional<TrialState>> states(count);
        const auto tells = [&]() -> Result<void> {
            for (std::size_t i = 0; i < count; ++i) {
                auto told = tell_outcome(study_, trials[i], outcomes[i]);
                if (told) states[i] = *told;
                if (!told && told.error().code != ErrorCode::conflict) return std::unexpected(std::move(told).error());
            }
            return {};
        };
        const DurationNs measured = steady_now();
        SOFIA_CHECK(study_.together(tells));
        report_.study_time += steady_now() - measured;

        Batch done{count, true};
        for (std::size_t i = 0; i < count; ++i) {
            if (!outcomes[i] && outcomes[i].error().code == ErrorCode::interrupted) done.go_on = false;
            SOFIA_CHECK(states[i] ? note(trials[i].number(), *states[i]) : note_lost(trials[i].number()));
        }
        return done;
    }

    Result<void> note(std::int64_t number, TrialState state) {
        const TrialPtr trial = study_.trial(number);
        if (state == TrialState::complete) {
            ++report_.complete;
            note_best(*trial);
        } else if (state == TrialState::pruned) {
            ++report_.pruned;
        } else {
            ++report_.failed;
            options_.log.warning(fmt::format("trial {} failed: {}", number, trial->failure_reason()));
        }
        if (options_.progress != nullptr) options_.progress->advance();
        return options_.on_trial ? options_.on_trial(study_, trial) : Result<void>();
    }

    Result<void> note_lost(std::int64_t number) {
        ++report_.lost;
        options_.log.warning(fmt::format("trial {} was finished by somebody else while it ran here; its result is dropped", number));
        if (options_.progress != nullptr) options_.progress->advance();
        return {};
    }

    void note_best(const FrozenTrial& trial) {
        if (study_.directions().size() != 1 || !trial.feasible()) return;
        const double value = trial.values.front();
        const bool minimize = study_.directions().front() == Direction::minimize;
        if (best_ && !(minimize ? value < *best_ : value > *best_)) return;
        best_ = value;
        options_.log.debug(fmt::format("trial {} is the best so far: {}", trial.number, format_double(value)));
        if (options_.progress != nullptr) options_.progress->note(fmt::format("best {}", format_double(value)));
    }

    Study& study_;
    const Objective& objective_;
    const OptimizeOptions& options_;
    ThreadPool pool_;
    DurationNs begun_;
    std::optional<double> best_;
    OptimizeReport report_;
};

}  // namespace

Result<void> OptimizeOptions::validate() const {
    if (trials < 0) return fail(ErrorCode::usage, fmt::format("{} trials", trials), "0 means until the timeout");
    if (timeout < 0) return fail(ErrorCode::usage, "the timeout is negative");
    if (batch < 1) return fail(ErrorCode::usage, "a batch has at least one trial");
    if (trials == 0 && timeout == 0 && stop == nullptr)
        return fail(ErrorCode::usage, "neither a number of trials, nor a timeout, nor a stop flag is given");
    return {};
}

Result<OptimizeReport> optimize(Study& study, const Objective& objective, const OptimizeOptions& options) {
    SOFIA_CHECK(options.validate());
    return Run(study, objective, options).all();
}

}  // namespace sofia::tune
