#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "features/engine.hpp"
#include "market/bar.hpp"
#include "trading/costs.hpp"

namespace sofia::pipeline {

/// The timeframes at whose closes there is a row, both ends included: indices into the engine's timeframes.
struct RowTimeframes {
    std::size_t first = 0;
    std::size_t last = 0;
};

/// Feeds the feature engine with closed bars and funding and hands out a row at each close of the row timeframes, once all bars that close at
/// that moment have been taken and before any that closes later is: outside the session a larger bar may close between two base bars.
/// `funding` (ascending) is borrowed. Not thread-safe.
class FeatureRows {
public:
    using Sink = std::function<void(TimeNs known_at, std::span<const double> row)>;

    FeatureRows(features::Engine engine, std::span<const trading::Funding> funding, RowTimeframes at, Sink sink);

    /// Takes the next closed bar, in the order of their close.
    void on_bar(std::size_t timeframe, const market::Bar& bar);

    /// Hands out the row that waits: to be called after the last bar.
    void flush();

private:
    features::Engine engine_;
    std::span<const trading::Funding> funding_;
    RowTimeframes at_;
    Sink sink_;
    std::vector<double> row_;
    std::optional<TimeNs> due_;  // the moment of the row that waits
    std::size_t next_funding_ = 0;
};

}  // namespace sofia::pipeline
