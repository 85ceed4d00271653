#include "base/log.hpp"

#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sofia {
namespace {

TEST(Logger, TheDefaultOneIsSilent) {
    testing::internal::CaptureStderr();
    Logger().error("nobody hears this");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Logger, StderrShowsTimeLevelAndTextFromItsLevelUp) {
    testing::internal::CaptureStderr();
    const Logger logger = Logger::to_stderr(LogLevel::warning);
    logger.info("too low");
    logger.warning("3 rows skipped");
    EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::MatchesRegex("[0-9][0-9]:[0-9][0-9]:[0-9][0-9] warning 3 rows skipped\n"));
}

TEST(Logger, ControlCharactersOfBadInputReachNoTerminal) {
    testing::internal::CaptureStderr();
    Logger::to_stderr(LogLevel::info).info("side \"\033[2J\nBuy\" é");
    EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("info side \"\\x1b[2J\\x0aBuy\" é\n"));
}

TEST(Logger, OffIsSilentAndCopiesShareTheSink) {
    testing::internal::CaptureStderr();
    Logger::to_stderr(LogLevel::off).error("x");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");

    std::vector<std::string> lines;
    const Logger logger = Logger::to(
        [&](LogLevel level, std::string_view text) { lines.push_back(std::to_string(static_cast<int>(level)) + " " + std::string(text)); });
    const Logger copy = logger;  // NOLINT: the copy is the test
    copy.debug("a");
    logger.error("b");
    EXPECT_EQ(lines, (std::vector<std::string>{"0 a", "3 b"}));
}

TEST(Logger, ASinkIsCalledByOneThreadAtATime) {
    std::vector<std::string> lines;
    const Logger logger = Logger::to([&](LogLevel, std::string_view text) { lines.emplace_back(text); });
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([logger] {
                for (int i = 0; i < 1000; ++i) logger.info("line");
            });
        }
    }
    EXPECT_EQ(lines.size(), 4000U);
}

}  // namespace
}  // namespace sofia
