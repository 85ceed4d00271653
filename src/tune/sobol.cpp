#include "tune/sobol.hpp"

#include <bit>
#include <cassert>

namespace sofia::tune {

Sobol::Sobol(std::size_t dimensions) : directions_(dimensions), shift_(dimensions, 0) {
    assert(dimensions >= 1 && dimensions <= 1 + sobol_rows().size());
    for (std::size_t k = 0; k < digits; ++k) directions_[0][k] = 1U << (digits - 1 - k);
    for (std::size_t d = 1; d < dimensions; ++d) {
        const SobolRow& row = sobol_rows()[d - 1];
        const auto degree = static_cast<std::size_t>(std::bit_width(row.polynomial)) - 1;
        auto& v = directions_[d];
        for (std::size_t k = 0; k < digits; ++k) {
            if (k < degree) {
                v[k] = static_cast<std::uint32_t>(row.direction[k]) << (digits - 1 - k);
                continue;
            }
            v[k] = v[k - degree] ^ (v[k - degree] >> degree);
            for (std::size_t i = 1; i < degree; ++i) {
                if (((row.polynomial >> (degree - i)) & 1U) != 0) v[k] ^= v[k - i];
            }
        }
    }
}

Sobol::Sobol(std::size_t dimensions, const RandomStream& random) : Sobol(dimensions) {
    for (std::size_t d = 0; d < dimensions; ++d) scramble(d, random.split(static_cast<std::uint64_t>(d)));
}

void Sobol::scramble(std::size_t dimension, RandomStream random) {
    // Digit r of the output is digit r of the input plus a random sum of the digits before it.
    std::array<std::uint32_t, digits> matrix{};
    for (std::size_t r = 0; r < digits; ++r) {
        const auto self = static_cast<std::uint32_t>(1U << (digits - 1 - r));
        const std::uint32_t before = r == 0 ? 0U : ~0U << (digits - r);
        matrix[r] = (static_cast<std::uint32_t>(random.next() >> 32) & before) | self;
    }
    for (std::uint32_t& v : directions_[dimension]) {
        std::uint32_t mixed = 0;
        for (std::size_t r = 0; r < digits; ++r) {
            mixed |= static_cast<std::uint32_t>(std::popcount(v & matrix[r]) & 1) << (digits - 1 - r);
        }
        v = mixed;
    }
    shift_[dimension] = static_cast<std::uint32_t>(random.next() >> 32);
}

std::vector<double> Sobol::point(std::uint64_t index) const {
    const std::uint64_t gray = index ^ (index >> 1);
    std::vector<double> out;
    out.reserve(directions_.size());
    for (std::size_t d = 0; d < directions_.size(); ++d) {
        std::uint32_t x = shift_[d];
        for (std::size_t k = 0; k < digits; ++k) {
            if (((gray >> k) & 1U) != 0) x ^= directions_[d][k];
        }
        out.push_back(static_cast<double>(x) * 0x1p-32);
    }
    return out;
}

}  // namespace sofia::tune
