#include "app/pipeline/direction_settings.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/files.hpp"
#include "base/text.hpp"
#include "base/yaml.hpp"
#include "tune/sampler.hpp"

namespace sofia::pipeline {
namespace {

const std::vector<std::string> strategies = {"touch", "direction"};

}  // namespace

void DirectionFeaturesConfig::describe(config::Keys& keys) {
    keys.boolean("order_flow", order_flow, "Add flow and flow20, from the bars' buy and sell volume.");
    keys.list(
        "joined", joined,
        "Files whose number columns are added with the last value known at the bar's close: Parquet with known_at, or CSV with ts and known_at.");
    keys.number("joined_age_hours", joined_age_hours, {0.0, 1e6}, "A joined value that is older is missing; 0: none is too old.");
    keys.list("custom", custom, "Names of columns that Python has registered with sofia.feature; they pass the leak audit first.");
}

void DirectionLearnerConfig::describe(config::Keys& keys) {
    keys.text("name", name, "What fits the model: lightgbm, or a name that Python has registered with sofia.model.");
    keys.map("params", params, "Parameters of a registered model; those of LightGBM stand under model.");
}

void DirectionSplitConfig::describe(config::Keys& keys) {
    keys.number("train_days", train_days, {0.0, 36'500.0}, "Days of training before validation; 0: all that there is.");
    keys.number("val_days", val_days, {1e-3, 36'500.0}, "Days of validation, which stop each fit and score each trial.");
    keys.number("test_days", test_days, {1e-3, 36'500.0}, "Days at the end of the data that only the final model is measured on.");
}

void DirectionScoreConfig::describe(config::Keys& keys) {
    keys.choice("metric", metric, {"log_loss", "brier", "auc", "accuracy", "balanced_accuracy"},
                "What a trial is judged by on validation, and whether a new model is better than the one in use.");
}

bool DirectionScoreConfig::minimized() const { return metric == "log_loss" || metric == "brier"; }

void DirectionTuneConfig::describe(config::Keys& keys) {
    keys.choice("sampler", sampler, tune::sampler_names(), "How parameters are proposed.");
    keys.integer("startup_trials", startup_trials, {1, 1e6}, "Random trials before TPE starts.");
    keys.integer("batch", batch, {1, 1024},
                 "Trials that may be under way at the same time: a trial is asked when all but the last so many are told. Part of the result, "
                 "unlike the number of workers.");
    keys.integer("cache_mb", cache_mb, {0, 1e6},
                 "Megabytes of binned training rows that are kept for other trials; 0: each fit bins its own. Changes no result.");
}

void DirectionRuleConfig::describe(config::Keys& keys) {
    keys.number("threshold", threshold, {0.5, 1.0},
                "A rise is bought where its probability reaches this, a fall is sold where the rise's is at most one less this.");
    keys.choice("sides", sides, {"both", "long", "short"}, "Which way the rule may trade.");
}

void DirectionSimulationConfig::describe(config::Keys& keys) {
    keys.number("days", days, {0.0, 36'500.0},
                "Days at the end of the data over which `train` and `backtest` walk the rule forward; 0: `train` leaves it out.");
    keys.number("step_days", step_days, {1e-2, 36'500.0}, "Days after which the walk fits the model anew, on what was known then.");
}

DirectionSettings::DirectionSettings() {
    model.rounds = 2000;
    model.early_stopping_rounds = 100;
    decision.touch.timeframes = {"1m"};
    decision.barriers.exits = trading::Exits::hold;
    decision.barriers.stop_atr = 1.0;
    decision.gate.use_expected_value_gate = false;
    decision.position.opposite = "ignore";
    decision.costs.max_fee_r = 1e9;  // R is no risk here, so it is no measure of what a fee may be
    decision.sizing.risk_fraction = 1.0;
    decision.sizing.max_leverage = 0.1;  // what decides: costs of thousands of trades ruin a larger one before the walk ends
}

trading::DecisionConfig decision_of(const DirectionSettings& settings) {
    trading::DecisionConfig decision = settings.decision;
    decision.barriers.max_hold_bars = settings.horizon;
    decision.gate.min_prob = settings.rule.threshold;
    return decision;
}

config::Keys keys_of(DirectionSettings& settings) {
    config::Keys keys;
    keys.choice("strategy", settings.strategy, {"direction"}, "Which strategy this file configures.");
    keys.integer("horizon", settings.horizon, {1, 10'080}, "Minutes after which the close is asked to be higher.");
    keys.text("label", settings.label, "What is predicted: higher, or a name that Python has registered with sofia.label.");
    keys.section("instrument", settings.instrument);
    keys.section("data", settings.data);
    keys.section("features", settings.features);
    keys.section("funding", settings.funding);
    keys.section("split", settings.split);
    keys.section("score", settings.score);
    keys.section("model", settings.model);
    keys.section("learner", settings.learner);
    keys.section("rule", settings.rule);
    keys.section("execution", settings.decision.execution);
    keys.section("costs", settings.decision.costs);
    keys.section("sizing", settings.decision.sizing);
    keys.section("simulation", settings.simulation);
    keys.section("tune", settings.tune);
    keys.map("search", settings.search, "Search space of `tune`: a LightGBM parameter and its distribution.");
    return keys;
}

Result<void> DirectionSettings::validate() const {
    SOFIA_CHECK(instrument.validate());
    SOFIA_CHECK(model.validate());
    SOFIA_CHECK(decision_of(*this).validate());
    SOFIA_TRY(const auto parameters, model.resolved());
    if (parameters.at("objective") != "binary") {
        return fail(ErrorCode::config, fmt::format("model.objective {}: its predictions are no probabilities of a rise", parameters.at("objective")),
                    "take binary");
    }
    return {};
}

Result<DirectionSettings> load_direction_settings(const SettingsSources& sources) {
    DirectionSettings settings;
    settings.instrument = sources.instrument;
    take_fees(sources, settings.decision.costs);
    config::Keys keys = keys_of(settings);
    SOFIA_CHECK(read_sources(sources, keys));
    SOFIA_CHECK(settings.validate());
    return settings;
}

std::string show_settings(DirectionSettings settings) { return config::show(keys_of(settings)); }

Result<std::string> direction_key_of(const std::string& parameter) {
    DirectionSettings defaults;
    const config::Keys keys = keys_of(defaults);
    std::vector<std::string> known;
    for (const config::Key& key : keys.all()) {
        if (!key.path.starts_with("model.") || key.type == "map") continue;
        if (key.path == parameter || key.path == "model." + parameter) return key.path;
        known.push_back(key.path.substr(key.path.find('.') + 1));
    }
    constexpr std::string_view free = "model.params.";
    const std::string name = parameter.starts_with(free) ? parameter.substr(free.size()) : parameter;
    models::GbdtConfig probe;
    probe.params[name] = "1";
    // A LightGBM parameter that our own keys do not name passes through; whether the value fits is checked with each trial.
    const auto checked = probe.validate();
    if (checked || !checked.error().message.contains("unknown")) return std::string(free) + name;
    return fail(ErrorCode::config, with_suggestion("search: unknown parameter " + parameter, parameter, known),
                "the direction strategy searches LightGBM's parameters");
}

Result<std::string> strategy_of(const std::filesystem::path& file, const std::vector<std::string>& sets) {
    std::string strategy = "touch";
    if (!file.empty()) {
        auto text = read_file(file, std::size_t{1} << 28U);
        if (!text) return fail(ErrorCode::config, text.error().message, text.error().hint);
        SOFIA_TRY(const config::Yaml yaml, config::parse_yaml(*text, file.string()));
        for (const auto& [key, value] : yaml.entries) {
            if (key.text == "strategy" && value.kind == config::Yaml::Kind::scalar) strategy = value.text;
        }
    }
    for (const std::string& set : sets) {
        if (set.starts_with("strategy=")) strategy = set.substr(set.find('=') + 1);
    }
    if (std::ranges::find(strategies, strategy) != strategies.end()) return strategy;
    return fail(ErrorCode::config, with_suggestion("strategy: there is no strategy " + strategy, strategy, strategies),
                "strategies: " + join(strategies, ", "));
}

}  // namespace sofia::pipeline
