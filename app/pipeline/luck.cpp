#include "app/pipeline/luck.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "math/sharpe.hpp"
#include "math/statistics.hpp"

namespace sofia::pipeline {
namespace {

constexpr std::size_t blocks = 16;
constexpr double draws_max = 2e7;  // trades drawn for the null score: some tenths of a second
constexpr std::size_t replications_max = 1'000;
constexpr std::size_t replications_min = 100;

DeflatedFigures deflated_of(std::span<const double> daily, std::span<const backtest::TrialRecord> trials, double effective_trials) {
    DeflatedFigures out;
    out.all = backtest::deflated_sharpe(daily, trials);
    out.effective = math::deflated_sharpe(math::sharpe_sample(daily), out.all.variance, effective_trials);
    return out;
}

NullFigures null_of(const TrialLedger& trial, std::size_t trials, const Settings& settings, const RandomStream& random, ThreadPool& pool) {
    NullFigures out{.score = trial.robust_score, .trials = trials, .null = {}};
    backtest::NullScoreOptions options{.trials = static_cast<std::int64_t>(trials), .fold_trades = {}};
    for (const backtest::FoldScore& fold : trial.folds) options.fold_trades.push_back(fold.trades);
    const double draws = static_cast<double>(trials) * static_cast<double>(std::max<std::size_t>(1, trial.trade_net_r.size()));
    options.replications = std::clamp(static_cast<std::size_t>(draws_max / draws), replications_min, replications_max);
    out.null = backtest::null_score(trial.trade_net_r, options, settings.score, random, pool);
    out.p = backtest::exceedance(out.null.best, trial.robust_score);
    return out;
}

std::vector<Stage> stages_of(const TrialLedger& trial) {
    Stage tuning{.name = "tuning", .gross_r = trial.gross_r, .days = static_cast<double>(trial.record.daily_net_r.size())};
    for (const backtest::FoldScore& fold : trial.folds) {
        tuning.trades += fold.trades;
        tuning.net_r += fold.net_r;
    }
    std::vector<Stage> stages{tuning};
    for (const auto& [name, figures] : {std::pair{"test", &trial.verdict.test}, std::pair{"shadow", &trial.verdict.shadow}}) {
        if (!*figures) continue;
        const double days = static_cast<double>((*figures)->window.length()) / static_cast<double>(ns_per_day);
        stages.push_back({name, (*figures)->trades, (*figures)->net_r, (*figures)->gross_r, days});
    }
    return stages;
}

std::optional<AdjustedTest> adjusted_of(const StudyLedger& study, std::uint64_t seed, ThreadPool& pool) {
    std::vector<TestedTrial> tested;
    for (const TrialLedger& ledger : study.summarised) {
        if (ledger.verdict.test) tested.push_back({ledger.record.trial, &*ledger.verdict.test});
    }
    AdjustedTest found = adjust_test(tested, seed, pool);
    if (found.trials.empty()) return std::nullopt;
    return found;
}

}  // namespace

Result<Luck> luck_of(const std::filesystem::path& folder, std::int64_t trial, std::span<const double> window_daily, const Settings& settings,
                     std::uint64_t seed, const Context& context, ThreadPool& pool) {
    SOFIA_TRY(const StudyLedger study, read_ledger(folder));
    SOFIA_TRY(const TrialLedger* ledger, study.find(trial));
    Luck luck;
    const std::vector<backtest::TrialRecord> own = study.records();
    luck.mean_correlation = backtest::mean_correlation(own);
    const RandomStream random = RandomStream(seed).split("luck");
    luck.overfitting = backtest::selection_overfitting(own, {.blocks = blocks, .folds = settings.split.folds}, settings.score, pool);
    std::vector<StudyLedger> studies = neighbouring_ledgers(folder, study, context);
    studies.push_back(study);
    std::ranges::stable_sort(studies, {}, &StudyLedger::study);
    std::vector<backtest::TrialRecord> all;
    for (const StudyLedger& one : studies) {
        luck.studies.emplace_back(one.study, one.trials);
        const auto records = one.records();
        all.insert(all.end(), records.begin(), records.end());
    }
    luck.trials = all.size();
    luck.effective_trials = math::effective_trials(static_cast<double>(all.size()), luck.mean_correlation);
    luck.tuning = deflated_of(ledger->record.daily_net_r, all, luck.effective_trials);
    luck.window = deflated_of(window_daily, all, luck.effective_trials);
    luck.null = null_of(*ledger, all.size(), settings, random.split("null score"), pool);
    luck.test = adjusted_of(study, seed, pool);
    luck.stages = stages_of(*ledger);
    luck.folds = ledger->folds;
    luck.parameters = parameter_map(study, trial);
    return luck;
}

namespace {

Json deflated_json(const DeflatedFigures& figures) {
    const backtest::DeflatedSharpe& all = figures.all;
    Json json = {{"days", all.days}};
    for (const auto& [key, value] : {std::pair{"sharpe_daily", all.sharpe},
                                     {"expected_best_sharpe", all.expected_best},
                                     {"psr", all.probabilistic},
                                     {"dsr", all.deflated},
                                     {"dsr_effective", figures.effective},
                                     {"min_track_record_days", all.min_track_record_days},
                                     {"min_track_record_days_deflated", all.min_track_record_days_deflated}}) {
        json[key] = json_number(value);
    }
    return json;
}

Json overfitting_json(const backtest::SelectionOverfitting& found) {
    const math::Overfitting& cscv = found.cscv;
    Json json = {{"blocks", blocks},       {"splits", cscv.splits},      {"without_choice", cscv.without_choice},
                 {"trials", found.trials}, {"left_out", found.left_out}, {"min_trades", found.min_trades}};
    for (const auto& [key, value] : {std::pair{"pbo", cscv.probability},
                                     {"probability_of_loss", cscv.probability_of_loss},
                                     {"slope", cscv.slope},
                                     {"intercept", cscv.intercept},
                                     {"r_squared", cscv.r_squared}}) {
        json[key] = json_number(value);
    }
    return json;
}

Json null_json(const NullFigures& found) {
    const bool drawn = !found.null.best.empty();
    return {{"score", json_number(found.score)},
            {"trials", found.trials},
            {"replications", found.null.best.size()},
            {"expected_best", json_number(found.null.mean)},
            {"standard_error", json_number(found.null.standard_error)},
            {"quantile_95", drawn ? json_number(math::quantile_sorted(found.null.best, 0.95)) : Json()},
            {"p", json_number(found.p)}};
}

Json adjusted_json(const AdjustedTest& found, std::int64_t trial) {
    return {{"trials", found.trials},
            {"days", found.days},
            {"block_length", json_number(found.result.block_length)},
            {"spa_p_lower", json_number(found.result.p_lower)},
            {"spa_p_consistent", json_number(found.result.p_consistent)},
            {"spa_p_upper", json_number(found.result.p_upper)},
            {"stepm_p", json_number(found.p_of(trial))}};
}

}  // namespace

Json to_json(const Luck& luck, std::int64_t trial) {
    Json json = Json::object();
    json["trials"] = luck.trials;
    json["studies"] = Json::object();
    for (const auto& [study, trials] : luck.studies) json["studies"][study] = trials;
    json["startup_trials"] = luck.tuning.all.startup_trials;
    json["mean_correlation"] = json_number(luck.mean_correlation);
    json["effective_trials"] = json_number(luck.effective_trials);
    json["variance"] = json_number(luck.tuning.all.variance);
    json["variance_startup"] = json_number(luck.tuning.all.variance_startup);
    json["variance_all"] = json_number(luck.tuning.all.variance_all);
    json["tuning"] = deflated_json(luck.tuning);
    json["window"] = deflated_json(luck.window);
    json["overfitting"] = overfitting_json(luck.overfitting);
    json["null_score"] = null_json(luck.null);
    json["adjusted_test"] = luck.test ? adjusted_json(*luck.test, trial) : Json();
    json["parameters"] = luck.parameters ? to_json(*luck.parameters) : Json();
    json["stages"] = Json::array();
    for (const Stage& stage : luck.stages) {
        json["stages"].push_back({{"stage", stage.name},
                                  {"days", json_number(stage.days)},
                                  {"trades", stage.trades},
                                  {"net_r", json_number(stage.net_r)},
                                  {"gross_r", json_number(stage.gross_r)},
                                  {"expectancy_r", stage.trades > 0 ? json_number(stage.net_r / static_cast<double>(stage.trades)) : Json()}});
    }
    return json;
}

}  // namespace sofia::pipeline
