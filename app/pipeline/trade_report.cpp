#include "app/pipeline/trade_report.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/backtest_files.hpp"
#include "base/text.hpp"
#include "report/report.hpp"

namespace sofia::pipeline {
namespace {

backtest::Figures figures_of(const TradeList& list) { return backtest::figures_of(list.trades, list.window, list.starting_equity, list.timeframes); }

std::string value_text(const report::Figure& figure) {
    if (const auto* text = std::get_if<std::string>(&figure.value)) return *text;
    const double value = std::get<double>(figure.value);
    if (std::isnan(value)) return "-";
    return fmt::format("{:.{}f}{}{}", value, figure.decimals, figure.unit.empty() ? "" : " ", figure.unit);
}

std::string text_of(const backtest::Figures& figures) {
    std::vector<std::vector<std::string>> rows;
    for (const report::FigureTable& table : figure_tables(figures)) {
        for (const report::Figure& figure : table.figures) rows.push_back({table.title, figure.name, value_text(figure)});
    }
    const std::vector<std::string> header = {"", "figure", "value"};
    return format_table(header, rows);
}

report::ReportData data_of(const TradeReportRequest& request, const TradeList& list, const backtest::Figures& figures) {
    report::ReportData data;
    data.title = request.title;
    data.subtitle = request.subtitle.empty() ? fmt::format("{} to {}", format_time(list.window.from), format_time(list.window.to)) : request.subtitle;
    data.simulated = request.simulated;
    data.warnings = request.warnings;
    data.headline = {{"net", figures.net_r, "R", 1, ""},
                     {"trades", static_cast<double>(figures.trades), "", 0, ""},
                     {"expectancy", figures.expectancy_r, "R a trade", 3, ""},
                     {"return", figures.return_percent, "%", 1, ""},
                     {"max drawdown", figures.max_drawdown_percent, "%", 1, ""},
                     {"Sharpe, annual", figures.sharpe_annual, "", 2, ""}};
    data.figures = figure_tables(figures);
    data.tables = {group_table("By exit", figures.by_reason), group_table("By direction", figures.by_direction),
                   group_table("By timeframe", figures.by_timeframe)};
    data.symbol = request.symbol;
    data.bars = request.bars;
    add_trades(list.trades, figures, data);
    data.notes = request.notes;
    return data;
}

}  // namespace

Result<TradeList> checked(TradeList list) {
    if (!(list.starting_equity > 0.0) || list.starting_equity > 1e9)
        return fail(ErrorCode::usage, "a starting equity of " + format_double(list.starting_equity), "above 0, at most 1e9");
    std::ranges::sort(list.trades, {}, [](const trading::ClosedTrade& trade) { return std::pair(trade.exit_time, trade.entry_time); });
    if (list.window.from >= list.window.to) {
        if (list.trades.empty()) return fail(ErrorCode::usage, "there is no trade, and no window", "say from when to when");
        list.window = {std::ranges::min(list.trades, {}, &trading::ClosedTrade::entry_time).entry_time, list.trades.back().exit_time};
    }
    for (const trading::ClosedTrade& trade : list.trades) {
        if (trade.exit_time < trade.entry_time) {
            return fail(ErrorCode::data,
                        fmt::format("a trade leaves at {}, before it enters at {}", format_time(trade.exit_time), format_time(trade.entry_time)));
        }
        if (trade.entry_time < list.window.from || trade.entry_time > list.window.to) {
            return fail(ErrorCode::data, fmt::format("the trade that enters at {} lies outside {} to {}", format_time(trade.entry_time),
                                                     format_time(list.window.from), format_time(list.window.to)));
        }
        if (trade.timeframe >= list.timeframes.size()) return fail(ErrorCode::usage, "a trade has a timeframe without a name");
    }
    market::Money equity = market::to_money(list.starting_equity);
    for (trading::ClosedTrade& trade : list.trades) {
        equity += trade.net;
        trade.equity_after = equity;
    }
    return list;
}

Result<Output> trade_figures(const TradeList& list) {
    SOFIA_TRY(const TradeList whole, checked(list));
    const backtest::Figures figures = figures_of(whole);
    return make_output(text_of(figures), backtest::to_json(figures));
}

Result<Output> report_trades(const TradeReportRequest& request, const Context& context) {
    SOFIA_TRY(const TradeList list, checked(request.list));
    const backtest::Figures figures = figures_of(list);
    const report::ReportData data = data_of(request, list, figures);
    SOFIA_CHECK(context.go_on());
    const std::string ending = lower(request.out.extension().string());
    if (ending == ".html") {
        SOFIA_CHECK(report::write_html(request.out, data));
    } else if (ending == ".png") {
        const auto drawn = report::write_png(request.out, data);
        SOFIA_CHECK(context.go_on());  // a Ctrl-C ends gnuplot too
        if (!drawn) return std::unexpected(drawn.error());
    } else {
        return fail(ErrorCode::usage, request.out.string() + " is neither .html nor .png", ".html: the report, .png: the equity curve");
    }
    Json json = {{"report", request.out.string()}};
    json.update(backtest::to_json(figures));
    return make_output(request.out.string() + "\n\n" + text_of(figures), std::move(json));
}

}  // namespace sofia::pipeline
