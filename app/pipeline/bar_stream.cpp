#include "app/pipeline/bar_stream.hpp"

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

Result<BarStreamResult> stream_bars(const store::DataFolder& folder, const std::vector<market::Timeframe>& timeframes, const DataConfig& config,
                                    const BarSink& sink, const Context& context) {
    const store::ReadOptions options{
        .bad_rows = config.skip_bad_rows ? store::BadRows::skip : store::BadRows::refuse, .threads = context.threads, .stop = context.stop};
    SOFIA_TRY(const market::Session session, folder.instrument().session());
    SOFIA_TRY(bars::Cascade cascade, bars::Cascade::make(timeframes, session));
    GuardedSink guarded(sink);
    BarStreamResult result;
    if (folder.kind() == store::DataKind::trades) {
        const bars::Cascade fresh = cascade;
        store::TradeSink trades;
        trades.restart = [&] {
            cascade = fresh;
            guarded.restart();
        };
        trades.block = [&](std::span<const market::Trade> block) { cascade.on_trades(block, guarded); };
        SOFIA_TRY(result.report, store::read_trades(folder, options, trades));
        log_report(result.report, context);
    } else {
        SOFIA_TRY(const MarketData data, load_market_data(folder, timeframes.front(), options, context));
        for (const market::Bar& bar : data.bars) cascade.on_base_bar(bar, guarded);
        result.report = data.report;
    }
    SOFIA_CHECK(guarded.state());
    result.counters = cascade.counters();
    return result;
}

}  // namespace sofia::pipeline
