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
/// that moment have been taken and before any that closes later is: outside the session a larger bar may close between two base bars. A value type:
/// copy it to branch a stream. Not thread-safe.
class FeatureRows {
public:
    using Sink = std::function<void(TimeNs known_at, std::span<const double> row)>;  ///< may be empty

    FeatureRows(features::Engine engine, std::span<const trading::Funding> funding, RowTimeframes at);

    [[nodiscard]] const std::vector<features::FeatureSpec>& columns() const { return engine_.columns(); }

    /// A rate that is published at `funding.time`, not before an earlier one; it waits until a bar closes then or later.
    void on_funding(const trading::Funding& funding) { funding_.push_back(funding); }

    /// Takes the next closed bar, in the order of their close.
    void on_bar(std::size_t timeframe, const market::Bar& bar, const Sink& sink);

    /// Hands out the row that waits: to be called after the last bar.
    void flush(const Sink& sink);

    /// Nothing that closes or is published at `now` or before is to come any more.
    void advance_to(TimeNs now, const Sink& sink);

    /// The engine's state (base/state.hpp), to be asked for after `advance_to`: what waits for a later moment is no part of it.
    template <class Archive>
    void visit_state(Archive& archive) {
        engine_.visit_state(archive);
    }

private:
    void take_funding(TimeNs until);

    features::Engine engine_;
    std::vector<trading::Funding> funding_;
    RowTimeframes at_;
    std::vector<double> row_;
    std::optional<TimeNs> due_;  // the moment of the row that waits
    std::size_t next_funding_ = 0;
};

}  // namespace sofia::pipeline
