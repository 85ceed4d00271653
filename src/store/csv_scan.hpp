#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace sofia::store {

/// Where the commas and line feeds of a text are. `positions` holds `count` of them after one sentinel (the position before the text,
/// wrapped), so that the field before any delimiter d[i] begins at d[i-1] + 1.
struct DelimiterIndex {
    std::vector<std::uint32_t> positions;
    std::size_t count = 0;
    std::size_t feeds = 0;  ///< how many of them are line feeds
    bool special = false;  ///< the text has a quote or a byte above 0x7f: positions may lie inside quotes

    [[nodiscard]] const std::uint32_t* first() const { return positions.data() + 1; }
};

/// Fills `index` for `text` (below 4 GiB), which has `chunk_padding` readable bytes after it.
void index_delimiters(std::string_view text, DelimiterIndex& index);

/// The same, one byte at a time; what the fast ones are tested against, and what other processors use.
void index_delimiters_plain(std::string_view text, DelimiterIndex& index);

/// A field of up to 16 characters that is digits with at most one point: the digits as one integer, and how many follow the point.
struct Decimal {
    std::uint64_t digits = 0;
    std::uint32_t decimals = 0;
    bool plain = false;  ///< the field was of that form; otherwise the other members mean nothing
};

namespace scan {

// All of the following works on eight characters in one word, the first character in the lowest byte (little endian).

[[nodiscard]] inline std::uint64_t load8(const char* from) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, 8);
    return word;
}

[[nodiscard]] inline std::uint32_t load4(const char* from) {
    std::uint32_t word = 0;
    std::memcpy(&word, from, 4);
    return word;
}

/// The word of eight characters.
[[nodiscard]] consteval std::uint64_t word_of(const char (&eight)[9]) {
    std::uint64_t word = 0;
    for (std::size_t i = 8; i-- > 0;) word = word << 8U | static_cast<unsigned char>(eight[i]);
    return word;
}

inline constexpr std::uint64_t ones = 0x0101010101010101ULL;
inline constexpr std::uint64_t tops = 0x8080808080808080ULL;
inline constexpr std::uint64_t zeros = '0' * ones;
inline constexpr std::uint64_t point = ('.' ^ '0') * ones;

/// The top bit of each byte that is a point; exact up to and including the first one.
[[nodiscard]] inline std::uint64_t points(std::uint64_t word) {
    const std::uint64_t t = word ^ point;
    return (t - ones) & ~t & tops;
}

/// Whether each byte is 0..9.
[[nodiscard]] inline bool all_digits(std::uint64_t word) { return ((word | (word + 0x76 * ones)) & tops) == 0; }

/// Eight digit values to their number (the pairwise multiplication known from Lemire's "Number parsing at a gigabyte per second", 2021).
[[nodiscard]] inline std::uint64_t value8(std::uint64_t word) {
    word = word * 10 + (word >> 8U);
    constexpr std::uint64_t mask = 0x000000FF000000FFULL;
    return ((word & mask) * 0x000F424000000064ULL + ((word >> 16U) & mask) * 0x0000271000000001ULL) >> 32U;
}

/// Takes out the byte at bit position `bit`: bytes before it move up by one, `fill` comes in below.
[[nodiscard]] inline std::uint64_t close_gap(std::uint64_t word, unsigned bit, std::uint64_t fill) {
    const std::uint64_t below = word & ((std::uint64_t{1} << bit) - 1);
    const std::uint64_t above = (word >> bit >> 8U) << bit << 8U;
    return above | (below << 8U) | fill;
}

}  // namespace scan

namespace scan {

/// Up to eight characters: `word` holds their digit values in its upper bytes, zero below. Without a branch: whether a price has a point cannot be
/// foreseen.
[[nodiscard, gnu::always_inline]] inline Decimal short_decimal(std::uint64_t word, std::size_t length) {
    const std::uint64_t found = points(word);
    const std::uint64_t none = 0 - (((found >> 7U) - 1) >> 63U);  // all bits without a point, none with one
    const auto bit = static_cast<unsigned>(__builtin_ctzll(found | (std::uint64_t{1} << 63U))) & 56U;
    word = (word & none) | (close_gap(word, bit, 0) & ~none);
    return {value8(word), 7U - bit / 8U, (all_digits(word) & (length > 1 + none)) != 0};
}

/// The last 1 to 8 characters before `end`, as digit values in the upper bytes.
[[nodiscard, gnu::always_inline]] inline std::uint64_t last_characters(const char* end, std::size_t length) {
    const auto unused = static_cast<unsigned>(64 - 8 * length);
    return ((load8(end - 8) ^ zeros) >> unused) << unused;
}

/// Nine to sixteen characters.
[[nodiscard, gnu::always_inline]] inline Decimal long_decimal(const char* end, std::size_t length) {
    std::uint64_t low = load8(end - 8) ^ zeros;
    std::uint64_t high = last_characters(end - 8, length - 8);
    std::uint32_t decimals = 0;
    if (const std::uint64_t found = points(low); found != 0) {
        const auto bit = static_cast<unsigned>(__builtin_ctzll(found)) & 56U;
        decimals = 7U - bit / 8U;
        low = close_gap(low, bit, high >> 56U);
        high <<= 8U;
    } else if (const std::uint64_t higher = points(high); higher != 0) {
        const auto bit = static_cast<unsigned>(__builtin_ctzll(higher)) & 56U;
        decimals = 15U - bit / 8U;
        high = close_gap(high, bit, 0);
    }
    return {value8(high) * 100'000'000U + value8(low), decimals, all_digits(high) && all_digits(low)};
}

}  // namespace scan

/// Reads up to 16 bytes before `end`, whatever `begin` is: they must be readable.
[[nodiscard, gnu::always_inline]] inline Decimal scan_decimal(const char* begin, const char* end) {
    const auto length = static_cast<std::size_t>(end - begin);
    if (length - 1 < 8) return scan::short_decimal(scan::last_characters(end, length), length);
    if (length - 1 >= 16) return {};  // also an empty field
    return scan::long_decimal(end, length);
}

/// scan_decimal for a column whose first eight characters seldom change, as those of timestamps: they are read once.
class PrefixDecimal {
public:
    [[nodiscard, gnu::always_inline]] inline Decimal scan(const char* begin, const char* end) {
        const auto length = static_cast<std::size_t>(end - begin);
        if (length - 9 >= 12) return scan_decimal(begin, end);
        if (const std::uint64_t prefix = scan::load8(begin); prefix != prefix_) {
            if (!scan::all_digits(prefix ^ scan::zeros)) return scan_decimal(begin, end);
            prefix_ = prefix;
            prefix_value_ = scan::value8(prefix ^ scan::zeros);
        }
        const std::size_t rest = length - 8;
        // Microseconds and nanoseconds are longer than one word.
        const Decimal tail = rest <= 8 ? scan::short_decimal(scan::last_characters(end, rest), rest + 1) : scan::long_decimal(end, rest);
        // Digits of the tail: all but the point. A tail that is the point alone leaves none and is fine.
        const std::size_t digits = rest - (tail.decimals != 0 || end[-1] == '.' ? 1U : 0U);
        // Nineteen digits always fit the word.
        return {prefix_value_ * tens[digits] + tail.digits, tail.decimals, tail.plain && digits <= 11};
    }

private:
    static constexpr std::array<std::uint64_t, 13> tens = {
        1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000, 10'000'000'000, 100'000'000'000, 1'000'000'000'000};
    std::uint64_t prefix_ = scan::zeros;
    std::uint64_t prefix_value_ = 0;
};

inline constexpr std::array<double, 23> power_of_ten = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/// Below this an integer is a double, so that one division by a power of ten up to 1e22 gives the nearest double (Clinger 1990).
inline constexpr std::uint64_t exact_digits_max = std::uint64_t{1} << 53U;

/// The nearest double of a plain decimal whose digits are at most `exact_digits_max`.
[[nodiscard]] inline double to_double(const Decimal& decimal) {
    return static_cast<double>(static_cast<std::int64_t>(decimal.digits)) / power_of_ten[decimal.decimals];
}

}  // namespace sofia::store
