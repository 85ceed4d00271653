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

/// Whether they share a moment; an empty one shares none.
[[nodiscard]] constexpr bool overlap(Window a, Window b) { return a.length() > 0 && b.length() > 0 && a.from < b.to && b.from < a.to; }

}  // namespace sofia::trading
