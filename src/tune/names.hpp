#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sofia::tune {

/// Whether `name` can be stored as a name: 1 to 512 bytes (what Optuna's columns hold; PostgreSQL enforces it) of UTF-8, since Optuna reads no
/// study of a storage in which one name is none. Error usage: `what` is empty, too long, no UTF-8; as in `the study's name is empty`.
[[nodiscard]] Result<void> check_name(std::string_view what, const std::string& name);

}  // namespace sofia::tune
