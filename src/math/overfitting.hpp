#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "base/threads.hpp"

// Probability of backtest overfitting by combinatorially symmetric cross-validation: Bailey, Borwein, López de Prado, Zhu (2017).
namespace sofia::math {

/// How a trial is chosen from what it did in some blocks of the time. Called from several threads at once.
struct SelectionRule {
    /// What the trials are ranked by over these blocks (ascending numbers): higher is better, the highest is chosen, of equals the first. NaN is
    /// never chosen and ranks below all.
    std::function<void(std::span<const std::size_t> blocks, std::span<double> ranking)> rank;

    /// What a trial earned over these blocks, for the degradation and the probability of loss. Left empty: what it is ranked by.
    std::function<double(std::span<const std::size_t> blocks, std::size_t trial)> performance = {};
};

/// What is enough for a rule that needs sums only.
enum class Ranking { mean, sharpe };

/// Where the blocks of `periods` periods begin, and the end: `blocks` + 1 places. The first periods % blocks are one longer.
[[nodiscard]] std::vector<std::size_t> block_bounds(std::size_t periods, std::size_t blocks);

/// Mean, or mean / standard deviation (n - 1), of a trial's periods in the blocks, from block sums: O(trials) a split. `trials`: one series each, of
/// the same length of at least `blocks` periods (asserted). A trial without variance has Sharpe 0 when its mean is 0, else NaN.
[[nodiscard]] SelectionRule ranking_rule(std::span<const std::vector<double>> trials, std::size_t blocks, Ranking ranking);

/// Every way to take half of the blocks, in lexicographic order: the choice is made there, and judged on the other half.
struct Overfitting {
    double probability = std::numeric_limits<double>::quiet_NaN();       ///< share of splits whose logit is not above 0
    double probability_of_loss = std::numeric_limits<double>::quiet_NaN();  ///< share of splits where the chosen trial loses in the other half
    double slope = std::numeric_limits<double>::quiet_NaN();             ///< least squares of the performance outside on that inside
    double intercept = std::numeric_limits<double>::quiet_NaN();
    double r_squared = std::numeric_limits<double>::quiet_NaN();
    std::size_t splits = 0;                                              ///< C(blocks, blocks / 2)
    std::size_t without_choice = 0;                                      ///< splits where no trial could be chosen: left out everywhere
    std::vector<std::uint32_t> chosen;                                   ///< by split that has a choice, as all that follow
    std::vector<double> relative_ranks;  ///< outside: rank / (trials + 1), the worst 1, equals share their mean rank
    std::vector<double> logits;  ///< log(relative rank / (1 - relative rank))
    std::vector<double> inside;  ///< performance of the chosen
    std::vector<double> outside;
};

/// `blocks`: even, 2 to 20 (asserted); 16 are the 12,870 splits that the authors use. NaN below 2 trials. Same result for any number of threads.
[[nodiscard]] Overfitting overfitting_of(std::size_t trials, std::size_t blocks, const SelectionRule& rule, ThreadPool& pool);

}  // namespace sofia::math
