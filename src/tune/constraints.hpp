#pragma once

#include <string_view>

namespace sofia::tune {

/// The system attribute with a trial's constraints as a list; followed by ":" and a name, with one of them. Internal to the room.
inline constexpr std::string_view constraints_key = "constraints";

}  // namespace sofia::tune
