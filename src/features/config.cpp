#include "features/config.hpp"

#include <algorithm>

#include "math/length.hpp"

namespace sofia::features {

namespace {

constexpr config::Range lengths{1, 10'000};

Result<void> check_lengths(const std::string& name, const std::vector<std::int64_t>& values) {
    for (auto value = values.begin(); value != values.end(); ++value) {
        if (*value < 1 || *value > 10'000) {
            return fail(ErrorCode::config, "features." + name + " has " + std::to_string(*value), "give lengths from 1 to 10000");
        }
        if (std::find(values.begin(), value, *value) != value) {
            return fail(ErrorCode::config, "features." + name + " names " + std::to_string(*value) + " twice", "name each length once");
        }
    }
    return {};
}

}  // namespace

void FeaturesConfig::describe(config::Keys& keys) {
    keys.list("columns", columns, "Columns to make: names or patterns such as m15.* or *.rsi14 (* any text, ? one character).");
    keys.list("exclude", exclude, "Columns to leave out of those, as names or patterns.");
    keys.list("return_lags", return_lags, lengths, "Lags of the returns, in bars.");
    keys.list("ema_lengths", ema_lengths, lengths, "Lengths of the exponential averages (gap, slope, touch), in bars.");
    keys.list("sma_lengths", sma_lengths, lengths, "Lengths of the simple averages (gap, slope), in bars.");
    keys.integer("rsi_length", rsi_length, lengths, "Bars of RSI.");
    keys.integer("atr_length", atr_length, lengths, "Bars of the ATR column; slopes and distances are always scaled by the ATR of 14 bars.");
    keys.integer("adx_length", adx_length, lengths, "Bars of ADX and DI.");
    keys.integer("macd_fast", macd_fast, lengths, "Bars of MACD's fast average.");
    keys.integer("macd_slow", macd_slow, lengths, "Bars of MACD's slow average.");
    keys.integer("macd_signal", macd_signal, lengths, "Bars of MACD's signal average.");
    keys.integer("bollinger_length", bollinger_length, {2, 10'000}, "Bars of the Bollinger bands (2 standard deviations).");
    keys.integer("stochastic_length", stochastic_length, lengths, "Bars of the stochastic's frame (smoothed 3, 3).");
    keys.integer("cci_length", cci_length, {2, 10'000}, "Bars of the commodity channel index.");
    keys.integer("williams_length", williams_length, lengths, "Bars of Williams' %R.");
    keys.integer("mfi_length", mfi_length, lengths, "Bars of the money flow index.");
    keys.integer("obv_length", obv_length, lengths, "Bars over which on-balance volume changes.");
    keys.integer("donchian_length", donchian_length, lengths, "Bars of the Donchian channel.");
    keys.integer("volume_length", volume_length, {2, 10'000}, "Bars of the volume z-score.");
    keys.integer("volatility_length", volatility_length, lengths, "Bars of realised and Parkinson volatility.");
    keys.integer("efficiency_length", efficiency_length, lengths, "Bars of the efficiency ratio.");
    keys.integer("vwap_length", vwap_length, lengths, "Bars of the rolling volume-weighted price.");
    keys.integer("flow_length", flow_length, lengths, "Bars of the order-flow windows.");
}

Result<void> FeaturesConfig::validate() const {
    if (columns.empty()) {
        return fail(ErrorCode::config, "features.columns is empty", "name columns or patterns, or leave the key out for all");
    }
    SOFIA_CHECK(check_lengths("return_lags", return_lags));
    SOFIA_CHECK(check_lengths("ema_lengths", ema_lengths));
    SOFIA_CHECK(check_lengths("sma_lengths", sma_lengths));
    const std::pair<const char*, std::int64_t> single[] = {{"rsi_length", rsi_length},
                                                           {"atr_length", atr_length},
                                                           {"adx_length", adx_length},
                                                           {"macd_fast", macd_fast},
                                                           {"macd_slow", macd_slow},
                                                           {"macd_signal", macd_signal},
                                                           {"bollinger_length", bollinger_length},
                                                           {"stochastic_length", stochastic_length},
                                                           {"cci_length", cci_length},
                                                           {"williams_length", williams_length},
                                                           {"mfi_length", mfi_length},
                                                           {"obv_length", obv_length},
                                                           {"donchian_length", donchian_length},
                                                           {"volume_length", volume_length},
                                                           {"volatility_length", volatility_length},
                                                           {"efficiency_length", efficiency_length},
                                                           {"vwap_length", vwap_length},
                                                           {"flow_length", flow_length}};
    for (const auto& [name, value] : single) SOFIA_CHECK(check_lengths(name, {value}));
    if (macd_fast >= macd_slow) {
        return fail(ErrorCode::config,
                    "features.macd_fast " + std::to_string(macd_fast) + " is not below features.macd_slow " + std::to_string(macd_slow),
                    "give the fast average fewer bars than the slow one");
    }
    return {};
}

}  // namespace sofia::features
