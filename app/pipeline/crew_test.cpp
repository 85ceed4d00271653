#include "app/pipeline/crew.hpp"

#include <atomic>
#include <latch>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace sofia::pipeline {
namespace {

TEST(Crew, DoesEveryJobOnceAndKeepsItsResult) {
    Crew crew(3);
    EXPECT_EQ(crew.size(), 3u);
    std::vector<int> done(200, 0);
    {
        Crew::Jobs jobs(crew, 0);
        for (std::size_t i = 0; i < done.size(); ++i) {
            EXPECT_EQ(jobs.add([&done, i] { done[i] += static_cast<int>(i) + 1; }), i);
        }
        for (std::size_t i = 0; i < done.size(); ++i) {
            jobs.wait(i);
            EXPECT_EQ(done[i], static_cast<int>(i) + 1);
        }
    }
    EXPECT_GE(crew.busy(), 0);
}

// One worker, held by a first job while others are added: then the lowest rank comes first, and of one owner the earliest.
TEST(Crew, TakesTheLowestRankFirst) {
    Crew crew(1);
    std::string order;
    std::latch open(1);
    Crew::Jobs first(crew, 5);
    first.add([&] { open.wait(); });
    Crew::Jobs late(crew, 2);
    Crew::Jobs early(crew, 1);
    late.add([&] { order += 'c'; });
    late.add([&] { order += 'd'; });
    early.add([&] { order += 'a'; });
    early.add([&] { order += 'b'; });
    open.count_down();
    late.wait(1);
    EXPECT_EQ(order, "abcd");
}

TEST(Crew, HandsAnExceptionToWhoWaits) {
    Crew crew(2);
    Crew::Jobs jobs(crew, 0);
    EXPECT_THROW(jobs.run([] { throw std::runtime_error("odd"); }), std::runtime_error);
    int after = 0;
    jobs.run([&] { after = 1; });
    EXPECT_EQ(after, 1);
}

// An owner that ends early takes its waiting jobs along and waits for the running one, which uses what is the owner's.
TEST(Crew, AnOwnerThatLeavesDropsWhatHasNotBegun) {
    Crew crew(1);
    std::latch begun(1);
    std::latch open(1);
    std::atomic<int> finished = 0;
    std::jthread opener;
    {
        Crew::Jobs jobs(crew, 0);
        jobs.add([&] {
            begun.count_down();
            open.wait();
            ++finished;
        });
        for (int i = 0; i < 50; ++i) jobs.add([&] { ++finished; });
        begun.wait();
        opener = std::jthread([&] { open.count_down(); });
        // The jobs behind the first one are dropped under the lock that the worker needs to begin another.
    }
    const int left = finished;
    EXPECT_GE(left, 1);
    Crew::Jobs others(crew, 0);
    others.run([] {});
    EXPECT_EQ(finished, left);
}

}  // namespace
}  // namespace sofia::pipeline
