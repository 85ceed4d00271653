#pragma once

// Internal to the room: what LightGBM knows of its parameters, so that wrong ones are refused before it sees them. LightGBM itself only warns of an
// unknown name and prints to stderr when a value is wrong.

#include <map>
#include <string>

#include "base/result.hpp"

namespace sofia::models {

/// LightGBM's own name for `name`, which may be an alias. Error: config, with the nearest name.
[[nodiscard]] Result<std::string> canonical_parameter(const std::string& name);

/// Whether people may set it; error: config, saying what sets it instead.
[[nodiscard]] Result<void> check_settable(const std::string& canonical);

/// A YAML value (flow style) as LightGBM spells it, checked against the parameter's type and range. Error: config.
[[nodiscard]] Result<std::string> parameter_value(const std::string& canonical, const std::string& yaml);

/// Combinations that LightGBM refuses. Error: config.
[[nodiscard]] Result<void> check_combination(const std::map<std::string, std::string>& parameters);

/// Whether a built Dataset depends on it.
[[nodiscard]] bool shapes_dataset(const std::string& canonical);

/// Those of resolved parameters that a built Dataset depends on, as text.
[[nodiscard]] std::string shaping_text(std::map<std::string, std::string> parameters);

/// `name=value name=value …`, as the C API wants it.
[[nodiscard]] std::string parameter_text(const std::map<std::string, std::string>& parameters);

}  // namespace sofia::models
