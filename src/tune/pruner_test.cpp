#include "tune/pruner.hpp"

#include <limits>
#include <set>

#include <gtest/gtest.h>

#include "tune/study.hpp"

namespace sofia::tune {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

using Reports = std::map<std::int64_t, double>;

FrozenTrial trial(std::int64_t number, TrialState state, Reports reports) {
    FrozenTrial out;
    out.number = number;
    out.id = number + 1;
    out.state = state;
    out.values = {0.0};
    out.reports = std::move(reports);
    return out;
}

FrozenTrial running(Reports reports) { return trial(99, TrialState::running, std::move(reports)); }

/// Complete trials 0, 1, ... with these reports; the value of a trial is its last report.
History history(Direction direction, const std::vector<Reports>& reports) {
    History out({direction});
    out.set_study_name("study");
    for (std::size_t i = 0; i < reports.size(); ++i) {
        FrozenTrial one = trial(static_cast<std::int64_t>(i), TrialState::complete, reports[i]);
        if (!reports[i].empty()) one.values = {reports[i].rbegin()->second};
        out.put(std::make_shared<FrozenTrial>(std::move(one)));
    }
    return out;
}

History at_step_one(Direction direction, const std::vector<double>& values) {
    std::vector<Reports> reports;
    for (const double v : values) reports.push_back({{1, v}});
    return history(direction, reports);
}

std::unique_ptr<Pruner> made(const std::string& text) { return make_pruner(text).value(); }

bool prunes(const std::string& pruner, const History& past, Reports reports) { return made(pruner)->prune(past, running(std::move(reports))).prune; }

constexpr auto minimize = Direction::minimize;
constexpr auto maximize = Direction::maximize;

TEST(MedianPruner, WaitsForItsStartupTrials) {
    EXPECT_FALSE(prunes("median", at_step_one(minimize, {1, 1, 1, 1}), {{1, 9.0}}));
    EXPECT_TRUE(prunes("median", at_step_one(minimize, {1, 1, 1, 1, 1}), {{1, 9.0}}));
    EXPECT_FALSE(prunes("median", at_step_one(minimize, {1, 1, 1, 1, 1}), {}));
    EXPECT_FALSE(prunes("none", at_step_one(minimize, {1, 1, 1, 1, 1}), {{1, 9.0}}));
}

TEST(MedianPruner, ComparesTheBestSoFarWithTheMedianAtTheLastStep) {
    const History past = at_step_one(minimize, {1, 2, 3, 4, 5, 6});  // median 3.5
    EXPECT_FALSE(prunes("median", past, {{1, 3.5}}));
    EXPECT_TRUE(prunes("median", past, {{1, 3.6}}));
    EXPECT_FALSE(prunes("median", past, {{0, 1.0}, {1, 9.0}}));
    EXPECT_FALSE(prunes("median", past, {{2, 9.0}}));  // nobody has reported step 2
    const History up = at_step_one(maximize, {1, 2, 3, 4, 5, 6});
    EXPECT_FALSE(prunes("median", up, {{1, 3.5}}));
    EXPECT_TRUE(prunes("median", up, {{1, 3.4}}));
}

TEST(MedianPruner, LeavesNaNOutAndPrunesATrialOfNaN) {
    EXPECT_TRUE(prunes("median", at_step_one(minimize, {1, 2, 3, 4, nan}), {{1, 2.6}}));
    EXPECT_FALSE(prunes("median", at_step_one(minimize, {nan, nan, nan, nan, nan}), {{1, 2.6}}));
    EXPECT_TRUE(prunes("median", at_step_one(minimize, {1, 2, 3, 4, 5}), {{0, nan}, {1, nan}}));
}

TEST(MedianPruner, KeepsToWarmupIntervalAndMinimum) {
    const History past = at_step_one(minimize, {1, 1, 1, 1, 1});
    EXPECT_FALSE(prunes("median:warmup_steps=2", past, {{1, 9.0}}));
    EXPECT_FALSE(prunes("median:interval_steps=2", past, {{0, 9.0}, {1, 9.0}}));
    EXPECT_TRUE(prunes("median:interval_steps=2", past, {{1, 9.0}}));
    EXPECT_FALSE(prunes("median:min_trials=6", past, {{1, 9.0}}));
}

TEST(MedianPruner, LearnsWhatIsToldAfterItsFirstCall) {
    History past = at_step_one(minimize, {1, 1, 1, 1, 1});
    const auto pruner = made("median");
    EXPECT_TRUE(pruner->prune(past, running({{1, 2.0}})).prune);
    for (std::int64_t i = 5; i < 11; ++i) past.put(std::make_shared<FrozenTrial>(trial(i, TrialState::complete, {{1, 3.0}})));
    EXPECT_FALSE(pruner->prune(past, running({{1, 2.0}})).prune);
    EXPECT_TRUE(pruner->prune(at_step_one(minimize, {1, 1, 1, 1, 1}), running({{1, 2.0}})).prune);
}

TEST(PercentilePruner, KeepsThePartThatItIsTold) {
    const History past = at_step_one(minimize, {1, 2, 3, 4, 5});
    EXPECT_FALSE(prunes("percentile", past, {{1, 2.0}}));
    EXPECT_TRUE(prunes("percentile", past, {{1, 2.1}}));
    EXPECT_FALSE(prunes("percentile:percentile=75", past, {{1, 4.0}}));
    EXPECT_TRUE(prunes("percentile:percentile=75", past, {{1, 4.1}}));
    const History up = at_step_one(maximize, {1, 2, 3, 4, 5});
    EXPECT_FALSE(prunes("percentile", up, {{1, 4.0}}));
    EXPECT_TRUE(prunes("percentile", up, {{1, 3.9}}));
}

TEST(HalvingPruner, StoresEachRungAndKeepsTheBestQuarter) {
    const auto pruner = halving_pruner({.min_resource = 1});
    History past({minimize});
    // The first to arrive climbs every rung that its step completes.
    const PruneVerdict first = pruner->prune(past, running({{4, 0.5}}));
    EXPECT_FALSE(first.prune);
    EXPECT_EQ(first.attributes, (Attributes{{"completed_rung_0", "0.5"}, {"completed_rung_1", "0.5"}}));
    for (std::int64_t i = 0; i < 7; ++i) {
        FrozenTrial one = trial(i, TrialState::pruned, {{1, 1.0 + static_cast<double>(i)}});
        one.system_attributes["completed_rung_0"] = std::to_string(1 + i) + ".0";
        past.put(std::make_shared<FrozenTrial>(one));
    }
    // Eight at the rung with this one: two go on.
    EXPECT_FALSE(pruner->prune(past, running({{1, 1.5}})).prune);
    const PruneVerdict third = pruner->prune(past, running({{1, 2.5}}));
    EXPECT_TRUE(third.prune);
    EXPECT_EQ(third.attributes, (Attributes{{"completed_rung_0", "2.5"}}));
    EXPECT_TRUE(pruner->prune(past, running({{1, nan}})).prune);
    EXPECT_TRUE(pruner->prune(past, running({{1, nan}})).attributes.empty());
    // Rung 0 is completed already, rung 1 begins at step 4.
    FrozenTrial later = running({{1, 9.0}, {3, 9.0}});
    later.system_attributes["completed_rung_0"] = "9.0";
    EXPECT_FALSE(pruner->prune(past, later).prune);
}

TEST(HalvingPruner, TakesItsResourceFromTheFirstThatReported) {
    const auto pruner = halving_pruner();
    EXPECT_TRUE(pruner->prune(History({minimize}), running({{1000, 1.0}})).attributes.empty());
    const History past = history(minimize, {{}, {{350, 1.0}}, {{90'000, 1.0}}});
    EXPECT_TRUE(pruner->prune(past, running({{2, 1.0}})).attributes.empty());
    EXPECT_EQ(pruner->prune(past, running({{3, 1.0}})).attributes.size(), 1U);
}

TEST(HalvingPruner, WaitsForItsBootstrap) {
    const auto pruner = made("halving:min_resource=1,bootstrap_count=1");
    EXPECT_TRUE(pruner->prune(History({minimize}), running({{1, 0.5}})).prune);
}

TEST(HalvingPruner, StepsBeyondAllNumbersAreNeverReached) {
    const auto pruner = made("halving:min_resource=1,min_early_stopping_rate=1000000");
    EXPECT_FALSE(pruner->prune(History({minimize}), running({{std::numeric_limits<std::int64_t>::max(), 0.5}})).prune);
}

TEST(HyperbandPruner, DividesTrialsByTheirBudgets) {
    const auto pruner = made("hyperband:max_resource=81");
    History past({minimize});
    past.set_study_name("study");
    // Five brackets with budgets 81, 34, 15, 8, 5 of 143.
    std::vector<int> counts(5);
    for (std::int64_t number = 0; number < 14'300; ++number) ++counts.at(static_cast<std::size_t>(pruner->bracket(past, number).value()));
    const std::vector<double> expected = {8100, 3400, 1500, 800, 500};
    for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(counts[i], expected[i], 0.1 * expected[i]) << i;
    EXPECT_FALSE(made("hyperband")->bracket(past, 0).has_value());
    EXPECT_FALSE(made("median")->bracket(past, 0).has_value());
}

TEST(HyperbandPruner, ComparesWithinABracketOnly) {
    const auto pruner = made("hyperband:max_resource=81");
    History past({minimize});
    past.set_study_name("study");
    const auto own = pruner->bracket(past, 99).value();
    for (std::int64_t i = 0; i < 60; ++i) {
        FrozenTrial one = trial(i, TrialState::pruned, {});
        if (pruner->bracket(past, i) == own) continue;
        for (int rung = 0; rung < 5; ++rung) one.system_attributes["completed_rung_" + std::to_string(rung)] = "0.0";
        past.put(std::make_shared<FrozenTrial>(one));
    }
    EXPECT_FALSE(pruner->prune(past, running({{80, 5.0}})).prune);
    FrozenTrial peer = trial(100, TrialState::pruned, {});
    while (pruner->bracket(past, peer.number) != own) ++peer.number;
    for (int rung = 0; rung < 5; ++rung) peer.system_attributes["completed_rung_" + std::to_string(rung)] = "0.0";
    past.put(std::make_shared<FrozenTrial>(peer));
    EXPECT_TRUE(pruner->prune(past, running({{80, 5.0}})).prune);
}

TEST(PatientPruner, WaitsUntilNothingGetsBetter) {
    const History none({minimize});
    EXPECT_FALSE(prunes("patient:patience=1", none, {{0, 1.0}, {1, 2.0}}));
    EXPECT_TRUE(prunes("patient:patience=1", none, {{0, 1.0}, {1, 2.0}, {2, 3.0}}));
    EXPECT_FALSE(prunes("patient:patience=1", none, {{0, 1.0}, {1, 1.0}, {2, 3.0}}));
    EXPECT_FALSE(prunes("patient:patience=1,min_delta=1", none, {{0, 1.0}, {1, 2.0}, {2, 3.0}}));
    EXPECT_FALSE(prunes("patient:patience=0", none, {{0, 1.0}, {1, nan}}));
    EXPECT_TRUE(prunes("patient:patience=0", History({maximize}), {{0, 1.0}, {1, 0.5}}));
    EXPECT_FALSE(prunes("patient:patience=0,wraps=median", none, {{0, 1.0}, {1, 2.0}}));
    EXPECT_TRUE(prunes("patient:patience=0,wraps=median", at_step_one(minimize, {0, 0, 0, 0, 0}), {{0, 1.0}, {1, 2.0}}));
}

TEST(ThresholdPruner, PrunesWhatLeavesItsLimits) {
    const History none({minimize});
    EXPECT_FALSE(prunes("threshold:upper=1", none, {{0, 1.0}}));
    EXPECT_TRUE(prunes("threshold:upper=1", none, {{0, 1.5}}));
    EXPECT_FALSE(prunes("threshold:upper=1", none, {{0, -infinity}}));
    EXPECT_TRUE(prunes("threshold:lower=0,upper=1", none, {{0, -0.5}}));
    EXPECT_TRUE(prunes("threshold:upper=1", none, {{0, nan}}));
    EXPECT_FALSE(prunes("threshold:upper=1,warmup_steps=1", none, {{0, 1.5}}));
    EXPECT_FALSE(prunes("threshold:upper=1", none, {{0, 2.0}, {1, 0.5}}));
}

TEST(WilcoxonPruner, PrunesWhatIsWorseOnTheSameFolds) {
    const History past = history(minimize, {{{0, 5.0}, {1, 5.0}, {2, 5.0}, {3, 5.0}}, {{0, 1.0}, {1, 2.0}, {2, 3.0}, {3, 4.0}}});
    // Three folds worse: 1 / 8. Four: 1 / 16.
    EXPECT_FALSE(prunes("wilcoxon", past, {{0, 2.0}, {1, 4.0}, {2, 6.0}}));
    EXPECT_TRUE(prunes("wilcoxon:p_threshold=0.13", past, {{0, 2.0}, {1, 4.0}, {2, 6.0}}));
    EXPECT_TRUE(prunes("wilcoxon", past, {{0, 2.0}, {1, 4.0}, {2, 6.0}, {3, 8.0}}));
    EXPECT_FALSE(prunes("wilcoxon:startup_steps=5", past, {{0, 2.0}, {1, 4.0}, {2, 6.0}, {3, 8.0}}));
    EXPECT_FALSE(prunes("wilcoxon", past, {{0, 0.5}, {1, 1.0}, {2, 2.0}, {3, 3.0}}));
    EXPECT_FALSE(prunes("wilcoxon", past, {{0, 2.0}, {1, 4.0}, {2, 6.0}, {3, infinity}}));
    EXPECT_FALSE(prunes("wilcoxon", past, {{4, 2.0}, {5, 4.0}, {6, 6.0}, {7, 8.0}}));
    EXPECT_FALSE(prunes("wilcoxon", History({minimize}), {{0, 2.0}, {1, 4.0}}));
}

TEST(MakePruner, NamesWhatIsWrong) {
    EXPECT_EQ(make_pruner("medain").error().message, "unknown pruner \"medain\", did you mean median?");
    EXPECT_EQ(make_pruner("median:warmup_step=1").error().message, "the median pruner has no option \"warmup_step\", did you mean warmup_steps?");
    EXPECT_EQ(make_pruner("median:warmup_steps=two").error().message, "median pruner: warmup_steps \"two\" is not a whole number");
    EXPECT_EQ(make_pruner("median:warmup_steps").error().message, "pruner option \"warmup_steps\" is not OPTION=VALUE");
    EXPECT_EQ(make_pruner("threshold").error().message, "threshold pruner: there is no limit");
    EXPECT_EQ(make_pruner("patient:wraps=medain").error().message, "unknown pruner \"medain\", did you mean median?");
    for (const char* bad : {"median:interval_steps=0", "percentile:percentile=101", "halving:reduction_factor=1", "halving:bootstrap_count=1",
                            "hyperband:max_resource=0", "patient:patience=-1", "threshold:lower=2,upper=1", "wilcoxon:p_threshold=nan"}) {
        EXPECT_EQ(make_pruner(bad).error().code, ErrorCode::config) << bad;
    }
    for (const std::string& name : pruner_names()) EXPECT_TRUE(make_pruner(name == "threshold" ? "threshold:upper=1" : name)) << name;
}

/// Notes which trials it was shown.
class Witness : public Sampler {
public:
    std::vector<std::vector<std::int64_t>> shown;

    Result<void> validate(const std::vector<Direction>&) const override { return {}; }
    Result<SearchSpace> joint_space(const History& history, const SearchSpace*) override {
        std::vector<std::int64_t> numbers;
        for (const TrialPtr& one : history.trials()) {
            if (one) numbers.push_back(one->number);
        }
        shown.push_back(numbers);
        return SearchSpace{};
    }
    Result<JointSample> sample_joint(const History&, std::int64_t, const SearchSpace&, RandomStream) override { return JointSample{}; }
    Result<double> sample_one(const History&, std::int64_t, const std::string&, const Distribution&, RandomStream) override { return 0.5; }
};

TEST(HyperbandPruner, ShowsTheSamplerItsOwnBracket) {
    const auto witness = std::make_shared<Witness>();
    const std::shared_ptr<Pruner> pruner = made("hyperband:max_resource=9");
    StudyOptions options;
    options.name = "study";
    options.sampler = witness;
    options.pruner = pruner;
    Study study = Study::open(std::move(options)).value();
    for (int i = 0; i < 40; ++i) {
        Trial one = study.ask().value();
        ASSERT_TRUE(one.report(3, 1.0));
        const bool stop = one.should_prune().value();
        ASSERT_TRUE(stop ? study.tell(one, TrialState::pruned) : study.tell(one, 1.0));
        EXPECT_EQ(study.trial(one.number())->system_attributes, one.frozen().system_attributes);
    }
    const History named = [] {
        History out({minimize});
        out.set_study_name("study");
        return out;
    }();
    std::set<std::int64_t> brackets;
    for (std::int64_t number = 0; number < 40; ++number) {
        std::vector<std::int64_t> expected;
        for (std::int64_t earlier = 0; earlier < number; ++earlier) {
            if (pruner->bracket(named, earlier) == pruner->bracket(named, number)) expected.push_back(earlier);
        }
        EXPECT_EQ(witness->shown.at(static_cast<std::size_t>(number)), expected) << number;
        brackets.insert(pruner->bracket(named, number).value());
    }
    EXPECT_EQ(brackets.size(), 3U);
    EXPECT_TRUE(study.trial(0)->system_attributes.contains("completed_rung_0"));
}

}  // namespace
}  // namespace sofia::tune
