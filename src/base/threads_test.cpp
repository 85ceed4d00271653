#include "base/threads.hpp"

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sofia {
namespace {

class ThreadPools : public testing::TestWithParam<std::size_t> {};

TEST_P(ThreadPools, RunEveryIndexOnceAndReturnWhenAllAreDone) {
    ThreadPool pool(GetParam());
    for (const std::size_t count : {0U, 1U, 2U, 1000U}) {
        std::vector<int> runs(count);
        pool.for_each(count, [&](std::size_t i) { ++runs[i]; });
        EXPECT_EQ(runs, std::vector<int>(count, 1));
    }
}

TEST_P(ThreadPools, RethrowTheFirstExceptionByIndexAfterAllHaveEnded) {
    ThreadPool pool(GetParam());
    for (int round = 0; round < 20; ++round) {
        std::atomic<int> ended{0};
        std::string caught;
        try {
            pool.for_each(50, [&](std::size_t i) {
                // The later index fails sooner.
                if (i == 10) std::this_thread::sleep_for(std::chrono::milliseconds(2));
                ++ended;
                if (i == 10 || i == 11 || i == 40) throw std::runtime_error(std::to_string(i));
            });
        } catch (const std::runtime_error& error) {
            caught = error.what();
        }
        EXPECT_EQ(caught, "10");
        EXPECT_EQ(ended, 50);
    }
    int after = 0;
    pool.for_each(1, [&](std::size_t) { ++after; });
    EXPECT_EQ(after, 1);
}

INSTANTIATE_TEST_SUITE_P(Sizes, ThreadPools, testing::Values(1, 2, 8));

TEST(ThreadPool, WithOneThreadEverythingRunsInTheCallerInOrder) {
    ThreadPool pool(1);
    const auto caller = std::this_thread::get_id();
    std::vector<std::size_t> order;
    pool.for_each(5, [&](std::size_t i) {
        EXPECT_EQ(std::this_thread::get_id(), caller);
        order.push_back(i);
    });
    EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
}

TEST(ThreadPool, TwoThreadsWorkAtTheSameTime) {
    ThreadPool pool(2);
    std::atomic<int> arrived{0};
    // Each waits for the other: this ends only if both run at once.
    pool.for_each(2, [&](std::size_t) {
        ++arrived;
        while (arrived < 2) std::this_thread::yield();
    });
    EXPECT_EQ(arrived, 2);
}

TEST(ThreadPool, ZeroMeansAsManyAsThisProcessMayUse) {
    const std::size_t size = ThreadPool(0).size();
    EXPECT_GE(size, 1U);
    EXPECT_LE(size, std::max(1U, std::thread::hardware_concurrency()));
    EXPECT_EQ(ThreadPool(3).size(), 3U);
}

}  // namespace
}  // namespace sofia
