#include "app/pipeline/market_data.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace sofia::pipeline {

void log_report(const store::ReadReport& report, const Context& context) {
    context.log.info(
        fmt::format("read {} rows of {} files, {} to {}", report.rows, report.files.size(), format_time(report.first), format_time(report.last)));
    for (const std::string& note : report.notes) context.log.info(note);
    for (const store::BadRow& row : report.bad) context.log.warning("left out: " + row.text());
    if (report.bad_rows > report.bad.size()) context.log.warning(fmt::format("{} bad rows left out in all", report.bad_rows));
}

namespace {

/// A single damaged timestamp, 1970 among rows of 2023, would otherwise become tens of millions of flat minutes.
constexpr DurationNs hole_max = 10 * 366 * ns_per_day;

std::unexpected<Error> hole_error(const store::DataFolder& folder, TimeNs from, TimeNs to) {
    return fail(ErrorCode::data,
                fmt::format("{}: nothing from {} to {}, which is more than ten years", folder.path().string(), format_time(from), format_time(to)),
                "is a timestamp damaged? `sofia data check` lists the gaps");
}

Result<void> check_bar_holes(const store::DataFolder& folder, std::span<const market::Bar> bars) {
    for (std::size_t i = 1; i < bars.size(); ++i) {
        if (bars[i].open_time - bars[i - 1].open_time > hole_max) return hole_error(folder, bars[i - 1].open_time, bars[i].open_time);
    }
    return {};
}

Result<void> take_trades(const store::DataFolder& folder, const store::ReadOptions& options, MarketData& data) {
    store::TradeSink sink;
    sink.restart = [&] { data.trades.clear(); };
    sink.block = [&](std::span<const market::Trade> block) { data.trades.insert(data.trades.end(), block.begin(), block.end()); };
    SOFIA_TRY(data.report, store::read_trades(folder, options, sink));
    TimeNs last = data.report.first;
    return check_holes(folder, data.trades, last);
}

Result<void> take_bars(const store::DataFolder& folder, market::Timeframe base, const store::ReadOptions& options, MarketData& data) {
    SOFIA_TRY(store::BarData read, store::read_bars(folder, options));
    if (read.timeframe != base) {
        return fail(ErrorCode::data,
                    fmt::format("{}: the bars are of {}, but the smallest of bars.timeframes is {}", folder.path().string(), read.timeframe.name(),
                                base.name()),
                    fmt::format("set bars.timeframes to multiples of {}", read.timeframe.name()));
    }
    SOFIA_CHECK(check_bar_holes(folder, read.bars));
    data.bars = std::move(read.bars);
    data.report = std::move(read.report);
    return {};
}

}  // namespace

Result<void> check_holes(const store::DataFolder& folder, std::span<const market::Trade> trades, TimeNs& last) {
    if (trades.empty()) return {};
    if (trades.back().ts - last > hole_max) {
        for (const market::Trade& trade : trades) {
            if (trade.ts - last > hole_max) return hole_error(folder, last, trade.ts);
            last = trade.ts;
        }
    }
    last = trades.back().ts;
    return {};
}

Result<MarketData> load_market_data(const store::DataFolder& folder, market::Timeframe base, const store::ReadOptions& options,
                                    const Context& context) {
    MarketData data;
    data.symbol = folder.symbol();
    data.instrument = folder.instrument();
    data.kind = folder.kind();
    data.files = folder.files();
    SOFIA_TRY(data.session, data.instrument.session());
    if (data.kind == store::DataKind::trades) {
        SOFIA_CHECK(take_trades(folder, options, data));
    } else {
        SOFIA_CHECK(take_bars(folder, base, options, data));
    }
    log_report(data.report, context);
    return data;
}

}  // namespace sofia::pipeline
