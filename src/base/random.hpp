#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sofia {

/// A deterministic stream of random numbers: xoshiro256++ (Blackman, Vigna 2019) seeded through SplitMix64.
/// Streams are split by name, never shared: `RandomStream(7).split("bagging").split(3)`. A split depends on the seed path only, not on
/// how many numbers were drawn. A value type; not safe to call from two threads.
class RandomStream {
public:
    explicit RandomStream(std::uint64_t seed);

    [[nodiscard]] RandomStream split(std::string_view name) const;
    [[nodiscard]] RandomStream split(std::uint64_t index) const;

    /// The seed of this stream (of the path of splits), for handing to a library that wants an integer.
    [[nodiscard]] std::uint64_t seed() const { return seed_; }

    std::uint64_t next();                      ///< 64 random bits
    double uniform();                          ///< [0, 1), 53 bits
    double uniform(double low, double high);   ///< [low, high)
    std::uint64_t below(std::uint64_t count);  ///< 0 .. count-1 without bias (Lemire 2019); count >= 1 (asserted)
    double normal();                           ///< standard normal (Box, Muller 1958), two draws a number
    double exponential();                      ///< mean 1

private:
    std::uint64_t seed_;
    std::array<std::uint64_t, 4> state_;
};

}  // namespace sofia
