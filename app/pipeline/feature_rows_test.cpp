#include "app/pipeline/feature_rows.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "app/pipeline/settings.hpp"
#include "bars/cascade.hpp"
#include "market/table.hpp"

namespace sofia::pipeline {
namespace {

constexpr TimeNs first_day = 4 * ns_per_day;  // 1970-01-05, a Monday

/// Hours 9 to 17 of a session 09:00-17:00 on two days.
std::vector<market::Bar> session_hours() {
    std::vector<market::Bar> bars;
    double price = 100.0;
    for (const TimeNs day : {first_day, first_day + ns_per_day}) {
        for (std::int64_t hour = 9; hour < 17; ++hour) {
            market::Bar bar;
            bar.open_time = day + hour * ns_per_hour;
            bar.close_time = bar.open_time + ns_per_hour;
            bar.open = price;
            price += hour % 3 == 0 ? -1.5 : 1.0;
            bar.close = price;
            bar.high = std::max(bar.open, bar.close) + 0.5;
            bar.low = std::min(bar.open, bar.close) - 0.5;
            bar.volume = static_cast<double>(hour);
            bars.push_back(bar);
        }
    }
    return bars;
}

market::Table rows_of(std::span<const market::Bar> base, RowTimeframes at) {
    const auto timeframes = market::parse_timeframes({"1h", "4h"}).value();
    const market::Session session = market::Session::parse("09:00-17:00").value();
    features::FeaturesConfig config;
    config.columns = {"*.return_1"};
    const features::Engine engine = features::Engine::make(config, timeframes, session).value();
    std::vector<std::string> names;
    for (const features::FeatureSpec& column : engine.columns()) names.push_back(column.name);
    market::Table table(names);
    FeatureRows rows(engine, {}, at);
    const FeatureRows::Sink sink = [&](TimeNs known_at, std::span<const double> row) { table.append(known_at, row); };
    bars::Cascade cascade = bars::Cascade::make(timeframes, session).value();
    for (const market::Bar& bar : base) {
        cascade.on_base_bar(bar, [&](std::size_t timeframe, const market::Bar& closed) { rows.on_bar(timeframe, closed, sink); });
    }
    rows.flush(sink);
    return table;
}

// The bar of four hours that holds the session's last one closes at 20:00, when no base bar does. The row of 17:00 must not know it.
TEST(FeatureRows, ABarThatClosesAfterTheSessionIsNotInTheLastRowOfTheSession) {
    const std::vector<market::Bar> bars = session_hours();
    const std::size_t first_session = 8;
    const market::Table whole = rows_of(bars, {0, 0});
    const market::Table cut = rows_of(std::span(bars).first(first_session), {0, 0});
    ASSERT_EQ(cut.rows(), first_session);
    ASSERT_GT(whole.rows(), first_session);
    for (std::size_t row = 0; row < cut.rows(); ++row) {
        EXPECT_EQ(whole.known_at()[row], bars[row].close_time);
        for (std::size_t column = 0; column < cut.width(); ++column) {
            const double a = whole.row(row)[column];
            const double b = cut.row(row)[column];
            EXPECT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << cut.columns()[column] << " of row " << row << ": " << a << ", cut " << b;
        }
    }
}

TEST(FeatureRows, RowsStandAtTheClosesOfTheirTimeframes) {
    const std::vector<market::Bar> bars = session_hours();
    const market::Table base = rows_of(bars, {0, 0});
    ASSERT_EQ(base.rows(), bars.size());
    for (std::size_t i = 0; i < bars.size(); ++i) EXPECT_EQ(base.known_at()[i], bars[i].close_time);
    // 12:00, 16:00, 20:00 and again the next day, whose last one has not closed when the data ends.
    const market::Table larger = rows_of(bars, {1, 1});
    std::vector<std::int64_t> hours;
    for (const TimeNs time : larger.known_at()) hours.push_back((time - first_day) / ns_per_hour);
    EXPECT_EQ(hours, (std::vector<std::int64_t>{12, 16, 20, 36, 40}));
    const market::Table both = rows_of(bars, {0, 1});
    EXPECT_EQ(both.rows(), bars.size() + 1);  // and the 20:00 of the first day
}

}  // namespace
}  // namespace sofia::pipeline
