#include "app/pipeline/settings.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.hpp"
#include "tune/pruner.hpp"
#include "tune/sampler.hpp"

namespace sofia::pipeline {

void DataConfig::describe(config::Keys& keys) {
    keys.boolean("skip_bad_rows", skip_bad_rows, "Leave malformed rows out and list them, instead of stopping at the first.");
}

void FundingConfig::describe(config::Keys& keys) {
    keys.text("file", file, "CSV of funding rates (timestamp, funding_rate, optionally symbol and exchange); empty for none.");
    keys.text("symbol", symbol, "Rows of the funding file to use, where it holds several symbols.");
    keys.text("exchange", exchange, "Rows of the funding file to use, where it holds several exchanges.");
}

void FitConfig::describe(config::Keys& keys) {
    keys.list("seeds", seeds, {0, 1e9}, "One model for each seed; the mean of their probabilities decides.");
    keys.integer("early_stopping_blocks", early_stopping_blocks, {2, 50},
                 "The training rows are cut into so many blocks in time order; the last one decides when to stop.");
    keys.integer("min_train_rows", min_train_rows, {10, 1e9}, "Labeled touches below which no model is fitted and nothing is traded.");
    keys.choice("calibration", calibration, {"auto", "none", "platt", "isotonic"},
                "How probabilities are made to match frequencies; auto takes platt below 1,000 forward-chained predictions, else isotonic.");
    keys.integer("calibration_blocks", calibration_blocks, {2, 50},
                 "The training rows are cut into so many blocks in time order; each but the first is predicted by a model of the earlier ones.");
}

Result<void> FitConfig::validate(const models::GbdtConfig& model) const {
    if (seeds.empty()) return fail(ErrorCode::config, "fit.seeds is empty", "give one seed, as in fit.seeds=1");
    if (std::set<std::int64_t>(seeds.begin(), seeds.end()).size() < seeds.size()) {
        return fail(ErrorCode::config, "fit.seeds holds a seed twice: two equal models are one");
    }
    SOFIA_TRY(const auto parameters, model.resolved());
    if (const std::string& objective = parameters.at("objective"); objective != "binary" && objective != "cross_entropy") {
        return fail(ErrorCode::config,
                    fmt::format("model.objective {}: its predictions are no probabilities that a touch reaches its target", objective),
                    "take binary or cross_entropy");
    }
    const bool weighted = model.is_unbalance || model.params.contains("scale_pos_weight") || model.params.contains("is_unbalance");
    if (!weighted || calibration != "none") return {};
    return fail(ErrorCode::config,
                "fit.calibration is none, but the classes are weighted (is_unbalance, scale_pos_weight): probabilities would be wrong",
                "use fit.calibration=auto");
}

void TuneConfig::describe(config::Keys& keys) {
    keys.choice("sampler", sampler, tune::sampler_names(), "How parameters are proposed.");
    keys.integer("startup_trials", startup_trials, {1, 1e6}, "Random trials before TPE starts.");
    keys.text(
        "pruner", pruner,
        "Which trials are stopped after some folds: none, median, percentile, halving, hyperband, patient, threshold, wilcoxon; with options as in "
        "median:startup_trials=10,warmup_steps=2 (a step is a fold).");
    keys.integer("batch", batch, {1, 1024}, "Trials asked together and told in order; part of the result, unlike the number of threads.");
    keys.integer("cache_mb", cache_mb, {0, 1e6},
                 "Megabytes of binned training rows that are kept for other trials; 0: each fit bins its own. Changes no result.");
}

config::Keys keys_of(Settings& settings) {
    config::Keys keys;
    keys.choice("strategy", settings.strategy, {"touch"},
                "Which strategy this file configures; direction has keys of its own (configs/direction.yaml).");
    keys.section("instrument", settings.instrument);
    keys.section("data", settings.data);
    keys.section("funding", settings.funding);
    keys.section("download", settings.download);
    keys.section("bars", settings.bars);
    keys.section("features", settings.features);
    settings.decision.describe(keys);
    keys.section("split", settings.split);
    keys.section("score", settings.score);
    keys.section("model", settings.model);
    keys.section("fit", settings.fit);
    keys.section("trend", settings.trend);
    keys.section("regime", settings.regime);
    keys.section("tune", settings.tune);
    keys.section("select", settings.select);
    keys.section("stress", settings.stress);
    keys.map("search", settings.search,
             "Search space of `tune`: a configuration key, or its last part where that is unique, or a LightGBM parameter, and its distribution.");
    return keys;
}

Result<void> Settings::validate() const {
    SOFIA_CHECK(instrument.validate());
    SOFIA_CHECK(bars.validate());
    SOFIA_CHECK(features.validate());
    SOFIA_CHECK(decision.validate());
    SOFIA_CHECK(split.validate());
    SOFIA_CHECK(score.validate());
    SOFIA_CHECK(model.validate());
    SOFIA_CHECK(fit.validate(model));
    SOFIA_CHECK(select.validate());
    SOFIA_CHECK(stress.validate());
    if (auto made = tune::make_pruner(this->tune.pruner); !made) {
        return fail(ErrorCode::config, "tune.pruner: " + made.error().message, made.error().hint);
    }
    for (const std::string& timeframe : decision.touch.timeframes) {
        if (std::ranges::find(bars.timeframes, timeframe) == bars.timeframes.end()) {
            return fail(ErrorCode::config,
                        fmt::format("touch.timeframes: {} is not among bars.timeframes ({})", timeframe, join(bars.timeframes, ", ")),
                        "add it to bars.timeframes");
        }
    }
    return {};
}

Result<void> read_sources(const SettingsSources& sources, config::Keys& keys) {
    if (!sources.file.empty()) {
        // A file named on the command line that cannot be read is a wrong call, not bad data.
        if (auto loaded = config::load(sources.file, keys); !loaded) return fail(ErrorCode::config, loaded.error().message, loaded.error().hint);
    }
    if (!sources.resolved.empty()) SOFIA_CHECK(config::load_text(sources.resolved, "the saved configuration", keys));
    for (const std::string& value : sources.values) SOFIA_CHECK(config::set(value, keys));
    for (const std::string& value : sources.sets) SOFIA_CHECK(config::set(value, keys));
    return {};
}

void take_fees(const SettingsSources& sources, trading::CostConfig& costs) {
    if (!sources.instrument_file) return;
    costs.fee_percent = sources.instrument.taker_fee_percent;
    costs.maker_fee_percent = sources.instrument.maker_fee_percent;
}

Result<Settings> load_settings(const SettingsSources& sources) {
    Settings settings;
    settings.instrument = sources.instrument;
    take_fees(sources, settings.decision.costs);
    config::Keys keys = keys_of(settings);
    SOFIA_CHECK(read_sources(sources, keys));
    settings.features.has_funding = !settings.funding.file.empty();
    SOFIA_CHECK(settings.validate());
    return settings;
}

std::string show_settings(Settings settings) { return config::show(keys_of(settings)); }

namespace {

std::string last_part(const std::string& path) { return path.substr(path.rfind('.') + 1); }

}  // namespace

Result<std::string> key_of_parameter(const std::string& name) {
    Settings defaults;
    const config::Keys keys = keys_of(defaults);
    std::vector<std::string> matches;
    std::vector<std::string> known;
    for (const config::Key& key : keys.all()) {
        if (key.path == name) return name;
        if (last_part(key.path) == name) matches.push_back(key.path);
        known.push_back(last_part(key.path));
    }
    if (matches.size() == 1) return matches.front();
    if (matches.size() > 1) {
        return fail(ErrorCode::config, fmt::format("search: {} could be {}", name, join(matches, " or ")), "write the whole key");
    }
    models::GbdtConfig probe;
    probe.params[name] = "1";
    // A LightGBM parameter that our own keys do not name passes through; whether the value fits is checked with each trial.
    const auto checked = probe.validate();
    if (checked || !checked.error().message.contains("unknown")) return "model.params." + name;
    return fail(ErrorCode::config, with_suggestion("search: unknown parameter " + name, name, known), "`sofia config show` lists the keys");
}

std::string assignment_of(const config::Keys& keys, const std::string& key, const std::string& value) {
    const auto found = std::ranges::find(keys.all(), key, &config::Key::path);
    std::string text = value;
    if (found != keys.all().end() && found->type == "list") std::ranges::replace(text, '+', ',');
    return key + "=" + text;
}

}  // namespace sofia::pipeline
