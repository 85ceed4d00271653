#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sofia::features {

/// What a column needs beside open, high, low, close and volume. Where a file does not carry it, the column is NaN.
enum class Needs : std::uint8_t {
    bars,         ///< nothing else
    clock,        ///< only the time
    vwap,         ///< the bars' vwap
    trade_count,  ///< the bars' number of prints
    order_flow,   ///< buy and sell volume or tick directions: trades
    funding,      ///< a funding file
};

/// `bars`, `clock`, … as in the catalogue.
[[nodiscard]] std::string_view name_of(Needs needs);

/// One column.
struct FeatureSpec {
    std::string name;         ///< `m15.ema20_gap`
    std::string formula;      ///< in words and symbols, with what it is where its scale vanishes
    std::string unit;         ///< `fraction`, `ATR`, `0..100`, …
    std::string source;       ///< author and year, or the library whose definition it follows
    std::size_t warm_up = 1;  ///< closed bars of its own timeframe until it is a number, exactly; 0: does not wait for bars
    int version = 1;          ///< goes up when the numbers of the column change
    Needs needs = Needs::bars;
};

/// SHA-256, lower-case hex, of the canonical JSON `[["name","version"],…]` in the order of the columns: the hash that model
/// folders carry.
[[nodiscard]] std::string feature_hash(std::span<const FeatureSpec> columns);

/// One Markdown table: name, formula, unit, warm-up, needs, version, source.
[[nodiscard]] std::string catalogue_markdown(std::span<const FeatureSpec> columns);

/// Whether `pattern` (`*` any text, `?` one character) matches the whole of `name`.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view name);

}  // namespace sofia::features
