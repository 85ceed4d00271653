#include "math/signed_rank.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

#include "math/special.hpp"

namespace sofia::math {

namespace {

constexpr std::size_t exact_most = 50;
constexpr std::size_t exact_most_with_ties = 13;

struct Ranks {
    std::vector<std::size_t> doubled;  ///< twice the rank of each size: whole numbers
    double ties = 0.0;                 ///< sum of t^3 - t over groups of t equal sizes
};

Ranks rank(std::span<const double> differences) {
    const std::size_t n = differences.size();
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    const auto size = [&](std::size_t i) { return std::abs(differences[i]); };
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return size(a) < size(b); });
    Ranks out;
    out.doubled.resize(n);
    for (std::size_t first = 0; first < n;) {
        std::size_t end = first + 1;
        while (end < n && size(order[end]) == size(order[first])) ++end;
        for (std::size_t i = first; i < end; ++i) out.doubled[order[i]] = first + end + 1;  // ranks first + 1 to end
        const auto t = static_cast<double>(end - first);
        out.ties += t * t * t - t;
        first = end;
    }
    return out;
}

/// P(a sum of doubled ranks, each taken with probability 1/2, is at least `least`): multiples of 2^-n, which doubles hold exactly.
double exact(const std::vector<std::size_t>& doubled, std::size_t least) {
    std::vector<double> chance = {1.0};
    for (const std::size_t r : doubled) {
        std::vector<double> next(chance.size() + r, 0.0);
        for (std::size_t i = 0; i < chance.size(); ++i) {
            next[i] += 0.5 * chance[i];
            next[i + r] += 0.5 * chance[i];
        }
        chance = std::move(next);
    }
    double sum = 0.0;
    for (std::size_t i = least; i < chance.size(); ++i) sum += chance[i];
    return sum;
}

}  // namespace

double signed_rank_p(std::span<const double> differences) {
    const std::size_t n = differences.size();
    if (n == 0 || std::any_of(differences.begin(), differences.end(), [](double d) { return std::isnan(d); })) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    const Ranks ranks = rank(differences);
    std::vector<std::size_t> signed_ranks;  // of what is not 0
    std::size_t above = 0;
    std::size_t zeros = 0;
    for (std::size_t i = 0; i < n; ++i) {
        if (differences[i] == 0.0) {
            zeros += ranks.doubled[i];
            continue;
        }
        signed_ranks.push_back(ranks.doubled[i]);
        if (differences[i] > 0.0) above += ranks.doubled[i];
    }
    const bool plain = ranks.ties == 0.0 && zeros == 0;
    if (n <= (plain ? exact_most : exact_most_with_ties)) return exact(signed_ranks, above);
    const auto count = static_cast<double>(n);
    const double plus = 0.5 * static_cast<double>(above) + 0.25 * static_cast<double>(zeros);
    const double error = std::sqrt((count * (count + 1.0) * (2.0 * count + 1.0) - 0.5 * ranks.ties) / 24.0);
    return normal_cdf(-(plus - count * (count + 1.0) * 0.25) / error);
}

}  // namespace sofia::math
