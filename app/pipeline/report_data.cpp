#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "app/pipeline/backtest_files.hpp"
#include "base/text.hpp"
#include "features/catalogue.hpp"

namespace sofia::pipeline {
namespace {

using report::Figure;

Figure count(std::string name, std::int64_t value, std::string note = "") {
    return {std::move(name), static_cast<double>(value), "", 0, std::move(note)};
}

Figure number(std::string name, double value, std::string unit, int decimals, std::string note = "") {
    return {std::move(name), value, std::move(unit), decimals, std::move(note)};
}

Figure percent(std::string name, double fraction, std::string note = "") { return {std::move(name), 100.0 * fraction, "%", 1, std::move(note)}; }

std::vector<report::TradeRow> trade_rows(std::span<const trading::ClosedTrade> trades) {
    std::vector<report::TradeRow> rows;
    for (const trading::ClosedTrade& trade : trades) {
        rows.push_back({.entry_time = trade.entry_time,
                        .exit_time = trade.exit_time,
                        .direction = std::string(trading::name(trade.direction)),
                        .quantity = trade.contracts,
                        .entry_price = trade.entry_price,
                        .exit_price = trade.exit_price,
                        .net_profit = market::to_double(trade.net),
                        .net_r = trade.net_r,
                        .exit_reason = std::string(trading::name(trade.reason))});
    }
    return rows;
}

report::Series equity_series(std::span<const trading::ClosedTrade> trades, const backtest::Figures& figures) {
    report::Series series{.name = "equity", .unit = "", .points = {}};
    for (const backtest::EquityPoint& point : backtest::equity_curve(trades, figures.window, figures.starting_equity)) {
        // Two trades may leave at one moment; the line keeps the later.
        if (!series.points.empty() && series.points.back().time == point.time) series.points.pop_back();
        series.points.push_back({point.time, point.equity});
    }
    return series;
}

/// Correlation of a feature's values with its contributions; NaN without variance or values.
double direction_of(std::span<const double> values, std::span<const double> contributions) {
    double n = 0.0;
    double mean_x = 0.0;
    double mean_y = 0.0;
    double xx = 0.0;
    double yy = 0.0;
    double xy = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::isnan(values[i])) continue;
        n += 1.0;
        const double dx = values[i] - mean_x;
        const double dy = contributions[i] - mean_y;
        mean_x += dx / n;
        mean_y += dy / n;
        xx += dx * (values[i] - mean_x);
        yy += dy * (contributions[i] - mean_y);
        xy += dx * (contributions[i] - mean_y);
    }
    return xx > 0.0 && yy > 0.0 ? xy / std::sqrt(xx * yy) : std::numeric_limits<double>::quiet_NaN();
}

Result<std::vector<report::ShapSummary>> shap_summary(const BacktestView& view) {
    const std::size_t width = view.history.rows.width();
    const std::size_t rows = view.which.size();
    std::vector<report::ShapSummary> summary;
    if (rows == 0) return summary;
    const std::vector<double> matrix = [&] {
        std::vector<double> gathered;
        for (const std::size_t index : view.which) {
            const auto row = view.history.rows.row(view.candidates.rows[index]);
            gathered.insert(gathered.end(), row.begin(), row.end());
        }
        return gathered;
    }();
    SOFIA_TRY(const std::vector<double> shap, view.booster.contributions({matrix, rows, width}));
    std::vector<double> values(rows);
    std::vector<double> contributions(rows);
    for (std::size_t column = 0; column < width; ++column) {
        double total = 0.0;
        for (std::size_t row = 0; row < rows; ++row) {
            values[row] = matrix[row * width + column];
            contributions[row] = shap[row * (width + 1) + column];
            total += std::abs(contributions[row]);
        }
        if (total > 0.0)
            summary.push_back({view.history.rows.columns()[column], total / static_cast<double>(rows), direction_of(values, contributions)});
    }
    std::ranges::stable_sort(summary, std::ranges::greater{}, &report::ShapSummary::mean_absolute);
    if (summary.size() > 30) summary.resize(30);
    return summary;
}

/// Predicted against realised over the labeled signals of the window.
void add_model_part(const BacktestView& view, report::ReportData& data) {
    const ModelFigures& model = view.assessment.model;
    for (const models::ReliabilityBin& bin : model.reliability) {
        if (bin.count > 0) data.reliability.push_back({bin.predicted, bin.observed, bin.count});
    }
    data.figures.push_back(
        {"Model",
         {count("labeled touches", static_cast<std::int64_t>(model.labeled), "touches of the window whose outcome is known inside it"),
          percent("reach the target", model.positives), number("AUC", model.auc, "", 3), number("log loss", model.log_loss, "", 4),
          number("Brier score", model.brier, "", 4), number("calibration error", model.calibration_error, "", 4),
          number("calibration error by chance", model.calibration_error_95, "", 4, "95 % of the errors of right probabilities are below"),
          number("calibration slope", model.line.slope, "", 2, "1 is right; below 1, too far from the middle"),
          number("calibration slope of trades", model.traded_line.slope, "", 2, "of the touches that became trades")}});
    const std::vector<double> gains = view.booster.gain_importance();
    for (std::size_t i = 0; i < gains.size(); ++i) {
        if (gains[i] > 0.0) data.importance.push_back({view.booster.feature_names()[i], gains[i]});
    }
}

void add_notes(const BacktestView& view, report::ReportData& data) {
    const store::ReadReport& read = view.history.data.report;
    data.notes.push_back(
        fmt::format("Fills: {}. Stops fill at the price that triggers them or worse, less slippage; targets need one tick of penetration.",
                    trading::name(view.history.fills)));
    if (read.carried_opens) {
        data.notes.push_back(
            fmt::format("{:.4f} % of the opens equal the close before: a price already seen. Orders fill at the next bar's close instead, and "
                        "barriers start one bar later.",
                        100.0 * read.carried_open_share));
    }
    if (read.opens_widened > 0)
        data.notes.push_back(fmt::format("{} bars whose open lay outside low and high were widened to hold it.", read.opens_widened));
    data.notes.push_back(
        fmt::format("{} of {} exits had stop and target inside one bar and count as stops.", view.figures.ambiguous, view.figures.trades));
    data.notes.push_back("A signal that was refused or did not fill is counted in the tables above, by its first reason.");
}

}  // namespace

report::Table count_table(std::string title, std::span<const backtest::GroupFigures> groups, std::string note) {
    report::Table table{.title = std::move(title), .note = std::move(note), .columns = {{"reason", ""}, {"count", "", 0}}, .rows = {}};
    for (const backtest::GroupFigures& group : groups) {
        if (group.trades > 0) table.rows.push_back({group.group, static_cast<double>(group.trades)});
    }
    return table;
}

void add_trades(std::span<const trading::ClosedTrade> trades, const backtest::Figures& figures, report::ReportData& data) {
    data.trades = trade_rows(trades);
    data.markers = report::trade_markers(data.trades);
    data.equity = equity_series(trades, figures);
    for (const backtest::MonthFigures& month : figures.months) data.months.push_back({month.year, month.month, month.return_percent});
    data.waterfall_unit = "R";
    data.waterfall = {{"gross", figures.gross_r},
                      {"fees", -figures.fee_r},
                      {"slippage", -figures.slip_r},
                      {"funding", -figures.funding_r},
                      {"operations", -figures.ops_r}};
    report::Distribution multiples{.title = "Net result of a trade", .unit = "R", .values = {}};
    for (const trading::ClosedTrade& trade : trades) multiples.values.push_back(trade.net_r);
    data.distributions.push_back(std::move(multiples));
}

report::Table group_table(std::string title, std::span<const backtest::GroupFigures> groups, std::string note) {
    report::Table table{.title = std::move(title),
                        .note = std::move(note),
                        .columns = {{"group", ""},
                                    {"trades", "", 0},
                                    {"win rate", "%", 1},
                                    {"net", "R", 2},
                                    {"gross", "R", 2},
                                    {"mean net", "R", 3},
                                    {"predicted", "R", 3},
                                    {"net profit", "", 6}},
                        .rows = {}};
    for (const backtest::GroupFigures& group : groups) {
        table.rows.push_back({group.group, static_cast<double>(group.trades), 100.0 * group.win_rate, group.net_r, group.gross_r, group.mean_net_r,
                              group.mean_expected_value, group.net_pnl});
    }
    return table;
}

std::vector<report::FigureTable> figure_tables(const backtest::Figures& f) {
    std::vector<report::FigureTable> tables;
    tables.push_back(
        {"Result",
         {count("signals", f.signals), count("trades", f.trades), number("net", f.net_r, "R", 2), number("gross", f.gross_r, "R", 2),
          number("expectancy", f.expectancy_r, "R a trade", 4), number("net profit", f.net_pnl, "", 6), number("return", f.return_percent, "%", 2),
          percent("win rate", f.win_rate), number("payoff", f.payoff, "", 2), number("profit factor", f.profit_factor, "", 3)}});
    tables.push_back({"Risk",
                      {number("max drawdown", f.max_drawdown_percent, "%", 2), number("max drawdown", f.max_drawdown_r, "R", 2),
                       percent("time under water", f.time_under_water), number("longest under water", f.longest_under_water_days, "days", 1),
                       percent("exposure", f.exposure), number("turnover", f.turnover, "x", 1), number("mean leverage", f.mean_leverage, "x", 2),
                       number("largest leverage", f.max_leverage, "x", 2),
                       number("Sharpe, annual", f.sharpe_annual, "", 2, "daily net R, days without trades as zeros"),
                       number("probabilistic Sharpe", f.psr, "", 3, "chance that the true Sharpe ratio is above zero"),
                       number("minimum track record", f.min_track_record_days, "days", 0)}});
    tables.push_back({"Costs",
                      {number("fees", f.fee_r, "R", 2), number("slippage", f.slip_r, "R", 2), number("funding", f.funding_r, "R", 2),
                       number("operations", f.ops_r, "R", 2), number("break-even cost", f.break_even_cost_r, "R a trade", 4),
                       number("mean MAE", f.mean_mae_r, "R", 2), number("mean MFE", f.mean_mfe_r, "R", 2),
                       number("predicted value", f.mean_expected_value, "R a trade", 4, "of the gate, over the trades it let pass")}});
    return tables;
}

Result<report::ReportData> report_data(const BacktestView& view) {
    const backtest::Figures& f = view.figures;
    report::ReportData data;
    data.title = view.title;
    data.subtitle = fmt::format("{} window, {} to {}", view.window, format_time(f.window.from), format_time(f.window.to));
    data.simulated = view.settings.instrument.simulated;
    if (view.in_sample) data.warnings.push_back("in-sample: the model has seen this window, so these figures say nothing about the future");
    data.headline = {number("net", f.net_r, "R", 1),
                     count("trades", f.trades),
                     number("expectancy", f.expectancy_r, "R a trade", 3),
                     number("return", f.return_percent, "%", 1),
                     number("max drawdown", f.max_drawdown_percent, "%", 1),
                     number("Sharpe, annual", f.sharpe_annual, "", 2)};
    data.figures = figure_tables(f);
    data.tables = {group_table("By exit", f.by_reason), group_table("By direction", f.by_direction), group_table("By timeframe", f.by_timeframe),
                   count_table("Signals refused", f.refusals, "the first reason that applied"),
                   count_table("Orders that did not fill", f.unfilled_why, "")};
    data.symbol = view.history.data.symbol;
    add_trades(view.core.trades(), f, data);
    add_model_part(view, data);
    add_assessment(view, data);
    SOFIA_TRY(data.shap, shap_summary(view));
    add_notes(view, data);
    data.provenance = {{"seed", std::to_string(view.seed), ""},
                       {"features", features::feature_hash(view.history.columns), ""},
                       {"columns", static_cast<double>(view.history.columns.size()), "", 0}};
    return data;
}

}  // namespace sofia::pipeline
