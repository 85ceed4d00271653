#include <cmath>

#include <fmt/format.h>

#include "app/pipeline/direction_card.hpp"
#include "report/report.hpp"

namespace sofia::pipeline {
namespace {

using Cells = std::vector<std::variant<double, std::string>>;

report::Figure number(std::string name, double value, int decimals, std::string note = {}, std::string unit = {}) {
    return {.name = std::move(name), .value = value, .unit = std::move(unit), .decimals = decimals, .note = std::move(note)};
}

report::Figure text(std::string name, std::string value) { return {.name = std::move(name), .value = std::move(value), .unit = {}, .note = {}}; }

std::string interval(const Estimate& estimate, int decimals) {
    if (std::isnan(estimate.lower)) return "no interval";
    return fmt::format("95 %: {:.{}f} to {:.{}f}", estimate.lower, decimals, estimate.upper, decimals);
}

std::vector<report::Figure> headline(const DirectionCard& card) {
    const ProbabilityScores& test = card.test.model;
    return {number("Test accuracy", 100.0 * test.accuracy.value, 2,
                   fmt::format("95 %: {:.2f} to {:.2f} %", 100.0 * test.accuracy.lower, 100.0 * test.accuracy.upper), "%"),
            number("Test AUC", test.auc.value, 4, interval(test.auc, 4)), number("Test log loss", test.log_loss.value, 5, interval(test.log_loss, 5)),
            number("Gain over the majority", 100.0 * card.test.baselines.front().accuracy_gain.value, 2,
                   fmt::format("95 %: {:+.2f} to {:+.2f}", 100.0 * card.test.baselines.front().accuracy_gain.lower,
                               100.0 * card.test.baselines.front().accuracy_gain.upper),
                   "points"),
            text("In use", card.promotion.moves() ? "yes" : "no")};
}

report::Table metrics_table(const DirectionCard& card) {
    report::Table table{
        .title = "Metrics",
        .note = "Intervals: 95 %, blocks of rows, since neighbouring labels overlap. Validation chose the model, test did not.",
        .columns = {{"metric", "", 0}, {"validation", "", 5}, {"from", "", 5}, {"to", "", 5}, {"test", "", 5}, {"from ", "", 5}, {"to ", "", 5}},
        .rows = {}};
    const auto add = [&](const char* name, Estimate ProbabilityScores::* member) {
        const Estimate& v = card.validation.model.*member;
        const Estimate& t = card.test.model.*member;
        table.rows.push_back({std::string(name), v.value, v.lower, v.upper, t.value, t.lower, t.upper});
    };
    add("accuracy", &ProbabilityScores::accuracy);
    add("balanced accuracy", &ProbabilityScores::balanced_accuracy);
    add("log loss", &ProbabilityScores::log_loss);
    add("Brier score", &ProbabilityScores::brier);
    add("calibration error", &ProbabilityScores::ece);
    add("AUC", &ProbabilityScores::auc);
    return table;
}

report::Table baseline_table(const DirectionCard& card) {
    report::Table table{.title = "Test, beside what needs no model",
                        .note = "Gain: the model's accuracy less the baseline's, on the same rows.",
                        .columns = {{"baseline", "", 0},
                                    {"rule", "", 0},
                                    {"accuracy", "", 5},
                                    {"log loss", "", 5},
                                    {"AUC", "", 5},
                                    {"gain", "", 5},
                                    {"from", "", 5},
                                    {"to", "", 5}},
                        .rows = {}};
    for (const BaselineScores& one : card.test.baselines) {
        table.rows.push_back(
            {one.name, one.rule, one.accuracy, one.log_loss, one.auc, one.accuracy_gain.value, one.accuracy_gain.lower, one.accuracy_gain.upper});
    }
    return table;
}

report::Table windows_table(const DirectionCard& card) {
    report::Table table{.title = "Windows",
                        .note = "Purged: rows whose label ends in the next window.",
                        .columns = {{"window", "", 0}, {"from", "", 0}, {"to", "", 0}, {"rows", "", 0}, {"purged", "", 0}, {"up", "%", 2}},
                        .rows = {}};
    for (const auto& [name, sample] : card.samples) {
        const auto rows = static_cast<double>(sample->rows());
        table.rows.push_back({name, format_time(sample->window.from), format_time(sample->window.to), rows, static_cast<double>(sample->purged),
                              100.0 * sample->ups() / rows});
    }
    return table;
}

report::Table feature_table(const DirectionCard& card) {
    report::Table table{
        .title = "Features",
        .note = "Permutation: how much worse validation gets when a column's values are shuffled.",
        .columns = {{"feature", "", 0}, {"formula", "", 0}, {"gain", "", 1}, {"splits", "", 0}, {"log loss lost", "", 6}, {"accuracy lost", "", 5}},
        .rows = {}};
    for (std::size_t i = 0; i < card.importance.size(); ++i) {
        const ColumnImportance& one = card.importance[i];
        table.rows.push_back({one.name, card.columns[i].formula, one.gain, one.splits, one.log_loss.value, one.accuracy});
    }
    return table;
}

report::Table simulation_table(const DirectionCard& card) {
    const DirectionSimulation& simulation = *card.simulation;
    const trading::Window window = simulation.whole.window;
    return kpi_table(simulation, "Simulation",
                     fmt::format("The rule walked forward from {} to {}, {} fits, {} trades, after costs; simulation/report.html shows the trades. "
                                 "Untouched: the test window.",
                                 format_time(window.from), format_time(window.to), simulation.steps.size(), simulation.whole.figures.trades));
}

report::Table parameter_table(const DirectionCard& card) {
    report::Table table{.title = "Parameters",
                        .note = card.learner ? "Of the registered model " + card.learner->name + "." : "Of LightGBM, resolved.",
                        .columns = {{"parameter", "", 0}, {"value", "", 0}},
                        .rows = {}};
    for (const auto& [name, value] : card.parameters) table.rows.push_back({name, value});
    return table;
}

}  // namespace

Result<void> write_card_html(const std::filesystem::path& path, const DirectionCard& card) {
    report::ReportData data;
    data.title = fmt::format("Model card: {}, direction after {} minutes", card.trial.symbol, card.horizon);
    data.subtitle = fmt::format("study {}, trial {} of {}; {} trees, {:.2f} MB", card.trial.study, card.trial.trial, card.trials, card.trees,
                                static_cast<double>(card.model_bytes) / 1e6);
    data.simulated = card.trial.simulated;
    data.headline = headline(card);
    data.tables_title = "Figures";
    data.tables = {metrics_table(card), baseline_table(card), windows_table(card), feature_table(card), parameter_table(card)};
    if (card.simulation != nullptr) data.tables.insert(data.tables.begin() + 2, simulation_table(card));
    for (const ColumnImportance& one : card.importance) data.importance.push_back({one.name, one.gain});
    for (const models::ReliabilityBin& bin : card.test.reliability) {
        if (bin.count > 0) data.reliability.push_back({bin.predicted, bin.observed, bin.count});
    }
    data.notes = card.limits;
    const Promotion& promotion = card.promotion;
    if (promotion.outcome == Promotion::Outcome::forced) data.warnings.push_back("forced: put into use without being better than the model before");
    if (!promotion.previous.empty()) {
        data.notes.push_back(fmt::format("Compared with {} on the same validation rows, {}: {:.6f}, before {:.6f}{}.", promotion.previous,
                                         promotion.metric, promotion.value, promotion.previous_value,
                                         promotion.previous_saw_rows ? "; the older model had seen some of these rows" : ""));
    }
    data.provenance = {text("seed", std::to_string(card.seed)), text("model SHA-256", card.model_sha256), text("bars SHA-256", card.bars_sha256),
                       text("features", features::feature_hash(card.columns))};
    return report::write_html(path, data);
}

}  // namespace sofia::pipeline
