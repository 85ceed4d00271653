#include "app/pipeline/trial_window.hpp"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

namespace sofia::pipeline {
namespace {

using tune::Outcome;

tune::Study study() {
    tune::StudyOptions options;
    options.seed = 5;
    return tune::Study::open(std::move(options)).value();
}

tune::SearchSpace space() { return tune::parse_space("x: {type: float, low: -1, high: 1}\ny: {type: int, low: 1, high: 9}", "space").value(); }

/// What a study of 40 trials looks like; those of even number take longer.
std::string history_with(std::size_t workers, std::size_t batch) {
    tune::Study s = study();
    const tune::SearchSpace searched = space();
    const tune::Objective objective = [](tune::Trial& trial) -> Result<Outcome> {
        if (trial.number() % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        const auto params = trial.params();
        const double x = std::get<double>(params.at("x"));
        return x * x + static_cast<double>(std::get<std::int64_t>(params.at("y")));
    };
    const tune::OptimizeOptions options{.trials = 40, .batch = batch, .space = &searched};
    EXPECT_EQ(optimize_in_window(s, objective, options, workers).value().complete, 40);
    std::string text;
    for (const tune::TrialPtr& trial : s.trials()) {
        for (const tune::Param& param : trial->params) text += param.name + tune::format_value(param.value()) + " ";
        text += std::to_string(trial->values.front()) + "\n";
    }
    return text;
}

TEST(TrialWindow, TheStudyDoesNotDependOnTheWorkers) {
    const std::string one = history_with(1, 4);
    EXPECT_EQ(history_with(2, 4), one);
    EXPECT_EQ(history_with(5, 4), one);
    EXPECT_NE(history_with(2, 1), one);  // what a trial knows is part of the result
}

TEST(TrialWindow, ATrialKnowsAllButThoseOfTheWindowBeforeIt) {
    tune::Study s = study();
    const tune::SearchSpace searched = space();
    constexpr std::int64_t batch = 3;
    std::atomic<bool> kept{true};
    const tune::Objective objective = [&](tune::Trial& trial) -> Result<Outcome> {
        for (const tune::TrialPtr& other : s.trials()) {
            const bool told = other->state == tune::TrialState::complete;
            if (other->number <= trial.number() - batch && !told) kept = false;
        }
        return 1.0;
    };
    const tune::OptimizeOptions options{.trials = 30, .batch = batch, .space = &searched};
    ASSERT_TRUE(optimize_in_window(s, objective, options, 2));
    EXPECT_TRUE(kept);
}

TEST(TrialWindow, AFailureFailsItsTrialOnly) {
    tune::Study s = study();
    const tune::SearchSpace searched = space();
    const tune::Objective objective = [](tune::Trial& trial) -> Result<Outcome> {
        if (trial.number() == 3) throw std::runtime_error("no such thing");
        if (trial.number() == 5) return fail(ErrorCode::data, "nothing there");
        return 1.0;
    };
    const tune::OptimizeOptions options{.trials = 8, .batch = 4, .space = &searched};
    const auto report = optimize_in_window(s, objective, options, 2);
    EXPECT_EQ(report.value().complete, 6);
    EXPECT_EQ(report->failed, 2);
    EXPECT_EQ(s.trial(3)->failure_reason(), "no such thing");
    EXPECT_EQ(s.trial(5)->failure_reason(), "nothing there");
}

TEST(TrialWindow, NothingIsAskedAfterTheStopFlag) {
    tune::Study s = study();
    const tune::SearchSpace searched = space();
    StopFlag stop;
    const tune::Objective objective = [&](tune::Trial& trial) -> Result<Outcome> {
        if (trial.number() == 4) stop.request();
        if (stop.requested()) return fail(ErrorCode::interrupted, "interrupted");
        return 1.0;
    };
    const tune::OptimizeOptions options{.trials = 100, .batch = 2, .space = &searched, .stop = &stop};
    const auto report = optimize_in_window(s, objective, options, 1);
    EXPECT_EQ(report.value().end, tune::OptimizeReport::End::stopped);
    EXPECT_EQ(report->complete, 4);
    EXPECT_LE(s.trials().size(), 6U);
    for (const tune::TrialPtr& trial : s.trials()) EXPECT_NE(trial->state, tune::TrialState::running);
}

TEST(TrialWindow, EndsWithTheTimeout) {
    tune::Study s = study();
    const tune::SearchSpace searched = space();
    const tune::Objective objective = [](tune::Trial&) -> Result<Outcome> { return 1.0; };
    const tune::OptimizeOptions options{.trials = 0, .timeout = 20 * ns_per_ms, .batch = 2, .space = &searched};
    const auto report = optimize_in_window(s, objective, options, 2);
    EXPECT_EQ(report.value().end, tune::OptimizeReport::End::timeout);
    EXPECT_EQ(static_cast<std::size_t>(report->complete), s.trials().size());
}

}  // namespace
}  // namespace sofia::pipeline
