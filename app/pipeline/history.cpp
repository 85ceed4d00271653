#include "app/pipeline/history.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "app/pipeline/feature_rows.hpp"
#include "bars/cascade.hpp"
#include "base/text.hpp"
#include "store/funding.hpp"

namespace sofia::pipeline {

trading::Window History::window() const { return {bars.front().front().open_time, bars.front().back().close_time}; }

Result<std::vector<trading::Funding>> load_funding(const FundingConfig& config) {
    std::vector<trading::Funding> events;
    if (config.file.empty()) return events;
    SOFIA_TRY(const auto rates, store::read_funding(config.file, config.symbol, config.exchange));
    events.reserve(rates.size());
    for (const store::FundingRate& rate : rates) events.push_back({.time = rate.ts, .rate = rate.rate});
    return events;
}

namespace {

trading::FillMode fill_mode(const MarketData& data) {
    if (data.kind == store::DataKind::trades) return trading::FillMode::trades;
    return data.report.carried_opens ? trading::FillMode::bar_close : trading::FillMode::bar_open;
}

std::vector<std::string> column_names(const std::vector<features::FeatureSpec>& columns) {
    std::vector<std::string> names;
    names.reserve(columns.size());
    for (const features::FeatureSpec& column : columns) names.push_back(column.name);
    return names;
}

/// The smallest timeframe that touches may be looked for on: of the settings and of the search space's choices.
Result<market::Timeframe> smallest_touch_timeframe(const Settings& settings) {
    std::vector<std::string> names = settings.decision.touch.timeframes;
    const auto searched =
        std::ranges::find_if(settings.search, [](const auto& entry) { return entry.first == "timeframes" || entry.first == "touch.timeframes"; });
    for (const std::string& candidate : settings.bars.timeframes) {
        // A choice may join several by `+`; whichever of the known timeframes stands in it counts.
        if (searched == settings.search.end()) break;
        std::string text = searched->second;
        for (char& letter : text) letter = std::string_view("+,[]{}\"' ").contains(letter) ? ' ' : letter;
        const std::vector<std::string> words = split(text, ' ');
        if (std::ranges::find(words, candidate) != words.end() && std::ranges::find(names, candidate) == names.end()) names.push_back(candidate);
    }
    SOFIA_TRY(const auto timeframes, market::parse_timeframes(names));
    return timeframes.front();
}

}  // namespace

Result<History> build_history(MarketData data, const Settings& settings, market::Timeframe row_timeframe, const Context& context) {
    History history;
    SOFIA_TRY(history.timeframes, market::parse_timeframes(settings.bars.timeframes));
    SOFIA_TRY(history.funding, load_funding(settings.funding));
    SOFIA_TRY(features::Engine engine, features::Engine::make(settings.features, history.timeframes, data.session));
    SOFIA_TRY(bars::Cascade cascade, bars::Cascade::make(history.timeframes, data.session));
    history.fills = fill_mode(data);
    history.columns = engine.columns();
    history.rows = market::Table(column_names(history.columns));
    history.bars.resize(history.timeframes.size());
    const auto found = std::ranges::find(history.timeframes, row_timeframe);
    if (found == history.timeframes.end()) {
        return fail(ErrorCode::config, row_timeframe.name() + " is not among bars.timeframes", "add it to bars.timeframes");
    }
    const RowTimeframes at{static_cast<std::size_t>(found - history.timeframes.begin()), history.timeframes.size() - 1};
    FeatureRows rows(std::move(engine), history.funding, at);
    const FeatureRows::Sink keep = [&](TimeNs known_at, std::span<const double> row) { history.rows.append(known_at, row); };
    const auto on_bar = [&](std::size_t timeframe, const market::Bar& bar) {
        rows.on_bar(timeframe, bar, keep);
        history.bars[timeframe].push_back(bar);
    };
    for (std::size_t i = 0; i < history.timeframes.size(); ++i) {
        const auto ratio = static_cast<std::size_t>(history.timeframes[i].length() / history.timeframes.front().length());
        history.bars[i].reserve(data.bars.size() / ratio + 1);
        if (i == at.first) history.rows.reserve(data.bars.size() / ratio + 1);
    }
    constexpr std::size_t block = 1U << 16U;
    for (std::span<const market::Trade> left = data.trades; !left.empty(); left = left.subspan(std::min(block, left.size()))) {
        SOFIA_CHECK(context.go_on());
        cascade.on_trades(left.first(std::min(block, left.size())), on_bar);
    }
    for (const market::Bar& bar : data.bars) {
        SOFIA_CHECK(context.go_on());
        cascade.on_base_bar(bar, on_bar);
    }
    rows.flush(keep);
    data.bars = {};
    history.data = std::move(data);
    if (history.fills != trading::FillMode::trades) history.ranges = trading::price_ranges(history.bars.front());
    if (history.bars.front().empty()) {
        return fail(ErrorCode::data, fmt::format("{}: not one bar of {} has closed", history.data.symbol, history.timeframes.front().name()),
                    "more data is needed");
    }
    context.log.info(fmt::format("{} bars of {}, {} feature columns, {} rows, fills: {}", history.bars.front().size(),
                                 history.timeframes.front().name(), history.columns.size(), history.rows.rows(), trading::name(history.fills)));
    if (const std::uint64_t outside = cascade.counters().trades_outside + cascade.counters().bars_outside; outside > 0) {
        context.log.info(fmt::format("{} rows outside the session {} were left out", outside, history.data.session.text()));
    }
    return history;
}

Result<History> load_history(const store::DataFolder& folder, const Settings& settings, const Context& context) {
    if (!folder.has_instrument_file()) {
        context.log.warning(
            fmt::format("{} has no instrument.yaml: taken as {}, tick {}, lot {}, multiplier {}, session {}; set instrument.* if that is wrong",
                        folder.path().string(), settings.instrument.kind_name, format_double(settings.instrument.tick),
                        format_double(settings.instrument.lot), format_double(settings.instrument.multiplier), settings.instrument.session_text));
    }
    SOFIA_TRY(const auto timeframes, market::parse_timeframes(settings.bars.timeframes));
    store::ReadOptions options{
        .bad_rows = settings.data.skip_bad_rows ? store::BadRows::skip : store::BadRows::refuse, .threads = context.threads, .stop = context.stop};
    SOFIA_TRY(MarketData data, load_market_data(folder, timeframes.front(), options, context));
    data.instrument = settings.instrument;
    SOFIA_TRY(data.session, settings.instrument.session());
    SOFIA_TRY(const market::Timeframe row_timeframe, smallest_touch_timeframe(settings));
    return build_history(std::move(data), settings, row_timeframe, context);
}

Result<std::vector<std::vector<market::Bar>>> touch_columns(const History& history, const trading::TouchConfig& touch) {
    SOFIA_TRY(const auto timeframes, market::parse_timeframes(touch.timeframes));
    std::vector<std::vector<market::Bar>> columns;
    for (const market::Timeframe timeframe : timeframes) {
        const auto found = std::ranges::find(history.timeframes, timeframe);
        if (found == history.timeframes.end()) {
            return fail(ErrorCode::config, "touch.timeframes: " + timeframe.name() + " is not among bars.timeframes", "add it to bars.timeframes");
        }
        columns.push_back(history.bars[static_cast<std::size_t>(found - history.timeframes.begin())]);
    }
    return columns;
}

Result<Candidates> find_candidates(const History& history, const trading::TouchConfig& touch) {
    SOFIA_TRY(const auto columns, touch_columns(history, touch));
    Candidates candidates;
    SOFIA_TRY(candidates.touches, trading::find_touches(touch, columns));
    candidates.rows.reserve(candidates.touches.size());
    const std::vector<TimeNs>& known = history.rows.known_at();
    for (const trading::Touch& one : candidates.touches) {
        const auto row = std::ranges::lower_bound(known, one.known_at);
        if (row == known.end() || *row != one.known_at) {
            return fail(ErrorCode::internal, "no feature row for the touch at " + format_time(one.known_at),
                        "this is a bug in sofia; please report it");
        }
        candidates.rows.push_back(static_cast<std::size_t>(row - known.begin()));
    }
    return candidates;
}

Result<LabeledCandidates> label_candidates(const History& history, const Candidates& candidates, const Settings& settings,
                                           std::int64_t largest_hold_bars) {
    LabeledCandidates labeled;
    if (history.fills == trading::FillMode::trades) {
        SOFIA_TRY(labeled.labels,
                  labels::pullback_labels(settings.decision, history.data.instrument, candidates.touches, history.data.trades, history.funding));
    } else {
        SOFIA_TRY(labeled.labels, labels::pullback_labels(settings.decision, history.data.instrument, history.fills, candidates.touches,
                                                          history.bars.front(), history.funding, history.ranges));
    }
    SOFIA_TRY(const auto timeframes, market::parse_timeframes(settings.decision.touch.timeframes));
    labeled.samples.reserve(labeled.labels.size());
    for (const labels::Label& label : labeled.labels) {
        labeled.samples.push_back(labels::sample_of(label, timeframes[label.touch.timeframe].length(), largest_hold_bars, history.data.session));
    }
    const trading::GateConfig& gate = settings.decision.gate;
    if (gate.use_trend_gate || gate.use_regime_gate) {
        SOFIA_TRY(const auto columns, touch_columns(history, settings.decision.touch));
        const auto moves = [&](bool used, std::int64_t horizon) {
            return used ? labels::forward_moves(candidates.touches, columns, horizon) : std::vector<labels::ForwardMove>();
        };
        labeled.trend_moves = moves(gate.use_trend_gate, settings.trend.horizon_bars);
        labeled.regime_moves = moves(gate.use_regime_gate, settings.regime.horizon_bars);
        for (const auto* known : {&labeled.trend_moves, &labeled.regime_moves}) {
            for (std::size_t i = 0; i < known->size(); ++i) labeled.samples[i].end_time = std::max(labeled.samples[i].end_time, (*known)[i].end_time);
        }
    }
    return labeled;
}

}  // namespace sofia::pipeline
