// The storage's contract on a server: SOFIA_POSTGRES_URL, an empty database of tests/e2e/test_postgresql.py; skipped without it.
#include <cmath>
#include <cstdlib>
#include <limits>
#include <thread>

#include <gtest/gtest.h>

#include "tune/optimize.hpp"

namespace sofia::tune {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

class PostgresqlStorage : public testing::Test {
protected:
    void SetUp() override {
        const char* given = std::getenv("SOFIA_POSTGRES_URL");
        if (given == nullptr) GTEST_SKIP() << "SOFIA_POSTGRES_URL is not set: run by tests/e2e/test_postgresql.py";
        url_ = given;
        name_ = testing::UnitTest::GetInstance()->current_test_info()->name();
        storage_ = open_storage(url_).value();
        study_ = storage_->create_study(name_, {Direction::minimize, Direction::maximize}).value().id;
    }
    std::int64_t add() { return storage_->add_trial(study_, FrozenTrial{}).value().id; }
    std::vector<FrozenTrial> all() { return storage_->read_trials(study_, 0, {}).value(); }

    std::string url_;
    std::string name_;
    std::shared_ptr<Storage> storage_;
    std::int64_t study_ = 0;
};

std::shared_ptr<const Distribution> unit() {
    return std::make_shared<const Distribution>(Distribution::make(FloatDistribution{0.0, 1.0, false, 0.0}).value());
}

TEST_F(PostgresqlStorage, WhatIsWrittenInPiecesComesBackWhole) {
    FrozenTrial trial;
    trial.state = TrialState::waiting;
    trial.system_attributes = {{"fixed_params", "{\"a\": 1}"}};
    const auto id = storage_->add_trial(study_, trial).value().id;
    const auto started = storage_->claim(id).value();
    ASSERT_TRUE(started);
    EXPECT_FALSE(storage_->claim(id).value());
    const auto kinds = std::make_shared<const Distribution>(Distribution::make(CategoricalDistribution{{true, std::string("é '\\ :x")}}).value());
    const std::vector<Param> params = {{"z", kinds, 1.0}, {"a", unit(), 0.1 + 0.2}, {"m", unit(), 5e-324}};
    ASSERT_TRUE(storage_->set_params(id, params));
    for (const auto& [step, value] : std::map<std::int64_t, double>{{0, 1.5}, {3, std::nan("")}, {4, infinity}, {9, -infinity}}) {
        ASSERT_TRUE(storage_->set_report(id, step, value));
    }
    ASSERT_TRUE(storage_->set_report(id, 0, 2.5));
    ASSERT_TRUE(storage_->set_trial_attribute(id, Storage::Owner::user, "k", "1"));
    ASSERT_TRUE(storage_->set_trial_attribute(id, Storage::Owner::user, "k", "[Infinity, \"\\u00e9\"]"));
    const auto completed = storage_->finish(id, TrialState::complete, std::vector{infinity, -infinity});
    ASSERT_TRUE(completed) << completed.error().message;

    const FrozenTrial read = all().at(0);
    EXPECT_EQ(read.state, TrialState::complete);
    EXPECT_EQ(read.values, (std::vector{infinity, -infinity}));
    EXPECT_EQ(read.started, started);
    EXPECT_EQ(read.completed, *completed);
    ASSERT_EQ(read.params.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(read.params[i].name, params[i].name);
        EXPECT_EQ(read.params[i].internal, params[i].internal);
        EXPECT_EQ(*read.params[i].distribution, *params[i].distribution);
    }
    ASSERT_EQ(read.reports.size(), 4U);
    EXPECT_EQ(read.reports.at(0), 2.5);
    EXPECT_TRUE(std::isnan(read.reports.at(3)));
    EXPECT_EQ(read.reports.at(9), -infinity);
    EXPECT_EQ(read.user_attributes, (Attributes{{"k", "[Infinity, \"\\u00e9\"]"}}));
    EXPECT_EQ(read.system_attributes, trial.system_attributes);
    const std::vector<std::int64_t> again = {id};
    EXPECT_EQ(storage_->read_trials(study_, id, again).value().at(0).params.size(), 3U);
}

TEST_F(PostgresqlStorage, AFinishedTrialIsImmutableAndAMissingOneIsNamed) {
    const auto id = add();
    ASSERT_TRUE(storage_->finish(id, TrialState::fail, {}));
    const auto before = all();
    const std::vector<Param> params = {{"x", unit(), 0.5}};
    EXPECT_EQ(storage_->finish(id, TrialState::complete, std::vector{1.0, 2.0}).error().code, ErrorCode::conflict);
    EXPECT_EQ(storage_->set_params(id, params).error().code, ErrorCode::conflict);
    EXPECT_EQ(storage_->set_params(id, {}).error().code, ErrorCode::conflict);
    EXPECT_EQ(storage_->set_report(id, 0, 1.0).error().code, ErrorCode::conflict);
    EXPECT_EQ(storage_->set_trial_attribute(id, Storage::Owner::system, "a", "1").error().code, ErrorCode::conflict);
    EXPECT_EQ(storage_->set_report(id + 1'000'000, 0, 1.0).error().code, ErrorCode::usage);
    const auto after = all();
    EXPECT_EQ(after[0].state, TrialState::fail);
    EXPECT_EQ(after[0].completed, before[0].completed);
    EXPECT_TRUE(after[0].params.empty() && after[0].values.empty() && after[0].reports.empty() && after[0].system_attributes.empty());
    EXPECT_EQ(storage_->set_report(add(), std::int64_t{1} << 40, 1.0).error().code, ErrorCode::data);
}

// A conflict that is reported is no failed statement: what else the transaction does is kept.
TEST_F(PostgresqlStorage, ATransactionGoesOnAfterAReportedConflict) {
    const auto finished = add();
    const auto running = add();
    ASSERT_TRUE(storage_->finish(finished, TrialState::fail, {}));
    ASSERT_TRUE(storage_->transaction([&]() -> Result<void> {
        EXPECT_EQ(storage_->finish(finished, TrialState::complete, std::vector{1.0, 2.0}).error().code, ErrorCode::conflict);
        EXPECT_EQ(storage_->set_report(finished, 0, 1.0).error().code, ErrorCode::conflict);
        EXPECT_EQ(storage_->create_study(name_, {Direction::minimize}).error().code, ErrorCode::conflict);
        SOFIA_CHECK(storage_->finish(running, TrialState::complete, std::vector{1.0, 2.0}));
        return {};
    }));
    EXPECT_EQ(all()[1].state, TrialState::complete);
}

TEST_F(PostgresqlStorage, AnErrorUndoesTheWholeTransactionAndItsNumbers) {
    EXPECT_FALSE(storage_->transaction([&]() -> Result<void> {
        SOFIA_TRY(const FrozenTrial trial, storage_->add_trial(study_, FrozenTrial{}));
        EXPECT_EQ(trial.number, 0);
        return fail(ErrorCode::data, "no");
    }));
    EXPECT_EQ(storage_->add_trial(study_, FrozenTrial{}).value().number, 0);
    EXPECT_EQ(all().size(), 1U);
}

TEST_F(PostgresqlStorage, WorkersAtOnceCreateTheStudyAndNumberTheirTrials) {
    std::vector<std::string> errors(4);
    const std::string name = name_ + "-shared";
    {
        std::vector<std::jthread> workers;
        for (std::size_t w = 0; w < errors.size(); ++w) {
            workers.emplace_back([&, w] {
                StudyOptions options;
                options.name = name;
                options.open = StudyOptions::Open::resume;
                options.sampler = random_sampler();
                const auto storage = open_storage(url_);
                if (!storage) errors[w] = storage.error().message;
                if (!storage) return;
                options.storage = *storage;
                auto study = Study::open(std::move(options));
                if (!study) errors[w] = study.error().message;
                if (!study) return;
                OptimizeOptions run;
                run.trials = 20;
                run.batch = 1 + w % 2;
                const auto report = optimize(*study, [](Trial& trial) -> Result<Outcome> { return trial.suggest_float("x", 0.0, 1.0); }, run);
                if (!report) errors[w] = report.error().message;
            });
        }
    }
    for (const std::string& error : errors) EXPECT_EQ(error, "");
    const auto trials = storage_->read_trials(storage_->find_study(name).value()->id, 0, {}).value();
    ASSERT_EQ(trials.size(), 80U);
    for (std::size_t i = 0; i < trials.size(); ++i) {
        EXPECT_EQ(trials[i].number, static_cast<std::int64_t>(i));
        EXPECT_EQ(trials[i].state, TrialState::complete);
        EXPECT_EQ(trials[i].values.at(0), trials[i].params.at(0).internal);
    }
}

TEST_F(PostgresqlStorage, StaleIsByTheServersClock) {
    const std::vector<std::int64_t> ids = {add(), add()};
    ASSERT_TRUE(storage_->beat(ids[0]));
    ASSERT_TRUE(storage_->beat(ids[0]));
    EXPECT_TRUE(storage_->stale(ids, ns_per_hour).value().empty());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(storage_->stale(ids, ns_per_ms).value(), (std::vector<std::int64_t>{ids[0]}));
}

}  // namespace
}  // namespace sofia::tune
