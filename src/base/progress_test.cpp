#include "base/progress.hpp"

#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sofia {
namespace {

using testing::HasSubstr;

TEST(ProgressLine, RateAndTimeLeftFollowFromDoneAndElapsed) {
    EXPECT_EQ(progress_line("tune", "trials", 30, 200, 12 * ns_per_second, "best 0.61"), "tune 30/200 trials, 2.5/s, 1m08s left, best 0.61");
    EXPECT_EQ(progress_line("read", "rows", 3'000'000, 0, ns_per_second, ""), "read 3000000 rows, 3.0 M/s");
    EXPECT_EQ(progress_line("tune", "trials", 1, 7201, ns_per_second, ""), "tune 1/7201 trials, 1.0/s, 2h00m left");
    EXPECT_EQ(progress_line("tune", "trials", 5, 5, ns_per_second, ""), "tune 5/5 trials, 5.0/s");
}

TEST(ProgressLine, NothingDoneShowsNoRate) { EXPECT_EQ(progress_line("tune", "trials", 0, 200, 0, ""), "tune 0/200 trials"); }

void work(Progress progress) {
    for (int i = 0; i < 10'000; ++i) progress.advance();
    progress.note("done");
}

TEST(Progress, IsSilentWhereStderrIsNoTerminal) {
    testing::internal::CaptureStderr();
    work(Progress::on_terminal("tune", "trials", 10'000));
    work(Progress());
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

// Puts a pseudo-terminal in the place of stderr while `body` runs and returns what was written to it.
template <class Body>
std::string on_terminal(Body body) {
    int master = -1;
    int slave = -1;
    if (openpty(&master, &slave, nullptr, nullptr, nullptr) != 0) return "no pseudo-terminal";
    const int saved = dup(STDERR_FILENO);
    dup2(slave, STDERR_FILENO);
    body();
    std::fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    fcntl(master, F_SETFL, O_NONBLOCK);
    std::string out(1 << 16, '\0');
    const ssize_t count = read(master, out.data(), out.size());
    out.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    close(slave);
    close(master);
    return out;
}

TEST(Progress, OnATerminalDrawsRarelyAndEndsItsLine) {
    const std::string out = on_terminal([] { work(Progress::on_terminal("tune", "trials", 10'000)); });
    if (out == "no pseudo-terminal") GTEST_SKIP() << "this machine gives no pseudo-terminal";
    EXPECT_THAT(out, HasSubstr("\rtune 1/10000 trials"));
    EXPECT_THAT(out, HasSubstr("\rtune 10000/10000 trials"));
    EXPECT_TRUE(out.ends_with("\n"));
    EXPECT_LT(std::count(out.begin(), out.end(), '\r'), 1000);  // 10,000 steps, far fewer drawings
}

TEST(StopFlag, StaysSetOnceRequestedFromASignalHandler) {
    static StopFlag flag;  // a handler reaches only what is static
    EXPECT_FALSE(flag.requested());
    const auto before = std::signal(SIGUSR1, [](int) { flag.request(); });
    std::raise(SIGUSR1);
    std::signal(SIGUSR1, before);
    EXPECT_TRUE(flag.requested());
}

TEST(StopFlag, IsRequestedWithItsOuterOneButNotTheOtherWayRound) {
    StopFlag outer;
    StopFlag inner(&outer);
    StopFlag other(&outer);
    inner.request();
    EXPECT_TRUE(inner.requested());
    EXPECT_FALSE(outer.requested());
    EXPECT_FALSE(other.requested());
    outer.request();
    EXPECT_TRUE(other.requested());
}

}  // namespace
}  // namespace sofia
