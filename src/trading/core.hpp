#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/config.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "market/fixed.hpp"
#include "market/instrument.hpp"
#include "trading/barriers.hpp"
#include "trading/costs.hpp"
#include "trading/entry.hpp"
#include "trading/gate.hpp"
#include "trading/path.hpp"
#include "trading/sizing.hpp"
#include "trading/touch.hpp"
#include "trading/window.hpp"

// The decision core: the one place that turns signals into trades, for the tuner's fold scores, backtests, stress tests and live trading.
namespace sofia::trading {

struct PositionConfig {
    std::string opposite = "flip";
    std::int64_t cooldown_bars = 0;

    void describe(config::Keys& keys);
    [[nodiscard]] Result<void> validate() const;
};

/// All settings of the strategy, one struct a section.
struct DecisionConfig {
    TouchConfig touch;
    BarrierConfig barriers;
    ExecutionConfig execution;
    CostConfig costs;
    GateConfig gate;
    SizingConfig sizing;
    PositionConfig position;

    /// Sections `touch`, `barriers`, `execution`, `costs`, `gate`, `sizing`, `position`.
    void describe(config::Keys& keys);
    [[nodiscard]] Result<void> validate() const;
};

/// What a run of the core is about.
struct CoreInputs {
    market::Instrument instrument;
    FillMode fills = FillMode::trades;
    Window window;  ///< signals outside are refused, as are those whose vertical barrier does not lie inside
    EvModel ev;     ///< from the training labels
};

/// A finished trade. R is a multiple of |entry - stop| in price, for inverse contracts too; money is the settlement coin.
struct ClosedTrade {
    TimeNs signal_time = 0;
    TimeNs entry_time = 0;
    TimeNs exit_time = 0;
    std::size_t timeframe = 0;
    Direction direction = Direction::long_side;
    double contracts = 0.0;
    double entry_price = 0.0;
    double exit_price = 0.0;
    double stop = 0.0;
    double target = 0.0;
    ExitReason reason = ExitReason::end;
    bool ambiguous = false;

    double gross_r = 0.0;  ///< before slippage, fees, funding, operations
    double fee_r = 0.0;
    double slip_r = 0.0;
    double funding_r = 0.0;
    double ops_r = 0.0;
    double net_r = 0.0;    ///< gross_r less the four costs

    market::Money pnl;      ///< price profit of the fills, slippage included
    market::Money fees;     ///< paid, of both fills
    market::Money funding;  ///< paid; negative was received
    market::Money ops;      ///< paid
    market::Money net;      ///< pnl - fees - funding - ops
    market::Money equity_after;

    double notional = 0.0;  ///< at entry, settlement coin
    double probability = std::numeric_limits<double>::quiet_NaN();
    double expected_value = std::numeric_limits<double>::quiet_NaN();
    double mae_r = 0.0;  ///< largest move against and for the trade, not negative
    double mfe_r = 0.0;
};

/// An entry order that did not fill.
struct UnfilledOrder {
    TimeNs signal_time = 0;
    TimeNs given_up = 0;
    std::size_t timeframe = 0;
    Direction direction = Direction::long_side;
    Unfilled why = Unfilled::no_print;
};

/// One position at a time. Feed it in order of time; at one moment: funding, then the bar that closes or the print, then signals (the highest
/// timeframe first, as TouchScanner hands them out). A signal acts on bars and prints after it only.
///
/// `on_bar` is for base bars and moves prices in the bar modes; in trades mode it may be left out. `on_trade` moves prices in trades mode.
/// Opposite signal while in a position, once it has passed the gates: `flip` closes and opens (two orders of the same moment, filled by the same
/// rule), `close` closes, `ignore` refuses. Money is rounded once a fill and payment, and no payment is beyond 1e9 coins; the equity is their
/// exact sum. Not thread-safe; a value.
class DecisionCore {
public:
    /// Error: config.
    [[nodiscard]] static Result<DecisionCore> make(const DecisionConfig& config, const CoreInputs& inputs);

    void on_signal(const Signal& signal);
    void on_bar(const Bar& bar);

    void on_trade(const Trade& trade) {
        if (!busy_) [[likely]]
            return;
        last_price_ = trade.price;
        last_time_ = trade.ts;
        if (open_ && !next_ && open_->path.quiet(trade)) [[likely]]
            return;
        take(trade);
    }

    void on_funding(const Funding& event);

    /// The data ended at `time`: an open position leaves at the last price (reason end), a waiting order stays unfilled.
    void finish(TimeNs time);

    [[nodiscard]] const std::vector<ClosedTrade>& trades() const { return trades_; }
    [[nodiscard]] const std::vector<UnfilledOrder>& unfilled() const { return unfilled_; }
    [[nodiscard]] const RefusalCounts& refused() const { return refused_; }
    [[nodiscard]] std::int64_t signals() const { return signals_; }

    /// The largest Verdict::headroom of the signals that came as far as the gates: where it is negative, how far these are from opening. -infinity
    /// where no signal came so far.
    [[nodiscard]] double gate_headroom() const { return gate_headroom_; }
    [[nodiscard]] market::Money equity() const { return equity_; }  ///< realised, with the entry fee of the open position

    /// Equity if the open position were left at `price`, before costs of leaving; settlement coin.
    [[nodiscard]] double equity_at(double price) const;

    [[nodiscard]] bool in_position() const { return open_.has_value(); }
    [[nodiscard]] const DecisionConfig& config() const { return config_; }

private:
    enum class Opposite : std::uint8_t { flip, ignore, close };

    /// An accepted signal on its way.
    struct Leg {
        Signal signal;
        double contracts;
        double expected_value;
        double ops_r;
        TradePath path;
        market::Money entry_fee;
    };

    DecisionCore(const DecisionConfig& config, const CoreInputs& inputs, std::vector<DurationNs> timeframes, market::Session session);

    [[nodiscard]] std::optional<Refusal> outside(const Signal& signal, TimeNs deadline) const;
    [[nodiscard]] std::optional<Refusal> occupied(const Signal& signal) const;
    [[nodiscard]] CostsR expected_costs(const Signal& signal, const Levels& levels) const;
    [[nodiscard]] double risk_equity() const;
    void refuse(Refusal refusal);
    void enter(const Signal& signal, TimeNs deadline, double contracts, double expected_value);
    void take(const Trade& trade);
    template <class Event>
    void advance(const Event& event);
    void opened();
    void closed();
    void settle_funding(ClosedTrade& trade, const Leg& leg);
    [[nodiscard]] double fee_money(const Leg& leg, double price, double fraction) const;

    DecisionConfig config_;
    CoreInputs inputs_;
    EvModel ev_;
    FillRules rules_;
    Opposite opposite_ = Opposite::flip;
    std::vector<DurationNs> timeframes_;
    market::Session session_;

    bool busy_ = false;
    std::optional<Leg> open_;
    std::optional<Leg> next_;  // its entry order waits
    double last_price_ = std::numeric_limits<double>::quiet_NaN();
    TimeNs last_time_ = 0;
    TimeNs cool_until_ = std::numeric_limits<TimeNs>::min();
    TimeNs taken_at_ = std::numeric_limits<TimeNs>::min();  // moment of the last accepted signal

    FundingClock funding_clock_;
    std::vector<Funding> funding_;  // stamps not yet settled, marks filled in

    market::Money equity_;
    std::vector<ClosedTrade> trades_;
    std::vector<UnfilledOrder> unfilled_;
    RefusalCounts refused_{};
    double gate_headroom_ = -std::numeric_limits<double>::infinity();
    std::int64_t signals_ = 0;
};

}  // namespace sofia::trading
