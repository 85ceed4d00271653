#include "tune/heartbeat.hpp"

#include <filesystem>
#include <thread>

#include <unistd.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sql/connection.hpp"
#include "tune/optimize.hpp"

namespace sofia::tune {
namespace {

namespace fs = std::filesystem;

SearchSpace space() {
    SearchSpace out;
    out.emplace("n", Distribution::make(IntDistribution{1, 1000, false, 1}).value());
    out.emplace("x", Distribution::make(FloatDistribution{-5.0, 5.0, false, 0.0}).value());
    return out;
}

std::map<std::string, double> internals(const FrozenTrial& trial) {
    std::map<std::string, double> out;
    for (const Param& p : trial.params) out[p.name] = p.internal;
    return out;
}

/// Studies on one file, each with a connection of its own, as processes have. A study that is destroyed without telling is a worker that died.
class Heartbeats : public testing::Test {
protected:
    void SetUp() override {
        const auto* info = testing::UnitTest::GetInstance()->current_test_info();
        folder_ = fs::temp_directory_path() / (std::string("sofia_heartbeat_") + info->name() + "_" + std::to_string(::getpid()));
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }

    std::string url() const { return "sqlite:///" + (folder_ / "a.db").string(); }

    Study worker(Heartbeat heartbeat, const Logger& log = Logger()) const {
        StudyOptions options;
        options.name = "s";
        options.seed = 3;
        options.open = StudyOptions::Open::resume;
        options.storage = open_storage(url()).value();
        options.heartbeat = heartbeat;
        options.log = log;
        return Study::open(std::move(options)).value();
    }

    /// As if the last beats were long ago.
    void age_beats() const { ASSERT_TRUE(sql::Connection::open(url())->execute("UPDATE trial_heartbeats SET heartbeat = '2020-01-01 00:00:00'")); }

    fs::path folder_;
};

Heartbeat hourly(std::optional<std::int64_t> max_retry) {
    Heartbeat heartbeat;
    heartbeat.interval = ns_per_hour;
    heartbeat.max_retry = max_retry;
    return heartbeat;
}

TEST_F(Heartbeats, ADeadWorkersTrialIsFailedAndItsParametersRunAgain) {
    std::map<std::string, double> lost;
    {
        Study dies = worker(hourly(1));
        Trial trial = dies.ask(space()).value();
        ASSERT_TRUE(trial.set_user_attribute("note", "kept"));
        ASSERT_TRUE(trial.report(0, 1.0));
        lost = internals(trial.frozen());
    }
    age_beats();
    Study lives = worker(hourly(1));
    const Trial again = lives.ask(space()).value();
    EXPECT_EQ(again.number(), 1);
    EXPECT_EQ(internals(again.frozen()), lost);
    EXPECT_EQ(again.frozen().system_attributes.at("failed_trial"), "0");
    EXPECT_EQ(again.frozen().system_attributes.at("retry_history"), "[0]");
    EXPECT_EQ(again.frozen().user_attributes, (Attributes{{"note", "\"kept\""}}));
    EXPECT_TRUE(again.frozen().reports.empty());
    ASSERT_TRUE(lives.tell(again, 1.0));

    const auto trials = open_storage(url()).value()->read_trials(1, 0, {}).value();
    ASSERT_EQ(trials.size(), 2U);
    EXPECT_EQ(trials[0].state, TrialState::fail);
    EXPECT_TRUE(trials[0].completed);
    EXPECT_NE(trials[0].user_attributes.at("error").find("no sign of life for 7200 s"), std::string::npos);
    EXPECT_EQ(trials[1].state, TrialState::complete);
    EXPECT_EQ(internals(trials[1]), lost);
}

TEST_F(Heartbeats, ADeadWorkersTrialIsLoggedOnceByWhoFailsIt) {
    static_cast<void>(worker(hourly(1)).ask(space()).value());
    age_beats();
    std::vector<std::string> lines;
    const Logger log = Logger::to([&](LogLevel level, std::string_view line) {
        EXPECT_EQ(level, LogLevel::warning);
        lines.emplace_back(line);
    });
    Study first = worker(hourly(1), log);
    Study second = worker(hourly(1), log);  // has read the trial as running, too
    ASSERT_TRUE(first.ask(space()));
    ASSERT_TRUE(second.ask(space()));
    ASSERT_TRUE(first.ask(space()));
    EXPECT_EQ(lines, std::vector<std::string>{"trial 0 failed: its worker gave no sign of life for 7200 s; trial 1 repeats it"});
    EXPECT_EQ(first.trial(0)->failure_reason(), "its worker gave no sign of life for 7200 s");
}

TEST_F(Heartbeats, ATrialOfAWorkerThatIsKnownToBeDeadIsRepeatedAtOnce) {
    const auto lost = [&] {
        Study dies = worker(hourly(1));
        return internals(dies.ask(space()).value().frozen());
    }();
    std::vector<std::string> lines;
    Study leads = worker(hourly(1), Logger::to([&](LogLevel, std::string_view line) { lines.emplace_back(line); }));
    EXPECT_EQ(leads.fail_running(0, "its worker was killed by signal 9", Repeat::as_heartbeat_says).value(), 1);
    EXPECT_EQ(lines, std::vector<std::string>{"trial 0 failed: its worker was killed by signal 9; trial 1 repeats it"});
    EXPECT_EQ(leads.fail_running(0, "again", Repeat::as_heartbeat_says).value(), std::nullopt) << "it is failed already";
    EXPECT_EQ(leads.fail_running(7, "?", Repeat::never).error().code, ErrorCode::usage);
    EXPECT_EQ(internals(worker(hourly(1)).ask(space()).value().frozen()), lost);
    EXPECT_EQ(leads.fail_running(1, "killed, too", Repeat::as_heartbeat_says).value(), std::nullopt) << "one repetition was asked for";
    Study other = worker(hourly(1));
    static_cast<void>(other.ask(space()).value());
    EXPECT_EQ(leads.fail_running(2, "interrupted", Repeat::never).value(), std::nullopt);
    const auto trials = open_storage(url()).value()->read_trials(1, 0, {}).value();
    ASSERT_EQ(trials.size(), 3U);
    for (const FrozenTrial& trial : trials) EXPECT_EQ(trial.state, TrialState::fail);
}

TEST(FailureReason, IsTheTextWithoutQuotes) {
    FrozenTrial trial;
    EXPECT_EQ(trial.failure_reason(), "no reason given");
    trial.user_attributes["error"] = R"("no \"data\" \u00e9")";
    EXPECT_EQ(trial.failure_reason(), "no \"data\" é");
    trial.user_attributes["error"] = "[1, 2]";  // another program's
    EXPECT_EQ(trial.failure_reason(), "[1, 2]");
}

TEST_F(Heartbeats, ATrialIsRepeatedAsOftenAsAsked) {
    for (int i = 0; i < 3; ++i) {
        static_cast<void>(worker(hourly(2)).ask(space()).value());
        age_beats();
    }
    Study lives = worker(hourly(2));
    const Trial fresh = lives.ask(space()).value();
    EXPECT_EQ(fresh.number(), 3);
    EXPECT_FALSE(fresh.frozen().system_attributes.contains("failed_trial"));
    EXPECT_EQ(lives.trial(2)->system_attributes.at("retry_history"), "[0, 1]");
    EXPECT_EQ(lives.trial(2)->state, TrialState::fail);
    EXPECT_NE(internals(fresh.frozen()), internals(*lives.trial(0)));
}

TEST_F(Heartbeats, WhoBeatsOrNeverBeatIsLeftAlone) {
    Study alive = worker(hourly(0));
    const Trial running = alive.ask(space()).value();
    Study silent = worker({});
    const Trial quiet = silent.ask(space()).value();
    ASSERT_TRUE(worker(hourly(0)).ask(space()));
    EXPECT_TRUE(alive.tell(running, 1.0));
    EXPECT_TRUE(silent.tell(quiet, 2.0));
}

TEST_F(Heartbeats, AnOpenStudyBeatsByItself) {
    Heartbeat heartbeat;
    heartbeat.interval = 5 * ns_per_ms;
    Study study = worker(heartbeat);
    const Trial trial = study.ask(space()).value();
    auto db = sql::Connection::open(url()).value();
    const auto beats = [&] { return db.query("SELECT heartbeat FROM trial_heartbeats", {sql::Type::text}).value(); };
    const auto first = beats();
    ASSERT_EQ(first.size(), 1U);
    const DurationNs deadline = steady_now() + 20 * ns_per_second;
    while (beats() == first && steady_now() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_NE(beats(), first);
    ASSERT_TRUE(study.tell(trial, 1.0));
}

TEST_F(Heartbeats, ATrialThatSomebodyElseFailedIsDroppedAndTheStudyGoesOn) {
    const auto other = open_storage(url()).value();
    Study study = worker(hourly(0));
    std::vector<std::string> lines;
    OptimizeOptions options;
    options.trials = 6;
    options.batch = 2;
    options.log = Logger::to([&](LogLevel level, std::string_view line) {
        if (level == LogLevel::warning) lines.emplace_back(line);
    });
    const auto report = optimize(
        study,
        [&](Trial& trial) -> Result<Outcome> {
            SOFIA_TRY(const double x, trial.suggest_float("x", 0.0, 1.0));
            if (trial.number() == 2) SOFIA_CHECK(other->finish(trial.frozen().id, TrialState::fail, {}));
            if (trial.number() == 3) {
                SOFIA_CHECK(other->finish(trial.frozen().id, TrialState::fail, {}));
                SOFIA_CHECK(trial.report(0, x));  // finds out here
            }
            return x;
        },
        options);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->complete, 4);
    EXPECT_EQ(report->lost, 2);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_NE(lines[0].find("trial 2 was finished by somebody else"), std::string::npos);
    ASSERT_TRUE(study.refresh());
    EXPECT_EQ(study.trial(2)->state, TrialState::fail);
    EXPECT_EQ(study.trial(3)->state, TrialState::fail);
    EXPECT_EQ(study.trials().size(), 6U);
}

TEST_F(Heartbeats, StaleIsByTheStoragesClock) {
    const auto storage = open_storage(url()).value();
    const auto study = storage->create_study("s", {Direction::minimize}).value().id;
    std::vector<std::int64_t> ids;
    for (int i = 0; i < 3; ++i) ids.push_back(storage->add_trial(study, FrozenTrial{}).value().id);
    ASSERT_TRUE(storage->beat(ids[0]));
    age_beats();
    ASSERT_TRUE(storage->beat(ids[1]));
    EXPECT_EQ(storage->stale(ids, ns_per_minute).value(), (std::vector<std::int64_t>{ids[0]}));
    ASSERT_TRUE(storage->beat(ids[0]));
    EXPECT_TRUE(storage->stale(ids, ns_per_minute).value().empty());
}

TEST(Heartbeat, OptionsThatCannotWorkAreRefused) {
    Heartbeat heartbeat;
    EXPECT_TRUE(heartbeat.validate());
    heartbeat.grace = ns_per_second;
    EXPECT_EQ(heartbeat.validate().error().code, ErrorCode::usage);
    heartbeat.interval = ns_per_second;
    EXPECT_EQ(heartbeat.validate().error().code, ErrorCode::usage);
    heartbeat.grace = 0;
    EXPECT_TRUE(heartbeat.validate());
    EXPECT_EQ(heartbeat.grace_period(), 2 * ns_per_second);
    heartbeat.max_retry = -1;
    EXPECT_EQ(heartbeat.validate().error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace sofia::tune
