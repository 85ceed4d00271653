#include "tune/optimize.hpp"

#include <atomic>
#include <stdexcept>

#include <gtest/gtest.h>

namespace sofia::tune {
namespace {

Study study(std::uint64_t seed = 3) {
    StudyOptions options;
    options.seed = seed;
    return Study::open(std::move(options)).value();
}

/// Some parameters are suggested only now and then, trials fail, some are pruned.
Result<Outcome> eventful(Trial& trial) {
    SOFIA_TRY(const double x, trial.suggest_float("x", -1.0, 1.0));
    SOFIA_TRY(const std::int64_t n, trial.suggest_int("n", 1, 50));
    SOFIA_TRY(const ParamValue kind, trial.suggest_categorical("kind", {std::string("a"), std::string("b")}));
    double extra = 0.0;
    if (kind == ParamValue(std::string("b"))) {
        SOFIA_TRY(extra, trial.suggest_float("extra", FloatDistribution{0.01, 1.0, true, 0.0}));
    }
    if (trial.number() % 7 == 3) return fail(ErrorCode::data, "seventh");
    SOFIA_CHECK(trial.report(0, x * x));
    SOFIA_TRY(const bool prune, trial.should_prune());
    if (prune) return Pruned{};
    return x * x + static_cast<double>(n) * 0.01 + extra;
}

std::string outcome(const Study& s) {
    std::string out;
    for (const TrialPtr& t : s.trials()) {
        out += to_string(t->state);
        for (const Param& p : t->params) out += " " + p.name + "=" + p.distribution->json() + format_value(p.value());
        for (const double v : t->values) out += " " + format_value(v);
        out += "\n";
    }
    return out;
}

std::string run(std::size_t threads, std::size_t batch, const SearchSpace* space) {
    StudyOptions study_options;
    study_options.seed = 3;
    study_options.pruner = median_pruner();
    Study s = Study::open(study_options).value();
    OptimizeOptions options;
    options.trials = 60;
    options.threads = threads;
    options.batch = batch;
    options.space = space;
    EXPECT_TRUE(optimize(s, eventful, options));
    return outcome(s);
}

TEST(Optimize, TheStudyIsTheSameForAnyNumberOfThreads) {
    const std::string one = run(1, 5, nullptr);
    EXPECT_EQ(run(3, 5, nullptr), one);
    EXPECT_EQ(run(8, 5, nullptr), one);
    EXPECT_NE(one.find("pruned"), std::string::npos);
    const auto space = parse_space("x: {type: float, low: -1, high: 1}\n", "s").value();
    EXPECT_EQ(run(4, 3, &space), run(1, 3, &space));
    EXPECT_NE(run(1, 1, nullptr), one);  // another batch is another study
}

TEST(Optimize, FailuresKeepTheirTextAndTheStudyGoesOn) {
    Study s = study();
    OptimizeOptions options;
    options.trials = 4;
    const auto report = optimize(
                            s,
                            [](Trial& trial) -> Result<Outcome> {
                                if (trial.number() == 0) return fail(ErrorCode::data, "no \"data\"");
                                if (trial.number() == 1) throw std::runtime_error("thrown");
                                if (trial.number() == 2) return std::vector<double>{1.0, 2.0};
                                return 1.0;
                            },
                            options)
                            .value();
    EXPECT_EQ(report.failed, 3);
    EXPECT_EQ(report.complete, 1);
    EXPECT_EQ(s.trial(0)->user_attributes.at("error"), "\"no \\\"data\\\"\"");
    EXPECT_EQ(s.trial(1)->user_attributes.at("error"), "\"thrown\"");
    EXPECT_EQ(s.best_trial().value()->number, 3);
}

TEST(Optimize, StopsBetweenBatchesAndKeepsWhatIsFinished) {
    Study s = study();
    StopFlag stop;
    OptimizeOptions options;
    options.trials = 0;
    options.batch = 2;
    options.stop = &stop;
    options.on_trial = [&](const Study&, const TrialPtr& trial) -> Result<void> {
        if (trial->number == 5) stop.request();
        return {};
    };
    const auto report = optimize(s, [](Trial&) -> Result<Outcome> { return 1.0; }, options).value();
    EXPECT_EQ(report.end, OptimizeReport::End::stopped);
    EXPECT_EQ(s.trials().size(), 6U);
}

TEST(Optimize, AnInterruptedObjectiveEndsTheStudy) {
    Study s = study();
    OptimizeOptions options;
    options.trials = 10;
    const auto report = optimize(
                            s,
                            [](Trial& trial) -> Result<Outcome> {
                                if (trial.number() == 1) return fail(ErrorCode::interrupted, "stopped");
                                return 1.0;
                            },
                            options)
                            .value();
    EXPECT_EQ(report.end, OptimizeReport::End::stopped);
    EXPECT_EQ(s.trials().size(), 2U);
}

TEST(Optimize, TheTimeoutEndsAnEndlessStudy) {
    Study s = study();
    OptimizeOptions options;
    options.trials = 0;
    options.timeout = 20 * ns_per_ms;
    const auto report = optimize(s, [](Trial&) -> Result<Outcome> { return 1.0; }, options).value();
    EXPECT_EQ(report.end, OptimizeReport::End::timeout);
    EXPECT_GE(report.complete, 1);
}

TEST(Optimize, EndlessOrEmptyOptionsAreRefused) {
    Study s = study();
    OptimizeOptions options;
    options.trials = 0;
    EXPECT_EQ(optimize(s, eventful, options).error().code, ErrorCode::usage);
    options.trials = 1;
    options.batch = 0;
    EXPECT_EQ(optimize(s, eventful, options).error().code, ErrorCode::usage);
}

TEST(Optimize, TrialsCountThisCallOnly) {
    Study s = study();
    OptimizeOptions options;
    options.trials = 3;
    options.batch = 2;
    ASSERT_TRUE(optimize(s, eventful, options));
    ASSERT_TRUE(optimize(s, eventful, options));
    EXPECT_EQ(s.trials().size(), 6U);
}

}  // namespace
}  // namespace sofia::tune
