#include "base/random.hpp"

#include <bit>
#include <cassert>
#include <cmath>
#include <numbers>

#include "base/hash.hpp"

namespace sofia {

namespace {

constexpr std::uint64_t golden = 0x9e3779b97f4a7c15ULL;

// The output function of SplitMix64 (Steele, Lea, Flood 2014): a bijection that mixes all bits.
std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31U);
}

// Children of one parent differ for names and indices alike: two rounds, each a bijection of the parent's seed.
std::uint64_t child_seed(std::uint64_t parent, std::uint64_t kind, std::uint64_t id) { return mix(mix(parent + kind) + golden * (id + 1)); }

__extension__ using Wide = unsigned __int128;

}  // namespace

RandomStream::RandomStream(std::uint64_t seed) : seed_(seed), state_{} {
    for (std::uint64_t& word : state_) {
        seed += golden;
        word = mix(seed);
    }
}

RandomStream RandomStream::split(std::string_view name) const { return RandomStream(child_seed(seed_, 0x6e616d65ULL, mix(fnv1a(name)))); }

RandomStream RandomStream::split(std::uint64_t index) const { return RandomStream(child_seed(seed_, 0x696e646578ULL, index)); }

std::uint64_t RandomStream::next() {
    const std::uint64_t out = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return out;
}

double RandomStream::uniform() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

double RandomStream::uniform(double low, double high) {
    const double value = low + (high - low) * uniform();
    // The sum may round up to the open end.
    return value < high || !(low < high) ? value : std::nextafter(high, low);
}

std::uint64_t RandomStream::below(std::uint64_t count) {
    assert(count >= 1);
    Wide product = static_cast<Wide>(next()) * count;
    if (static_cast<std::uint64_t>(product) < count) {
        const std::uint64_t threshold = (0 - count) % count;
        while (static_cast<std::uint64_t>(product) < threshold) product = static_cast<Wide>(next()) * count;
    }
    return static_cast<std::uint64_t>(product >> 64U);
}

double RandomStream::normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

double RandomStream::exponential() { return -std::log(1.0 - uniform()); }

}  // namespace sofia
