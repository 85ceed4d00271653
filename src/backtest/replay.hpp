#pragma once

#include <span>

#include "trading/core.hpp"

namespace sofia::backtest {

/// What happened besides prices, each in order of time (signals of one moment as TouchScanner ranks them).
struct Happenings {
    std::span<const trading::Signal> signals;
    std::span<const trading::Funding> funding;
};

/// Runs a core over a stretch of base bars (bar modes) or prints (trades mode) in the order that the core asks for: a signal known at t acts on
/// bars that open, and prints that come, at or after t. Ends with `finish` at `end`; what lies after it is not looked at.
void replay(trading::DecisionCore& core, std::span<const trading::Bar> bars, const Happenings& happenings, TimeNs end);
void replay(trading::DecisionCore& core, std::span<const trading::Trade> trades, const Happenings& happenings, TimeNs end);

}  // namespace sofia::backtest
