#pragma once

#include <map>
#include <string>

#include "tune/frozen.hpp"

namespace sofia::tune {

/// Jointly drawn parameters announced to other workers before they are suggested, as Optuna does: a JSON object as text, in pieces of
/// at most 2,045 characters, each a JSON string under `tpe:relative_params:<i>`.
[[nodiscard]] Attributes relative_attributes(const std::map<std::string, ParamValue>& params);

/// What such attributes of a trial say; empty when there are none or they are incomplete (another worker is writing them).
[[nodiscard]] std::map<std::string, ParamValue> relative_params(const FrozenTrial& trial);

/// The parameters fixed by `enqueue`; empty when there are none.
[[nodiscard]] Result<std::map<std::string, ParamValue>> fixed_params(const FrozenTrial& trial);

}  // namespace sofia::tune
