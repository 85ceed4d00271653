#pragma once

#include "base/time.hpp"

namespace sofia::trading {

/// A stretch of time [from, to).
struct Window {
    TimeNs from = 0;
    TimeNs to = 0;

    [[nodiscard]] constexpr bool contains(TimeNs time) const { return time >= from && time < to; }
    [[nodiscard]] constexpr DurationNs length() const { return to - from; }
    friend bool operator==(const Window&, const Window&) = default;
};

}  // namespace sofia::trading
