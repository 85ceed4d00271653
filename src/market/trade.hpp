#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace sofia::market {

/// The aggressor's side of a print, and the side of an order.
enum class Side : std::uint8_t { buy, sell };

/// Price against the previous print: up, unchanged after an up, down, unchanged after a down.
enum class TickDirection : std::uint8_t { plus, zero_plus, minus, zero_minus };

[[nodiscard]] constexpr bool is_up(TickDirection direction) { return direction == TickDirection::plus || direction == TickDirection::zero_plus; }

/// One print. Known at `ts`. Price in quote units, size in units of the base asset or contracts.
struct Trade {
    TimeNs ts = 0;
    double price = 0.0;
    double size = 0.0;
    Side side = Side::buy;
    TickDirection tick = TickDirection::zero_plus;

    friend bool operator==(const Trade&, const Trade&) = default;
};

}  // namespace sofia::market
