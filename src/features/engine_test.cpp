#include "features/engine.hpp"

#include <bit>
#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "features/batch.hpp"
#include "features/test_bars.hpp"
#include "math/window.hpp"

namespace sofia::features {
namespace {

using Bars = std::vector<market::Bar>;

bool same(double a, double b) { return (std::isnan(a) && std::isnan(b)) || std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

std::vector<double> read(const Engine& engine, TimeNs known_at) {
    std::vector<double> row(engine.columns().size());
    engine.read(known_at, row);
    return row;
}

double value(const Engine& engine, TimeNs known_at, const std::string& name) {
    const std::vector<double> row = read(engine, known_at);
    for (std::size_t c = 0; c < row.size(); ++c) {
        if (engine.columns()[c].name == name) return row[c];
    }
    ADD_FAILURE() << "no column " << name;
    return 0.0;
}

TEST(Engine, RefusesTimeframesThatDoNotAscend) {
    const auto timeframes = default_timeframes();
    EXPECT_FALSE(Engine::make({}, {}).has_value());
    EXPECT_FALSE(Engine::make({}, {timeframes[1], timeframes[0]}).has_value());
    EXPECT_FALSE(Engine::make({}, {timeframes[0], timeframes[0]}).has_value());
}

// The whole catalogue, every row: a copy branched off at each bar goes on to the same bits as the batch.
TEST(Engine, BatchAndBranchedStreamsAgreeToTheLastBit) {
    const auto timeframes = default_timeframes();
    const auto bars = all_timeframes(random_bars(3000), timeframes);
    const market::Table batch = compute({}, timeframes, {.bars = bars, .funding = {}}).value();
    Engine stream = Engine::make({}, timeframes).value();
    std::vector<std::size_t> next(timeframes.size(), 0);
    for (std::size_t i = 0; i < bars[0].size(); ++i) {
        Engine branch = stream;
        stream = branch;  // the copy goes on, the original is dropped
        const TimeNs known_at = bars[0][i].known_at();
        stream.update(0, bars[0][i]);
        for (std::size_t k = 1; k < bars.size(); ++k) {
            while (next[k] < bars[k].size() && bars[k][next[k]].known_at() <= known_at) stream.update(k, bars[k][next[k]++]);
        }
        const std::vector<double> row = read(stream, known_at);
        ASSERT_EQ(batch.known_at()[i], known_at);
        for (std::size_t c = 0; c < row.size(); ++c) ASSERT_TRUE(same(row[c], batch.row(i)[c])) << batch.columns()[c] << " row " << i;
    }
}

// First number of each column of each timeframe: when `warm_up` bars of it have closed, not a row earlier or later.
TEST(Engine, WarmUpIsExactInEveryTimeframe) {
    const auto timeframes = default_timeframes();
    const Bars base = random_bars(15'000);
    const auto bars = all_timeframes(base, timeframes);
    const market::Table table = compute({}, timeframes, {.bars = bars, .funding = {}}).value();
    const Engine engine = Engine::make({}, timeframes).value();
    for (std::size_t c = 0; c < table.width(); ++c) {
        const FeatureSpec& spec = engine.columns()[c];
        std::size_t k = 0;
        for (std::size_t t = 0; t < timeframes.size(); ++t) {
            if (spec.name.starts_with(timeframes[t].prefix() + ".")) k = t;
        }
        std::size_t first = 0;
        while (first < table.rows() && std::isnan(table.row(first)[c])) ++first;
        ASSERT_LT(first, table.rows()) << spec.name;
        EXPECT_EQ(table.known_at()[first], bars[k][spec.warm_up - 1].known_at()) << spec.name;
    }
}

TEST(Engine, ALargerColumnChangesOnlyWhenItsBarCloses) {
    const auto timeframes = default_timeframes();
    const auto bars = all_timeframes(random_bars(3000), timeframes);
    const market::Table table = compute({}, timeframes, {.bars = bars, .funding = {}}).value();
    for (std::size_t c = 0; c < table.width(); ++c) {
        if (!table.columns()[c].starts_with("h4.")) continue;
        for (std::size_t i = 1; i < table.rows(); ++i) {
            if (table.known_at()[i] % (4 * ns_per_hour) == 0) continue;
            ASSERT_TRUE(same(table.row(i)[c], table.row(i - 1)[c])) << table.columns()[c] << " row " << i;
        }
    }
}

// Choosing columns changes none of them.
TEST(Engine, AChosenColumnHasTheBitsOfTheWholeCatalogue) {
    const auto timeframes = default_timeframes();
    const auto bars = all_timeframes(random_bars(1500), timeframes);
    const market::Table whole = compute({}, timeframes, {.bars = bars, .funding = {}}).value();
    for (const std::string& name : whole.columns()) {
        FeaturesConfig config;
        config.columns = {name};
        const std::size_t c = whole.find(name).value();
        const market::Table one = compute(config, timeframes, {.bars = bars, .funding = {}}).value();
        ASSERT_EQ(one.columns(), std::vector<std::string>{name});
        for (std::size_t i = 0; i < whole.rows(); i += 7) ASSERT_TRUE(same(one.row(i)[0], whole.row(i)[c])) << name << " row " << i;
    }
}

// Any number of threads, any size of group: the rows of the table to the last bit, in order, each once.
TEST(Batch, GroupsFromAnyNumberOfThreadsAreTheTable) {
    const auto timeframes = default_timeframes();
    const auto bars = all_timeframes(random_bars(1000), timeframes);
    FeaturesConfig config;
    config.exclude = {"*.cci20", "h1.*"};
    const market::Table table = compute(config, timeframes, {.bars = bars, .funding = {}}).value();
    for (const std::size_t threads : {1U, 2U, 3U, 200U}) {
        ThreadPool pool(threads);
        for (const std::size_t group_rows : {1U, 64U, 1000U, 5000U}) {
            std::size_t row = 0;
            const auto columns = compute_groups(
                config, timeframes, {.bars = bars, .funding = {}}, pool,
                [&](const RowGroup& group) -> Result<void> {
                    for (std::size_t i = 0; i < group.known_at.size(); ++i, ++row) {
                        EXPECT_EQ(group.known_at[i], table.known_at()[row]);
                        for (std::size_t c = 0; c < table.width(); ++c) {
                            if (!same(group.values[i * table.width() + c], table.row(row)[c])) ADD_FAILURE() << table.columns()[c] << " row " << row;
                        }
                    }
                    return {};
                },
                {}, group_rows);
            ASSERT_TRUE(columns.has_value());
            EXPECT_EQ(row, table.rows());
            EXPECT_EQ(columns->size(), table.width());
        }
    }
}

TEST(Batch, StopsAtTheFirstErrorOfTheSink) {
    const std::vector<Bars> bars = {random_bars(100)};
    ThreadPool pool(2);
    int calls = 0;
    const auto done = compute_groups(
        {}, {market::one_minute()}, {.bars = bars, .funding = {}}, pool,
        [&](const RowGroup&) -> Result<void> {
            if (++calls == 3) return fail(ErrorCode::io, "the disk is full");
            return {};
        },
        {}, 10);
    EXPECT_EQ(done.error().message, "the disk is full");
    EXPECT_EQ(calls, 3);
}

TEST(Batch, WantsOneSeriesATimeframe) {
    const std::vector<Bars> bars(2);
    ThreadPool pool(1);
    EXPECT_EQ(compute({}, default_timeframes(), {.bars = bars, .funding = {}}).error().code, ErrorCode::usage);
    const auto done =
        compute_groups({}, default_timeframes(), {.bars = bars, .funding = {}}, pool, [](const RowGroup&) -> Result<void> { return {}; });
    EXPECT_EQ(done.error().code, ErrorCode::usage);
}

TEST(Time, ColumnsFollowTheClock) {
    Engine engine = Engine::make({}, {market::one_minute()}).value();
    market::Bar bar = random_bars(1)[0];
    bar.open_time = parse_time("2024-03-04T05:59").value();  // a Monday
    bar.close_time = parse_time("2024-03-04T06:00").value();
    engine.update(0, bar);
    EXPECT_NEAR(value(engine, bar.close_time, "time.day_sin"), 1.0, 1e-12);
    EXPECT_NEAR(value(engine, bar.close_time, "time.day_cos"), 0.0, 1e-12);
    EXPECT_NEAR(value(engine, bar.close_time, "time.week_sin"), std::sin(2.0 * std::numbers::pi * 0.25 / 7.0), 1e-12);
    EXPECT_EQ(value(engine, bar.close_time, "time.session_hours"), 6.0);
}

TEST(Time, SessionHoursCountFromTheOpen) {
    const market::Session session = market::Session::parse("13:30-20:00").value();
    Engine engine = Engine::make({}, {market::one_minute()}, session).value();
    market::Bar bar = random_bars(1)[0];
    const auto at = [&](const std::string& close) {
        bar.close_time = parse_time(close).value();
        bar.open_time = bar.close_time - ns_per_minute;
        engine.update(0, bar);
        return value(engine, bar.close_time, "time.session_hours");
    };
    EXPECT_EQ(at("2024-03-04T15:00"), 1.5);  // data may begin inside a session
    EXPECT_EQ(at("2024-03-04T20:00"), 6.5);  // the last bar belongs to its session
    EXPECT_NEAR(at("2024-03-05T13:31"), 1.0 / 60.0, 1e-12);
    EXPECT_TRUE(std::isnan(at("2024-03-05T21:00")));  // a bar outside of any session
}

TEST(Funding, RateAndTimeToTheNextFollowThePublishedStamps) {
    FeaturesConfig config;
    config.has_funding = true;
    config.columns = {"funding.*"};
    Engine engine = Engine::make(config, {market::one_minute()}).value();
    ASSERT_EQ(engine.columns().size(), 2U);
    const auto hours = [](double h) { return test_start + static_cast<TimeNs>(h * static_cast<double>(ns_per_hour)); };
    EXPECT_TRUE(std::isnan(read(engine, hours(0))[0]));
    engine.on_funding(hours(0), 1e-4);
    EXPECT_EQ(read(engine, hours(1))[0], 1e-4);
    EXPECT_TRUE(std::isnan(read(engine, hours(1))[1]));
    engine.on_funding(hours(8), -2e-4);
    EXPECT_EQ(read(engine, hours(8))[0], -2e-4);
    EXPECT_EQ(read(engine, hours(8))[1], 8.0);
    EXPECT_EQ(read(engine, hours(14.5))[1], 1.5);
    EXPECT_EQ(read(engine, hours(20))[1], 0.0);  // overdue
}

// A rate is in the row of the moment at which it is published, and not in the row before.
TEST(Funding, BatchUsesOnlyPublishedRates) {
    FeaturesConfig config;
    config.has_funding = true;
    config.columns = {"funding.rate"};
    const std::vector<Bars> bars = {random_bars(10)};
    const std::vector<FundingRate> rates = {{.ts = bars[0][2].close_time, .rate = 0.5}, {.ts = bars[0][6].close_time + 1, .rate = 0.25}};
    const market::Table table = compute(config, {market::one_minute()}, {.bars = bars, .funding = rates}).value();
    EXPECT_TRUE(std::isnan(table.row(1)[0]));
    EXPECT_EQ(table.row(2)[0], 0.5);
    EXPECT_EQ(table.row(6)[0], 0.5);
    EXPECT_EQ(table.row(7)[0], 0.25);
}

}  // namespace
}  // namespace sofia::features
