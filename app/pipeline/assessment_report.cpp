#include <cmath>

#include <fmt/format.h>

#include "app/pipeline/backtest_files.hpp"
#include "app/pipeline/trade_path_tables.hpp"
#include "math/statistics.hpp"

namespace sofia::pipeline {
namespace {

using report::Figure;
using report::FigureTable;

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

Figure number(std::string name, double value, std::string unit, int decimals, std::string note = "") {
    return {std::move(name), value, std::move(unit), decimals, std::move(note)};
}

Figure share(std::string name, double fraction, std::string note = "") { return {std::move(name), 100.0 * fraction, "%", 1, std::move(note)}; }

Figure whole(std::string name, std::size_t value, std::string note = "") {
    return {std::move(name), static_cast<double>(value), "", 0, std::move(note)};
}

FigureTable interval_table(const Assessment& a) {
    const std::string note = fmt::format("95 %, studentized bootstrap in blocks of {}", a.expectancy.block_length);
    return {
        "Expectancy",
        {number("net", a.expectancy.mean, "R a trade", 4, note), number("from", a.expectancy.lower, "R", 4), number("to", a.expectancy.upper, "R", 4),
         number("gross", a.gross_expectancy.mean, "R a trade", 4), number("from", a.gross_expectancy.lower, "R", 4),
         number("to", a.gross_expectancy.upper, "R", 4), number("net a day", a.daily.mean, "R", 4, "days without trades as zeros"),
         number("from", a.daily.lower, "R", 4), number("to", a.daily.upper, "R", 4)}};
}

FigureTable random_table(const Benchmarks& b) {
    return {"Against random entries",
            {share("runs below the strategy", b.percentile, "mean net R a trade of as many trades at random moments, same barriers and costs"),
             share("before costs", b.gross_percentile), number("p-value", b.p, "", 4, "chance that a random run does at least as well"),
             whole("runs", b.random.runs),
             number("fewest trades of a run", static_cast<double>(b.random.fewest), "", 0, fmt::format("{} of the strategy", b.random.trades))}};
}

FigureTable trials_table(const Luck& luck) {
    return {"Trials on these data",
            {whole("trials", luck.trials, fmt::format("complete, pruned and failed, of {} studies", luck.studies.size())),
             number("effective number", luck.effective_trials, "", 1, "alike ones counted once, by their mean correlation"),
             number("mean correlation", luck.mean_correlation, "", 3, "of daily net R, within the study"),
             number("variance of Sharpe ratios", luck.tuning.all.variance, "", 6, "daily; the larger of the two below"),
             number("random start-up trials", luck.tuning.all.variance_startup, "", 6, fmt::format("{} of them", luck.tuning.all.startup_trials)),
             number("all trials", luck.tuning.all.variance_all, "", 6)}};
}

FigureTable overfitting_table(const backtest::SelectionOverfitting& found) {
    const math::Overfitting& cscv = found.cscv;
    return {"Backtest overfitting",
            {share("probability (PBO)", cscv.probability, "the trial chosen in one half of the days is not above the median in the other"),
             share("probability of loss", cscv.probability_of_loss, "of the chosen trial in the other half"),
             number("slope", cscv.slope, "", 3, "of the score outside on that inside: below 0, the better inside the worse outside"),
             whole("trials compared", found.trials.size(), fmt::format("{} with fewer days left out", found.left_out.size())),
             whole("splits", cscv.splits, fmt::format("{} without a feasible trial", cscv.without_choice))}};
}

FigureTable null_table(const NullFigures& found) {
    const double high = found.null.best.empty() ? unknown : math::quantile_sorted(found.null.best, 0.95);
    return {"Robust score against luck",
            {number("robust score", found.score, "R a trade", 4),
             number("best of skill-less trials", found.null.mean, "R a trade", 4, fmt::format("expected of {} independent ones", found.trials)),
             number("95 % of the bests below", high, "R a trade", 4), number("p-value", found.p, "", 4, "chance that luck alone scores as much")}};
}

FigureTable test_table(const AdjustedTest& found, std::int64_t trial) {
    return {
        "Test, adjusted for the choice",
        {whole("trials run over test", found.trials.size()), number("p-value of this trial", found.p_of(trial), "", 4, "StepM, against not trading"),
         number("p-value that none is better", found.result.p_consistent, "", 4, "superior predictive ability, consistent"),
         number("lower", found.result.p_lower, "", 4), number("upper", found.result.p_upper, "", 4), whole("days", found.days)}};
}

report::Table sharpe_table(const Luck& luck) {
    report::Table table{.title = "Sharpe ratio of daily net R",
                        .note = "after the choice among all trials; the window's as if the choice had been made there",
                        .columns = {{"figure", ""}, {"tuning folds", "", 4}, {"this window", "", 4}},
                        .rows = {}};
    const backtest::DeflatedSharpe& tuning = luck.tuning.all;
    const backtest::DeflatedSharpe& window = luck.window.all;
    const auto add = [&](const char* name, double a, double b) { table.rows.push_back({std::string(name), a, b}); };
    add("days (T)", static_cast<double>(tuning.days), static_cast<double>(window.days));
    add("Sharpe ratio, a day", tuning.sharpe, window.sharpe);
    add("expected best of skill-less trials", tuning.expected_best, window.expected_best);
    add("probabilistic Sharpe ratio (PSR)", tuning.probabilistic, window.probabilistic);
    add("deflated Sharpe ratio (DSR)", tuning.deflated, window.deflated);
    add("DSR with the effective number of trials", luck.tuning.effective, luck.window.effective);
    add("minimum track record, days", tuning.min_track_record_days, window.min_track_record_days);
    add("minimum track record for the DSR, days", tuning.min_track_record_days_deflated, window.min_track_record_days_deflated);
    return table;
}

report::Table stage_table(const Luck& luck) {
    report::Table table{
        .title = "From tuning to shadow",
        .note = "tuning is the choice's own data; test and shadow as the selection ran them",
        .columns = {{"stage", ""}, {"days", "", 0}, {"trades", "", 0}, {"a day", "", 2}, {"net", "R a trade", 4}, {"gross", "R a trade", 4}},
        .rows = {}};
    for (const Stage& stage : luck.stages) {
        const auto trades = static_cast<double>(stage.trades);
        const auto each = [&](double sum) { return stage.trades > 0 ? sum / trades : unknown; };
        table.rows.push_back({stage.name, stage.days, trades, trades / stage.days, each(stage.net_r), each(stage.gross_r)});
    }
    return table;
}

report::Table benchmark_table(const backtest::Figures& own, const Benchmarks& b) {
    report::Table table{.title = "Beside the strategy",
                        .note = "random entries have no equity of their own: their mean net R a trade, and where 5 % and 95 % of the runs lie",
                        .columns = {{"", ""},
                                    {"trades", "", 0},
                                    {"net", "R", 2},
                                    {"expectancy", "R", 4},
                                    {"gross", "R a trade", 4},
                                    {"return", "%", 2},
                                    {"drawdown", "%", 2},
                                    {"Sharpe, annual", "", 2}},
                        .rows = {}};
    for (const auto& [name, f] : {std::pair<const char*, const backtest::Figures*>{"strategy", &own}, {"every touch, no gate", &b.every_touch}}) {
        table.rows.push_back({std::string(name), static_cast<double>(f->trades), f->net_r, f->expectancy_r, f->gross_expectancy_r, f->return_percent,
                              f->max_drawdown_percent, f->sharpe_annual});
    }
    const std::vector<double>& random = b.random.expectancy_r;
    const auto trades = static_cast<double>(b.random.trades);
    const auto add = [&](const char* name, double expectancy, double gross) {
        table.rows.push_back({std::string(name), trades, trades * expectancy, expectancy, gross, unknown, unknown, unknown});
    };
    add("random entries", math::mean(random), math::mean(b.random.gross_expectancy_r));
    add("random entries, 5 %", math::quantile(random, 0.05), math::quantile(b.random.gross_expectancy_r, 0.05));
    add("random entries, 95 %", math::quantile(random, 0.95), math::quantile(b.random.gross_expectancy_r, 0.95));
    table.rows.push_back(
        {std::string("buy and hold"), 1.0, unknown, unknown, unknown, b.hold.return_percent, b.hold.max_drawdown_percent, b.hold.sharpe_annual});
    return table;
}

report::Table month_table(const backtest::Figures& f) {
    report::Table table{.title = "By month",
                        .note = "",
                        .columns = {{"month", ""}, {"trades", "", 0}, {"net", "R", 2}, {"net profit", "", 6}, {"return", "%", 2}},
                        .rows = {}};
    for (const backtest::MonthFigures& month : f.months) {
        table.rows.push_back(
            {fmt::format("{}-{:02}", month.year, month.month), static_cast<double>(month.trades), month.net_r, month.net_pnl, month.return_percent});
    }
    return table;
}

FigureTable concentration_table(const backtest::Figures& f) {
    return {"Concentration",
            {number("net without the best trades", f.net_r_without_best, "R", 2, "without the best twentieth of them"),
             number("winners", f.concentration_wins, "", 3, "0: all alike, 1: one has it all"), number("losers", f.concentration_losses, "", 3),
             number("trades a month", f.concentration_months, "", 3)}};
}

FigureTable defects_table(const store::ReadReport& read, double funding_coverage) {
    DurationNs missing = 0;
    for (const store::Gap& gap : read.gaps) missing += gap.length();
    const auto many = [](std::uint64_t value) { return static_cast<double>(value); };
    return {"Data",
            {number("rows", many(read.rows), "", 0), number("malformed rows left out", many(read.bad_rows), "", 0),
             number("duplicates left out", many(read.duplicates), "", 0), number("rows out of order", many(read.out_of_order), "", 0),
             number("opens widened", many(read.opens_widened), "", 0), share("opens carried", read.carried_open_share),
             number("gaps", static_cast<double>(read.gaps.size()), "", 0),
             number("in gaps", static_cast<double>(missing) / static_cast<double>(ns_per_hour), "hours", 1),
             share("window with funding rates", funding_coverage, "without them no funding is charged")}};
}

report::Series hold_series(const backtest::HoldFigures& hold) {
    report::Series series{.name = "buy and hold", .unit = "", .points = {}};
    for (const backtest::EquityPoint& point : hold.curve) series.points.push_back({point.time, point.equity});
    return series;
}

report::Distribution excursions(const char* title, const std::vector<trading::ClosedTrade>& trades, double trading::ClosedTrade::* which) {
    report::Distribution out{.title = title, .unit = "R", .values = {}};
    for (const trading::ClosedTrade& trade : trades) out.values.push_back(trade.*which);
    return out;
}

void add_luck(const Luck& luck, std::int64_t trial, report::ReportData& data) {
    report::Part part{.title = "Luck and selection",
                      .note = "How much of this a choice among worthless trials would have shown",
                      .figures = {trials_table(luck), overfitting_table(luck.overfitting), null_table(luck.null)},
                      .tables = {sharpe_table(luck), stage_table(luck)},
                      .distributions = {}};
    if (luck.test) part.figures.push_back(test_table(*luck.test, trial));
    if (luck.parameters) part.heat_maps.push_back(heat_map_of(*luck.parameters));
    data.parts.push_back(std::move(part));
    data.headline.push_back(number("deflated Sharpe", luck.tuning.all.deflated, "", 3, "of tuning, after the choice"));
    data.fold_metric = "score of the tuner's folds, R a trade";
    for (std::size_t i = 0; i < luck.folds.size(); ++i) {
        data.folds.push_back({fmt::format("fold {}", i), luck.folds[i].score, fmt::format("{} trades", luck.folds[i].trades)});
    }
}

}  // namespace

std::vector<FigureTable> assessment_tables(const Assessment& assessment, std::int64_t trial) {
    std::vector<FigureTable> tables = {interval_table(assessment), random_table(assessment.benchmarks)};
    if (!assessment.luck) return tables;
    const Luck& luck = *assessment.luck;
    tables.push_back(trials_table(luck));
    tables.push_back({"Deflated Sharpe",
                      {number("tuning folds", luck.tuning.all.deflated, "", 3, "chance that the true Sharpe ratio is above zero after the choice"),
                       number("this window", luck.window.all.deflated, "", 3, "as if the choice had been made there")}});
    tables.push_back(overfitting_table(luck.overfitting));
    tables.push_back(null_table(luck.null));
    if (luck.test) tables.push_back(test_table(*luck.test, trial));
    return tables;
}

void add_assessment(const BacktestView& view, report::ReportData& data) {
    const Assessment& a = view.assessment;
    data.figures.push_back(interval_table(a));
    data.figures.push_back(concentration_table(view.figures));
    data.figures.push_back(defects_table(view.history.data.report, a.funding_coverage));
    data.distributions.push_back(excursions("Largest move against a trade (MAE)", view.core.trades(), &trading::ClosedTrade::mae_r));
    data.distributions.push_back(excursions("Largest move for a trade (MFE)", view.core.trades(), &trading::ClosedTrade::mfe_r));
    data.parts.push_back({.title = "Benchmarks",
                          .note = "",
                          .figures = {random_table(a.benchmarks)},
                          .tables = {benchmark_table(view.figures, a.benchmarks)},
                          .distributions = {{"Random entries: mean net result of a trade, by run", "R", a.benchmarks.random.expectancy_r}}});
    if (a.luck) add_luck(*a.luck, view.trial, data);
    data.parts.push_back({.title = "Drawdown and ruin",
                          .note = "",
                          .figures = {ruin_table(a.paths, a.path_options)},
                          .tables = {paths_table(a.paths, a.path_options)},
                          .distributions = {}});
    if (auto stress = stress_part(view.stress)) data.parts.push_back(*std::move(stress));
    data.tables.push_back(group_table("By regime", a.by_regime, "what came after the signal, by the labels' definition: not known at the entry"));
    if (!a.by_expected_value.empty()) {
        data.tables.push_back(group_table("By predicted value", a.by_expected_value, "fifths of the trades: what the gate expected, and what came"));
    }
    data.tables.push_back(month_table(view.figures));
    if (!a.benchmarks.hold.curve.empty()) data.benchmarks.push_back(hold_series(a.benchmarks.hold));
    if (!a.luck) data.notes.push_back("The study's summaries are gone or too old: nothing is said of deflated Sharpe, overfitting and null score.");
}

}  // namespace sofia::pipeline
