#include "app/pipeline/backtest_files.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/summary.hpp"
#include "app/pipeline/trades_csv.hpp"
#include "base/files.hpp"
#include "report/csv.hpp"

namespace sofia::pipeline {
namespace {

Result<void> write_trades(const std::filesystem::path& path, const BacktestView& view) {
    return write_file(path, trades_csv(view.core.trades(), view.settings.decision.touch.timeframes));
}

Result<void> write_metrics(const std::filesystem::path& path, const BacktestView& view) {
    Json json = {{"schema", 1}, {"window", view.window}, {"in_sample", view.in_sample}, {"simulated", view.settings.instrument.simulated}};
    json.update(metrics_json(view.figures, view.assessment, view.history.data.report, view.trial));
    return write_file(path, format_json(json));
}

/// Bars inside the window, of the smallest timeframe whose number the report can carry.
std::vector<market::Bar> window_bars(const BacktestView& view) {
    std::vector<market::Bar> chosen;
    for (const std::vector<market::Bar>& bars : view.history.bars) {
        chosen.clear();
        for (const market::Bar& bar : bars) {
            if (bar.open_time >= view.figures.window.from && bar.close_time <= view.figures.window.to) chosen.push_back(bar);
        }
        if (chosen.size() <= report::candles_max) break;
    }
    return chosen;
}

/// What the files that were read had to be forgiven.
Json defects_json(const store::ReadReport& read, double funding_coverage) {
    Json json = {{"rows", read.rows},
                 {"bad_rows", read.bad_rows},
                 {"duplicates", read.duplicates},
                 {"out_of_order", read.out_of_order},
                 {"opens_widened", read.opens_widened},
                 {"carried_open_share", json_number(read.carried_open_share)},
                 {"gaps", read.gaps.size()}};
    DurationNs missing = 0;
    for (const store::Gap& gap : read.gaps) missing += gap.length();
    json["gap_hours"] = json_number(static_cast<double>(missing) / static_cast<double>(ns_per_hour));
    json["missing_columns"] = read.missing_columns;
    json["funding_coverage"] = json_number(funding_coverage);
    return json;
}

}  // namespace

Result<void> write_equity_csv(const std::filesystem::path& path, std::span<const backtest::EquityPoint> curve) {
    SOFIA_TRY(report::CsvWriter writer, report::CsvWriter::create(path, {"time", "equity", "drawdown_percent", "cumulative_r"}));
    for (const backtest::EquityPoint& point : curve) {
        SOFIA_CHECK(writer.row({report::CsvTime{point.time}, point.equity, point.drawdown_percent, point.cumulative_r}));
    }
    return writer.commit();
}

Result<bool> draw_equity(const std::filesystem::path& folder, const report::ReportData& data, const Context& context) {
    const auto drawn = report::write_png(folder / "equity_curve.png", data);
    if (drawn) return true;
    if (drawn.error().code != ErrorCode::unavailable) {
        SOFIA_CHECK(context.go_on());  // a Ctrl-C ends gnuplot too
        return std::unexpected(drawn.error());
    }
    context.log.warning("equity_curve.png was not drawn: " + drawn.error().message);
    return false;
}

Json metrics_json(const backtest::Figures& figures, const Assessment& assessment, const store::ReadReport& read, std::int64_t trial) {
    Json json = backtest::to_json(figures);
    json.update(to_json(assessment, trial));
    json["data"] = defects_json(read, assessment.funding_coverage);
    return json;
}

Result<std::vector<std::filesystem::path>> write_backtest_files(const std::filesystem::path& folder, const BacktestView& view,
                                                                const Context& context) {
    std::vector<std::filesystem::path> written = {folder / "metrics.json", folder / "trades.csv", folder / "equity.csv", folder / "report.html"};
    SOFIA_CHECK(make_folder(folder));
    SOFIA_CHECK(write_metrics(written[0], view));
    SOFIA_CHECK(write_trades(written[1], view));
    SOFIA_CHECK(write_equity_csv(written[2], backtest::equity_curve(view.core.trades(), view.figures.window, view.figures.starting_equity)));
    SOFIA_TRY(report::ReportData data, report_data(view));
    const std::vector<market::Bar> bars = window_bars(view);
    data.bars = bars;
    SOFIA_CHECK(report::write_html(written[3], data));
    SOFIA_TRY(const bool drawn, draw_equity(folder, data, context));
    if (drawn) written.push_back(folder / "equity_curve.png");
    return written;
}

}  // namespace sofia::pipeline
