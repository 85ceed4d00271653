#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "app/pipeline/settings.hpp"
#include "base/config.hpp"
#include "base/result.hpp"
#include "market/instrument.hpp"
#include "models/gbdt_config.hpp"
#include "trading/core.hpp"

namespace sofia::pipeline {

/// Section `features` of the direction strategy: columns beside the five.
struct DirectionFeaturesConfig {
    bool order_flow = false;
    std::vector<std::string> joined;
    double joined_age_hours = 0.0;
    std::vector<std::string> custom;  ///< names that somebody has registered (custom.hpp)
    void describe(config::Keys& keys);
};

/// Section `learner`: what fits the model. LightGBM has the section `model` for its parameters.
struct DirectionLearnerConfig {
    std::string name = "lightgbm";
    std::map<std::string, std::string> params;  ///< of a registered one, as YAML
    void describe(config::Keys& keys);

    [[nodiscard]] bool registered() const { return name != "lightgbm"; }
};

/// Section `split`: train | validation | test in order of time, counted back from the end of the data.
struct DirectionSplitConfig {
    double train_days = 0.0;
    double val_days = 14.0;
    double test_days = 14.0;
    void describe(config::Keys& keys);
};

/// Section `score`: what a trial is judged by on validation.
struct DirectionScoreConfig {
    std::string metric = "log_loss";
    void describe(config::Keys& keys);

    /// Whether less is better.
    [[nodiscard]] bool minimized() const;
};

/// Section `tune`.
struct DirectionTuneConfig {
    std::string sampler = "tpe";
    std::int64_t startup_trials = 10;
    std::int64_t batch = 8;
    std::int64_t cache_mb = 512;
    void describe(config::Keys& keys);
};

/// Section `rule`: what is done with the probability.
struct DirectionRuleConfig {
    double threshold = 0.55;
    std::string sides = "both";
    void describe(config::Keys& keys);
};

/// Section `simulation`: the rule walked forward over the end of the data.
struct DirectionSimulationConfig {
    double days = 90.0;
    double step_days = 14.0;
    void describe(config::Keys& keys);
};

/// The whole configuration of the direction strategy (`strategy: direction`).
struct DirectionSettings {
    DirectionSettings();

    std::string strategy = "direction";
    market::Instrument instrument;
    DataConfig data;
    std::int64_t horizon = 5;
    std::string label = "higher";  ///< or the name of a registered one
    DirectionFeaturesConfig features;
    FundingConfig funding;
    DirectionSplitConfig split;
    DirectionScoreConfig score;
    models::GbdtConfig model;
    DirectionLearnerConfig learner;
    DirectionRuleConfig rule;
    trading::DecisionConfig decision;  ///< sections `costs`, `execution`, `sizing`; the rest follows from the rule (`decision_of`)
    DirectionSimulationConfig simulation;
    DirectionTuneConfig tune;
    std::map<std::string, std::string> search;  ///< LightGBM parameter -> distribution, as YAML

    [[nodiscard]] Result<void> validate() const;
};

/// The decision core's settings for the rule: one position, entered at the threshold, held for the horizon. R is the ATR over 14 minutes.
[[nodiscard]] trading::DecisionConfig decision_of(const DirectionSettings& settings);

/// The keys of `settings`, which must stay where it is while they are used.
[[nodiscard]] config::Keys keys_of(DirectionSettings& settings);

/// As `load_settings`. Errors: config, io.
[[nodiscard]] Result<DirectionSettings> load_direction_settings(const SettingsSources& sources);

/// The resolved settings as YAML, which `load_direction_settings` reads back.
[[nodiscard]] std::string show_settings(DirectionSettings settings);

/// The configuration key of a LightGBM parameter: `num_leaves` -> `model.num_leaves`, any other -> `model.params.NAME`. Error: config, with the
/// nearest name.
[[nodiscard]] Result<std::string> direction_key_of(const std::string& parameter);

/// What `strategy` says in a configuration file (may be empty) and `--set`s: `touch` where nobody says it. Errors: config, also for another name.
[[nodiscard]] Result<std::string> strategy_of(const std::filesystem::path& file, const std::vector<std::string>& sets);

}  // namespace sofia::pipeline
