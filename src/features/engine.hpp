#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "features/catalogue.hpp"
#include "features/config.hpp"
#include "market/bar.hpp"
#include "market/instrument.hpp"
#include "market/timeframe.hpp"

namespace sofia::features {

class TimeframeSteps;

/// All columns of all timeframes, one closed bar at a time. Columns of a timeframe change when a bar of it has closed, never before.
///
///   for each closed base bar: engine.update(0, bar); for each larger bar closed by then: engine.update(k, larger); engine.read(known_at, row);
///
/// A bar that carries NaN where a column looks makes that column NaN until its window holds numbers again; recursive averages (EMA, RSI, ATR,
/// ADX, MACD) pass over a bar with a NaN price. A filled bar (no print) is a bar: its prices are the last close, its volume, prints and ticks
/// are zero; each formula says what it is then.
/// A value type: copy it to branch a stream. `update`, `on_funding` and `read` do not allocate. Const members are safe to call from several
/// threads, the others are not.
class Engine {
public:
    /// `timeframes` ascending, the base first, at least one. Errors: config (validate; a pattern that matches no column, with the nearest name).
    [[nodiscard]] static Result<Engine> make(const FeaturesConfig& config, const std::vector<market::Timeframe>& timeframes,
                                             const market::Session& session = {});
    ~Engine();
    Engine(const Engine& other);
    Engine& operator=(const Engine& other);
    Engine(Engine&&) noexcept;
    Engine& operator=(Engine&&) noexcept;

    /// The chosen columns, in the order of `read`: timeframes ascending, then time, then funding.
    [[nodiscard]] const std::vector<FeatureSpec>& columns() const { return columns_; }

    /// Takes a bar of `timeframes[timeframe]` that has closed; its close is not before that of the last bar of that timeframe (asserted).
    void update(std::size_t timeframe, const market::Bar& closed_bar);

    /// Takes a published rate; `ts` ascending (asserted), and not after the `known_at` of the next `read`.
    void on_funding(TimeNs ts, double rate);

    /// Writes the columns as of `known_at`, which is not before any bar taken (asserted). `row` has one value a column (asserted).
    void read(TimeNs known_at, std::span<double> row) const;

    /// Everything that the taken bars and rates have left, for a StateWriter or a StateReader (base/state.hpp): an engine of the same configuration
    /// and timeframes that has read it goes on to the last bit as this one would. What is only asserted (the last close) is no part of it.
    template <class Archive>
    void visit_state(Archive& archive);

private:
    struct Pick {  // a chosen column: which of its group, and where in the row
        std::size_t from;
        std::size_t to;
    };
    struct Clock {
        market::Session session;
        TimeNs open = 0;  // of the session of the last base bar; empty span [0, 0) before
        TimeNs close = 0;
        TimeNs last_known_at = std::numeric_limits<TimeNs>::min();
    };
    struct Funding {
        double rate;
        TimeNs last = 0;
        DurationNs interval = 0;  // between the last two; 0 before there are two
        std::size_t seen = 0;
    };

    Engine();
    void follow_session(const market::Bar& base_bar);
    void read_time(TimeNs known_at, std::span<double> row) const;
    [[nodiscard]] double funding_value(std::size_t which, TimeNs known_at) const;

    std::vector<FeatureSpec> columns_;
    std::vector<TimeframeSteps> steps_;
    std::vector<std::vector<Pick>> picks_;  // of each timeframe
    std::vector<Pick> time_picks_;
    std::vector<Pick> funding_picks_;
    std::vector<double> row_;  // the columns of the timeframes as of their last bars
    Clock clock_;
    Funding funding_;
};

}  // namespace sofia::features
