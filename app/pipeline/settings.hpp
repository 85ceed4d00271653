#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "app/pipeline/download.hpp"
#include "app/pipeline/stress_config.hpp"
#include "app/pipeline/verdict.hpp"
#include "backtest/score.hpp"
#include "bars/config.hpp"
#include "base/config.hpp"
#include "base/result.hpp"
#include "features/config.hpp"
#include "labels/forward.hpp"
#include "labels/splits.hpp"
#include "market/instrument.hpp"
#include "models/gbdt_config.hpp"
#include "trading/core.hpp"

namespace sofia::pipeline {

/// Section `data`: how files are read.
struct DataConfig {
    bool skip_bad_rows = false;
    void describe(config::Keys& keys);
};

/// Section `funding`: where funding rates come from; without a file there are none.
struct FundingConfig {
    std::string file;
    std::string symbol;
    std::string exchange;
    void describe(config::Keys& keys);
};

/// Section `fit`: how the strategy's model is fitted around LightGBM.
struct FitConfig {
    std::vector<std::int64_t> seeds = {1};   ///< one model each; their probabilities are averaged
    std::int64_t early_stopping_blocks = 5;  ///< the last of so many blocks of the training rows decides when to stop
    std::int64_t min_train_rows = 100;
    std::string calibration = "auto";
    std::int64_t calibration_blocks = 4;     ///< all but the first are predicted by models of earlier ones
    void describe(config::Keys& keys);

    /// Weighted classes shift the probabilities. Errors: config.
    [[nodiscard]] Result<void> validate(const models::GbdtConfig& model) const;
};

/// Section `tune`.
struct TuneConfig {
    std::string sampler = "tpe";
    std::int64_t startup_trials = 10;
    std::string pruner = "none";
    std::int64_t batch = 4;
    std::int64_t cache_mb = 512;  ///< for binned rows; 0: each fit bins its own
    void describe(config::Keys& keys);
};

/// The whole configuration of a strategy: one struct a section. The sections' rooms own their structs.
struct Settings {
    std::string strategy = "touch";  ///< which strategy a file configures; others have settings of their own
    market::Instrument instrument;
    DataConfig data;
    FundingConfig funding;
    DownloadConfig download;
    bars::BarsConfig bars;
    features::FeaturesConfig features;
    trading::DecisionConfig decision;
    labels::SplitConfig split;
    backtest::ScoreConfig score;
    models::GbdtConfig model;
    FitConfig fit;
    labels::TrendConfig trend;
    labels::RegimeConfig regime;
    TuneConfig tune;
    SelectConfig select;
    StressConfig stress;
    std::map<std::string, std::string> search;  ///< parameter -> distribution, as YAML

    [[nodiscard]] Result<void> validate() const;
};

/// The keys of `settings`, which must stay where it is while they are used.
[[nodiscard]] config::Keys keys_of(Settings& settings);

/// What the settings are made from, the later over the earlier: defaults, instrument.yaml, the configuration file (may be empty), `resolved`,
/// `values` (a trial's parameters, as key=value), `sets` (from the command line).
struct SettingsSources {
    market::Instrument instrument;
    bool instrument_file = false;  ///< whether `instrument` was read from a file, whose fees then are the default of `costs`
    std::filesystem::path file;
    std::string resolved;  ///< a whole configuration as `show_settings` wrote it, of a tuning summary or a train config; or empty
    std::vector<std::string> values;
    std::vector<std::string> sets;
};

/// Reads file, saved text, values and sets into `keys`, in this order. Errors: config, io.
[[nodiscard]] Result<void> read_sources(const SettingsSources& sources, config::Keys& keys);

/// The fees of an instrument's file, where there is one, as the default of `costs`.
void take_fees(const SettingsSources& sources, trading::CostConfig& costs);

/// Errors: config, io.
[[nodiscard]] Result<Settings> load_settings(const SettingsSources& sources);

/// The resolved settings as YAML, which `load_settings` reads back.
[[nodiscard]] std::string show_settings(Settings settings);

/// The configuration key that a search parameter's name stands for: a full path, or the last part of one where it is the only one
/// (`stop_atr` -> `barriers.stop_atr`); any other name of a LightGBM parameter goes to `model.params`. Error: config with the nearest name.
[[nodiscard]] Result<std::string> key_of_parameter(const std::string& name);

/// `key=value` for a configuration key that a trial sets. A list may be written with `+` (`15m+1h`), as a choice of a search space has to be one
/// word.
[[nodiscard]] std::string assignment_of(const config::Keys& keys, const std::string& key, const std::string& value);

}  // namespace sofia::pipeline
