#include "app/pipeline/bar_stream.hpp"

#include <optional>

#include "app/pipeline/market_data.hpp"

namespace sofia::pipeline {
namespace {

/// Keeps the first failure of a sink that is called from inside a reader; afterwards bars are passed over.
class GuardedSink {
public:
    explicit GuardedSink(const BarSink& sink) : sink_(sink) {}

    void operator()(std::size_t timeframe, const market::Bar& bar) {
        if (state_) state_ = sink_.bar(timeframe, bar);
    }
    void restart() {
        if (state_) state_ = sink_.restart();
    }
    [[nodiscard]] const Result<void>& state() const { return state_; }

private:
    const BarSink& sink_;
    Result<void> state_;
};

}  // namespace

Result<store::ReadReport> stream_input(const store::DataFolder& folder, market::Timeframe base, const DataConfig& config,
                                       const std::optional<market::Trade>& before, const InputSink& sink, const Context& context) {
    // A failed sink ends the reading as an interruption would, and then its own error is told.
    StopFlag failed(context.stop);
    const store::ReadOptions options{.bad_rows = config.skip_bad_rows ? store::BadRows::skip : store::BadRows::refuse,
                                     .threads = context.threads,
                                     .stop = &failed,
                                     .before = before};
    if (folder.kind() != store::DataKind::trades) {
        SOFIA_TRY(const MarketData data, load_market_data(folder, base, options, context));
        for (const market::Bar& bar : data.bars) {
            SOFIA_CHECK(context.go_on());
            SOFIA_CHECK(sink.bar(bar));
        }
        return data.report;
    }
    store::TradeSink trades;
    Result<void> state;  // of the folder and of the sink: no hole and no refusal so far
    std::optional<TimeNs> last;
    trades.restart = [&] {
        last.reset();
        if (state) state = sink.restart();
    };
    trades.block = [&](std::span<const market::Trade> block) {
        if (!last) last = block.front().ts;
        if (state) state = check_holes(folder, block, *last);
        if (state) state = sink.trades(block);
        if (!state) failed.request();
    };
    auto report = store::read_trades(folder, options, trades);
    SOFIA_CHECK(state);
    if (report) log_report(*report, context);
    return report;
}

Result<BarStreamResult> stream_bars(const store::DataFolder& folder, const std::vector<market::Timeframe>& timeframes, const DataConfig& config,
                                    const BarSink& sink, const Context& context) {
    SOFIA_TRY(const market::Session session, folder.instrument().session());
    SOFIA_TRY(bars::Cascade cascade, bars::Cascade::make(timeframes, session));
    const bars::Cascade fresh = cascade;
    GuardedSink guarded(sink);
    const InputSink input{.restart = [&]() -> Result<void> {
                              cascade = fresh;
                              guarded.restart();
                              return guarded.state();
                          },
                          .trades = [&](std::span<const market::Trade> trades) -> Result<void> {
                              cascade.on_trades(trades, guarded);
                              return guarded.state();
                          },
                          .bar = [&](const market::Bar& bar) -> Result<void> {
                              cascade.on_base_bar(bar, guarded);
                              return guarded.state();
                          }};
    BarStreamResult result;
    SOFIA_TRY(result.report, stream_input(folder, timeframes.front(), config, {}, input, context));
    result.counters = cascade.counters();
    return result;
}

Result<BarStreamResult> stream_stored(const store::DataFolder& folder, std::span<const market::Bar> bars,
                                      const std::vector<market::Timeframe>& timeframes, const BarSink& sink) {
    SOFIA_TRY(const market::Session session, folder.instrument().session());
    SOFIA_TRY(bars::Cascade cascade, bars::Cascade::make(timeframes, session));
    GuardedSink guarded(sink);
    for (const market::Bar& bar : bars) {
        cascade.on_base_bar(bar, guarded);
        SOFIA_CHECK(guarded.state());
    }
    BarStreamResult result;
    result.counters = cascade.counters();
    return result;
}

}  // namespace sofia::pipeline
