#pragma once

#include <nlohmann/json.hpp>

#include "base/state.hpp"

// A whole calculator to JSON and back. Apart from base/state.hpp, which every calculator's source includes and which needs no more of JSON than its
// name.
namespace sofia {

/// The state of a calculator, as one object.
template <class Calculator>
[[nodiscard]] Json state_of(Calculator calculator) {
    StateWriter writer;
    calculator.visit_state(writer);
    return writer.take();
}

/// Reads `state` into a calculator that was made as the one that wrote it. Error data: as StateReader::finish, and `calculator` is then not to be
/// used.
template <class Calculator>
[[nodiscard]] Result<void> read_state(const Json& state, Calculator& calculator, TimeNs as_of = StateReader::time_max) {
    StateReader reader(state, as_of);
    calculator.visit_state(reader);
    return reader.finish();
}

}  // namespace sofia
