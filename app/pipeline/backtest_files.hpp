#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/pipeline/assessment.hpp"
#include "app/pipeline/context.hpp"
#include "app/pipeline/history.hpp"
#include "backtest/figures.hpp"
#include "base/result.hpp"
#include "models/booster.hpp"
#include "report/report.hpp"
#include "store/report.hpp"
#include "trading/core.hpp"

namespace sofia::pipeline {

/// Everything that a backtest's files tell. References; the owner keeps them alive.
struct BacktestView {
    const History& history;
    const Settings& settings;
    const Candidates& candidates;
    const LabeledCandidates& labeled;          ///< of all candidates, for the reliability curve
    const std::vector<std::size_t>& which;     ///< candidates inside the window
    const std::vector<trading::Signal>& signals;  ///< what the models say of them
    const models::Booster& booster;            ///< the entry model's first
    const trading::DecisionCore& core;
    const backtest::Figures& figures;
    const Assessment& assessment;
    std::int64_t trial = 0;
    std::filesystem::path stress;  ///< where sofia stress leaves what it found of this model
    std::string title;
    std::string window;
    bool in_sample = false;
    std::uint64_t seed = 0;
};

/// Writes metrics.json, trades.csv, equity.csv, report.html and, where gnuplot is there, equity_curve.png into `folder`. Returns what was written.
/// A missing gnuplot is warned of. Errors: io, internal.
[[nodiscard]] Result<std::vector<std::filesystem::path>> write_backtest_files(const std::filesystem::path& folder, const BacktestView& view,
                                                                              const Context& context);

/// equity.csv: the equity after each trade. Error: io.
[[nodiscard]] Result<void> write_equity_csv(const std::filesystem::path& path, std::span<const backtest::EquityPoint> curve);

/// Draws equity_curve.png into `folder`; returns whether it did: a missing gnuplot is warned of. Errors: io, internal, interrupted.
[[nodiscard]] Result<bool> draw_equity(const std::filesystem::path& folder, const report::ReportData& data, const Context& context);

/// What a report shows of the trades themselves: list, markers, equity, months, waterfall, distribution.
void add_trades(std::span<const trading::ClosedTrade> trades, const backtest::Figures& figures, report::ReportData& data);

/// Refusals or orders that did not fill, those that happened.
[[nodiscard]] report::Table count_table(std::string title, std::span<const backtest::GroupFigures> groups, std::string note);

/// The figures as the report and the terminal show them.
[[nodiscard]] std::vector<report::FigureTable> figure_tables(const backtest::Figures& figures);

/// Trades of each kind, a row a group.
[[nodiscard]] report::Table group_table(std::string title, std::span<const backtest::GroupFigures> groups, std::string note = {});

/// What the assessment adds to them.
[[nodiscard]] std::vector<report::FigureTable> assessment_tables(const Assessment& assessment, std::int64_t trial);

/// Sections on benchmarks, luck and resampled trades, fold scores, splits and the benchmarks' lines.
void add_assessment(const BacktestView& view, report::ReportData& data);

/// All members of metrics.json behind the first ones, which say what was run.
[[nodiscard]] Json metrics_json(const backtest::Figures& figures, const Assessment& assessment, const store::ReadReport& read, std::int64_t trial);

/// The section that shows a stress.json; nothing when there is none, or none that can be read.
[[nodiscard]] std::optional<report::Part> stress_part(const std::filesystem::path& file);

/// The report's content, without its bars.
[[nodiscard]] Result<report::ReportData> report_data(const BacktestView& view);

}  // namespace sofia::pipeline
