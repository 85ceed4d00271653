#include "app/pipeline/shared_cache.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "app/pipeline/dataset_cache.hpp"
#include "app/pipeline/stage_clock.hpp"
#include "base/random.hpp"

#include <nlohmann/json.hpp>

namespace sofia::pipeline {
namespace {

TEST(SharedCache, MakesAValueOnceForAllThreads) {
    SharedCache<int> cache(4);
    std::atomic<int> made = 0;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < 100; ++i) {
                    const int key = i % 3;
                    const auto value = cache.get(std::to_string(key), [&]() -> Result<int> {
                        ++made;
                        return key * 10;
                    });
                    EXPECT_EQ(**value, key * 10);
                }
            });
        }
    }
    EXPECT_EQ(made, 3);
    EXPECT_EQ(cache.count().misses, 3);
    EXPECT_EQ(cache.count().hits, 397);
}

TEST(SharedCache, KeepsTheOnesUsedLast) {
    SharedCache<int> cache(2);
    int made = 0;
    const auto ask = [&](const char* key) { return **cache.get(key, [&]() -> Result<int> { return ++made; }); };
    EXPECT_EQ(ask("a"), 1);
    EXPECT_EQ(ask("b"), 2);
    EXPECT_EQ(ask("a"), 1);
    EXPECT_EQ(ask("c"), 3);  // b goes
    EXPECT_EQ(ask("a"), 1);
    EXPECT_EQ(ask("b"), 4);
}

TEST(SharedCache, AnErrorIsNotKept) {
    SharedCache<int> cache(2);
    EXPECT_EQ(cache.get("a", []() -> Result<int> { return fail(ErrorCode::data, "no"); }).error().message, "no");
    EXPECT_EQ(**cache.get("a", []() -> Result<int> { return 7; }), 7);
}

models::Dataset tiny_set(std::size_t rows) {
    RandomStream random(1);
    std::vector<double> values;
    std::vector<double> labels;
    for (std::size_t i = 0; i < rows; ++i) {
        values.push_back(random.normal());
        labels.push_back(static_cast<double>(i % 2));
    }
    return models::Dataset::make({.features = {values, rows, 1}, .labels = labels, .weights = {}, .feature_names = {"x"}, .categorical = {}},
                                 models::GbdtConfig{}, 1)
        .value();
}

TEST(DatasetCache, LendsToOneAtATimeAndKeepsWhatFits) {
    DatasetCache cache(100);
    EXPECT_FALSE(cache.borrow("a").has_value());
    {
        const auto loan = cache.lend("a", 60, {tiny_set(50), std::nullopt});
        EXPECT_FALSE(cache.borrow("a").has_value());  // it is in use
        const auto another = cache.lend("a", 60, {tiny_set(50), std::nullopt});
    }
    EXPECT_EQ(cache.bytes(), 60u);  // two do not fit
    {
        auto loan = cache.borrow("a");
        ASSERT_TRUE(loan.has_value());
        EXPECT_EQ((*loan)->train.rows(), 50u);
        EXPECT_EQ(cache.bytes(), 0u);
        const auto other = cache.lend("b", 30, {tiny_set(40), std::nullopt});
    }
    EXPECT_EQ(cache.bytes(), 90u);
    {
        const auto third = cache.lend("c", 30, {tiny_set(30), std::nullopt});
    }
    EXPECT_EQ(cache.bytes(), 90u);  // the one that lay longest is gone
    EXPECT_FALSE(cache.borrow("b").has_value());
    EXPECT_TRUE(cache.borrow("c").has_value());
    EXPECT_EQ(cache.count().hits, 2);
    EXPECT_EQ(cache.count().misses, 3);
}

TEST(DatasetCache, OfNoSizeKeepsNothing) {
    DatasetCache cache(0);
    {
        const auto loan = cache.lend("a", 1, {tiny_set(50), std::nullopt});
    }
    EXPECT_FALSE(cache.borrow("a").has_value());
}

TEST(DatasetCache, KeysTellParametersAndRowsApart) {
    const std::vector<std::size_t> one = {1, 2, 3};
    const std::vector<std::size_t> two = {1, 2};
    const std::vector<std::size_t> three = {3};
    const std::vector<std::string> keys = {binned_key("p", one, {}), binned_key("q", one, {}), binned_key("p", two, three), binned_key("p", {}, one),
                                           binned_key("p", two, {})};
    for (std::size_t i = 0; i < keys.size(); ++i) {
        for (std::size_t j = i + 1; j < keys.size(); ++j) EXPECT_NE(keys[i], keys[j]);
    }
    EXPECT_EQ(binned_key("p", two, three), keys[2]);
}

TEST(TimeUse, StagesOtherAndWaitingSumUpToTheWorkersTime) {
    StageClock clock;
    clock.add_seconds(TimeStage::features, 1.0);
    clock.add_seconds(TimeStage::fit, 12.0);
    clock.add_seconds(TimeStage::decide, 2.0);
    clock.add_seconds(TimeStage::storage, 0.5);
    const TimeUse use = time_use(clock, 2, 10 * ns_per_second, 15 * ns_per_second);
    EXPECT_DOUBLE_EQ(use.other_seconds, 1.0);     // busy 15 with fit and decide 14
    EXPECT_DOUBLE_EQ(use.waiting_seconds, 3.5);   // of 20
    EXPECT_DOUBLE_EQ(use.wall_over_fit(), 20.0 / 12.0);
    const Json json = time_json(use);
    double sum = 0.0;
    for (const auto& [name, seconds] : json["seconds"].items()) sum += seconds.get<double>();
    EXPECT_DOUBLE_EQ(sum, 20.0);
    EXPECT_NE(time_text(use).find("fit 12.0 s (60.0 %)"), std::string::npos);
}

TEST(TimeUse, WithoutAFitThereIsNoRatio) { EXPECT_TRUE(time_json(time_use(StageClock{}, 1, ns_per_second, 0))["wall_over_fit"].is_null()); }

}  // namespace
}  // namespace sofia::pipeline
