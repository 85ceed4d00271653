#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "features/catalogue.hpp"
#include "features/config.hpp"
#include "market/bar.hpp"
#include "market/instrument.hpp"
#include "market/table.hpp"
#include "market/timeframe.hpp"

namespace sofia::features {

class TimeframeSteps;

/// A published funding rate: known at `ts`, as a fraction of the notional.
struct FundingRate {
    TimeNs ts = 0;
    double rate = 0.0;
};

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

private:
    struct Run {  // neighbouring columns copied together
        std::size_t timeframe;
        std::size_t from;
        std::size_t count;
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
    std::vector<Run> runs_;
    std::vector<Run> time_runs_;     // `from` says which of the time columns
    std::vector<Run> funding_runs_;  // and which of the funding columns
    Clock clock_;
    Funding funding_;
};

/// Bars of one instrument to turn into rows: `bars[k]` are closed bars of `timeframes[k]` in time order, `funding` in time order.
struct Input {
    std::span<const std::vector<market::Bar>> bars;
    std::span<const FundingRate> funding = {};
};

/// Feeds `input` to `engine` in the order of known_at and calls `sink` with each base bar's row. A bar larger than the base that closes at the same
/// moment is in the row. Memory does not grow with the input.
void for_each_row(Engine& engine, const Input& input, const std::function<void(TimeNs known_at, std::span<const double> row)>& sink);

/// The batch form: one row a base bar, by the same steps. `input.bars` has as many series as `timeframes` (else error: usage). Errors of
/// `Engine::make`.
[[nodiscard]] Result<market::Table> compute(const FeaturesConfig& config, const std::vector<market::Timeframe>& timeframes, const Input& input,
                                            const market::Session& session = {});

}  // namespace sofia::features
