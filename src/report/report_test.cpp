#include "report/report.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "report/chart_data.hpp"
#include "report/page_text.hpp"
#include "report/test_report.hpp"

namespace sofia::report {
namespace {

TEST(TradeMarkers, AreTwoATradeInOrderOfTime) {
    std::vector<TradeRow> trades(2);
    trades[0] = {.entry_time = 10, .exit_time = 50, .direction = "long", .net_profit = 1.0, .exit_reason = "target"};
    trades[1] = {.entry_time = 20, .exit_time = 30, .direction = "short", .net_profit = -1.0, .exit_reason = "stop"};
    const auto markers = trade_markers(trades);
    ASSERT_EQ(markers.size(), 4U);
    EXPECT_TRUE(std::ranges::is_sorted(markers, {}, &Marker::time));
    EXPECT_EQ(markers[0].kind, MarkerKind::entry_long);
    EXPECT_EQ(markers[1].kind, MarkerKind::entry_short);
    EXPECT_EQ(markers[2].kind, MarkerKind::exit_loss);
    EXPECT_EQ(markers[2].text, "stop");
    EXPECT_EQ(markers[3].kind, MarkerKind::exit_win);
}

TEST(MonthlyReturns, CompoundToTheWholeReturn) {
    const auto bars = testing::walk(5000, ns_per_hour);
    const ReportData data = testing::everything(bars);
    double growth = 1.0;
    for (const MonthReturn& month : data.months) growth *= 1.0 + month.percent / 100.0;
    EXPECT_NEAR(growth, data.equity.points.back().value / data.equity.points.front().value, 1e-12);
    EXPECT_EQ(data.months.front().year, 2020);
    EXPECT_EQ(data.months.front().month, 1);
}

TEST(MonthlyReturns, EndAtTheLastMomentOfAMonth) {
    const TimeNs february = testing::start + 31 * ns_per_day;
    const Series equity{"e", "", {{testing::start, 100.0}, {february - 1, 110.0}, {february, 99.0}}};
    const auto months = monthly_returns(equity);
    ASSERT_EQ(months.size(), 2U);
    EXPECT_NEAR(months[0].percent, 10.0, 1e-12);
    EXPECT_NEAR(months[1].percent, -10.0, 1e-12);
    EXPECT_TRUE(monthly_returns({}).empty());
}

TEST(Drawdown, IsZeroAtEachPeakAndNeverAbove) {
    const Series equity{"e", "", {{1, 100.0}, {2, 120.0}, {3, 90.0}, {4, 120.0}, {5, 60.0}}};
    const auto points = drawdown_of(equity).points;
    EXPECT_EQ(points[1].value, 0.0);
    EXPECT_NEAR(points[2].value, -25.0, 1e-12);
    EXPECT_EQ(points[3].value, 0.0);
    EXPECT_NEAR(points[4].value, -50.0, 1e-12);
}

TEST(Numbers, AreWrittenForPeople) {
    EXPECT_EQ(format_number(1234567.891, 2), "1,234,567.89");
    EXPECT_EQ(format_number(-1234.5, 1), "−1,234.5");
    EXPECT_EQ(format_number(999.0, 0), "999");
    EXPECT_EQ(format_number(-0.001, 2), "0.00");
    EXPECT_EQ(format_number(std::nan(""), 2), "–");
    EXPECT_EQ(format_number(std::numeric_limits<double>::infinity(), 2), "∞");
    EXPECT_EQ(script_number(std::nan(""), 8), "null");
    EXPECT_EQ(script_number(1.5, 8), "1.5");
}

TEST(Text, IsEscaped) {
    EXPECT_EQ(escape("<b a=\"1\">&'\x01"), "&lt;b a=&quot;1&quot;&gt;&amp;&#39;");
    EXPECT_EQ(script_string("</script>\"\\"), "\"\\u003c/script\\u003e\\u0022\\u005c\"");
}

TEST(PriceDecimals, AreAsManyAsThePricesNeed) {
    ReportData data;
    std::vector<market::Bar> bars(1);
    bars[0].open = bars[0].high = bars[0].low = bars[0].close = 100.0;
    data.bars = bars;
    EXPECT_EQ(price_decimals(data), 0);
    bars[0].high = 100.5;
    EXPECT_EQ(price_decimals(data), 1);
    bars[0].low = 0.00012345;
    EXPECT_EQ(price_decimals(data), 8);
    data.price_decimals = 3;
    EXPECT_EQ(price_decimals(data), 3);
}

}  // namespace
}  // namespace sofia::report
