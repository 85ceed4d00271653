#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "market/instrument.hpp"
#include "trading/core.hpp"

// The outcome of a touch, free of policy: the trade as if it stood alone, run through the decision core's own entry and barriers.
namespace sofia::labels {

using market::Bar;
using market::Trade;
using trading::Touch;

enum class LabelState : std::uint8_t {
    labeled,
    unfilled,   ///< the entry order would not have filled (`why`)
    no_levels,  ///< no ATR, or the stop would not be a price
    cut,        ///< the data ends before the trade does: there is no label
};
[[nodiscard]] std::string_view name(LabelState state);

/// Only a `labeled` one has the fields after `why`; times of the others stay 0 and numbers NaN.
struct Label {
    Touch touch;
    LabelState state = LabelState::cut;
    trading::Unfilled why = trading::Unfilled::no_print;

    int y = -1;  ///< 1 target before stop and timeout, else 0
    TimeNs entry_time = 0;
    TimeNs end_time = 0;  ///< when the outcome was known: the exit
    double gross_r = std::numeric_limits<double>::quiet_NaN();
    trading::CostsR costs;  ///< as the ledger would charge them, operations at the starting equity
    trading::ExitReason reason = trading::ExitReason::end;
    bool ambiguous = false;
    double mae_r = std::numeric_limits<double>::quiet_NaN();
    double mfe_r = std::numeric_limits<double>::quiet_NaN();

    [[nodiscard]] double net_r() const { return gross_r - costs.sum(); }
    [[nodiscard]] bool labeled() const { return state == LabelState::labeled; }
};

/// The labels of `touches`, n-th for n-th, over a history of base bars (sorted), or of prints: each is walked through the bars or prints after it
/// alone, and is `cut` where they end before its trade does. Uses the sections touch (timeframes only), barriers, execution, costs and sizing (for
/// the operating cost). A funding stamp without a mark takes the last price before it. `ranges`: those of `base_bars`, which save most steps of a
/// long trade and change no label; empty: every bar is looked at. Error: config.
[[nodiscard]] Result<std::vector<Label>> pullback_labels(const trading::DecisionConfig& config, const market::Instrument& instrument,
                                                         trading::FillMode fills, std::span<const Touch> touches, std::span<const Bar> base_bars,
                                                         std::span<const trading::Funding> funding = {},
                                                         std::span<const trading::PriceRange> ranges = {});
[[nodiscard]] Result<std::vector<Label>> pullback_labels(const trading::DecisionConfig& config, const market::Instrument& instrument,
                                                         std::span<const Touch> touches, std::span<const Trade> trades,
                                                         std::span<const trading::Funding> funding = {});

/// W, l, the share of timeouts and the mean time in a trade, from those of `labels` at `rows` that are labeled. NaN where one outcome is missing.
[[nodiscard]] trading::EvModel realized_ev(std::span<const Label> labels, std::span<const std::size_t> rows);

}  // namespace sofia::labels
