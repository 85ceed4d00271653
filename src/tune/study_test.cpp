#include "tune/study.hpp"

#include <cmath>
#include <limits>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tune/relative.hpp"

namespace sofia::tune {
namespace {

Study study(StudyOptions options = {}) {
    if (!options.seed) options.seed = 1;
    return Study::open(std::move(options)).value();
}

SearchSpace space(const char* yaml) { return parse_space(yaml, "space").value(); }

TEST(Study, ANaNFailsTheTrialWithoutAValue) {
    Study s = study();
    const Trial trial = s.ask().value();
    EXPECT_EQ(s.tell(trial, std::nan("")).value(), TrialState::fail);
    EXPECT_TRUE(s.trial(0)->values.empty());
    EXPECT_EQ(s.trial(0)->user_attributes.at("error"), "\"the value is NaN\"");
    EXPECT_EQ(s.best_trial().error().code, ErrorCode::usage);
}

TEST(Study, APrunedTrialTakesItsLastReportUnlessThatIsNaN) {
    Study s = study();
    Trial a = s.ask().value();
    ASSERT_TRUE(a.report(4, 0.25));
    ASSERT_TRUE(a.report(2, 9.0));
    ASSERT_TRUE(a.report(4, 7.0));  // the first report of a step counts
    EXPECT_FALSE(a.report(-1, 0.0));
    ASSERT_TRUE(s.tell(a, TrialState::pruned));
    EXPECT_EQ(s.trial(0)->values, std::vector<double>{0.25});
    Trial b = s.ask().value();
    ASSERT_TRUE(b.report(0, std::nan("")));
    ASSERT_TRUE(s.tell(b, TrialState::pruned));
    EXPECT_TRUE(s.trial(1)->values.empty());
}

TEST(Study, WrongTellsAreRefused) {
    Study s = study();
    const Trial trial = s.ask().value();
    EXPECT_EQ(s.tell(trial, TrialState::complete).error().code, ErrorCode::usage);
    EXPECT_EQ(s.tell(trial, TrialState::complete, std::vector<double>{1, 2}).error().code, ErrorCode::usage);
    EXPECT_EQ(s.tell(trial, TrialState::fail, std::vector<double>{1}).error().code, ErrorCode::usage);
    EXPECT_EQ(s.tell(trial, TrialState::running).error().code, ErrorCode::usage);
    ASSERT_TRUE(s.tell(trial, 1.0));
    EXPECT_EQ(s.tell(trial, 2.0).error().code, ErrorCode::conflict);
    EXPECT_EQ(s.best_trial().value()->values.front(), 1.0);
}

TEST(Study, EnqueuedTrialsComeFirstWithTheirValuesFixed) {
    Study s = study();
    ASSERT_TRUE(s.enqueue({{"x", 0.5}, {"c", std::monostate{}}}));
    const auto both = space("x: {type: float, low: 0, high: 1}\nc: {type: categorical, choices: [a, null]}\ny: {type: int, low: 1, high: 3}\n");
    const Trial trial = s.ask(both).value();
    EXPECT_EQ(trial.number(), 0);
    const auto params = trial.params();
    EXPECT_EQ(params.at("x"), ParamValue(0.5));
    EXPECT_EQ(params.at("c"), ParamValue(std::monostate{}));
    EXPECT_TRUE(params.contains("y"));
    EXPECT_EQ(s.ask(both).value().number(), 1);
}

TEST(Study, ABadEnqueuedValueFailsItsTrialAndTheNextIsAsked) {
    Study s = study();
    ASSERT_TRUE(s.enqueue({{"x", std::string("high")}}));
    const auto one = space("x: {type: float, low: 0, high: 1}\n");
    EXPECT_EQ(s.ask(one).value().number(), 1);
    EXPECT_EQ(s.trial(0)->state, TrialState::fail);
    EXPECT_EQ(s.trial(0)->user_attributes.at("error"), "\"trial 0: enqueued parameter \\\"x\\\": value high is not a number\"");
}

TEST(Study, AnAskThatContradictsTheStudyChangesNothing) {
    const auto storage = memory_storage();
    StudyOptions options;
    options.storage = storage;
    Study s = study(options);
    ASSERT_TRUE(s.tell(s.ask(space("x: {type: float, low: 0, high: 1}\n")).value(), 1.0));
    const auto before = storage->read_trials(1, 0, {}).value().size();
    const auto wrong = space("x: {type: int, low: 0, high: 1}\n");
    EXPECT_EQ(s.ask_batch(3, &wrong).error().code, ErrorCode::conflict);
    EXPECT_EQ(storage->read_trials(1, 0, {}).value().size(), before);
    EXPECT_EQ(s.ask().value().number(), 1);
}

TEST(Study, WhatASamplerOrAStorageCannotServeIsNotMade) {
    const auto storage = memory_storage();
    const auto open = [&](const std::string& name, std::vector<Direction> directions) {
        StudyOptions options;
        options.name = name;
        options.directions = std::move(directions);
        options.storage = storage;
        return Study::open(std::move(options));
    };
    EXPECT_EQ(open("two", {Direction::minimize, Direction::minimize}).error().code, ErrorCode::usage);
    EXPECT_EQ(open("caf\xe9", {Direction::minimize}).error().message, "the study's name is not UTF-8");
    EXPECT_EQ(open(std::string(513, 'x'), {Direction::minimize}).error().message, "the study's name is longer than 512 bytes");
    EXPECT_TRUE(storage->studies().value().empty());
    Study made = open("café", {Direction::minimize}).value();
    EXPECT_EQ(made.ask().value().set_constraint("caf\xe9", 1.0).error().code, ErrorCode::usage);
}

TEST(Study, ASuggestionIsTheSameTheSecondTimeAndKeepsItsKind) {
    Study s = study();
    Trial trial = s.ask().value();
    const double x = trial.suggest_float("x", 0.0, 1.0).value();
    EXPECT_EQ(trial.suggest_float("x", 0.0, 1.0).value(), x);
    EXPECT_EQ(trial.suggest_int("x", 0, 1).error().code, ErrorCode::conflict);
    EXPECT_EQ(trial.suggest_float("y", 1.0, 0.0).error().code, ErrorCode::config);
    const auto i = trial.suggest_int("i", IntDistribution{4, 12, false, 4}).value();
    EXPECT_EQ(i % 4, 0);
    EXPECT_EQ(trial.suggest_categorical("c", {std::string("only")}).value(), ParamValue(std::string("only")));
    ASSERT_TRUE(s.tell(trial, 0.0));
    Trial next = s.ask().value();
    EXPECT_EQ(next.suggest_float("x", FloatDistribution{0.1, 1.0, true, 0.0}).error().code, ErrorCode::conflict);
    EXPECT_TRUE(next.suggest_float("x", 0.0, 2.0));
}

TEST(Study, BestTrialIsTheLowestNumberOfTheBestValue) {
    StudyOptions options;
    options.directions = {Direction::maximize};
    Study s = study(options);
    for (const double value : {1.0, 3.0, 3.0, 2.0}) ASSERT_TRUE(s.tell(s.ask().value(), value));
    EXPECT_EQ(s.best_trial().value()->number, 1);
    EXPECT_EQ(s.best_trials().size(), 2U);
}

TEST(Study, ParetoFrontOfTwoObjectives) {
    StudyOptions options;
    options.directions = {Direction::minimize, Direction::maximize};
    EXPECT_EQ(Study::open(options).error().code, ErrorCode::usage);  // TPE serves one
    options.sampler = random_sampler();
    Study s = study(options);
    const std::vector<std::vector<double>> points = {{1, 1}, {2, 2}, {2, 1}, {0, 0}, {3, 2}, {1, 1}};
    for (const auto& p : points) ASSERT_TRUE(s.tell(s.ask().value(), TrialState::complete, p));
    std::set<std::int64_t> front;
    for (const TrialPtr& t : s.best_trials()) front.insert(t->number);
    EXPECT_EQ(front, (std::set<std::int64_t>{0, 1, 3, 5}));
    EXPECT_EQ(s.best_trial().error().code, ErrorCode::usage);
}

TEST(Study, NamesDecideBetweenCreatingResumingAndLoading) {
    const auto storage = memory_storage();
    StudyOptions options;
    options.storage = storage;
    options.name = "a";
    options.open = StudyOptions::Open::load;
    EXPECT_EQ(Study::open(options).error().code, ErrorCode::usage);
    options.open = StudyOptions::Open::resume;
    {
        Study s = study(options);
        ASSERT_TRUE(s.tell(s.ask().value(), 1.0));
    }
    EXPECT_EQ(study(options).trials().size(), 1U);
    options.open = StudyOptions::Open::create;
    EXPECT_EQ(Study::open(options).error().code, ErrorCode::conflict);
    options.open = StudyOptions::Open::resume;
    options.directions = {Direction::maximize};
    EXPECT_EQ(Study::open(options).error().code, ErrorCode::conflict);
    options.name.clear();
    EXPECT_NE(study(options).name(), study(options).name());
}

TEST(Study, WhatAnotherStudyObjectWroteIsSeenAtTheNextAsk) {
    StudyOptions options;
    options.storage = memory_storage();
    options.name = "shared";
    options.open = StudyOptions::Open::resume;
    Study a = study(options);
    Study b = study(options);
    const Trial from_b = b.ask().value();
    EXPECT_EQ(a.ask().value().number(), 1);
    EXPECT_EQ(a.trial(0)->state, TrialState::running);
    ASSERT_TRUE(b.tell(from_b, 4.0));
    ASSERT_TRUE(a.refresh());
    EXPECT_EQ(a.best_trial().value()->number, 0);
}

// Announced parameters: the joint sample is in the trial's attributes before anything is suggested, so that others can avoid it.
TEST(Study, AJointSampleIsAnnouncedAndThenSuggested) {
    Study s = study();
    for (int i = 0; i < 10; ++i) {
        Trial t = s.ask().value();
        ASSERT_TRUE(t.suggest_float("x", 0.0, 1.0));
        ASSERT_TRUE(s.tell(t, static_cast<double>(i)));
    }
    Trial t = s.ask().value();
    const auto announced = relative_params(t.frozen());
    ASSERT_TRUE(announced.contains("x"));
    EXPECT_EQ(ParamValue(t.suggest_float("x", 0.0, 1.0).value()), announced.at("x"));
}

TEST(Study, AShareDecidesHowManyTrialsThereAreAndSeesThemBeforeTheyAreTold) {
    int left = 3;
    std::vector<std::int64_t> seen;
    StudyOptions options;
    options.share.may_ask = [&] { return left-- > 0; };
    options.share.before_tell = [&](std::int64_t number) -> Result<void> {
        seen.push_back(number);
        if (number == 1 && seen.size() == 2) return fail(ErrorCode::unavailable, "nobody listens");
        return {};
    };
    options.share.worker = "a/1";
    Study s = study(std::move(options));
    const auto asked = s.ask_batch(2, nullptr).value();
    ASSERT_EQ(asked.size(), 2U);
    EXPECT_EQ(s.trial(0)->user_attributes.at("worker"), "\"a/1\"");
    ASSERT_TRUE(s.tell(asked[0], 1.0));
    EXPECT_EQ(s.tell(asked[1], 2.0).error().code, ErrorCode::unavailable);
    EXPECT_EQ(s.trial(1)->state, TrialState::running);
    ASSERT_TRUE(s.tell(asked[1], 2.0));
    EXPECT_EQ(s.ask_batch(2, nullptr).value().size(), 1U);  // one was left
    EXPECT_TRUE(s.ask_batch(2, nullptr).value().empty());
    EXPECT_EQ(s.ask().error().code, ErrorCode::usage);
    EXPECT_EQ(seen, (std::vector<std::int64_t>{0, 1, 1}));
}

TEST(Relative, LongSamplesAreCutIntoPiecesAndReadBack) {
    std::map<std::string, ParamValue> params;
    for (int i = 0; i < 300; ++i) params["parameter_\"é\"_" + std::to_string(i)] = 1.0 / (i + 1);
    FrozenTrial trial;
    trial.system_attributes = relative_attributes(params);
    EXPECT_GT(trial.system_attributes.size(), 4U);
    EXPECT_EQ(relative_params(trial), params);
    trial.system_attributes.erase("tpe:relative_params:2");  // somebody is still writing
    EXPECT_TRUE(relative_params(trial).empty());
}

TEST(StudyName, IsReadable) {
    const std::string name = random_study_name();
    EXPECT_EQ(std::count(name.begin(), name.end(), '-'), 2);
    EXPECT_NE(random_study_name(), name);
}

}  // namespace
}  // namespace sofia::tune
