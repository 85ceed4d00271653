#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "market/bar.hpp"
#include "market/instrument.hpp"
#include "market/timeframe.hpp"
#include "market/trade.hpp"

namespace sofia::bars {

/// What went in and what was left out.
struct Counters {
    std::uint64_t trades = 0;          ///< built into a bar
    std::uint64_t trades_outside = 0;  ///< outside the session: left out
    std::uint64_t trades_late = 0;     ///< their bar had been handed out: left out
    std::uint64_t base_bars = 0;       ///< taken by `on_base_bar`
    std::uint64_t bars_outside = 0;    ///< base bars with no moment inside the session: left out
    std::uint64_t bars_late = 0;       ///< base bars that overlap one handed out: left out
    std::uint64_t filled = 0;          ///< bars of the first timeframe made up for intervals without data

    friend bool operator==(const Counters&, const Counters&) = default;
};

/// Trades or base bars in, finished bars of every timeframe out, in the order of their close, smaller timeframe first at the same close.
/// One path for trade files, bar files and live: the first timeframe is built from trades (or comes from a bar file), the larger ones are
/// aggregated from the first one's bars.
///
/// A bar covers [open_time, close_time) on the UTC epoch's grid and exists when any moment of it lies inside the session. A bar is handed out
/// once time has provably reached its close: by a trade at or after it, by a base bar that ends or begins there, or by `advance_to`. So the
/// bars up to any moment do not depend on what comes later, nor on how the input was cut into calls.
/// Nothing exists before the first trade. An interval without data afterwards carries the last close as open, high, low and close, volume and
/// counts zero, vwap NaN, `filled`; a column that the bar before it misses (NaN) stays missing. An aggregate takes its prices from the bars that
/// are not filled and is `filled` only when all are; its sums add up (NaN + x = NaN), its vwap is Σ vwap·volume / Σ volume.
///
/// `sink(std::size_t timeframe, const market::Bar& bar)` is called before the method returns; `timeframe` indexes the constructor's list; the
/// bar is valid during the call; the sink must not call back. A value type: copy it to branch a stream. Not thread-safe.
class Cascade {
public:
    /// `timeframes` ascending, each a multiple of the first. Error: config.
    [[nodiscard]] static Result<Cascade> make(std::vector<market::Timeframe> timeframes, const market::Session& session);

    /// One print; times do not go back by more than the bar that is being built (what comes later than that is counted as late). Inside one
    /// bar prints count in the order of arrival. Price and size are finite (the reader has checked).
    template <class Sink>
    void on_trade(const market::Trade& trade, Sink&& sink) {
        if (in_open_bar(trade.ts)) [[likely]] {
            sums_.add(trade);
        } else {
            begin_with(trade, emitter(sink));
        }
    }

    /// The same for a block, faster; to the last bit what `on_trade` makes one by one.
    template <class Sink>
    void on_trades(std::span<const market::Trade> trades, Sink&& sink) {
        for (std::size_t i = 0; i < trades.size();) {
            i += add_run(trades.subspan(i));
            if (i < trades.size()) on_trade(trades[i++], sink);
        }
    }

    /// A finished bar of the first timeframe, on its grid (asserted). Trades may follow bars, as when a live run is warmed up from a file.
    template <class Sink>
    void on_base_bar(const market::Bar& bar, Sink&& sink) {
        take_bar(bar, emitter(sink));
    }

    /// Time has reached `now` without a trade: hands out what has closed by then, intervals without data included. A `now` in the past
    /// changes nothing.
    template <class Sink>
    void advance_to(TimeNs now, Sink&& sink) {
        close_until(now, emitter(sink));
    }

    [[nodiscard]] const std::vector<market::Timeframe>& timeframes() const { return timeframes_; }
    [[nodiscard]] Counters counters() const;

    /// The bars on their way, for a StateWriter or a StateReader (base/state.hpp): a cascade of the same timeframes and session that has read
    /// them goes on as this one would. Its counters go on counting what it is fed itself.
    template <class Archive>
    void visit_state(Archive& archive);

private:
    /// The caller's sink without its type, so that everything but the innermost loop is compiled once.
    struct Emitter {
        void* sink;
        void (*call)(void* sink, std::size_t timeframe, const market::Bar& bar);
        void operator()(std::size_t timeframe, const market::Bar& bar) const { call(sink, timeframe, bar); }
    };

    template <class Sink>
    static Emitter emitter(Sink& sink) {
        return {const_cast<void*>(static_cast<const void*>(&sink)),
                [](void* target, std::size_t timeframe, const market::Bar& bar) { (*static_cast<Sink*>(target))(timeframe, bar); }};
    }

    /// The prints of the bar that is being built.
    struct Sums {
        double open = 0.0;
        double high = -std::numeric_limits<double>::infinity();
        double low = std::numeric_limits<double>::infinity();
        double close = 0.0;
        double volume = 0.0;
        double price_volume = 0.0;
        double buy_volume = 0.0;
        double sell_volume = 0.0;
        std::int64_t trades = 0;
        std::int64_t plus_ticks = 0;
        std::int64_t minus_ticks = 0;

        void add(const market::Trade& trade) {
            // Tables instead of branches: sides and ticks are coins, which no processor predicts; size * 0 and size * 1 are exact.
            static constexpr std::array<double, 2> bought{1.0, 0.0};
            static constexpr std::array<double, 2> sold{0.0, 1.0};
            static constexpr std::array<std::int64_t, 4> plus{1, 0, 0, 0};
            static constexpr std::array<std::int64_t, 4> minus{0, 0, 1, 0};
            const auto side = static_cast<std::size_t>(trade.side);
            const auto tick = static_cast<std::size_t>(trade.tick);
            high = trade.price > high ? trade.price : high;
            low = trade.price < low ? trade.price : low;
            close = trade.price;
            volume += trade.size;
            price_volume += trade.price * trade.size;
            buy_volume += trade.size * bought[side];
            sell_volume += trade.size * sold[side];
            ++trades;
            plus_ticks += plus[tick];
            minus_ticks += minus[tick];
        }

        template <class Archive>
        void visit_state(Archive& archive) {
            archive("open", open);
            archive("high", high);
            archive("low", low);
            archive("close", close);
            archive("volume", volume);
            archive("price_volume", price_volume);
            archive("buy_volume", buy_volume);
            archive("sell_volume", sell_volume);
            archive("trades", trades);
            archive("plus_ticks", plus_ticks);
            archive("minus_ticks", minus_ticks);
        }
    };

    /// A bar of a larger timeframe on its way.
    struct Aggregate {
        market::Bar bar;
        double price_volume = 0.0;
        bool active = false;

        template <class Archive>
        void visit_state(Archive& archive);
    };

    Cascade(std::vector<market::Timeframe> timeframes, const market::Session& session);

    // Whether a print at `time` belongs to the bar being built without asking the session; false also while there is none.
    [[nodiscard]] bool in_open_bar(TimeNs time) const { return time >= fast_from_ && time < fast_to_; }

    std::size_t add_run(std::span<const market::Trade> trades);
    void begin_with(const market::Trade& trade, Emitter emit);
    void take_bar(const market::Bar& bar, Emitter emit);
    void close_until(TimeNs now, Emitter emit);
    void close_larger(TimeNs now, Emitter emit);
    void finish(const market::Bar& bar, Emitter emit);
    void fold(const market::Bar& bar, std::size_t timeframe);
    void start_bar(TimeNs open_time, double price);
    void follow_open_bar();
    [[nodiscard]] bool consistent() const;
    [[nodiscard]] market::Bar built_bar() const;
    [[nodiscard]] market::Bar filled_bar(TimeNs open_time) const;

    std::vector<market::Timeframe> timeframes_;
    market::Session session_;
    DurationNs length_;                  // of the first timeframe

    TimeNs fast_from_ = 0;               // empty range while no bar is being built, or where it reaches out of the session
    TimeNs fast_to_ = 0;
    Sums sums_;
    TimeNs open_time_ = 0;               // of the bar being built
    bool building_ = false;

    market::Bar last_;                   // the last bar of the first timeframe that was handed out
    bool any_ = false;                   // whether there is one
    std::vector<Aggregate> larger_;      // timeframes_[1..]
    Counters counters_;                  // trades of the bar being built not yet counted
};

}  // namespace sofia::bars
