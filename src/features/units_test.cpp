#include "features/units.hpp"

#include <functional>
#include <map>
#include <numbers>
#include <numeric>

#include <gtest/gtest.h>

#include "features/batch.hpp"
#include "features/test_bars.hpp"

namespace sofia::features {
namespace {

using Bars = std::vector<market::Bar>;
using Field = std::function<double(const market::Bar&)>;
using Column = std::function<double(std::size_t)>;  // value at bar i, by definition; asked for only after warm-up

const auto close_of = [](const market::Bar& b) { return b.close; };
const auto high_of = [](const market::Bar& b) { return b.high; };
const auto low_of = [](const market::Bar& b) { return b.low; };
const auto typical_of = [](const market::Bar& b) { return (b.high + b.low + b.close) / 3.0; };
const auto volume_of = [](const market::Bar& b) { return b.volume; };

double div(double a, double b, double otherwise) { return b == 0.0 ? otherwise : a / b; }

/// Every column again, written down from its definition over whole windows, in long double.
class Definitions {
public:
    explicit Definitions(const Bars& bars) : bars_(bars) {
        averages();
        oscillators();
        ranges();
        volumes();
    }

    const std::map<std::string, Column>& all() const { return columns_; }

private:
    double total(std::size_t i, std::size_t n, const Field& field) const {
        long double sum = 0.0L;
        for (std::size_t k = i + 1 - n; k <= i; ++k) sum += field(bars_[k]);
        return static_cast<double>(sum);
    }
    double mean(std::size_t i, std::size_t n, const Field& field) const { return total(i, n, field) / static_cast<double>(n); }
    double deviation(std::size_t i, std::size_t n, const Field& field) const {
        const double center = mean(i, n, field);
        return std::sqrt(mean(i, n, [&](const market::Bar& b) { return (field(b) - center) * (field(b) - center); }));
    }
    double highest(std::size_t i, std::size_t n) const {
        double value = bars_[i].high;
        for (std::size_t k = i + 1 - n; k <= i; ++k) value = std::max(value, bars_[k].high);
        return value;
    }
    double lowest(std::size_t i, std::size_t n) const {
        double value = bars_[i].low;
        for (std::size_t k = i + 1 - n; k <= i; ++k) value = std::min(value, bars_[k].low);
        return value;
    }
    double change(std::size_t i) const { return bars_[i].close - bars_[i - 1].close; }
    double true_range(std::size_t i) const { return std::max(bars_[i].high, bars_[i - 1].close) - std::min(bars_[i].low, bars_[i - 1].close); }

    /// Mean of the first n of f(from), f(from + 1), … then value + (x - value) * weight, up to i.
    static double smooth(std::size_t from, std::size_t i, std::size_t n, double weight, const Column& f) {
        double value = 0.0;
        for (std::size_t k = from; k < from + n; ++k) value += f(k) / static_cast<double>(n);
        for (std::size_t k = from + n; k <= i; ++k) value = value * (1.0 - weight) + f(k) * weight;
        return value;
    }
    double ema(std::size_t i, std::size_t n, std::size_t from = 0) const {
        return smooth(from, i, n, 2.0 / (static_cast<double>(n) + 1.0), [&](std::size_t k) { return bars_[k].close; });
    }
    static double wilder(std::size_t i, std::size_t n, const Column& f) { return smooth(1, i, n, 1.0 / static_cast<double>(n), f); }
    double atr(std::size_t i) const {
        return wilder(i, 14, [&](std::size_t k) { return true_range(k); });
    }
    double macd(std::size_t i) const { return ema(i, 12, 14) - ema(i, 26); }

    void averages() {
        for (const std::size_t lag : {1U, 3U, 12U}) {
            columns_["return_" + std::to_string(lag)] = [this, lag](std::size_t i) { return bars_[i].close / bars_[i - lag].close - 1.0; };
        }
        for (const std::size_t n : {20U, 50U}) {
            const std::string name = "ema" + std::to_string(n);
            columns_[name + "_gap"] = [this, n](std::size_t i) { return bars_[i].close / ema(i, n) - 1.0; };
            columns_[name + "_slope"] = [this, n](std::size_t i) { return (ema(i, n) - ema(i - 5, n)) / (5.0 * atr(i)); };
            columns_[name + "_touch"] = [this, n](std::size_t i) {
                return bars_[i].close >= ema(i, n) ? (bars_[i].low - ema(i, n)) / atr(i) : (bars_[i].high - ema(i, n)) / atr(i);
            };
        }
        columns_["sma50_gap"] = [this](std::size_t i) { return bars_[i].close / mean(i, 50, close_of) - 1.0; };
        columns_["sma50_slope"] = [this](std::size_t i) { return (mean(i, 50, close_of) - mean(i - 5, 50, close_of)) / (5.0 * atr(i)); };
        columns_["macd12_26"] = [this](std::size_t i) { return macd(i) / atr(i); };
        columns_["macd12_26_9_hist"] = [this](std::size_t i) {
            return (macd(i) - smooth(25, i, 9, 0.2, [this](std::size_t k) { return macd(k); })) / atr(i);
        };
    }

    double movement(std::size_t i, double direction) const {
        const double up = bars_[i].high - bars_[i - 1].high;
        const double down = bars_[i - 1].low - bars_[i].low;
        const double mine = direction > 0.0 ? up : down;
        return mine > 0.0 && mine > (direction > 0.0 ? down : up) ? mine : 0.0;
    }
    // Wilder's running sum: the first n - 1 terms, then S - S / n + x.
    double running(std::size_t i, const Column& f) const {
        double sum = 0.0;
        for (std::size_t k = 1; k < 14; ++k) sum += f(k);
        for (std::size_t k = 14; k <= i; ++k) sum = sum * (13.0 / 14.0) + f(k);
        return sum;
    }
    double di(std::size_t i, double direction) const {
        return 100.0 * running(i, [&](std::size_t k) { return movement(k, direction); }) / running(i, [&](std::size_t k) { return true_range(k); });
    }
    double fast_k(std::size_t i) const { return 100.0 * div(bars_[i].close - lowest(i, 14), highest(i, 14) - lowest(i, 14), 0.0); }
    double slow_k(std::size_t i) const { return (fast_k(i) + fast_k(i - 1) + fast_k(i - 2)) / 3.0; }

    void oscillators() {
        columns_["rsi14"] = [this](std::size_t i) {
            const double gain = wilder(i, 14, [&](std::size_t k) { return std::max(change(k), 0.0); });
            const double loss = wilder(i, 14, [&](std::size_t k) { return std::max(-change(k), 0.0); });
            return 100.0 - 100.0 / (1.0 + gain / loss);
        };
        columns_["atr14"] = [this](std::size_t i) { return atr(i) / bars_[i].close; };
        columns_["plus_di14"] = [this](std::size_t i) { return di(i, 1.0); };
        columns_["minus_di14"] = [this](std::size_t i) { return di(i, -1.0); };
        columns_["adx14"] = [this](std::size_t i) {
            return smooth(14, i, 14, 1.0 / 14.0,
                          [this](std::size_t k) { return 100.0 * std::fabs(di(k, 1.0) - di(k, -1.0)) / (di(k, 1.0) + di(k, -1.0)); });
        };
        columns_["stoch14_k"] = [this](std::size_t i) { return slow_k(i); };
        columns_["stoch14_d"] = [this](std::size_t i) { return (slow_k(i) + slow_k(i - 1) + slow_k(i - 2)) / 3.0; };
        columns_["willr14"] = [this](std::size_t i) { return fast_k(i) - 100.0; };
        columns_["cci20"] = [this](std::size_t i) {
            const double center = mean(i, 20, typical_of);
            const double spread = mean(i, 20, [&](const market::Bar& b) { return std::fabs(typical_of(b) - center); });
            return (typical_of(bars_[i]) - center) / (0.015 * spread);
        };
        columns_["mfi14"] = [this](std::size_t i) {
            double up = 0.0;
            double down = 0.0;
            for (std::size_t k = i - 13; k <= i; ++k) {
                const double before = typical_of(bars_[k - 1]);
                const double now = typical_of(bars_[k]);
                (now > before ? up : down) += now == before ? 0.0 : now * bars_[k].volume;
            }
            return 100.0 * up / (up + down);
        };
    }

    void ranges() {
        columns_["bb20_position"] = [this](std::size_t i) {
            return 0.5 + (bars_[i].close - mean(i, 20, close_of)) / (4.0 * deviation(i, 20, close_of));
        };
        columns_["bb20_width"] = [this](std::size_t i) { return 4.0 * deviation(i, 20, close_of) / mean(i, 20, close_of); };
        columns_["donchian20_position"] = [this](std::size_t i) { return (bars_[i].close - lowest(i, 20)) / (highest(i, 20) - lowest(i, 20)); };
        columns_["volatility20"] = [this](std::size_t i) {
            double squares = 0.0;
            for (std::size_t k = i - 19; k <= i; ++k) squares += std::pow(std::log(bars_[k].close) - std::log(bars_[k - 1].close), 2.0);
            return std::sqrt(squares / 20.0);
        };
        columns_["parkinson20"] = [this](std::size_t i) {
            const double squares = mean(i, 20, [](const market::Bar& b) { return std::pow(std::log(b.high) - std::log(b.low), 2.0); });
            return std::sqrt(squares / (4.0 * std::numbers::ln2));
        };
        columns_["efficiency20"] = [this](std::size_t i) {
            double path = 0.0;
            for (std::size_t k = i - 19; k <= i; ++k) path += std::fabs(change(k));
            return std::fabs(bars_[i].close - bars_[i - 20].close) / path;
        };
    }

    void volumes() {
        columns_["obv20_change"] = [this](std::size_t i) {
            double net = 0.0;
            for (std::size_t k = i - 19; k <= i; ++k) net += change(k) > 0.0 ? bars_[k].volume : change(k) < 0.0 ? -bars_[k].volume : 0.0;
            return net / total(i, 20, volume_of);
        };
        columns_["volume20_z"] = [this](std::size_t i) { return (bars_[i].volume - mean(i, 20, volume_of)) / deviation(i, 20, volume_of); };
        columns_["vwap20_gap"] = [this](std::size_t i) {
            const double turnover = total(i, 20, [](const market::Bar& b) { return b.filled ? 0.0 : b.vwap * b.volume; });
            return bars_[i].close / (turnover / total(i, 20, volume_of)) - 1.0;
        };
        const Field net = [](const market::Bar& b) { return b.buy_volume - b.sell_volume; };
        const Field both = [](const market::Bar& b) { return b.buy_volume + b.sell_volume; };
        const Field trades = [](const market::Bar& b) { return b.trades; };
        columns_["flow_imbalance"] = [=, this](std::size_t i) { return div(net(bars_[i]), both(bars_[i]), 0.0); };
        columns_["flow20_imbalance"] = [=, this](std::size_t i) { return total(i, 20, net) / total(i, 20, both); };
        columns_["tick20_imbalance"] = [=, this](std::size_t i) {
            return total(i, 20, [](const market::Bar& b) { return b.plus_ticks - b.minus_ticks; }) /
                   total(i, 20, [](const market::Bar& b) { return b.plus_ticks + b.minus_ticks; });
        };
        columns_["trades20_intensity"] = [=, this](std::size_t i) { return bars_[i].trades / mean(i, 20, trades); };
        columns_["trade_size20"] = [=, this](std::size_t i) {
            if (bars_[i].filled) return 1.0;
            return bars_[i].volume / bars_[i].trades / (total(i, 20, volume_of) / total(i, 20, trades));
        };
    }

    const Bars& bars_;
    std::map<std::string, Column> columns_;
};

market::Table minute_table(const Bars& bars) {
    FeaturesConfig config;
    config.columns = {"m1.*"};
    const std::vector<Bars> series = {bars};
    return compute(config, {market::one_minute()}, {.bars = series, .funding = {}}).value();
}

std::vector<FeatureSpec> minute_specs() {
    FeaturesConfig config;
    config.columns = {"m1.*"};
    return Engine::make(config, {market::one_minute()}).value().columns();
}

// Every column of the catalogue has its definition here, is missing exactly until its warm-up, and equals the definition from then on.
TEST(Units, EveryColumnEqualsItsDefinitionFromItsWarmUpOn) {
    const Bars bars = random_bars(220);
    const market::Table table = minute_table(bars);
    const Definitions definitions(bars);
    const std::vector<FeatureSpec> specs = minute_specs();
    ASSERT_EQ(specs.size(), definitions.all().size());
    for (std::size_t c = 0; c < specs.size(); ++c) {
        const auto definition = definitions.all().find(specs[c].name.substr(3));
        ASSERT_NE(definition, definitions.all().end()) << specs[c].name;
        for (std::size_t i = 0; i < bars.size(); ++i) {
            const double value = table.row(i)[c];
            if (i + 1 < specs[c].warm_up) {
                EXPECT_TRUE(std::isnan(value)) << specs[c].name << " at " << i;
                continue;
            }
            const double expected = definition->second(i);
            ASSERT_NEAR(value, expected, 1e-9 * std::max(1.0, std::fabs(expected))) << specs[c].name << " at " << i;
        }
    }
}

// A file of plain bars has no vwap, prints or flow: those columns are missing and no other.
TEST(Units, WhatTheFileDoesNotCarryIsMissingAndNothingElse) {
    Bars bars = random_bars(220);
    for (market::Bar& bar : bars) {
        bar.vwap = bar.trades = bar.buy_volume = bar.sell_volume = bar.plus_ticks = bar.minus_ticks = math::missing;
        if (bar.filled) bar.volume = 0.5;
    }
    const market::Table table = minute_table(bars);
    const std::vector<FeatureSpec> specs = minute_specs();
    for (std::size_t c = 0; c < specs.size(); ++c) {
        EXPECT_EQ(std::isnan(table.row(219)[c]), specs[c].needs != Needs::bars) << specs[c].name;
    }
}

// One bar with a missing volume: the columns that look at it are missing while it is in their window, and recover.
TEST(Units, AMissingVolumeDoesNotPoisonForEver) {
    Bars bars = random_bars(220);
    bars[150].volume = math::missing;
    bars[150].buy_volume = math::missing;
    const market::Table table = minute_table(bars);
    const market::Table clean = minute_table(random_bars(220));
    for (const char* name : {"m1.mfi14", "m1.obv20_change", "m1.volume20_z", "m1.vwap20_gap", "m1.flow20_imbalance", "m1.trade_size20"}) {
        const std::size_t c = table.find(name).value();
        EXPECT_TRUE(std::isnan(table.row(150)[c])) << name;
        EXPECT_FALSE(std::isnan(table.row(170)[c])) << name;
        EXPECT_NEAR(table.row(170)[c], clean.row(170)[c], 1e-12) << name;
    }
    const std::size_t rsi = table.find("m1.rsi14").value();
    EXPECT_EQ(table.row(150)[rsi], clean.row(150)[rsi]);
}

// A dead market is defined: every column of plain bars is a number when price stands still and nothing trades.
TEST(Units, ADeadMarketHasDefinedColumns) {
    Bars bars = random_bars(120);
    for (market::Bar& bar : bars) {
        bar.open = bar.high = bar.low = bar.close = 0.1;
        bar.volume = bar.trades = bar.buy_volume = bar.sell_volume = bar.plus_ticks = bar.minus_ticks = 0.0;
        bar.vwap = math::missing;
        bar.filled = true;
    }
    const market::Table table = minute_table(bars);
    const std::map<std::string, double> not_zero = {{"m1.bb20_position", 0.5}, {"m1.donchian20_position", 0.5}, {"m1.trade_size20", 1.0}};
    for (std::size_t c = 0; c < table.width(); ++c) {
        const auto found = not_zero.find(table.columns()[c]);
        EXPECT_NEAR(table.row(119)[c], found == not_zero.end() ? 0.0 : found->second, 1e-14) << table.columns()[c];
    }
}

// Scaling prices by a power of two is exact; no column may notice, except by the flow threshold of MFI, which is out of reach here.
TEST(Units, NoColumnDependsOnTheUnitOfPriceOrVolume) {
    Bars bars = random_bars(220);
    const market::Table table = minute_table(bars);
    for (market::Bar& bar : bars) {
        for (double* price : {&bar.open, &bar.high, &bar.low, &bar.close, &bar.vwap}) *price *= 16.0;
        for (double* size : {&bar.volume, &bar.buy_volume, &bar.sell_volume}) *size *= 4.0;
    }
    const market::Table scaled = minute_table(bars);
    for (std::size_t c = 0; c < table.width(); ++c) {
        EXPECT_NEAR(table.row(219)[c], scaled.row(219)[c], 1e-12 * std::max(1.0, std::fabs(table.row(219)[c]))) << table.columns()[c];
    }
}

}  // namespace
}  // namespace sofia::features
