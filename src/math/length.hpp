#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.hpp"

namespace sofia::math {

/// How many observations a window or an average looks at: 1 to 1,000,000. Every step takes a Length, so none can be built with a bad one.
class Length {
public:
    static constexpr std::int64_t max = 1'000'000;

    /// Error: config, with the value and what is allowed.
    [[nodiscard]] static Result<Length> make(std::int64_t count);

    /// `Length::of<20>()`: a length that is known when the program is compiled.
    template <std::int64_t count>
    [[nodiscard]] static consteval Length of() {
        static_assert(count >= 1 && count <= max);
        return Length(static_cast<std::size_t>(count));
    }

    [[nodiscard]] std::size_t value() const { return count_; }
    [[nodiscard]] double number() const { return static_cast<double>(count_); }

private:
    constexpr explicit Length(std::size_t count) : count_(count) {}
    std::size_t count_;
};

}  // namespace sofia::math
