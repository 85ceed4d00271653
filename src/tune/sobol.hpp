#pragma once

// Internal to the room: Sobol points.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/random.hpp"

namespace sofia::tune {

/// A primitive polynomial as a number and its first direction numbers, 0 behind the last.
struct SobolRow {
    std::uint16_t polynomial = 0;
    std::array<std::uint16_t, 10> direction = {};
};

/// Of the second dimension on; the first is the van der Corput sequence.
[[nodiscard]] std::span<const SobolRow> sobol_rows();

/// A Sobol sequence (Sobol' 1967) in Gray code order (Antonov, Saleev 1979) with 32 digits: any 2^m points from a multiple of 2^m on are a
/// digital net.
class Sobol {
public:
    /// 1 to 1 + sobol_rows().size() dimensions (asserted).
    explicit Sobol(std::size_t dimensions);

    /// Scrambled by a random lower triangular matrix over the digits and a digital shift in each dimension (Matousek 1998), drawn from
    /// `random`, one split a dimension.
    Sobol(std::size_t dimensions, const RandomStream& random);

    /// Point `index` in [0, 1); its Gray code's low 32 bits count.
    [[nodiscard]] std::vector<double> point(std::uint64_t index) const;

private:
    static constexpr std::size_t digits = 32;
    void scramble(std::size_t dimension, RandomStream random);
    std::vector<std::array<std::uint32_t, digits>> directions_;
    std::vector<std::uint32_t> shift_;
};

}  // namespace sofia::tune
