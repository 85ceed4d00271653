#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/direction_settings.hpp"
#include "app/pipeline/members.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "features/custom.hpp"
#include "labels/labeler.hpp"
#include "market/table.hpp"
#include "models/learner.hpp"

// What has been registered from outside, Python above all, and joins the direction strategy by name.
namespace sofia::pipeline {

/// Everything that settings may name. Python hands its registrations over with each call; the command has none.
struct Extensions {
    std::map<std::string, std::shared_ptr<const features::Feature>> features;
    std::map<std::string, std::shared_ptr<const labels::Labeler>> labels;
    std::map<std::string, std::shared_ptr<const models::Learner>> learners;
};

/// One registered thing that a result was made with, as summaries, cards and manifests keep it.
struct CustomPart {
    std::string kind;  ///< feature, label, model
    std::string name;
    std::int64_t version = 1;
    std::string sha256;  ///< of its code; empty where that cannot be known

    friend bool operator==(const CustomPart&, const CustomPart&) = default;
};

/// What the settings have named.
struct Custom {
    std::vector<std::shared_ptr<const features::Feature>> features;
    std::shared_ptr<const labels::Labeler> label;    ///< null: the strategy's own, `higher`
    std::shared_ptr<const models::Learner> learner;  ///< null: LightGBM
    std::vector<CustomPart> parts;                   ///< all of them, in this order
};

/// The registered things that `features.custom`, `label` and `learner` name. Error: config, with the nearest name, or with where such things come
/// from.
[[nodiscard]] Result<Custom> custom_of(const DirectionSettings& settings, const Context& context);

/// `table` with the registered columns behind its own, each after its leak audit (features/custom.hpp), and their specs behind `columns`. Errors:
/// config (a name that is there already); blocked (a column looks ahead); those of the features; interrupted.
[[nodiscard]] Result<void> add_custom_columns(const Custom& custom, std::span<const market::Bar> bars, std::vector<features::FeatureSpec>& columns,
                                              market::Table& table, const Context& context);

/// The registered label of all bars after its audit: no label changes with bars that close after its end, and it ends after its row. Ends are rounded
/// up to whole minutes, when bars close; rows without a label end `horizon` minutes after their bar. Errors: blocked, those of the labeler,
/// interrupted.
[[nodiscard]] Result<labels::BarLabels> custom_labels(const labels::Labeler& labeler, std::span<const market::Bar> bars, std::int64_t horizon,
                                                      const Context& context);

[[nodiscard]] Json custom_json(const std::vector<CustomPart>& parts);

/// Of the member `custom`; none where it is not there. Error: data.
[[nodiscard]] Result<std::vector<CustomPart>> custom_from(const Members& members);

/// As study terms and manifest facts: `feature NAME` -> `version 1, SHA-256 …`.
[[nodiscard]] std::map<std::string, std::string> custom_facts(const std::vector<CustomPart>& parts);

/// What has become of the rows since a trial was measured on them; those of other windows are not compared.
enum class RowsSince : std::uint8_t { same, changed, not_compared };

/// Holds what a trial was made with against what is registered now. Code that has changed under the same version is refused where the rows have
/// changed with it, else warned of. Error: blocked.
[[nodiscard]] Result<void> check_custom(const std::vector<CustomPart>& before, const std::vector<CustomPart>& now, RowsSince rows,
                                        const Context& context);

}  // namespace sofia::pipeline
