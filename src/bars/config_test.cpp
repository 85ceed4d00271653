#include "bars/config.hpp"

#include <gtest/gtest.h>

namespace sofia::bars {
namespace {

std::string message(std::vector<std::string> timeframes) {
    const BarsConfig config{.timeframes = std::move(timeframes)};
    const auto checked = config.validate();
    return checked ? "" : checked.error().message;
}

TEST(BarsConfig, TheDefaultIsValid) { EXPECT_TRUE(BarsConfig{}.validate().has_value()); }

TEST(BarsConfig, SaysWhatIsWrong) {
    EXPECT_EQ(message({}), "no timeframe is named");
    EXPECT_EQ(message({"1m", "7m"}), "timeframe \"7m\" is no duration that divides a day");
    EXPECT_EQ(message({"2m", "15m"}), "timeframe 15m is not a multiple of the smallest one, 2m");
    EXPECT_EQ(message({"1h", "60m"}), "timeframe \"60m\" is named twice");
    EXPECT_EQ(message({"15m", "1m"}), "");
}

TEST(BarsConfig, IsReadFromItsSection) {
    BarsConfig config;
    config::Keys keys;
    keys.section("bars", config);
    ASSERT_TRUE(config::load_text("bars:\n  timeframes: [30s, 1d]\n", "test.yaml", keys).has_value());
    EXPECT_EQ(config.timeframes, (std::vector<std::string>{"30s", "1d"}));
}

}  // namespace
}  // namespace sofia::bars
