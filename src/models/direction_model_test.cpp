#include "models/direction_model.hpp"

#include <atomic>
#include <cmath>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/files.hpp"
#include "base/hash.hpp"
#include "models/booster.hpp"
#include "models/test_data.hpp"

namespace sofia::models {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Named = std::vector<std::pair<std::string_view, double>>;

/// A folder of dated models and a link to the best, as training leaves them.
class Direction : public ::testing::Test {
protected:
    Direction() { fs::create_directories(root_); }
    ~Direction() override { fs::remove_all(root_); }

    static std::string fitted(std::uint64_t seed) {
        GbdtConfig config;
        config.rounds = 10;
        const testing::Rows rows = testing::make_rows(seed, 400, 3);
        const Dataset data = Dataset::make(rows.data(), config, 1).value();
        const StopFlag stop;
        return Booster::fit(config, data, nullptr, seed, 1, stop).value().text();
    }

    void save(const std::string& version, const std::string& text) const {
        fs::create_directories(root_ / version);
        ASSERT_TRUE(write_file(root_ / version / "lgbm.txt", text).has_value());
        ASSERT_TRUE(write_file(root_ / version / "model_card.json", "{\"version\": \"" + version + "\"}\n").has_value());
    }

    void point(const std::string& version) const {
        fs::create_directory_symlink(version, root_ / ".next");
        fs::rename(root_ / ".next", link_);
    }

    const fs::path root_ = fs::temp_directory_path() / ("sofia_direction_" + std::to_string(getpid()));
    const fs::path link_ = root_ / "best_lgbm";
    const std::vector<double> row_{0.3, -0.2, 0.9};
};

TEST_F(Direction, ReadsWhenFirstAskedAndPredictsAsLightGbm) {
    const DirectionModel model(link_);
    const auto early = model.predict_proba_up(row_);
    ASSERT_FALSE(early.has_value());
    EXPECT_EQ(early.error().code, ErrorCode::io);
    const std::string text = fitted(1);
    save("2026-01-31", text);
    point("2026-01-31");
    const double expected = Booster::from_text(text, "test").value().predict({row_, 1, 3}, 1).value().front();
    EXPECT_EQ(model.predict_proba_up(row_).value(), expected);
    const auto loaded = model.loaded().value();
    EXPECT_EQ(loaded->version, "2026-01-31");
    EXPECT_EQ(loaded->sha256, sha256_hex(text));
    EXPECT_EQ(loaded->bytes, text.size());
    EXPECT_THAT(loaded->card, HasSubstr("2026-01-31"));
}

TEST_F(Direction, NamesCountAndTheirOrderDoesNot) {
    save("2026-01-31", fitted(1));
    point("2026-01-31");
    const DirectionModel model(link_);
    const auto names = model.loaded().value()->trees.feature_names();
    const double expected = model.predict_proba_up(row_).value();
    EXPECT_EQ(model.predict_proba_up(Named{{names[0], 0.3}, {names[1], -0.2}, {names[2], 0.9}}).value(), expected);
    EXPECT_EQ(model.predict_proba_up(Named{{names[2], 0.9}, {names[0], 0.3}, {names[1], -0.2}}).value(), expected);
    const auto refused = [&](const Named& row) {
        const auto answer = model.predict_proba_up(row);
        EXPECT_FALSE(answer.has_value());
        EXPECT_EQ(answer.error().code, ErrorCode::usage);
        return answer.error().message;
    };
    EXPECT_THAT(refused({{names[0], 0.3}, {names[2], 0.9}}), HasSubstr("lacks " + names[1]));
    EXPECT_THAT(refused({{names[0], 0.3}, {names[1], -0.2}, {names[2], 0.9}, {"else", 1.0}}), HasSubstr("\"else\" is no feature"));
    EXPECT_THAT(refused({{names[0], 0.3}, {names[0], 0.3}, {names[1], -0.2}, {names[2], 0.9}}), HasSubstr("given twice"));
    const auto short_row = model.predict_proba_up(std::vector<double>{0.3, -0.2});
    ASSERT_FALSE(short_row.has_value());
    EXPECT_THAT(short_row.error().message, HasSubstr("2 values for the 3 features"));
    // NaN goes to the model, which has learnt what to do with a missing value.
    const double missing = model.predict_proba_up(Named{{names[0], NAN}, {names[1], -0.2}, {names[2], 0.9}}).value();
    EXPECT_TRUE(missing > 0.0 && missing < 1.0);
}

TEST_F(Direction, AMovedLinkIsFollowedAndABrokenOneDoesNotReplaceTheModel) {
    save("2026-01-31", fitted(1));
    save("2026-02-01", fitted(2));
    point("2026-01-31");
    const DirectionModel model(link_, 0);
    const double first = model.predict_proba_up(row_).value();
    point("2026-02-01");
    EXPECT_EQ(model.predict_proba_up(row_).value(), first);  // not looked at without being told
    ASSERT_TRUE(model.refresh().has_value());
    const double second = model.predict_proba_up(row_).value();
    EXPECT_NE(second, first);
    EXPECT_FALSE(model.trouble().has_value());
    save("2026-02-02", "tree\nversion=v4\n");
    point("2026-02-02");
    EXPECT_FALSE(model.refresh().has_value());
    ASSERT_TRUE(model.trouble().has_value());
    EXPECT_THAT(model.trouble()->message, HasSubstr("2026-02-02"));
    EXPECT_EQ(model.predict_proba_up(row_).value(), second);
    point("2026-01-31");
    ASSERT_TRUE(model.refresh().has_value());
    EXPECT_FALSE(model.trouble().has_value());
    EXPECT_EQ(model.predict_proba_up(row_).value(), first);
}

TEST_F(Direction, AModelOfAnotherKindDoesNotReplaceOneThatWorks) {
    save("2026-01-31", fitted(1));
    fs::create_directories(root_ / "2026-02-01");
    ASSERT_TRUE(write_file(root_ / "2026-02-01" / "model.pkl", "pickled").has_value());
    point("2026-01-31");
    const DirectionModel model(link_, 0);
    const double before = model.predict_proba_up(row_).value();
    point("2026-02-01");
    const auto refused = model.refresh();
    EXPECT_EQ(refused.error().code, ErrorCode::data);
    EXPECT_THAT(refused.error().message, HasSubstr("model.pkl is a model that was written in Python"));
    EXPECT_EQ(model.predict_proba_up(row_).value(), before);
}

TEST_F(Direction, ManyThreadsAreServedWhileTheLinkMoves) {
    save("2026-01-31", fitted(1));
    save("2026-02-01", fitted(2));
    point("2026-01-31");
    const DirectionModel first(root_ / "2026-01-31");
    const DirectionModel second(root_ / "2026-02-01");
    const std::set<double> possible{first.predict_proba_up(row_).value(), second.predict_proba_up(row_).value()};
    ASSERT_EQ(possible.size(), 2U);
    const DirectionModel model(link_, 1);  // looked at with every request
    std::atomic<int> wrong{0};
    std::atomic<bool> done{false};
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            while (!done) {
                const auto p = model.predict_proba_up(row_);
                if (!p || !possible.contains(*p)) ++wrong;
            }
        });
    }
    for (int i = 0; i < 100; ++i) point(i % 2 == 0 ? "2026-02-01" : "2026-01-31");
    done = true;
    threads.clear();
    EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace sofia::models
