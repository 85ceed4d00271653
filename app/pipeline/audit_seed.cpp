#include "app/pipeline/audit_seed.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/audit_columns.hpp"
#include "app/pipeline/data_stage.hpp"
#include "app/pipeline/members.hpp"
#include "app/pipeline/planted_leak.hpp"
#include "app/pipeline/select.hpp"
#include "app/pipeline/strategy.hpp"
#include "app/pipeline/study_ledger.hpp"
#include "app/pipeline/trial_list.hpp"
#include "app/pipeline/tune.hpp"
#include "backtest/honesty.hpp"
#include "base/text.hpp"
#include "store/folder.hpp"
#include "synth/oracle.hpp"
#include "synth/simulate.hpp"

namespace sofia::pipeline {
namespace {

constexpr const char* study_name = "audit";
constexpr const char* leaking_column = "funding.rate";

/// The plan's settings without a funding file, which simulated markets do not have.
Result<Settings> plain_settings(const SeedPlan& plan) {
    return load_settings(
        {.instrument = synth::simulated_instrument(plan.market), .instrument_file = true, .file = plan.config_file, .sets = plan.sets});
}

/// Writes the funding file that the settings need, if any, and says by which keys it is used.
Result<std::vector<std::string>> make_funding(const SeedPlan& plan, std::uint64_t seed, const std::filesystem::path& file) {
    SOFIA_TRY(const Settings settings, plain_settings(plan));
    const bool leaks = plan.leak == PlantedLeak::future;
    if (!leaks && settings.funding.file.empty()) return std::vector<std::string>{};
    SOFIA_CHECK(leaks ? write_leaking_funding(plan.market, seed, file) : write_fair_funding(plan.market, seed, file));
    std::vector<std::string> sets = {"funding.file=" + file.string(), "funding.symbol=\"\"", "funding.exchange=\"\""};
    if (leaks) sets.push_back("features.columns=" + join(settings.features.columns, ",") + "," + leaking_column);
    return sets;
}

/// The best-ranked trial; where none is feasible, the one of the highest value. Test and shadow have no say.
Result<StudyTrial> champion_of(const std::vector<StudyTrial>& trials, std::int64_t best_trial) {
    SOFIA_TRY(const std::vector<std::size_t> ranks, ranked(trials));
    if (!ranks.empty()) return trials[ranks.front()];
    const auto best = std::ranges::find(trials, best_trial, [](const StudyTrial& trial) { return trial.head.trial; });
    if (best != trials.end()) return *best;
    return fail(ErrorCode::data, "no trial was completed", "tune on such a market to see why: sofia data simulate, sofia tune");
}

/// The champion's deflated Sharpe ratio over its folds, as that of the best of all trials.
Result<double> deflated(const std::filesystem::path& study, std::int64_t champion) {
    SOFIA_TRY(const StudyLedger ledger, read_ledger(study));
    SOFIA_TRY(const TrialLedger* own, ledger.find(champion));
    return backtest::deflated_sharpe(own->record.daily_net_r, ledger.records()).deflated;
}

/// Neither fees nor slippage nor what a day's work costs, and equal sizes, so that no ledger runs dry: R before costs is all that is asked for.
Settings free_of_costs(Settings settings) {
    trading::DecisionConfig& decision = settings.decision;
    decision.execution.slippage_ticks = 0;
    decision.costs.fee_percent = decision.costs.maker_fee_percent = decision.costs.ops_cost_per_trade = 0.0;
    decision.costs.fee_per_trade_r = -1.0;
    decision.sizing.compounding = false;
    return settings;
}

Settings without_gates(const Settings& settings) {
    Settings out = free_of_costs(settings);
    out.decision.gate.use_gates = false;
    return out;
}

/// What the models rate above the mean of the touches that they have learnt from, be it ever so little: without an edge about a half, while almost
/// nothing is expected to gain.
Settings without_margins(const Settings& settings, const StrategyModels& models) {
    Settings out = free_of_costs(settings);
    trading::GateConfig& gate = out.decision.gate;
    const double base_rate = static_cast<double>(models.positives) / static_cast<double>(models.train_rows);
    gate.use_gates = true;
    gate.ev_margin = trading::expected_value(base_rate, trading::ev_in_use(gate, out.decision.barriers, models.ev), {});
    gate.min_prob = 0.0;
    return out;
}

/// Who knows the probability of every target needs no margin and no other model, and counts what the barriers pay.
Settings of_the_oracle(const Settings& settings) {
    Settings out = settings;
    trading::GateConfig& gate = out.decision.gate;
    gate.use_gates = true;
    gate.ev_margin = gate.min_prob = 0.0;
    gate.use_trend_gate = gate.use_regime_gate = false;
    gate.expected_rr_mode = "config";
    return out;
}

/// The true probability that the target comes before the stop.
void tell_the_truth(trading::Signal& signal, const synth::Drift& drift, const trading::BarrierConfig& barriers) {
    const trading::Touch& touch = signal.touch;
    const double stop = barriers.stop_atr * touch.atr;
    const double target = barriers.target_r * stop;
    if (!(stop > 0.0) || stop >= touch.close || target >= touch.close) return;
    const bool rising = touch.direction == trading::Direction::long_side;
    const double up = std::log1p((rising ? target : stop) / touch.close);
    const double down = -std::log1p(-(rising ? stop : target) / touch.close);
    const double up_first = synth::up_first(drift, up, down);
    signal.probability = rising ? up_first : 1.0 - up_first;
}

/// What trades on the champion's behalf.
struct Champion {
    const SeedPlan& plan;
    std::uint64_t seed;
    const StrategyData& data;
    const Result<StrategyModels>& models;  ///< or why there are none
};

Result<std::vector<trading::ClosedTrade>> trade(const Champion& champion, const Settings& settings, std::span<const trading::Signal> signals,
                                                const trading::EvModel& ev, trading::Window window) {
    SOFIA_TRY(const trading::DecisionCore core, run_core(champion.data.history, settings, signals, ev, window));
    return core.trades();
}

Result<void> trade_as_oracle(const Champion& champion, std::vector<trading::Signal> signals, trading::Window window, SeedResult& result) {
    std::vector<TimeNs> times;
    for (const trading::Signal& signal : signals) times.push_back(signal.touch.known_at);
    SOFIA_TRY(const auto drifts, synth::drifts_at(champion.plan.market, RandomStream(champion.seed), times));
    const Settings settings = of_the_oracle(champion.data.settings);
    for (std::size_t i = 0; i < signals.size(); ++i) tell_the_truth(signals[i], drifts[i], settings.decision.barriers);
    std::erase_if(signals, [](const trading::Signal& signal) { return std::isnan(signal.probability); });
    SOFIA_TRY(const auto trades, trade(champion, settings, signals, {}, window));
    result.oracle_trades += std::ssize(trades);
    for (const trading::ClosedTrade& one : trades) result.oracle_net_r += one.net_r;
    return {};
}

Result<void> trade_window(const Champion& champion, trading::Window window, SeedResult& result) {
    const StrategyData& data = champion.data;
    const std::vector<std::size_t> which = labels::rows_in(data.labeled.samples, window);
    const std::vector<trading::Signal> bare = bare_signals(data.candidates, which);
    SOFIA_TRY(const auto every, trade(champion, without_gates(data.settings), bare, {}, window));
    for (const trading::ClosedTrade& one : every) result.gross_r.push_back(one.gross_r);
    if (champion.plan.kind == AuditKind::recovery) SOFIA_CHECK(trade_as_oracle(champion, bare, window, result));
    if (!champion.models) return {};
    const StrategyModels& models = *champion.models;
    SOFIA_TRY(const auto signals, signals_of(models, data.history, data.candidates, which));
    SOFIA_TRY(const auto favoured, trade(champion, without_margins(data.settings, models), signals, models.ev, window));
    for (const trading::ClosedTrade& one : favoured) result.favoured_r.push_back(one.gross_r);
    SOFIA_TRY(const auto own, trade(champion, data.settings, signals, models.ev, window));
    result.trades += std::ssize(own);
    for (const trading::ClosedTrade& one : own) {
        result.own_gross_r += one.gross_r;
        result.own_net_r += one.net_r;
    }
    return {};
}

/// Fits the champion as `sofia train` does and runs it over test and shadow.
Result<void> trade_champion(const SeedPlan& plan, const SummaryHead& head, const Context& context, SeedResult& result) {
    SOFIA_TRY(const store::DataFolder folder, store::DataFolder::open(head.data_dir));
    SOFIA_TRY(const Settings settings, load_settings({.resolved = head.config}));
    SOFIA_TRY(const History history, load_history(folder, settings, context));
    SOFIA_CHECK(audit_columns(head.features, history.columns));
    SOFIA_TRY(const Candidates candidates, find_candidates(history, settings.decision.touch));
    SOFIA_TRY(const LabeledCandidates labeled, label_candidates(history, candidates, settings, head.largest_hold_bars));
    const StrategyData data{history, settings, candidates, labeled};
    const auto models = fit_final(data, head.splits.tuning, head.seed, 1, *context.stop);
    if (!models && models.error().code != ErrorCode::data) return std::unexpected(models.error());
    if (!models) result.note = models.error().message;
    for (const trading::Window window : {head.splits.test, head.splits.shadow}) {
        if (window.length() > 0) SOFIA_CHECK(trade_window({plan, result.seed, data, models}, window, result));
    }
    return {};
}

Context quiet(const Context& context, std::uint64_t seed) {
    Context inner = context;
    inner.log = Logger();
    inner.progress = ProgressMode::silent;
    inner.threads = 1;
    inner.seed = seed;
    return inner;
}

}  // namespace

Result<Settings> settings_of(const SeedPlan& plan) {
    SOFIA_CHECK(plan.market.validate());
    SOFIA_TRY(Settings settings, plain_settings(plan));
    if (settings.search.empty()) {
        return fail(ErrorCode::config, "the configuration has no search space", "add a `search:` section, as configs/touch.yaml has");
    }
    if (settings.split.test <= 0.0) return fail(ErrorCode::config, "split.test is 0: there is no window to judge a champion on", "for instance 0.2");
    if (plan.leak == PlantedLeak::none) return settings;
    Settings leaking = settings;
    leaking.features.has_funding = true;
    leaking.features.columns.emplace_back(leaking_column);
    SOFIA_TRY(const auto columns, columns_of(leaking));
    if (std::ranges::find(columns, leaking_column, &features::FeatureSpec::name) != columns.end()) return settings;
    return fail(ErrorCode::config, fmt::format("features.exclude takes away {}, the column that is to leak", leaking_column));
}

Result<SeedResult> run_seed(const SeedPlan& plan, std::uint64_t seed, const std::filesystem::path& folder, const Context& context) {
    const Context inner = quiet(context, seed);
    SOFIA_CHECK(simulate_data({.config = plan.market, .kind = SimulationKind::trades, .out = folder / "data"}, inner));
    TuneRequest tuning{.config_file = plan.config_file, .sets = plan.sets, .data_dir = folder / "data" / plan.market.symbol};
    SOFIA_TRY(const auto funding, make_funding(plan, seed, folder / "funding.csv"));
    tuning.sets.insert(tuning.sets.end(), funding.begin(), funding.end());
    tuning.model_dir = folder / "models" / plan.market.symbol;
    tuning.study = study_name;
    tuning.trials = plan.trials;
    SOFIA_TRY(const TuneResult tuned, tune(tuning, inner));
    SOFIA_TRY(const std::vector<StudyTrial> trials, read_study(tuned.folder));
    SOFIA_TRY(const StudyTrial champion, champion_of(trials, tuned.best_trial));
    SOFIA_TRY(const SelectResult selected, select({.model_dir = tuning.model_dir, .study = study_name}, inner));
    SeedResult result{.seed = seed,
                      .trial = champion.head.trial,
                      .feasible = champion.head.score.feasible,
                      .robust_score = champion.head.score.value,
                      .selection = std::string(name(selected.outcome))};
    SOFIA_TRY(result.deflated_sharpe, deflated(tuned.folder, champion.head.trial));
    SOFIA_CHECK(trade_champion(plan, champion.head, inner, result));
    return result;
}

namespace {

Json numbers_json(const std::vector<double>& values) {
    Json list = Json::array();
    for (const double value : values) list.push_back(json_number(value));
    return list;
}

}  // namespace

Json to_json(const SeedResult& result) {
    Json json = Json::object();
    json["schema"] = 1;
    json["seed"] = result.seed;
    json["champion"] = result.trial;
    json["feasible"] = result.feasible;
    json["robust_score"] = json_number(result.robust_score);
    json["deflated_sharpe"] = json_number(result.deflated_sharpe);
    json["selection"] = result.selection;
    json["note"] = result.note;
    json["trades"] = result.trades;
    json["gross_r"] = json_number(result.own_gross_r);
    json["net_r"] = json_number(result.own_net_r);
    json["oracle_trades"] = result.oracle_trades;
    json["oracle_net_r"] = json_number(result.oracle_net_r);
    json["every_touch_r"] = numbers_json(result.gross_r);
    json["favoured_r"] = numbers_json(result.favoured_r);
    return json;
}

Result<SeedResult> read_seed(const std::filesystem::path& path) {
    SOFIA_TRY(const Json json, read_json_file(path, 1));
    const Members members(json, path, "audit");
    SeedResult result;
    SOFIA_TRY(result.seed, members.seed("seed"));
    SOFIA_TRY(result.trial, members.count("champion"));
    SOFIA_TRY(result.feasible, members.flag("feasible"));
    SOFIA_TRY(result.robust_score, members.number("robust_score"));
    SOFIA_TRY(result.deflated_sharpe, members.number("deflated_sharpe"));
    SOFIA_TRY(result.selection, members.text("selection"));
    SOFIA_TRY(result.note, members.text("note"));
    SOFIA_TRY(result.trades, members.count("trades"));
    SOFIA_TRY(result.own_gross_r, members.number("gross_r"));
    SOFIA_TRY(result.own_net_r, members.number("net_r"));
    SOFIA_TRY(result.oracle_trades, members.count("oracle_trades"));
    SOFIA_TRY(result.oracle_net_r, members.number("oracle_net_r"));
    SOFIA_TRY(result.gross_r, members.numbers("every_touch_r"));
    SOFIA_TRY(result.favoured_r, members.numbers("favoured_r"));
    return result;
}

}  // namespace sofia::pipeline
