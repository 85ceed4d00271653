#include <bit>
#include <cmath>
#include <limits>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/state_json.hpp"
#include "features/batch.hpp"
#include "features/engine.hpp"
#include "features/test_bars.hpp"
#include "math/window.hpp"

// An engine that was written down and read back goes on as if nothing had happened.
namespace sofia::features {
namespace {

using Bars = std::vector<std::vector<market::Bar>>;

constexpr TimeNs never = std::numeric_limits<TimeNs>::max();

bool same(double a, double b) { return (std::isnan(a) && std::isnan(b)) || std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

FeaturesConfig whole_catalogue() {
    FeaturesConfig config;
    config.has_funding = true;
    return config;
}

/// What one timeframe or another never carries, and what single bars miss.
std::vector<market::Bar> holey_bars(std::size_t count) {
    std::vector<market::Bar> bars = random_bars(count);
    for (std::size_t i = 0; i < count; ++i) {
        if (i % 709 == 50) bars[i].volume = math::missing;
        if (i % 1301 == 600 || i % 1301 == 603) bars[i].close = bars[i].high = math::missing;
        if (i < 500) bars[i].buy_volume = bars[i].sell_volume = math::missing;
    }
    return bars;
}

std::vector<FundingRate> rates_of(const std::vector<market::Bar>& base) {
    std::vector<FundingRate> rates;
    for (std::size_t i = 100; i < base.size(); i += 480) rates.push_back({.ts = base[i].close_time, .rate = 1e-4 * static_cast<double>(i % 7)});
    return rates;
}

/// Takes what becomes known in (after, until] and returns the rows of the base bars' closes, one behind the other.
std::vector<double> rows_of(Engine& engine, const Bars& bars, const std::vector<FundingRate>& rates, TimeNs after, TimeNs until = never) {
    const auto rest = [&](std::size_t k) {
        const auto later = [](TimeNs time, const market::Bar& bar) { return time < bar.close_time; };
        const auto first = std::upper_bound(bars[k].begin(), bars[k].end(), after, later);
        return std::vector<market::Bar>(first, std::upper_bound(first, bars[k].end(), until, later));
    };
    Bars input;
    for (std::size_t k = 0; k < bars.size(); ++k) input.push_back(rest(k));
    std::vector<FundingRate> funding;
    std::ranges::copy_if(rates, std::back_inserter(funding), [&](const FundingRate& rate) { return rate.ts > after && rate.ts <= until; });
    std::vector<double> rows;
    for_each_row(engine, {.bars = input, .funding = funding},
                 [&](TimeNs, std::span<const double> row) { rows.insert(rows.end(), row.begin(), row.end()); });
    return rows;
}

// Every column of the catalogue, from moments inside the warm-up of each timeframe and after it, in the middle of larger bars and at their ends.
TEST(EngineState, EveryColumnGoesOnToTheLastBit) {
    const auto timeframes = default_timeframes();
    const Bars bars = all_timeframes(holey_bars(15'000), timeframes);
    const auto rates = rates_of(bars[0]);
    const Engine fresh = Engine::make(whole_catalogue(), timeframes).value();
    Engine uninterrupted = fresh;
    const std::vector<double> whole = rows_of(uninterrupted, bars, rates, 0);
    const std::size_t width = fresh.columns().size();
    ASSERT_EQ(whole.size(), 15'000 * width);
    std::vector<std::size_t> cuts = {0, 1, 2, 7, 13, 14, 15, 30, 52, 99, 100, 101, 240, 601, 14'999};
    for (std::size_t cut = 313; cut < 14'900; cut += 997) cuts.push_back(cut);
    for (const std::size_t cut : cuts) {
        const TimeNs moment = bars[0][cut].open_time;
        Engine before = fresh;
        std::ignore = rows_of(before, bars, rates, 0, moment);
        const std::string text = canonical_json(state_of(before));
        Engine after = fresh;
        ASSERT_TRUE(read_state(parse_json(text, "state").value(), after).has_value());
        EXPECT_EQ(canonical_json(state_of(after)), text);
        const std::vector<double> rest = rows_of(after, bars, rates, moment);
        ASSERT_EQ(rest.size(), whole.size() - cut * width);
        for (std::size_t i = 0; i < rest.size(); ++i) {
            ASSERT_TRUE(same(rest[i], whole[cut * width + i]))
                << fresh.columns()[i % width].name << " of row " << cut + i / width << ", cut at " << cut;
        }
    }
}

/// The places of everything in a state that is no object.
void collect(const Json& json, const std::string& place, std::vector<std::string>& places) {
    for (const auto& [name, value] : json.items()) {
        if (value.is_object()) {
            collect(value, place + "/" + name, places);
        } else {
            places.push_back(place + "/" + name);
        }
    }
}

FeaturesConfig short_windows() {
    FeaturesConfig config = whole_catalogue();
    config.return_lags = {1, 4};
    config.ema_lengths = {5};
    config.sma_lengths = {6};
    config.macd_fast = 3;
    config.macd_slow = 6;
    config.macd_signal = 4;
    for (std::int64_t* length :
         {&config.rsi_length, &config.atr_length, &config.adx_length, &config.bollinger_length, &config.stochastic_length, &config.cci_length,
          &config.williams_length, &config.mfi_length, &config.obv_length, &config.donchian_length, &config.volume_length, &config.volatility_length,
          &config.efficiency_length, &config.vwap_length, &config.flow_length}) {
        *length = 7;
    }
    return config;
}

// The comparison above would notice a calculator, or a single number of it, that is not written or not read: with any of them left as in a new engine
// some row differs. What may be left out is made anew by the next bar.
TEST(EngineState, NothingOfItCanBeForgotten) {
    const auto timeframes = market::parse_timeframes({"1m", "4m"}).value();
    const Bars bars = all_timeframes(holey_bars(800), timeframes);
    const auto rates = rates_of(bars[0]);
    const Engine fresh = Engine::make(short_windows(), timeframes).value();
    const Json empty = state_of(fresh);
    std::vector<std::string> places;
    collect(empty, "", places);
    std::set<std::string> unnoticed(places.begin(), places.end());
    for (const std::size_t cut : {1U, 3U, 4U, 5U, 6U, 9U, 13U, 19U, 30U, 43U, 45U, 54U, 57U, 102U, 243U, 600U, 602U, 604U, 605U, 614U, 759U}) {
        Engine engine = fresh;
        const TimeNs moment = bars[0][cut].open_time;
        std::ignore = rows_of(engine, bars, rates, 0, moment);
        const Json state = state_of(engine);
        const std::vector<double> expected = rows_of(engine, bars, rates, moment);
        for (const std::string& place : places) {
            if (!unnoticed.contains(place)) continue;
            Json without = state;
            without[Json::json_pointer(place)] = empty[Json::json_pointer(place)];
            Engine other = fresh;
            ASSERT_TRUE(read_state(without, other).has_value()) << place;
            if (!std::ranges::equal(rows_of(other, bars, rates, moment), expected, same)) unnoticed.erase(place);
        }
    }
    std::set<std::string> kinds;
    for (const std::string& place : unnoticed) {
        const std::size_t name = place.rfind('/');
        const bool unused = place.find("/cci/moments/") != std::string::npos;  // whose variance nobody asks for
        kinds.insert(unused ? "variance" : place == "/clock/close" ? "session's close" : place.substr(name + 1));
    }
    EXPECT_EQ(kinds, (std::set<std::string>{"half", "mean", "session's close", "signal_value", "value", "variance"}));
    EXPECT_GT(places.size(), 150U);
}

TEST(EngineState, ColumnsThatAreNotMadeHaveNone) {
    FeaturesConfig config;
    config.columns = {"m1.rsi14", "h4.ema20_gap"};
    const Json state = state_of(Engine::make(config, default_timeframes()).value());
    std::vector<std::string> places;
    collect(state["timeframes"]["0"], "", places);
    for (const std::string& place : places) EXPECT_TRUE(place.starts_with("/rsi14/") || place.starts_with("/scale/")) << place;
    EXPECT_TRUE(state["timeframes"]["4"].contains("ema20_gap"));
    EXPECT_FALSE(state["timeframes"]["1"].contains("ema20_gap"));
}

TEST(EngineState, AStateOfOtherColumnsIsRefused) {
    const auto timeframes = default_timeframes();
    const auto problem = [&](const FeaturesConfig& writer, const FeaturesConfig& reader) {
        Engine engine = Engine::make(reader, timeframes).value();
        const auto read = read_state(state_of(Engine::make(writer, timeframes).value()), engine);
        return read ? std::string() : read.error().message;
    };
    FeaturesConfig longer;
    longer.rsi_length = 21;
    EXPECT_EQ(problem(longer, {}), "timeframes.0.rsi14 is missing");
    FeaturesConfig fewer;
    fewer.exclude = {"h4.*"};
    EXPECT_NE(problem(fewer, {}), "");
    EXPECT_NE(problem({}, fewer), "");
    FeaturesConfig slower;
    slower.macd_signal = 10;  // the column's name tells it, the unit's first column does not
    EXPECT_EQ(problem(slower, {}), "");
    EXPECT_EQ(problem({}, {}), "");
}

}  // namespace
}  // namespace sofia::features
