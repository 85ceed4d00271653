#include "app/pipeline/feature_stream.hpp"

#include <algorithm>
#include <utility>

#include "base/state.hpp"

namespace sofia::pipeline {

void FeatureStreamConfig::describe(config::Keys& keys) {
    keys.section("bars", bars);
    keys.section("features", features);
    keys.section("touch", touch);
}

std::string show(FeatureStreamConfig config) {
    config::Keys keys;
    config.describe(keys);
    return config::show(keys);
}

Result<FeatureStreamConfig> stream_config(const Settings& settings) {
    SOFIA_TRY(const market::Session session, settings.instrument.session());
    return FeatureStreamConfig{.bars = settings.bars, .features = settings.features, .touch = settings.decision.touch, .session = session};
}

Result<FeatureStream> FeatureStream::make(const FeatureStreamConfig& config, RowTimeframes at) {
    SOFIA_TRY(const auto timeframes, market::parse_timeframes(config.bars.timeframes));
    SOFIA_TRY(features::Engine engine, features::Engine::make(config.features, timeframes, config.session));
    SOFIA_TRY(bars::Cascade cascade, bars::Cascade::make(timeframes, config.session));
    SOFIA_TRY(trading::TouchScanner scanner, trading::TouchScanner::make(config.touch));
    FeatureStream stream(config, std::move(cascade), FeatureRows(std::move(engine), {}, at), std::move(scanner));
    stream.touch_timeframe_.resize(timeframes.size());
    const std::vector<market::Timeframe>& touched = stream.scanner_.timeframes();
    for (std::size_t i = 0; i < touched.size(); ++i) {
        const auto found = std::ranges::find(timeframes, touched[i]);
        if (found == timeframes.end()) {
            return fail(ErrorCode::config, "touch.timeframes: " + touched[i].name() + " is not among bars.timeframes", "add it to bars.timeframes");
        }
        stream.touch_timeframe_[static_cast<std::size_t>(found - timeframes.begin())] = i;
    }
    return stream;
}

FeatureStream::FeatureStream(FeatureStreamConfig config, bars::Cascade cascade, FeatureRows rows, trading::TouchScanner scanner)
    : config_(std::move(config)), cascade_(std::move(cascade)), rows_(std::move(rows)), scanner_(std::move(scanner)) {}

void FeatureStream::take_bar(std::size_t timeframe, const market::Bar& bar, const Sinks& sinks) {
    if (moment_ && bar.close_time != *moment_) flush(sinks);
    moment_ = bar.close_time;
    rows_.on_bar(timeframe, bar, sinks.row);
    if (const auto touched = touch_timeframe_[timeframe]) scanner_.step(*touched, bar);
}

void FeatureStream::flush(const Sinks& sinks) {
    rows_.flush(sinks.row);
    moment_.reset();
    for (const trading::Touch& touch : scanner_.take()) {
        if (sinks.touch) sinks.touch(touch);
    }
}

void FeatureStream::on_trades(std::span<const market::Trade> trades, const Sinks& sinks) {
    if (trades.empty()) return;
    cascade_.on_trades(trades, [&](std::size_t timeframe, const market::Bar& bar) { take_bar(timeframe, bar, sinks); });
    last_print_ = trades.back();
}

void FeatureStream::on_base_bar(const market::Bar& bar, const Sinks& sinks) {
    cascade_.on_base_bar(bar, [&](std::size_t timeframe, const market::Bar& closed) { take_bar(timeframe, closed, sinks); });
}

void FeatureStream::advance_to(TimeNs now, const Sinks& sinks) {
    cascade_.advance_to(now, [&](std::size_t timeframe, const market::Bar& bar) { take_bar(timeframe, bar, sinks); });
    flush(sinks);
    rows_.advance_to(now, sinks.row);
}

namespace {

template <class Archive>
void visit_print(Archive& archive, std::optional<market::Trade>& print) {
    bool any = print.has_value();
    archive("any", any);
    if (!any) return;
    market::Trade trade = print.value_or(market::Trade{});
    auto side = static_cast<std::size_t>(trade.side);
    auto tick = static_cast<std::size_t>(trade.tick);
    archive.time("ts", trade.ts);
    archive("price", trade.price);
    archive("size", trade.size);
    archive.index("side", side, 2);
    archive.index("tick", tick, 4);
    trade.side = static_cast<market::Side>(side);
    trade.tick = static_cast<market::TickDirection>(tick);
    print = trade;
}

}  // namespace

template <class Archive>
void FeatureStream::visit_state(Archive& archive) {
    archive("bars", cascade_);
    archive("features", rows_);
    archive("touch", scanner_);
    archive.group("last_print", [&] { visit_print(archive, last_print_); });
}

template void FeatureStream::visit_state(StateWriter&);
template void FeatureStream::visit_state(StateReader&);

Result<FeatureStream> stream_until(const History& history, const Settings& settings, TimeNs as_of, const Context& context) {
    SOFIA_TRY(FeatureStreamConfig config, stream_config(settings));
    config.session = history.data.session;
    SOFIA_TRY(FeatureStream stream, FeatureStream::make(config));
    for (const trading::Funding& funding : history.funding) {
        if (funding.time <= as_of) stream.on_funding(funding);
    }
    const FeatureStream::Sinks nobody;
    const std::vector<market::Trade>& trades = history.data.trades;
    const auto end = std::ranges::lower_bound(trades, as_of, {}, &market::Trade::ts);
    constexpr std::size_t block = 1U << 16U;
    for (std::span<const market::Trade> left(trades.begin(), end); !left.empty(); left = left.subspan(std::min(block, left.size()))) {
        SOFIA_CHECK(context.go_on());
        stream.on_trades(left.first(std::min(block, left.size())), nobody);
    }
    if (trades.empty()) {
        for (const market::Bar& bar : history.bars.front()) {
            if (bar.close_time > as_of) break;
            SOFIA_CHECK(context.go_on());
            stream.on_base_bar(bar, nobody);
        }
    }
    stream.advance_to(as_of, nobody);
    return stream;
}

}  // namespace sofia::pipeline
