#include "features/catalogue.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "base/hash.hpp"
#include "features/engine.hpp"
#include "features/test_bars.hpp"

namespace sofia::features {
namespace {

TEST(Catalogue, DefaultHasAtLeastOneHundredAndThirtyColumnsThatNeedOnlyBars) {
    const Engine engine = Engine::make({}, default_timeframes()).value();
    const auto plain = std::ranges::count_if(engine.columns(), [](const FeatureSpec& spec) { return spec.needs == Needs::bars; });
    EXPECT_GE(plain, 130);
    std::set<std::string> names;
    for (const FeatureSpec& spec : engine.columns()) {
        EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
        EXPECT_FALSE(spec.formula.empty() || spec.unit.empty() || spec.source.empty()) << spec.name;
    }
    EXPECT_TRUE(names.contains("m15.ema20_gap"));
    EXPECT_TRUE(names.contains("h4.adx14"));
    EXPECT_TRUE(names.contains("time.session_hours"));
    EXPECT_FALSE(names.contains("funding.rate"));
}

TEST(Catalogue, HashIsThatOfNamesAndVersionsInOrder) {
    std::vector<FeatureSpec> columns(2);
    columns[0].name = "m1.a";
    columns[1].name = "m1.b";
    columns[1].version = 2;
    const std::string hash = feature_hash(columns);
    EXPECT_EQ(hash, sha256_hex(R"([["m1.a","1"],["m1.b","2"]])"));
    columns[0].formula = "said better";
    EXPECT_EQ(feature_hash(columns), hash);
    std::swap(columns[0], columns[1]);
    EXPECT_NE(feature_hash(columns), hash);
}

TEST(Catalogue, MarkdownHasOneLineAColumnAndKeepsBarsInsideCells) {
    const Engine engine = Engine::make({}, default_timeframes()).value();
    const std::string text = catalogue_markdown(engine.columns());
    EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(text, '\n')), engine.columns().size() + 2);
    EXPECT_NE(text.find("| `m15.ema20_gap` | close / EMA - 1 | fraction | 20 | bars | 1 |"), std::string::npos);
    EXPECT_NE(text.find("\\|+DI - -DI\\|"), std::string::npos);
}

TEST(Pattern, MatchesWholeNames) {
    EXPECT_TRUE(matches("*", ""));
    EXPECT_TRUE(matches("m15.*", "m15.rsi14"));
    EXPECT_TRUE(matches("*.ema*_gap", "h1.ema20_gap"));
    EXPECT_TRUE(matches("m?.rsi14", "m5.rsi14"));
    EXPECT_FALSE(matches("m?.rsi14", "m15.rsi14"));
    EXPECT_FALSE(matches("rsi14", "m5.rsi14"));
    EXPECT_FALSE(matches("m5.rsi", "m5.rsi14"));
    EXPECT_TRUE(matches("*a*b*", "xxaxxbxx"));
    EXPECT_FALSE(matches("*a*b", "ab_"));
}

TEST(Config, ChoosesByPatternAndExcludes) {
    FeaturesConfig config;
    config.columns = {"*.rsi14", "h1.*"};
    config.exclude = {"h1.ema*"};
    const Engine engine = Engine::make(config, default_timeframes()).value();
    std::vector<std::string> names;
    for (const FeatureSpec& spec : engine.columns()) names.push_back(spec.name);
    EXPECT_TRUE(std::ranges::count(names, "m5.rsi14"));
    EXPECT_TRUE(std::ranges::count(names, "h1.cci20"));
    EXPECT_FALSE(std::ranges::count(names, "h1.ema20_gap"));
    EXPECT_FALSE(std::ranges::count(names, "m5.cci20"));
}

TEST(Config, RefusesWhatMatchesNothingWithTheNearestName) {
    FeaturesConfig config;
    config.columns = {"m15.rsi41"};
    const Error error = Engine::make(config, default_timeframes()).error();
    EXPECT_EQ(error.code, ErrorCode::config);
    EXPECT_NE(error.message.find("did you mean m15.rsi14"), std::string::npos) << error.message;
}

TEST(Config, RefusesBadLengths) {
    const auto message = [](auto change) {
        FeaturesConfig config;
        change(config);
        const auto result = config.validate();
        return result ? std::string() : result.error().message;
    };
    EXPECT_EQ(message([](FeaturesConfig&) {}), "");
    EXPECT_EQ(message([](FeaturesConfig& c) { c.ema_lengths = {20, 0}; }), "features.ema_lengths has 0");
    EXPECT_EQ(message([](FeaturesConfig& c) { c.return_lags = {3, 3}; }), "features.return_lags names 3 twice");
    EXPECT_EQ(message([](FeaturesConfig& c) { c.macd_fast = 26; }), "features.macd_fast 26 is not below features.macd_slow 26");
    EXPECT_EQ(message([](FeaturesConfig& c) { c.rsi_length = 10'001; }), "features.rsi_length has 10001");
    EXPECT_EQ(message([](FeaturesConfig& c) { c.columns.clear(); }), "features.columns is empty");
}

TEST(Config, EveryLengthHasAKeyAndMayBeAbsent) {
    FeaturesConfig config;
    config::Keys keys;
    keys.section("features", config);
    EXPECT_EQ(keys.all().size(), 23U);
    config.return_lags = {};
    config.ema_lengths = {};
    config.sma_lengths = {};
    EXPECT_TRUE(Engine::make(config, default_timeframes()).has_value());
}

}  // namespace
}  // namespace sofia::features
