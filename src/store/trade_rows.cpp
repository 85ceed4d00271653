#include "store/trade_rows.hpp"

#include <array>
#include <concepts>
#include <cstddef>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sofia::store {

#if defined(__x86_64__)

namespace {

using market::Trade;

// A trade is written as four words: time, price, size, and side with tick.
static_assert(sizeof(Trade) == 32 && offsetof(Trade, ts) == 0 && offsetof(Trade, price) == 8 && offsetof(Trade, size) == 16 &&
              offsetof(Trade, side) == 24 && offsetof(Trade, tick) == 25);

// Four words of 64 bits, one for each row. Text lies in them as in scan: the first character in the lowest byte.
using Words = __m256i;

// Nanoseconds in the last digit of a fraction of a second, by its digits.
constexpr std::array<std::int64_t, 8> fraction_scale = {1'000'000'000, 100'000'000, 10'000'000, 1'000'000, 100'000, 10'000, 1'000, 100};

[[gnu::target("avx2"), gnu::always_inline]] inline Words all(std::integral auto word) { return _mm256_set1_epi64x(static_cast<std::int64_t>(word)); }

// One column of four rows.
struct Fields {
    std::array<const char*, 4> begin;
    std::array<const char*, 4> end;
    __m128i length;
};

[[gnu::target("avx2"), gnu::always_inline]] inline Fields fields_of(const char* text, const std::uint32_t* d, std::size_t columns,
                                                                    std::size_t column) {
    Fields fields;
    std::array<std::uint32_t, 4> lengths;
    for (std::size_t row = 0; row < 4; ++row) {
        const std::uint32_t* at = d + row * columns + column;
        const auto begin = static_cast<std::uint32_t>(*(at - 1) + 1U);  // the sentinel before the text wraps to 0
        fields.begin[row] = text + begin;
        fields.end[row] = text + *at;
        lengths[row] = *at - begin;
    }
    fields.length =
        _mm_set_epi32(static_cast<int>(lengths[3]), static_cast<int>(lengths[2]), static_cast<int>(lengths[1]), static_cast<int>(lengths[0]));
    return fields;
}

[[gnu::target("avx2"), gnu::always_inline]] inline Words load(const std::array<const char*, 4>& at, std::ptrdiff_t offset) {
    const auto word = [](const char* from) __attribute__((always_inline)) { return static_cast<long long>(scan::load8(from)); };
    return _mm256_set_epi64x(word(at[3] + offset), word(at[2] + offset), word(at[1] + offset), word(at[0] + offset));
}

// Eight digit values each to their number; see scan::value8.
[[gnu::target("avx2"), gnu::always_inline]] inline Words value8(Words digits) {
    const Words pairs = _mm256_maddubs_epi16(digits, _mm256_set1_epi16(0x010A));
    const Words quads = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00010064));
    return _mm256_add_epi64(_mm256_mul_epu32(quads, all(10'000)), _mm256_srli_epi64(quads, 32));
}

[[gnu::target("avx2"), gnu::always_inline]] inline Words above_nine(Words digits) { return _mm256_subs_epu8(digits, _mm256_set1_epi8(9)); }

// As Decimal; `odd` has a bit set in each word that is not of that form.
struct Decimals {
    Words digits;
    Words decimals;
    Words odd;
};

// Up to eight characters before each end; see scan::short_decimal.
[[gnu::target("avx2"), gnu::always_inline]] inline Decimals short_decimals(Words word, Words length) {
    const Words none = _mm256_setzero_si256();
    const Words unused = _mm256_sub_epi64(all(64), _mm256_slli_epi64(length, 3));
    word = _mm256_xor_si256(word, all(scan::zeros));
    word = _mm256_sllv_epi64(_mm256_srlv_epi64(word, unused), unused);
    // The first point: its lowest bit, all bits below it, its byte. Without a point `below` is all bits.
    const Words points = _mm256_cmpeq_epi8(word, all(scan::point));
    const Words bit = _mm256_and_si256(points, _mm256_sub_epi64(none, points));
    const Words below = _mm256_sub_epi64(bit, all(1));
    const Words up_to = _mm256_or_si256(below, _mm256_sub_epi64(_mm256_slli_epi64(bit, 8), bit));
    const Words no_point = _mm256_cmpeq_epi64(bit, none);
    const Words gap = _mm256_andnot_si256(no_point, all(8));
    const Words digits = _mm256_or_si256(_mm256_sllv_epi64(_mm256_and_si256(word, below), gap), _mm256_andnot_si256(up_to, word));
    const Words too_long = _mm256_cmpgt_epi64(length, all(8));
    const Words too_short = _mm256_cmpgt_epi64(_mm256_add_epi64(no_point, all(2)), length);
    const Words decimals = _mm256_sad_epu8(_mm256_andnot_si256(up_to, all(scan::ones)), none);
    return {value8(digits), decimals, _mm256_or_si256(above_nine(digits), _mm256_or_si256(too_long, too_short))};
}

// Prices or sizes. Below 1e8 an integer is exactly the low bits of 2^52 and itself, and one division gives the nearest double.
[[gnu::target("avx2"), gnu::always_inline]] inline Words amounts(const Fields& fields, Words& digits, Words& odd) {
    const Decimals read = short_decimals(load(fields.end, -8), _mm256_cvtepu32_epi64(fields.length));
    digits = read.digits;
    odd = _mm256_or_si256(odd, read.odd);
    const __m256d two52 = _mm256_set1_pd(4503599627370496.0);
    const __m256d whole = _mm256_sub_pd(_mm256_or_pd(_mm256_castsi256_pd(read.digits), two52), two52);
    return _mm256_castpd_si256(_mm256_div_pd(whole, _mm256_i64gather_pd(power_of_ten.data(), read.decimals, 8)));
}

[[gnu::target("avx2"), gnu::always_inline]] inline Words times(const Fields& fields, Words& odd) {
    const Words length = _mm256_cvtepu32_epi64(fields.length);
    const Words zeros = all(scan::zeros);
    const Words head = _mm256_slli_epi64(_mm256_xor_si256(load(fields.begin, 0), zeros), 48);  // two digits
    const Words body = _mm256_xor_si256(load(fields.begin, 2), zeros);                         // eight more
    const Words seconds = _mm256_add_epi64(_mm256_mul_epu32(value8(head), all(100'000'000)), value8(body));
    // The point and what follows.
    const Words rest = _mm256_sub_epi64(length, all(10));
    const Decimals fraction = short_decimals(load(fields.end, -8), rest);
    const Words whole = _mm256_cmpeq_epi64(rest, _mm256_setzero_si256());
    const Words point_first =
        _mm256_and_si256(_mm256_cmpgt_epi64(rest, all(1)), _mm256_cmpeq_epi64(fraction.decimals, _mm256_sub_epi64(rest, all(1))));
    const Words odd_fraction = _mm256_or_si256(fraction.odd, _mm256_xor_si256(point_first, all(-1)));
    odd = _mm256_or_si256(odd, _mm256_or_si256(above_nine(head), above_nine(body)));
    odd = _mm256_or_si256(odd, _mm256_andnot_si256(whole, odd_fraction));
    odd = _mm256_or_si256(odd, _mm256_srli_epi64(seconds, 32));  // products are of 32 bits
    const Words scale = _mm256_i64gather_epi64(reinterpret_cast<const long long*>(fraction_scale.data()), fraction.decimals, 8);
    return _mm256_add_epi64(_mm256_mul_epu32(seconds, all(1'000'000'000)), _mm256_mul_epu32(fraction.digits, scale));
}

// 0 or 1 in each word.
[[gnu::target("avx2"), gnu::always_inline]] inline Words sides(const Fields& fields, Words& odd) {
    constexpr int buy = 'b' | 'u' << 8 | 'y' << 16;
    constexpr int sell = 's' | 'e' << 8 | 'l' << 16 | 'l' << 24;
    const auto word = [](const char* from) __attribute__((always_inline)) { return static_cast<int>(scan::load4(from)); };
    const __m128i text = _mm_set_epi32(word(fields.begin[3]), word(fields.begin[2]), word(fields.begin[1]), word(fields.begin[0]));
    const __m128i low = _mm_or_si128(text, _mm_set1_epi32(0x20202020));
    const __m128i is_sell = _mm_and_si128(_mm_cmpeq_epi32(low, _mm_set1_epi32(sell)), _mm_cmpeq_epi32(fields.length, _mm_set1_epi32(4)));
    const __m128i three = _mm_and_si128(low, _mm_set1_epi32(0x00FFFFFF));
    const __m128i is_buy = _mm_and_si128(_mm_cmpeq_epi32(three, _mm_set1_epi32(buy)), _mm_cmpeq_epi32(fields.length, _mm_set1_epi32(3)));
    odd = _mm256_or_si256(odd, _mm256_cvtepu32_epi64(_mm_xor_si128(_mm_or_si128(is_sell, is_buy), _mm_set1_epi32(-1))));
    return _mm256_cvtepu32_epi64(_mm_srli_epi32(is_sell, 31));
}

// A TickDirection in each word.
[[gnu::target("avx2"), gnu::always_inline]] inline Words ticks(const Fields& fields, Words& odd) {
    const Words length = _mm256_cvtepu32_epi64(fields.length);
    const Words lower = all(0x20 * scan::ones);
    const Words first = _mm256_or_si256(load(fields.begin, 0), lower);
    const Words last = _mm256_or_si256(load(fields.end, -8), lower);
    const Words plus = _mm256_cmpeq_epi64(length, all(8));
    const Words minus = _mm256_cmpeq_epi64(length, all(9));
    const Words zero_plus = _mm256_cmpeq_epi64(length, all(12));
    const Words zero_minus = _mm256_cmpeq_epi64(length, all(13));
    const Words down = _mm256_or_si256(minus, zero_minus);
    const Words begins = _mm256_or_si256(
        _mm256_or_si256(_mm256_and_si256(plus, all(scan::word_of("plustick"))), _mm256_and_si256(minus, all(scan::word_of("minustic")))),
        _mm256_or_si256(_mm256_and_si256(zero_plus, all(scan::word_of("zeroplus"))), _mm256_and_si256(zero_minus, all(scan::word_of("zerominu")))));
    const Words ends = _mm256_blendv_epi8(all(scan::word_of("plustick")), all(scan::word_of("inustick")), down);
    // Of another length nothing begins so: all bits 0x20 of `first` are set.
    odd = _mm256_or_si256(odd, _mm256_or_si256(_mm256_xor_si256(first, begins), _mm256_xor_si256(last, ends)));
    const Words zero = _mm256_or_si256(zero_plus, zero_minus);
    return _mm256_or_si256(_mm256_and_si256(zero, all(1)), _mm256_and_si256(down, all(2)));
}

[[gnu::target("avx2"), gnu::always_inline]] inline void write(Words time, Words price, Words size, Words rest, Trade* out) {
    const Words time_price_02 = _mm256_unpacklo_epi64(time, price);
    const Words time_price_13 = _mm256_unpackhi_epi64(time, price);
    const Words size_rest_02 = _mm256_unpacklo_epi64(size, rest);
    const Words size_rest_13 = _mm256_unpackhi_epi64(size, rest);
    auto* to = reinterpret_cast<__m256i*>(out);
    _mm256_storeu_si256(to, _mm256_permute2x128_si256(time_price_02, size_rest_02, 0x20));
    _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(time_price_13, size_rest_13, 0x20));
    _mm256_storeu_si256(to + 2, _mm256_permute2x128_si256(time_price_02, size_rest_02, 0x31));
    _mm256_storeu_si256(to + 3, _mm256_permute2x128_si256(time_price_13, size_rest_13, 0x31));
}

// Whether all four were plain; otherwise what it wrote means nothing.
[[gnu::target("avx2"), gnu::always_inline]] inline bool parse_four(const char* text, const TradeLayout& layout, const std::uint32_t* d, Trade* out) {
    const std::size_t columns = layout.columns;
    Words odd = _mm256_setzero_si256();
    Words price_digits;
    Words size_digits;
    const Words time = times(fields_of(text, d, columns, layout.timestamp), odd);
    const Words price = amounts(fields_of(text, d, columns, layout.price), price_digits, odd);
    const Words size = amounts(fields_of(text, d, columns, layout.size), size_digits, odd);
    Words rest = sides(fields_of(text, d, columns, layout.side), odd);
    if (layout.tick != no_column) {
        rest = _mm256_or_si256(rest, _mm256_slli_epi64(ticks(fields_of(text, d, columns, layout.tick), odd), 8));
    }
    odd = _mm256_or_si256(odd, _mm256_cmpeq_epi64(price_digits, _mm256_setzero_si256()));  // a price of zero
    write(time, price, size, rest, out);
    bool ended = true;
    for (std::size_t row = 1; row <= 4; ++row) ended &= text[d[row * columns - 1]] == '\n';
    return ended & (_mm256_testz_si256(odd, odd) != 0);
}

[[gnu::target("avx2")]] std::size_t parse_fours_avx2(const char* text, const TradeLayout& layout, const std::uint32_t* d, std::size_t rows,
                                                     Trade* out) {
    std::size_t done = 0;
    while (rows - done >= 4 && parse_four(text, layout, d + done * layout.columns, out + done)) done += 4;
    return done;
}

}  // namespace

bool can_parse_fours(const TradeLayout& layout) {
    static const bool fast = __builtin_cpu_supports("avx2") != 0;
    return fast && layout.unit == TimeUnit::seconds;
}

std::size_t parse_fours(const char* text, const TradeLayout& layout, const std::uint32_t* delimiters, std::size_t rows, market::Trade* out) {
    return parse_fours_avx2(text, layout, delimiters, rows, out);
}

#else

bool can_parse_fours(const TradeLayout&) { return false; }

std::size_t parse_fours(const char*, const TradeLayout&, const std::uint32_t*, std::size_t, market::Trade*) { return 0; }

#endif

}  // namespace sofia::store
