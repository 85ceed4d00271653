#include "tune/storage.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include <unistd.h>

#include <gtest/gtest.h>

#include "sql/connection.hpp"
#include "tune/schema.hpp"
#include "tune/study.hpp"

namespace sofia::tune {
namespace {

namespace fs = std::filesystem;
constexpr double infinity = std::numeric_limits<double>::infinity();

/// The contract, for both storages.
class AnyStorage : public testing::TestWithParam<bool> {
protected:
    void SetUp() override {
        std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
        std::replace(name.begin(), name.end(), '/', '_');
        folder_ = fs::temp_directory_path() / ("sofia_tune_" + name + "_" + std::to_string(::getpid()));
        fs::create_directories(folder_);
        storage_ = GetParam() ? open_storage(url()).value() : memory_storage();
        study_ = storage_->create_study("s", {Direction::minimize, Direction::maximize}).value().id;
    }
    void TearDown() override {
        storage_.reset();
        fs::remove_all(folder_);
    }

    std::string url() const { return "sqlite:///" + (folder_ / "a b.db").string(); }
    FrozenTrial add(TrialState state) {
        FrozenTrial trial;
        trial.state = state;
        return storage_->add_trial(study_, trial).value();
    }
    std::vector<FrozenTrial> all() { return storage_->read_trials(study_, 0, {}).value(); }

    fs::path folder_;
    std::shared_ptr<Storage> storage_;
    std::int64_t study_ = 0;
};

TEST_P(AnyStorage, ATrialComesBackWhole) {
    FrozenTrial trial;
    trial.state = TrialState::complete;
    trial.values = {infinity, -infinity};
    trial.started = 1'700'000'000'123'456'000;
    trial.completed = 1'700'000'001'000'000'000;
    const auto d = std::make_shared<const Distribution>(Distribution::make(CategoricalDistribution{{true, std::string("é")}}).value());
    const auto f = std::make_shared<const Distribution>(Distribution::make(FloatDistribution{0.0, 1.0, false, 0.0}).value());
    trial.params = {{"z", d, 1.0}, {"a", f, 0.1 + 0.2}};
    trial.reports = {{0, 1.5}, {3, std::nan("")}, {4, infinity}, {std::int64_t{1} << 40, -infinity}};
    trial.user_attributes = {{"k", "[1, Infinity]"}};
    trial.system_attributes = {{"fixed_params", "{\"a\": 1}"}};
    ASSERT_TRUE(storage_->add_trial(study_, trial));
    const FrozenTrial read = all().at(0);
    EXPECT_EQ(read.number, 0);
    EXPECT_EQ(read.state, TrialState::complete);
    EXPECT_EQ(read.values, trial.values);
    EXPECT_EQ(read.started, trial.started);
    EXPECT_EQ(read.completed, trial.completed);
    ASSERT_EQ(read.params.size(), 2U);
    EXPECT_EQ(read.params[0].name, "z");
    EXPECT_EQ(*read.params[0].distribution, *d);
    EXPECT_EQ(read.params[1].internal, 0.1 + 0.2);
    EXPECT_EQ(read.reports.size(), 4U);
    EXPECT_TRUE(std::isnan(read.reports.at(3)));
    EXPECT_EQ(read.reports.at(std::int64_t{1} << 40), -infinity);
    EXPECT_EQ(read.user_attributes, trial.user_attributes);
    EXPECT_EQ(read.system_attributes, trial.system_attributes);
}

TEST_P(AnyStorage, AFinishedTrialIsImmutable) {
    const auto id = add(TrialState::running).id;
    ASSERT_TRUE(storage_->finish(id, TrialState::fail, {}));
    const auto before = all();
    EXPECT_EQ(storage_->finish(id, TrialState::complete, std::vector<double>{1.0, 2.0}).error().code, ErrorCode::conflict);
    EXPECT_EQ(storage_->set_report(id, 0, 1.0).error().code, ErrorCode::conflict);
    EXPECT_EQ(storage_->set_params(id, {}).error().code, ErrorCode::conflict);
    EXPECT_EQ(storage_->set_trial_attribute(id, Storage::Owner::user, "a", "1").error().code, ErrorCode::conflict);
    EXPECT_FALSE(storage_->claim(id).value());
    EXPECT_EQ(all()[0].state, TrialState::fail);
    EXPECT_EQ(all()[0].completed, before[0].completed);
}

TEST_P(AnyStorage, AWaitingTrialIsClaimedOnce) {
    const auto id = add(TrialState::waiting).id;
    EXPECT_TRUE(storage_->claim(id).value());
    EXPECT_FALSE(storage_->claim(id).value());
    EXPECT_EQ(all()[0].state, TrialState::running);
    EXPECT_TRUE(all()[0].started);
}

TEST_P(AnyStorage, NumbersCountWithinEachStudyAndReadingGoesOnFromAnId) {
    const auto other = storage_->create_study("t", {Direction::minimize}).value().id;
    std::vector<std::int64_t> ids;
    for (int i = 0; i < 5; ++i) {
        ids.push_back(add(TrialState::running).id);
        ASSERT_TRUE(storage_->add_trial(other, FrozenTrial{}));
    }
    const auto trials = all();
    for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(trials.at(i).number, static_cast<std::int64_t>(i));
    const std::vector<std::int64_t> again = {ids[1]};
    const auto newer = storage_->read_trials(study_, ids[3], again).value();
    ASSERT_EQ(newer.size(), 2U);
    EXPECT_EQ(newer[0].id, ids[1]);
    EXPECT_EQ(newer[1].id, ids[4]);
}

TEST_P(AnyStorage, StudiesAreFoundWithTheirDirectionsAndAttributes) {
    EXPECT_EQ(storage_->create_study("s", {Direction::minimize}).error().code, ErrorCode::conflict);
    ASSERT_TRUE(storage_->set_study_attribute(study_, Storage::Owner::user, "k", "1"));
    ASSERT_TRUE(storage_->set_study_attribute(study_, Storage::Owner::user, "k", "2"));
    ASSERT_TRUE(storage_->set_study_attribute(study_, Storage::Owner::system, "k", "3"));
    const auto found = storage_->find_study("s").value();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->directions, (std::vector<Direction>{Direction::minimize, Direction::maximize}));
    EXPECT_EQ(found->user_attributes, (Attributes{{"k", "2"}}));
    EXPECT_EQ(found->system_attributes, (Attributes{{"k", "3"}}));
    EXPECT_FALSE(storage_->find_study("none").value());
    EXPECT_EQ(storage_->studies().value().size(), 1U);
}

TEST_P(AnyStorage, ARenamedStudyKeepsItsTrialsAndAnExistingNameIsRefused) {
    add(TrialState::waiting);
    const auto other = storage_->create_study("other", {Direction::minimize}).value().id;
    EXPECT_EQ(storage_->rename_study(study_, "other").error().code, ErrorCode::conflict);
    EXPECT_EQ(storage_->rename_study(99, "x").error().code, ErrorCode::usage);
    ASSERT_TRUE(storage_->rename_study(study_, "renamed \"é\""));
    ASSERT_TRUE(storage_->rename_study(study_, "renamed \"é\""));
    EXPECT_FALSE(storage_->find_study("s").value().has_value());
    EXPECT_EQ(storage_->find_study("renamed \"é\"").value()->id, study_);
    EXPECT_EQ(storage_->find_study("other").value()->id, other);
    EXPECT_EQ(all().size(), 1U);
}

TEST_P(AnyStorage, ADeletedStudyIsGoneWithItsTrialsAndNoOther) {
    FrozenTrial full;
    full.state = TrialState::running;
    full.reports = {{0, 1.0}};
    full.user_attributes = {{"a", "1"}};
    full.system_attributes = {{"b", "2"}};
    full.params = {{"x", std::make_shared<const Distribution>(Distribution::make(FloatDistribution{}).value()), 0.5}};
    const auto kept = storage_->create_study("kept", {Direction::maximize}).value().id;
    ASSERT_TRUE(storage_->add_trial(study_, full));
    const FrozenTrial trial = storage_->add_trial(kept, full).value();
    ASSERT_TRUE(storage_->delete_study(study_));
    EXPECT_EQ(storage_->delete_study(study_).error().code, ErrorCode::usage);
    ASSERT_EQ(storage_->studies().value().size(), 1U);
    const auto trials = storage_->read_trials(kept, 0, {}).value();
    ASSERT_EQ(trials.size(), 1U);
    EXPECT_EQ(trials[0].id, trial.id);
    EXPECT_EQ(trials[0].params.size(), 1U);
    EXPECT_EQ(trials[0].reports.size(), 1U);
    // The name is free again, and numbers start from 0.
    const auto again = storage_->create_study("s", {Direction::minimize}).value().id;
    EXPECT_EQ(storage_->add_trial(again, full)->number, 0);
    EXPECT_EQ(storage_->add_trial(kept, full)->number, 1);
}

INSTANTIATE_TEST_SUITE_P(Both, AnyStorage, testing::Bool(), [](const auto& i) { return i.param ? "sqlite" : "memory"; });

class SqliteFile : public testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::temp_directory_path() /
                  (std::string("sofia_tune_") + testing::UnitTest::GetInstance()->current_test_info()->name() + std::to_string(::getpid()));
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }
    std::string url() const { return "sqlite:///" + (folder_ / "a.db").string(); }
    fs::path folder_;
};

TEST_F(SqliteFile, ANewerOrForeignFileIsRefusedUntouched) {
    {
        auto db = sql::Connection::open(url()).value();
        ASSERT_TRUE(prepare_schema(db));
        ASSERT_TRUE(prepare_schema(db));
        ASSERT_TRUE(db.execute("UPDATE alembic_version SET version_num = 'v9.0.0.a'"));
    }
    const auto newer = open_storage(url());
    EXPECT_EQ(newer.error().code, ErrorCode::data);
    EXPECT_NE(newer.error().message.find("v9.0.0.a"), std::string::npos);
    const std::string other = "sqlite:///" + (folder_ / "other.db").string();
    ASSERT_TRUE(sql::Connection::open(other).value().execute("CREATE TABLE mine (a INTEGER)"));
    EXPECT_EQ(open_storage(other).error().code, ErrorCode::data);
    EXPECT_EQ(sql::Connection::open(other).value().query("SELECT count(*) FROM sqlite_master", {sql::Type::integer}).value()[0][0],
              sql::Value(std::int64_t{1}));
}

TEST_F(SqliteFile, ADeletedStudyLeavesNoRows) {
    const auto storage = open_storage(url()).value();
    const auto study = storage->create_study("s", {Direction::minimize, Direction::maximize}).value().id;
    ASSERT_TRUE(storage->set_study_attribute(study, Storage::Owner::user, "a", "1"));
    ASSERT_TRUE(storage->set_study_attribute(study, Storage::Owner::system, "a", "1"));
    FrozenTrial trial;
    trial.reports = {{0, 1.0}};
    trial.user_attributes = trial.system_attributes = {{"a", "1"}};
    trial.params = {{"x", std::make_shared<const Distribution>(Distribution::make(FloatDistribution{}).value()), 0.5}};
    const auto id = storage->add_trial(study, trial).value().id;
    ASSERT_TRUE(storage->beat(id));
    ASSERT_TRUE(storage->finish(id, TrialState::complete, std::vector{1.0, 2.0}));
    auto db = sql::Connection::open(url()).value();
    const auto rows = [&](const std::string& table) {
        return std::get<std::int64_t>(db.query("SELECT count(*) FROM " + table, {sql::Type::integer}).value()[0][0]);
    };
    const std::vector<std::string> tables = {"studies",      "study_directions",          "study_user_attributes",   "study_system_attributes",
                                             "trials",       "trial_user_attributes",     "trial_system_attributes", "trial_params",
                                             "trial_values", "trial_intermediate_values", "trial_heartbeats"};
    for (const std::string& table : tables) EXPECT_GT(rows(table), 0) << table;
    ASSERT_TRUE(storage->delete_study(study));
    for (const std::string& table : tables) EXPECT_EQ(rows(table), 0) << table;
}

// Each of these was once a crash, memory without end, or an error that named neither file nor trial.
TEST_F(SqliteFile, ADamagedStudyIsNamedWithItsTrial) {
    const auto fresh = [&] {
        fs::remove_all(folder_);
        fs::create_directories(folder_);
        const auto storage = open_storage(url()).value();
        const auto study = storage->create_study("s", {Direction::minimize, Direction::maximize}).value().id;
        FrozenTrial trial;
        trial.state = TrialState::complete;
        trial.values = {1.0, 2.0};
        trial.started = 0;
        for (int i = 0; i < 3; ++i) ASSERT_TRUE(storage->add_trial(study, trial));
    };
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"DELETE FROM trial_values WHERE trial_id = 2", "trial 1: complete, but without a value"},
        {"DELETE FROM trial_values WHERE trial_id = 2 AND objective = 0", "trial 1: complete, but without a value"},
        {"DELETE FROM trial_values WHERE trial_id = 2 AND objective = 1", "study \"s\": trial 1 has 1 value for 2 objectives"},
        {"UPDATE trial_values SET objective = 4000000000 WHERE trial_id = 2 AND objective = 1", "trial 1: a value for objective 4000000000"},
        {"UPDATE trials SET number = 9000000000 WHERE trial_id = 2", "trial 9000000000: a number that no trial can have"},
        {"UPDATE trials SET number = -5 WHERE trial_id = 2", "trial -5: a number that no trial can have"},
        {"UPDATE trials SET state = 'ODD' WHERE trial_id = 2", "a.db: trial 1: unknown trial state \"ODD\""},
        {"UPDATE trials SET datetime_start = 'soon' WHERE trial_id = 2", "a.db: trial 1: \"soon\" is not a time"},
        {"DELETE FROM study_directions", "study \"s\" has no direction"},
    };
    for (const auto& [statement, expected] : cases) {
        fresh();
        ASSERT_TRUE(sql::Connection::open(url())->execute(statement)) << statement;
        StudyOptions options;
        options.name = "s";
        options.open = StudyOptions::Open::load;
        options.storage = open_storage(url()).value();
        options.sampler = random_sampler();
        const auto study = Study::open(std::move(options));
        ASSERT_FALSE(study) << statement;
        EXPECT_EQ(study.error().code, ErrorCode::data);
        EXPECT_NE(study.error().message.find(expected), std::string::npos) << study.error().message;
    }
}

TEST_F(SqliteFile, WhatIsNotThereIsNotMadeWhenRefused) {
    EXPECT_EQ(open_storage(url(), Missing::refuse).error().code, ErrorCode::io);
    EXPECT_FALSE(fs::exists(folder_ / "a.db"));
    std::ofstream(folder_ / "empty.db").close();
    EXPECT_EQ(open_storage("sqlite:///" + (folder_ / "empty.db").string(), Missing::refuse).error().code, ErrorCode::data);
    EXPECT_EQ(fs::file_size(folder_ / "empty.db"), 0U);
    ASSERT_TRUE(open_storage(url()));
    EXPECT_TRUE(open_storage(url(), Missing::refuse));
}

TEST_F(SqliteFile, AnErrorUndoesTheWholeTransactionAndItsNumbers) {
    const auto storage = open_storage(url()).value();
    const auto study = storage->create_study("s", {Direction::minimize}).value().id;
    const auto failed = storage->transaction([&]() -> Result<void> {
        SOFIA_TRY(const FrozenTrial trial, storage->add_trial(study, FrozenTrial{}));
        EXPECT_EQ(trial.number, 0);
        return fail(ErrorCode::data, "no");
    });
    EXPECT_FALSE(failed);
    EXPECT_EQ(storage->add_trial(study, FrozenTrial{}).value().number, 0);
    EXPECT_EQ(storage->read_trials(study, 0, {}).value().size(), 1U);
}

// Each worker has its own connection, as processes have; a lost, doubled or re-numbered trial would break the sequence.
TEST_F(SqliteFile, WorkersAtOnceNumberTheirTrialsWithoutGapsOrDoubles) {
    const auto study = open_storage(url()).value()->create_study("s", {Direction::minimize}).value().id;
    std::vector<std::string> errors(4);
    {
        std::vector<std::jthread> workers;
        for (std::size_t w = 0; w < errors.size(); ++w) {
            workers.emplace_back([&, w] {
                const auto storage = open_storage(url());
                if (!storage) errors[w] = storage.error().message;
                for (int i = 0; i < 25 && errors[w].empty(); ++i) {
                    const auto trial = (*storage)->add_trial(study, FrozenTrial{});
                    if (!trial) errors[w] = trial.error().message;
                    if (trial && !(*storage)->finish(trial->id, TrialState::complete, std::vector<double>{1.0})) errors[w] = "finish";
                }
            });
        }
    }
    for (const std::string& error : errors) EXPECT_EQ(error, "");
    const auto trials = open_storage(url()).value()->read_trials(study, 0, {}).value();
    ASSERT_EQ(trials.size(), 100U);
    for (std::size_t i = 0; i < trials.size(); ++i) EXPECT_EQ(trials[i].number, static_cast<std::int64_t>(i));
}

TEST_F(SqliteFile, TimesKeepMicrosecondsAndAreUtc) {
    EXPECT_EQ(stored(std::optional<TimeNs>(1'700'000'000'123'456'789)), sql::Value(std::string("2023-11-14 22:13:20.123456")));
    EXPECT_EQ(time_of(std::string("2023-11-14 22:13:20.123456")).value(), 1'700'000'000'123'456'000);
    EXPECT_EQ(time_of(std::string("2023-11-14 22:13:20")).value(), 1'700'000'000'000'000'000);
    EXPECT_EQ(time_of(std::monostate{}).value(), std::nullopt);
    EXPECT_FALSE(time_of(std::string("yesterday")));
}

}  // namespace
}  // namespace sofia::tune
