#pragma once

#include <string>
#include <vector>

#include "app/pipeline/settings.hpp"

namespace sofia::python {

/// A strategy's settings as a verb makes them, from a configuration file (empty: none) and `key=value` texts. Throws Failure: config, io.
[[nodiscard]] pipeline::Settings settings_of(const std::string& config_file, const std::vector<std::string>& sets);

}  // namespace sofia::python
