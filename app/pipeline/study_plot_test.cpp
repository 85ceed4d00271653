#include "app/pipeline/study_plot.hpp"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sofia::pipeline {
namespace {

using report::Scale;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tune::TrialState;

constexpr double inf = std::numeric_limits<double>::infinity();

std::shared_ptr<const tune::Distribution> distribution(tune::Distribution::Kind kind) {
    return std::make_shared<const tune::Distribution>(tune::Distribution::make(std::move(kind)).value());
}

const auto rate = distribution(tune::FloatDistribution{1e-4, 0.1, true, 0.0});
const auto leaves = distribution(tune::IntDistribution{4, 64, false, 4});
const auto wider = distribution(tune::IntDistribution{4, 128, false, 4});
const auto depth = distribution(tune::CategoricalDistribution{{std::int64_t{8}, std::int64_t{2}, 4.5}});
const auto mixed = distribution(tune::CategoricalDistribution{{std::string("gbdt"), std::monostate{}, true, std::int64_t{1}}});

tune::FrozenTrial trial(TrialState state, std::vector<double> values, std::vector<tune::Param> params) {
    tune::FrozenTrial out;
    out.state = state;
    out.values = std::move(values);
    out.params = std::move(params);
    return out;
}

LoadedStudy study_of(std::vector<tune::FrozenTrial> trials, std::vector<tune::Direction> directions = {tune::Direction::minimize}) {
    tune::StudyOptions options;
    options.name = "fit";
    options.directions = directions;
    options.storage = tune::memory_storage();
    options.sampler = tune::random_sampler();
    auto study = tune::Study::open(std::move(options)).value();
    for (tune::FrozenTrial& one : trials) EXPECT_TRUE(study.add(std::move(one)).has_value());
    tune::StudyInfo info;
    info.name = "fit";
    info.directions = std::move(directions);
    auto known = study.trials();
    return LoadedStudy{nullptr, std::move(info), std::move(study), std::move(known)};
}

report::StudyData data_of(const LoadedStudy& study, const PlotRequest& request = {}) {
    auto data = study_plot_data(study, request, Context{});
    EXPECT_TRUE(data.has_value()) << data.error().message;
    return data.value_or(report::StudyData{});
}

std::string error_of(const LoadedStudy& study, const PlotRequest& request = {}) {
    const auto data = study_plot_data(study, request, Context{});
    return data ? "" : data.error().message;
}

TEST(StudyPlotData, AxesSpanEveryRangeThatATrialHad) {
    const auto data = data_of(study_of({trial(TrialState::complete, {1.0}, {{"leaves", leaves, 8.0}, {"rate", rate, 0.01}}),
                                        trial(TrialState::complete, {2.0}, {{"leaves", wider, 100.0}, {"rate", rate, 0.5}})}));
    ASSERT_EQ(data.parameters.size(), 2U);
    EXPECT_EQ(data.parameters[0].name, "leaves");
    EXPECT_EQ(data.parameters[0].scale, Scale::linear);
    EXPECT_EQ(data.parameters[0].high, 128.0);
    EXPECT_EQ(data.parameters[1].scale, Scale::log);
    EXPECT_EQ(data.parameters[1].low, 1e-4);
    EXPECT_EQ(data.parameters[1].high, 0.5) << "a value outside its range was enqueued";
    EXPECT_THAT(data.trials[1].params, ElementsAre(100.0, 0.5));
}

TEST(StudyPlotData, ChoicesThatAreNumbersAscendAndOthersStayAsGiven) {
    const auto data = data_of(study_of({trial(TrialState::complete, {1.0}, {{"depth", depth, 0.0}, {"mixed", mixed, 3.0}}),
                                        trial(TrialState::complete, {2.0}, {{"mixed", mixed, 2.0}})}));
    EXPECT_THAT(data.parameters[0].choices, ElementsAre("2", "4.5", "8"));
    EXPECT_THAT(data.parameters[1].choices, ElementsAre("gbdt", "null", "true", "1"));
    EXPECT_EQ(data.trials[0].params[0], 2.0);
    EXPECT_EQ(data.trials[0].params[1], 3.0) << "1 and true are two choices";
    EXPECT_TRUE(std::isnan(data.trials[1].params[0])) << "a parameter that the trial does not have";
}

TEST(StudyPlotData, EveryStateIsCarriedOver) {
    auto bad = trial(TrialState::complete, {0.5}, {});
    bad.system_attributes["constraints"] = "[1.0]";
    auto pruned = trial(TrialState::pruned, {3.0}, {});
    pruned.reports = {{2, 4.0}, {7, inf}};
    auto failed = trial(TrialState::fail, {}, {});
    failed.reports = {{0, 1.0}};
    const auto data = data_of(study_of({bad, pruned, failed, trial(TrialState::complete, {inf}, {}), trial(TrialState::complete, {2.0}, {})}));
    EXPECT_EQ(data.trials[0].feasibility, report::Feasibility::infeasible);
    EXPECT_EQ(data.trials[1].end, report::TrialEnd::pruned);
    ASSERT_EQ(data.trials[1].reports.size(), 2U);
    EXPECT_EQ(data.trials[1].reports[1].step, 7);
    EXPECT_EQ(data.trials[1].reports[1].value, inf);
    EXPECT_EQ(data.trials[2].end, report::TrialEnd::fail);
    EXPECT_TRUE(data.trials[2].reports.empty());
    EXPECT_THAT(data.best, ElementsAre(4)) << "the best trial is feasible";
}

TEST(StudyPlotData, TargetsAreNamesOrNumbers) {
    const auto study = study_of({trial(TrialState::complete, {1.0, 2.0}, {}), trial(TrialState::complete, {2.0, 3.0}, {})},
                                {tune::Direction::minimize, tune::Direction::maximize});
    EXPECT_THAT(data_of(study).targets, ElementsAre(0, 1));
    EXPECT_THAT(data_of(study).best, ElementsAre(0, 1));
    EXPECT_EQ(data_of(study).objectives[1].goal, report::Goal::maximize);
    PlotRequest request;
    request.target = "value 1";
    EXPECT_THAT(data_of(study, request).targets, ElementsAre(1));
    request.target = "0";
    EXPECT_THAT(data_of(study, request).targets, ElementsAre(0));
    for (const char* wrong : {"2", "-1", "values 1"}) {
        request.target = wrong;
        EXPECT_THAT(error_of(study, request), HasSubstr("the study has no objective \"" + std::string(wrong) + "\"")) << wrong;
    }
}

TEST(StudyPlotData, ParametersAreChosenByNameEvenWithCommas) {
    const auto study = study_of({trial(TrialState::complete, {1.0}, {{"a,b", rate, 0.01}, {"c", leaves, 4.0}, {"d", leaves, 8.0}}),
                                 trial(TrialState::complete, {2.0}, {{"a,b", rate, 0.02}, {"c", leaves, 8.0}, {"d", leaves, 4.0}})});
    PlotRequest request;
    request.params = {"d, c", "a,b", "c"};
    const auto data = data_of(study, request);
    ASSERT_EQ(data.parameters.size(), 3U);
    EXPECT_EQ(data.parameters[0].name, "d");
    EXPECT_EQ(data.parameters[1].name, "c");
    EXPECT_EQ(data.parameters[2].name, "a,b");
    EXPECT_THAT(data.trials[0].params, ElementsAre(8.0, 4.0, 0.01));
    request.params = {"e"};
    EXPECT_THAT(error_of(study, request), HasSubstr("the study has no parameter \"e\""));
}

TEST(StudyPlotData, ImportanceSumsToOneOverTheParametersShown) {
    std::vector<tune::FrozenTrial> trials;
    for (int i = 0; i < 60; ++i) {
        const double x = 4.0 + 4.0 * (i % 16);
        trials.push_back(
            trial(TrialState::complete, {x}, {{"leaves", leaves, x}, {"other", leaves, 4.0 + 4.0 * (i * 7 % 16)}, {"rate", rate, 0.01}}));
    }
    const auto study = study_of(std::move(trials));
    for (const auto evaluator : {ImportanceEvaluator::ped_anova, ImportanceEvaluator::fanova}) {
        PlotRequest request;
        request.evaluator = evaluator;
        const auto data = data_of(study, request);
        ASSERT_EQ(data.importance.size(), 1U);
        double sum = 0.0;
        for (const report::ParameterShare& share : data.importance[0]) sum += share.share;
        EXPECT_NEAR(sum, 1.0, 1e-12);
        EXPECT_EQ(data.parameters[data.importance[0].front().parameter].name, "leaves");
    }
    PlotRequest request;
    request.params = {"other"};
    EXPECT_EQ(data_of(study, request).importance[0].size(), 1U);
    request.evaluator.reset();
    EXPECT_TRUE(data_of(study, request).importance.empty());
}

TEST(StudyPlotData, ConstantValuesHaveNoImportanceButAPage) {
    const auto study =
        study_of({trial(TrialState::complete, {1.0}, {{"leaves", leaves, 4.0}}), trial(TrialState::complete, {1.0}, {{"leaves", leaves, 8.0}})});
    PlotRequest request;
    request.evaluator = ImportanceEvaluator::fanova;
    EXPECT_TRUE(data_of(study, request).importance[0].empty());
}

TEST(StudyPlotData, NothingCompleteIsAnErrorUnlessSomethingWasReported) {
    EXPECT_EQ(error_of(study_of({})), "study \"fit\" has no complete trial to plot (it has no trials)");
    auto pruned = trial(TrialState::pruned, {}, {});
    EXPECT_EQ(error_of(study_of({trial(TrialState::fail, {}, {}), pruned})), "study \"fit\" has no complete trial to plot (1 pruned, 1 failed)");
    pruned.reports = {{0, 1.0}};
    EXPECT_EQ(data_of(study_of({pruned})).trials.size(), 1U);
}

}  // namespace
}  // namespace sofia::pipeline
