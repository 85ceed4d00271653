#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/config.hpp"
#include "base/result.hpp"

namespace sofia::features {

/// Which columns are made and how long their windows are, in bars of each column's own timeframe. A length is part of the column's name, so two
/// configurations never give one name to different numbers.
struct FeaturesConfig {
    std::vector<std::string> columns = {"*"};  ///< names or patterns: `*` any text, `?` one character
    std::vector<std::string> exclude;          ///< the same, taken away afterwards
    std::vector<std::int64_t> return_lags = {1, 3, 12};
    std::vector<std::int64_t> ema_lengths = {20, 50};
    std::vector<std::int64_t> sma_lengths = {50};
    std::int64_t rsi_length = 14;
    std::int64_t atr_length = 14;
    std::int64_t adx_length = 14;
    std::int64_t macd_fast = 12;
    std::int64_t macd_slow = 26;
    std::int64_t macd_signal = 9;
    std::int64_t bollinger_length = 20;
    std::int64_t stochastic_length = 14;
    std::int64_t cci_length = 20;
    std::int64_t williams_length = 14;
    std::int64_t mfi_length = 14;
    std::int64_t obv_length = 20;
    std::int64_t donchian_length = 20;
    std::int64_t volume_length = 20;
    std::int64_t volatility_length = 20;
    std::int64_t efficiency_length = 20;
    std::int64_t vwap_length = 20;
    std::int64_t flow_length = 20;

    /// Whether a funding file is given, which adds the funding columns. Not a key: the caller sets it from `funding.file`.
    bool has_funding = false;

    void describe(config::Keys& keys);

    /// Error: config. Empty selection, a length out of range or named twice, MACD's fast length not below its slow one.
    [[nodiscard]] Result<void> validate() const;
};

}  // namespace sofia::features
