#include "store/csv_scan.hpp"

#include <bit>
#include <cassert>
#include <limits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sofia::store {

static_assert(std::endian::native == std::endian::little, "words of digits are read as little endian");

namespace {

constexpr std::size_t block_size = 64;

// Room for every byte being a delimiter, plus what the block writers put down ahead of the count.
void make_room(std::size_t text_size, DelimiterIndex& index) {
    assert(text_size < std::numeric_limits<std::uint32_t>::max() - block_size);
    const std::size_t room = text_size + 2 * block_size + 1;
    if (index.positions.size() < room) index.positions.resize(room);
    index.positions[0] = std::numeric_limits<std::uint32_t>::max();
    index.count = 0;
    index.feeds = 0;
    index.special = false;
}

#if defined(__x86_64__)

// Writes the set bits' positions; eight at a time without looking, for a block of trades holds about seven.
[[gnu::always_inline]] inline std::uint32_t* put_bits(std::uint64_t bits, unsigned count, std::uint32_t base, std::uint32_t* out) {
    for (unsigned i = 0; i < 8; ++i) {
        out[i] = base + static_cast<std::uint32_t>(__builtin_ctzll(bits | (std::uint64_t{1} << 63U)));
        bits &= bits - 1;
    }
    for (unsigned i = 8; i < count; ++i) {
        out[i] = base + static_cast<std::uint32_t>(__builtin_ctzll(bits));
        bits &= bits - 1;
    }
    return out + count;
}

[[gnu::target("avx2,bmi,popcnt"), gnu::always_inline]] inline std::uint64_t mask64(__m256i a, __m256i b) {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(a)) | static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(b)))
                                                                     << 32U;
}

[[gnu::target("avx2,bmi,popcnt")]] void index_avx2(std::string_view text, DelimiterIndex& index) {
    const __m256i comma = _mm256_set1_epi8(',');
    const __m256i feed = _mm256_set1_epi8('\n');
    const __m256i quote = _mm256_set1_epi8('"');
    __m256i special = _mm256_setzero_si256();
    std::uint32_t* out = index.positions.data() + 1;
    for (std::size_t at = 0; at < text.size(); at += block_size) {
        const auto* from = reinterpret_cast<const __m256i*>(text.data() + at);
        const __m256i a = _mm256_loadu_si256(from);
        const __m256i b = _mm256_loadu_si256(from + 1);
        std::uint64_t feeds = mask64(_mm256_cmpeq_epi8(a, feed), _mm256_cmpeq_epi8(b, feed));
        std::uint64_t bits = feeds | mask64(_mm256_cmpeq_epi8(a, comma), _mm256_cmpeq_epi8(b, comma));
        // Bytes after the text are there to be loaded but do not count. (A quote among them only costs time.)
        if (text.size() - at < block_size) {
            const std::uint64_t inside = (std::uint64_t{1} << (text.size() - at)) - 1;
            bits &= inside;
            feeds &= inside;
        }
        index.feeds += static_cast<std::size_t>(__builtin_popcountll(feeds));
        special = _mm256_or_si256(special,
                                  _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(_mm256_cmpeq_epi8(a, quote), _mm256_cmpeq_epi8(b, quote))));
        out = put_bits(bits, static_cast<unsigned>(__builtin_popcountll(bits)), static_cast<std::uint32_t>(at), out);
    }
    index.count = static_cast<std::size_t>(out - index.positions.data()) - 1;
    index.special = _mm256_movemask_epi8(special) != 0;
}

#endif

}  // namespace

void index_delimiters_plain(std::string_view text, DelimiterIndex& index) {
    make_room(text.size(), index);
    std::uint32_t* out = index.positions.data() + 1;
    unsigned special = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        *out = static_cast<std::uint32_t>(at);
        out += c == ',' || c == '\n' ? 1 : 0;
        index.feeds += c == '\n' ? 1U : 0U;
        special |= (static_cast<unsigned char>(c) & 0x80U) | (c == '"' ? 1U : 0U);
    }
    index.count = static_cast<std::size_t>(out - index.positions.data()) - 1;
    index.special = special != 0;
}

void index_delimiters(std::string_view text, DelimiterIndex& index) {
#if defined(__x86_64__)
    static const bool fast = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
    if (fast) {
        make_room(text.size(), index);
        index_avx2(text, index);
        return;
    }
#endif
    index_delimiters_plain(text, index);
}

}  // namespace sofia::store
