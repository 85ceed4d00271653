// What every sampler promises: answers that depend on the history and the trial's random stream only.
#include <unistd.h>

#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "tune/optimize.hpp"

namespace sofia::tune {
namespace {

namespace fs = std::filesystem;

/// Grids can be made of it, and CMA-ES has two numbers.
const SearchSpace& space() {
    static const SearchSpace out = parse_space(
                                       "x: {type: float, low: -2, high: 2, step: 0.125}\n"
                                       "n: {type: int, low: 1, high: 20}\n"
                                       "boost: {type: categorical, choices: [gbdt, dart, null]}\n",
                                       "space")
                                       .value();
    return out;
}

/// Some trials fail, some are pruned, some violate a constraint; with `asked` null the objective suggests.
Result<Outcome> eventful(Trial& trial) {
    for (const auto& [name, distribution] : space()) SOFIA_CHECK(trial.suggest(name, distribution));
    const double x = trial.frozen().param("x")->internal;
    const double n = trial.frozen().param("n")->internal;
    const double loss = x * x + std::abs(n - 7.0) * 0.1 + trial.frozen().param("boost")->internal;
    SOFIA_CHECK(trial.set_constraint("n", n - 15.0));
    SOFIA_CHECK(trial.report(0, loss));
    if (trial.number() % 11 == 5) return fail(ErrorCode::data, "eleventh");
    if (trial.number() % 7 == 3) return Pruned{};
    return loss;
}

std::string outcome(const Study& s) {
    std::string out;
    for (const TrialPtr& t : s.trials()) {
        out += std::to_string(t->number) + " " + to_string(t->state);
        for (const Param& p : t->params) out += " " + p.name + "=" + p.distribution->json() + format_value(p.value());
        for (const double v : t->values) out += " " + format_value(v);
        for (const auto& [key, json] : t->system_attributes) out += " " + key + ":" + json;
        out += "\n";
    }
    return out;
}

class AnySampler : public testing::TestWithParam<std::string> {
protected:
    AnySampler() : folder_(fs::temp_directory_path() / ("sofia_sampler_test_" + std::to_string(::getpid()))) { fs::create_directories(folder_); }
    ~AnySampler() override { fs::remove_all(folder_); }

    /// A small population, so that there are several generations.
    static std::shared_ptr<Sampler> sampler() {
        SamplerOptions options;
        options.nsga2.population = 10;
        if (GetParam() == "grid") {
            GridConfig& grid = options.grid;
            grid.values["boost"] = {std::string("gbdt"), std::string("dart"), std::monostate{}};
            for (int k = 0; k <= 32; k += 4) grid.values["x"].emplace_back(-2.0 + 0.125 * k);
            for (std::int64_t n = 1; n <= 20; n += 3) grid.values["n"].emplace_back(n);
        }
        return make_sampler(GetParam(), options).value();
    }

    Study open(std::shared_ptr<Storage> storage = nullptr) {
        StudyOptions options;
        options.name = "s";
        options.seed = 5;
        options.sampler = sampler();
        options.open = StudyOptions::Open::resume;
        options.storage = std::move(storage);
        return Study::open(options).value();
    }

    static void run(Study& study, std::int64_t trials, std::size_t threads, const SearchSpace* asked) {
        OptimizeOptions options;
        options.trials = trials;
        options.batch = 4;
        options.threads = threads;
        options.space = asked;
        ASSERT_TRUE(optimize(study, eventful, options));
    }

    fs::path folder_;
};

TEST_P(AnySampler, TheStudyIsTheSameForAnyNumberOfThreads) {
    for (const SearchSpace* asked : {&space(), static_cast<const SearchSpace*>(nullptr)}) {
        Study one = open();
        run(one, 60, 1, asked);
        Study four = open();
        run(four, 60, 4, asked);
        EXPECT_EQ(outcome(one), outcome(four));
        EXPECT_EQ(one.trials().size(), 60U);
    }
}

TEST_P(AnySampler, AStoppedStudyGoesOnAsIfItHadNotBeen) {
    for (const SearchSpace* asked : {&space(), static_cast<const SearchSpace*>(nullptr)}) {
        Study whole = open();
        run(whole, 60, 1, asked);
        const auto storage = memory_storage();
        for (const std::int64_t trials : {4, 28, 28}) {
            Study part = open(storage);
            run(part, trials, 1, asked);
        }
        EXPECT_EQ(outcome(open(storage)), outcome(whole)) << (asked != nullptr);
    }
}

TEST_P(AnySampler, AFileHoldsAllThatIsNeededToGoOn) {
    const auto file = [&] { return open_storage("sqlite:///" + (folder_ / "s.db").string()).value(); };
    Study whole = open();
    run(whole, 28, 1, &space());
    for (const std::int64_t trials : {24, 4}) {
        Study part = open(file());
        run(part, trials, 1, &space());
    }
    EXPECT_EQ(outcome(open(file())), outcome(whole));
}

TEST_P(AnySampler, EachSeedIsAnotherStudy) {
    if (GetParam() == "grid") GTEST_SKIP() << "the order of a grid has a seed of its own";
    Study one = open();
    run(one, 8, 1, &space());
    StudyOptions other;
    other.seed = 6;
    other.sampler = sampler();
    Study two = Study::open(other).value();
    run(two, 8, 1, &space());
    EXPECT_NE(outcome(one), outcome(two));
}

/// One that is asked with two histories in turn answers as two would.
TEST_P(AnySampler, WhatIsLearntIsKeptApartForEachHistory) {
    Study study = open();
    run(study, 40, 1, &space());
    History whole({Direction::minimize});
    History half({Direction::minimize});  // with gaps, as a pruner's bracket
    const auto shared = sampler();
    for (const TrialPtr& trial : study.trials()) {
        whole.put(trial);
        if (trial->number % 3 == 0) half.put(trial);
        for (const History* history : {&whole, &half}) {
            const auto fresh = sampler();
            const SearchSpace joint = shared->joint_space(*history, &space()).value();
            ASSERT_EQ(joint, fresh->joint_space(*history, &space()).value());
            const auto mine = shared->sample_joint(*history, 99, joint, RandomStream(1)).value();
            const auto theirs = fresh->sample_joint(*history, 99, joint, RandomStream(1)).value();
            ASSERT_EQ(mine.internal, theirs.internal);
            ASSERT_EQ(mine.system_attributes, theirs.system_attributes);
        }
    }
}

TEST_P(AnySampler, DrawsStayInTheirRange) {
    Study study = open();
    run(study, 80, 1, &space());
    std::set<std::string> states;
    for (const TrialPtr& trial : study.trials()) {
        states.insert(to_string(trial->state));
        ASSERT_EQ(trial->params.size(), 3U);
        for (const Param& p : trial->params) EXPECT_TRUE(space().at(p.name).contains(p.internal)) << p.name << p.internal;
    }
    EXPECT_EQ(states.size(), 3U);
}

TEST_P(AnySampler, AnEnqueuedTrialKeepsItsValues) {
    Study study = open();
    run(study, 12, 1, &space());
    ASSERT_TRUE(study.enqueue({{"x", 0.5}, {"n", std::int64_t{7}}, {"boost", std::monostate{}}}));
    run(study, 4, 1, &space());
    EXPECT_EQ(study.trial(12)->param("x")->internal, 0.5);
    EXPECT_EQ(study.trial(12)->param("n")->internal, 7.0);
    EXPECT_EQ(study.trial(12)->param("boost")->internal, 2.0);
}

INSTANTIATE_TEST_SUITE_P(All, AnySampler, testing::ValuesIn(sampler_names()), [](const auto& i) {
    std::string name = i.param;
    std::erase(name, '-');
    return name;
});

TEST(MakeSampler, NamesTheNearestOne) {
    EXPECT_EQ(make_sampler("cmaess").error().message, "unknown sampler \"cmaess\", did you mean cmaes?");
    EXPECT_EQ(make_sampler("x").error().hint, "samplers: random, grid, qmc, tpe, tpe-univariate, cmaes, nsga2");
    EXPECT_EQ(make_sampler("x").error().code, ErrorCode::usage);
}

TEST(MakeSampler, SeveralObjectivesAreRefusedByThoseThatServeOne) {
    const std::vector<Direction> two = {Direction::minimize, Direction::maximize};
    for (const std::string& name : sampler_names()) {
        const auto valid = make_sampler(name).value()->validate(two);
        const bool one_only = name.starts_with("tpe") || name == "cmaes";
        EXPECT_EQ(valid.has_value(), !one_only) << name;
        if (one_only) {
            EXPECT_EQ(valid.error().code, ErrorCode::usage);
            EXPECT_NE(valid.error().hint.find("nsga2"), std::string::npos) << valid.error().hint;
        }
    }
}

TEST(MakeSampler, OptionsAreChecked) {
    const std::vector<Direction> one = {Direction::minimize};
    SamplerOptions bad;
    bad.tpe.candidates = 0;
    bad.cmaes.population = 2;
    bad.nsga2.population = 1;
    bad.grid.values["x"] = {};
    for (const std::string name : {"tpe", "cmaes", "nsga2", "grid"}) {
        EXPECT_EQ(make_sampler(name, bad).value()->validate(one).error().code, ErrorCode::config) << name;
    }
    bad.nsga2 = {.mutation_probability = 1.5};
    EXPECT_FALSE(make_sampler("nsga2", bad).value()->validate(one));
}

}  // namespace
}  // namespace sofia::tune
