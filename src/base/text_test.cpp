#include "base/text.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace sofia {
namespace {

TEST(ParseDouble, TakesTheWholeTextOrNothing) {
    EXPECT_EQ(parse_double("1.5"), 1.5);
    EXPECT_EQ(parse_double("+1.5e3"), 1500.0);
    EXPECT_EQ(parse_double("-0.25"), -0.25);
    EXPECT_TRUE(std::isnan(parse_double("nan").value()));
    EXPECT_EQ(parse_double("inf"), std::numeric_limits<double>::infinity());
    for (const auto* bad : {"", " 1", "1 ", "1,5", "1.5x", "0x10", "+-1", "++1", "-+1", "e5", "1e999"}) {
        EXPECT_FALSE(parse_double(bad)) << bad;
    }
}

TEST(ParseInt, TakesTheWholeTextOrNothing) {
    EXPECT_EQ(parse_int("+42"), 42);
    EXPECT_EQ(parse_int("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
    for (const auto* bad : {"", "1.0", "9223372036854775808", "0x1", "1 ", "+-1"}) EXPECT_FALSE(parse_int(bad)) << bad;
}

TEST(FormatDouble, IsTheShortestText) {
    EXPECT_EQ(format_double(0.1), "0.1");
    EXPECT_EQ(format_double(1e300), "1e+300");
    EXPECT_EQ(format_double(-std::numeric_limits<double>::quiet_NaN()), "nan");
    EXPECT_EQ(format_double(-std::numeric_limits<double>::infinity()), "-inf");
}

RC_GTEST_PROP(FormatDouble, ReadsBackToTheLastBit, (std::uint64_t bits)) {
    const auto value = std::bit_cast<double>(bits);
    RC_PRE(!std::isnan(value));
    RC_ASSERT(std::bit_cast<std::uint64_t>(parse_double(format_double(value)).value()) == bits);
}

RC_GTEST_PROP(Split, JoinIsItsInverse, (const std::string& text)) {
    const auto parts = split(text, ',');
    RC_ASSERT(join(parts, ",") == text);
    for (const std::string& part : parts) RC_ASSERT(part.find(',') == std::string::npos);
}

TEST(Trim, TakesBlanksOffBothEndsOnly) {
    EXPECT_EQ(trim("  a b\t\r\n"), "a b");
    EXPECT_EQ(trim(" \t"), "");
    EXPECT_EQ(lower("Buy ÄX"), "buy Äx");
}

TEST(Nearest, FindsWhatWasMeant) {
    const std::vector<std::string> options{"--trials", "--timeout", "--train-config", "--threads"};
    EXPECT_EQ(nearest("--trails", options), "--trials");   // a swap is one edit
    EXPECT_EQ(nearest("--TRIALS", options), "--trials");   // case is no edit
    EXPECT_EQ(nearest("--thread", options), "--threads");
    EXPECT_EQ(nearest("--colour", options), std::nullopt);
    EXPECT_EQ(nearest(std::string(100'000, 'x'), options), std::nullopt);
}

TEST(Counted, OnlyOneIsSingular) {
    EXPECT_EQ(counted(0, "trial"), "0 trials");
    EXPECT_EQ(counted(1, "trial"), "1 trial");
    EXPECT_EQ(counted(21, "trial"), "21 trials");
}

TEST(Nearest, PrefersTheSmallerDistanceAndThenTheOrder) {
    const std::vector<std::string> options{"stopp", "stops", "stop_loss"};
    EXPECT_EQ(nearest("stop", options), "stopp");
    EXPECT_EQ(nearest("stops", options), "stops");
}

TEST(WithSuggestion, AddsAQuestionOnlyWhenSomethingIsNear) {
    const std::vector<std::string> options{"--trials"};
    EXPECT_EQ(with_suggestion("unknown option --trails", "--trails", options), "unknown option --trails, did you mean --trials?");
    EXPECT_EQ(with_suggestion("unknown option --bla", "--bla", options), "unknown option --bla");
}

TEST(FormatTable, AlignsTextLeftAndNumbersRight) {
    const std::vector<std::string> header{"name", "rows", "share", "note"};
    EXPECT_EQ(format_table(header, {{"a", "5", "1.5%", "x"}, {"Müller", "1200", "-", ""}}),
              "name    rows  share  note\n"
              "------  ----  -----  ----\n"
              "a          5   1.5%  x\n"
              "Müller  1200      -\n");
}

TEST(FormatTable, WithoutRowsIsHeaderAndRule) {
    const std::vector<std::string> header{"a", "bc"};
    EXPECT_EQ(format_table(header, {}), "a  bc\n-  --\n");
}

TEST(Printable, ShowsControlCharactersAndKeepsTheRest) { EXPECT_EQ(printable("a\n\x1b[2J\x7f é"), "a\\x0a\\x1b[2J\\x7f é"); }

}  // namespace
}  // namespace sofia
