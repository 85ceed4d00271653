#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/settings.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "synth/config.hpp"

// One seed of the null and recovery audits: a simulated market, and what the whole pipeline makes of it.
namespace sofia::pipeline {

enum class AuditKind : std::uint8_t {
    null,      ///< no edge: does the pipeline find one?
    recovery,  ///< a planted edge: how much of it does the pipeline earn?
};

/// A mistake made on purpose, to see the audit find it.
enum class PlantedLeak : std::uint8_t {
    none,
    future,  ///< the feature funding.rate tells how far the trend goes on in the next hours
};

/// What is done with every seed of an audit.
struct SeedPlan {
    AuditKind kind = AuditKind::null;
    synth::SimulationConfig market;  ///< its edge too
    std::filesystem::path config_file;
    std::vector<std::string> sets;
    std::int64_t trials = 20;
    PlantedLeak leak = PlantedLeak::none;
};

/// The settings that the plan's markets are traded with. Errors: config, io.
[[nodiscard]] Result<Settings> settings_of(const SeedPlan& plan);

/// What the champion, fixed before test, did on test and shadow.
struct SeedResult {
    std::uint64_t seed = 0;
    std::int64_t trial = 0;          ///< the champion: the best-ranked trial, or where none is feasible the one of the highest value
    bool feasible = false;
    double robust_score = 0.0;
    double deflated_sharpe = std::numeric_limits<double>::quiet_NaN();  ///< of its folds, among all trials of the study
    std::string selection;           ///< what `sofia select` makes of the study: none, undecided, rejected_shadow, selected
    std::string note;                ///< why there are no models, or empty
    std::vector<double> gross_r;     ///< every touch that the position allows: gates ignored
    std::vector<double> favoured_r;  ///< those that the models rate above the mean of their training touches, costs ignored
    std::int64_t trades = 0;         ///< with the champion's own gates and costs
    double own_gross_r = 0.0;
    double own_net_r = 0.0;
    std::int64_t oracle_trades = 0;  ///< recovery: who knows the true probabilities, with the same touches, barriers, costs and position rules
    double oracle_net_r = 0.0;
};

/// Simulates the market of `seed`, tunes, selects, trains and trades on it, inside `folder`, by the functions of the verbs; on one thread, and
/// silently. Errors: those of the stages.
[[nodiscard]] Result<SeedResult> run_seed(const SeedPlan& plan, std::uint64_t seed, const std::filesystem::path& folder, const Context& context);

[[nodiscard]] Json to_json(const SeedResult& result);

/// What `to_json` has written. Errors: io, data.
[[nodiscard]] Result<SeedResult> read_seed(const std::filesystem::path& path);

}  // namespace sofia::pipeline
