#include <set>

#include <gtest/gtest.h>

#include "tune/grid_plan.hpp"
#include "tune/optimize.hpp"

namespace sofia::tune {
namespace {

SearchSpace parsed(const char* yaml) { return parse_space(yaml, "space").value(); }

const char* const small =
    "a: {type: categorical, choices: [x, y, z]}\n"
    "b: {type: int, low: 1, high: 10, step: 3}\n"
    "c: {type: float, low: 0, high: 0.3, step: 0.1}\n";

StudyOptions grid_options(std::shared_ptr<Storage> storage = nullptr, std::uint32_t order = 0) {
    StudyOptions out;
    out.name = "grid";
    out.seed = 1;
    out.storage = std::move(storage);
    out.open = StudyOptions::Open::resume;
    out.sampler = grid_sampler({.seed = order});
    return out;
}

Result<Outcome> zero(Trial&) { return 0.0; }

std::string cell(const FrozenTrial& t) {
    std::string out;
    for (const char* name : {"a", "b", "c"}) out += format_value(t.param(name)->value()) + " ";
    return out;
}

TEST(Grid, EachCellIsMadeOnceThenTheStudyEnds) {
    const SearchSpace space = parsed(small);
    Study s = Study::open(grid_options()).value();
    OptimizeOptions run;
    run.trials = 1000;
    run.batch = 7;
    run.space = &space;
    const auto report = optimize(s, zero, run).value();
    EXPECT_EQ(report.end, OptimizeReport::End::exhausted);
    EXPECT_EQ(report.complete, 48);
    std::set<std::string> cells;
    for (const TrialPtr& t : s.trials()) cells.insert(cell(*t));
    EXPECT_EQ(cells.size(), 48U);
    EXPECT_EQ(s.ask(space).error().code, ErrorCode::usage);
    EXPECT_EQ(optimize(s, zero, run)->complete, 0);
    EXPECT_EQ(s.trials().size(), 48U);
}

TEST(Grid, SeveralWorkersShareItWhateverTheirOrderIs) {
    const auto storage = memory_storage();
    const SearchSpace space = parsed(small);
    Study one = Study::open(grid_options(storage)).value();
    Study two = Study::open(grid_options(storage, 9)).value();
    std::vector<Trial> running;
    for (int i = 0; i < 24; ++i) {
        running.push_back(one.ask(space).value());
        running.push_back(two.ask(space).value());
    }
    EXPECT_FALSE(one.ask(space));
    EXPECT_FALSE(two.ask(space));
    std::set<std::string> cells;
    for (std::size_t i = 0; i < running.size(); ++i) {
        cells.insert(cell(running[i].frozen()));
        ASSERT_TRUE((i % 2 == 0 ? one : two).tell(running[i], 1.0));
    }
    EXPECT_EQ(cells.size(), 48U);
}

TEST(Grid, GivenValuesServeAnObjectiveThatSuggests) {
    GridConfig config;
    config.values["x"] = {0.25, 0.5};
    config.values["k"] = {std::int64_t{3}, std::int64_t{5}, std::int64_t{9}};
    Study s = Study::open({.seed = 1, .sampler = grid_sampler(config)}).value();
    OptimizeOptions run;
    run.trials = 0;
    StopFlag never;
    run.stop = &never;
    run.batch = 4;
    std::set<std::pair<double, std::int64_t>> seen;
    const auto report = optimize(
                            s,
                            [&](Trial& t) -> Result<Outcome> {
                                SOFIA_TRY(const double x, t.suggest_float("x", 0.0, 1.0));
                                SOFIA_TRY(const std::int64_t k, t.suggest_int("k", 1, 10));
                                seen.insert({x, k});
                                return x;
                            },
                            run)
                            .value();
    EXPECT_EQ(report.complete, 6);
    EXPECT_EQ(seen.size(), 6U);
}

TEST(Grid, ErrorsSayWhatToDo) {
    const auto ask = [](GridConfig config, const char* yaml) {
        Study s = Study::open({.seed = 1, .sampler = grid_sampler(std::move(config))}).value();
        const SearchSpace space = parsed(yaml);
        const auto error = s.ask(space).error();
        EXPECT_EQ(error.code, ErrorCode::config);
        EXPECT_TRUE(s.trials().empty());
        return error.message + "; " + error.hint;
    };
    EXPECT_EQ(ask({}, "lr: {type: float, low: 0.1, high: 1}"),
              "parameter \"lr\": a float without a step has no grid; give it a step, or list its values");
    EXPECT_NE(ask({}, "a: {type: int, low: 1, high: 2000}\nb: {type: int, low: 1, high: 2000}").find("4e+06 cells"), std::string::npos);
    EXPECT_NE(ask({.values = {{"x", {1.5}}}}, "x: {type: float, low: 0, high: 1}").find("the grid's value 1.5 is not one of"), std::string::npos);
    EXPECT_NE(ask({.values = {{"x", {0.5}}}}, "x: {type: float, low: 0, high: 1}\ny: {type: int, low: 1, high: 2}").find("\"y\" is not in the grid"),
              std::string::npos);
    Study s = Study::open({.seed = 1, .sampler = grid_sampler()}).value();
    EXPECT_EQ(s.ask().error().code, ErrorCode::config);
}

TEST(Grid, AnEnqueuedTrialThatLacksAParameterFails) {
    const SearchSpace space = parsed(small);
    Study s = Study::open(grid_options()).value();
    ASSERT_TRUE(s.enqueue({{"a", std::string("y")}}));
    const Trial next = s.ask(space).value();
    EXPECT_EQ(s.trial(0)->state, TrialState::fail);
    EXPECT_NE(s.trial(0)->user_attributes.at("error").find("is not given"), std::string::npos);
    EXPECT_EQ(next.number(), 1);
    EXPECT_EQ(next.frozen().system_attributes.at("grid_id"), "1");
}

TEST(GridPlan, TheLastNameChangesFastestBeforeTheShuffle) {
    GridValues values;
    values["a"] = {std::int64_t{1}, std::int64_t{2}};
    values["b"] = {std::string("x"), std::string("y"), std::string("z")};
    const GridPlan plan = GridPlan::make(values, 0).value();
    ASSERT_EQ(plan.cells(), 6U);
    EXPECT_EQ(*plan.value(1, "a"), ParamValue(std::int64_t{1}));
    EXPECT_EQ(*plan.value(1, "b"), ParamValue(std::string("y")));
    EXPECT_EQ(*plan.value(5, "a"), ParamValue(std::int64_t{2}));
    EXPECT_EQ(plan.value(0, "c"), nullptr);
    std::set<std::size_t> cells;
    for (std::size_t id = 0; id < 6; ++id) cells.insert(plan.cell_at(id));
    EXPECT_EQ(cells.size(), 6U);
    EXPECT_EQ(plan.attributes(3).at("search_space"), R"({"a": [1, 2], "b": ["x", "y", "z"]})");
}

}  // namespace
}  // namespace sofia::tune
