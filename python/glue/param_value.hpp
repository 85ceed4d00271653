#pragma once

#include <string>
#include <vector>

#include "glue.hpp"
#include "tune/distribution.hpp"

namespace sofia::python {

/// A parameter's value and what Python calls it: None, True, 3, 0.5, "gbdt". Other types are a TypeError. Holding Python's lock.
[[nodiscard]] tune::ParamValue param_value(const nb::handle& value);
[[nodiscard]] nb::object python_value(const tune::ParamValue& value);

/// A text that may not be UTF-8 (it may come from a database).
[[nodiscard]] nb::str python_text(const std::string& text);

}  // namespace sofia::python
