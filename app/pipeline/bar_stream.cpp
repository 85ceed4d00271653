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

Result<BarStreamResult> stream_bars(const store::DataFolder& folder, const std::vector<market::Timeframe>& timeframes, const DataConfig& config,
                                    const BarSink& sink, const Context& context) {
    // A failed sink ends the reading as an interruption would, and then its own error is told.
    StopFlag failed(context.stop);
    const store::ReadOptions options{
        .bad_rows = config.skip_bad_rows ? store::BadRows::skip : store::BadRows::refuse, .threads = context.threads, .stop = &failed};
    SOFIA_TRY(const market::Session session, folder.instrument().session());
    SOFIA_TRY(bars::Cascade cascade, bars::Cascade::make(timeframes, session));
    GuardedSink guarded(sink);
    BarStreamResult result;
    if (folder.kind() == store::DataKind::trades) {
        const bars::Cascade fresh = cascade;
        store::TradeSink trades;
        Result<void> whole;  // no hole so far
        std::optional<TimeNs> last;
        trades.restart = [&] {
            cascade = fresh;
            last.reset();
            guarded.restart();
        };
        trades.block = [&](std::span<const market::Trade> block) {
            if (!last) last = block.front().ts;
            if (whole) whole = check_holes(folder, block, *last);
            if (whole) cascade.on_trades(block, guarded);
            if (!whole || !guarded.state()) failed.request();
        };
        auto read = store::read_trades(folder, options, trades);
        SOFIA_CHECK(whole);
        SOFIA_CHECK(guarded.state());
        SOFIA_TRY(result.report, std::move(read));
        log_report(result.report, context);
    } else {
        SOFIA_TRY(const MarketData data, load_market_data(folder, timeframes.front(), options, context));
        for (const market::Bar& bar : data.bars) {
            SOFIA_CHECK(context.go_on());
            cascade.on_base_bar(bar, guarded);
            SOFIA_CHECK(guarded.state());
        }
        result.report = data.report;
    }
    result.counters = cascade.counters();
    return result;
}

}  // namespace sofia::pipeline
