#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "tune/distribution.hpp"

namespace sofia::tune {

enum class Direction : std::uint8_t { minimize, maximize };
enum class TrialState : std::uint8_t { running, complete, pruned, fail, waiting };

[[nodiscard]] constexpr bool finished(TrialState state) { return state != TrialState::running && state != TrialState::waiting; }

/// `complete`, in lower case for people.
[[nodiscard]] std::string to_string(TrialState state);
[[nodiscard]] std::string to_string(Direction direction);

/// One parameter of a trial. Distributions are shared between trials.
struct Param {
    std::string name;
    std::shared_ptr<const Distribution> distribution;
    double internal = 0.0;

    [[nodiscard]] ParamValue value() const { return distribution->value(internal); }
};

/// Key -> JSON text, as stored.
using Attributes = std::map<std::string, std::string>;

/// A trial as it stands in the storage.
struct FrozenTrial {
    std::int64_t id = 0;      ///< of the storage
    std::int64_t number = 0;  ///< 0, 1, 2, ... within the study
    TrialState state = TrialState::running;
    std::vector<double> values;   ///< one an objective; empty unless complete, or pruned with a last report
    std::vector<Param> params;    ///< in the order of suggestion
    std::map<std::int64_t, double> reports;  ///< step -> intermediate value, NaN and infinities allowed
    Attributes user_attributes;
    Attributes system_attributes;
    std::optional<TimeNs> started;    ///< UTC, microseconds
    std::optional<TimeNs> completed;

    [[nodiscard]] const Param* param(const std::string& name) const;

    /// Values of the constraints by name, kept in system attributes: `constraints:<name>` (Optuna 5.0) and the list `constraints` (up to 4.9
    /// its only form; names are "0", "1", ...), of which a name wins over a place.
    [[nodiscard]] std::map<std::string, double> constraints() const;

    /// The sum of the constraints above 0, which are the violated ones. 0: feasible.
    [[nodiscard]] double violation() const;
    [[nodiscard]] bool feasible() const { return !(violation() > 0.0); }

    /// Why it failed, for people: what the user attribute `error` says, or `no reason given`.
    [[nodiscard]] std::string failure_reason() const;
};

using TrialPtr = std::shared_ptr<const FrozenTrial>;

/// A study without its trials.
struct StudyInfo {
    std::int64_t id = 0;
    std::string name;
    std::vector<Direction> directions;
    Attributes user_attributes;
    Attributes system_attributes;
};

}  // namespace sofia::tune
