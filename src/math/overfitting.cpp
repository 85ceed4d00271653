#include "math/overfitting.hpp"

#include <cassert>
#include <cmath>
#include <memory>

#include "math/special.hpp"
#include "math/statistics.hpp"
#include "math/window.hpp"

namespace sofia::math {

std::vector<std::size_t> block_bounds(std::size_t periods, std::size_t blocks) {
    std::vector<std::size_t> bounds{0};
    for (std::size_t b = 0; b < blocks; ++b) bounds.push_back(bounds.back() + periods / blocks + (b < periods % blocks ? 1 : 0));
    return bounds;
}

namespace {

/// Sums of a block of all trials, one after the other.
struct BlockSums {
    std::size_t trials = 0;
    std::vector<double> lengths;
    std::vector<double> sums;
    std::vector<double> squares;
};

BlockSums block_sums(std::span<const std::vector<double>> trials, std::size_t blocks) {
    assert(!trials.empty() && trials.front().size() >= blocks);
    BlockSums out;
    out.trials = trials.size();
    const std::vector<std::size_t> bounds = block_bounds(trials.front().size(), blocks);
    for (std::size_t b = 0; b < blocks; ++b) {
        out.lengths.push_back(static_cast<double>(bounds[b + 1] - bounds[b]));
        for (const std::vector<double>& series : trials) {
            assert(series.size() == bounds.back());
            double sum = 0.0;
            double squares = 0.0;
            for (std::size_t t = bounds[b]; t < bounds[b + 1]; ++t) {
                sum += series[t];
                squares += series[t] * series[t];
            }
            out.sums.push_back(sum);
            out.squares.push_back(squares);
        }
    }
    return out;
}

/// Length of the blocks together; the column sums of these rows go to `totals`.
double add_up(const BlockSums& table, std::span<const double> rows, std::span<const std::size_t> blocks, std::span<double> totals) {
    std::ranges::fill(totals, 0.0);
    double length = 0.0;
    for (const std::size_t b : blocks) {
        length += table.lengths[b];
        const double* const row = rows.data() + b * table.trials;
        for (std::size_t i = 0; i < table.trials; ++i) totals[i] += row[i];
    }
    return length;
}

double sharpe_of(double sum, double squares, double length) {
    const double mean = sum / length;
    const double spread = squares - sum * mean;
    // What is left of equal values is rounding.
    if (!(spread > 1e-13 * squares)) return sum == 0.0 && squares == 0.0 ? 0.0 : missing;
    return mean / std::sqrt(spread / (length - 1.0));
}

}  // namespace

SelectionRule ranking_rule(std::span<const std::vector<double>> trials, std::size_t blocks, Ranking ranking) {
    const auto table = std::make_shared<const BlockSums>(block_sums(trials, blocks));
    if (ranking == Ranking::mean) {
        return {.rank = [table](std::span<const std::size_t> half, std::span<double> out) {
            const double length = add_up(*table, table->sums, half, out);
            for (double& value : out) value /= length;
        }};
    }
    return {.rank = [table](std::span<const std::size_t> half, std::span<double> out) {
        std::vector<double> squares(out.size());
        add_up(*table, table->squares, half, squares);
        const double length = add_up(*table, table->sums, half, out);
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = sharpe_of(out[i], squares[i], length);
    }};
}

namespace {

/// All ways to take `half` of 2 half blocks, in lexicographic order. The complement of the i-th is the i-th from the end.
std::vector<std::vector<std::size_t>> halves_of(std::size_t blocks) {
    std::vector<std::vector<std::size_t>> out;
    std::vector<std::size_t> now;
    for (std::size_t i = 0; i < blocks / 2; ++i) now.push_back(i);
    while (true) {
        out.push_back(now);
        std::size_t at = now.size();
        while (at > 0 && now[at - 1] == blocks - now.size() + at - 1) --at;
        if (at == 0) return out;
        ++now[at - 1];
        for (std::size_t i = at; i < now.size(); ++i) now[i] = now[i - 1] + 1;
    }
}

constexpr std::uint32_t nobody = 0xffffffffU;

std::uint32_t best_of(std::span<const double> ranking) {
    std::uint32_t best = nobody;
    for (std::uint32_t i = 0; i < ranking.size(); ++i) {
        if (!std::isnan(ranking[i]) && (best == nobody || ranking[i] > ranking[best])) best = i;
    }
    return best;
}

double relative_rank(std::span<const double> ranking, std::uint32_t who) {
    const double value = ranking[who];
    std::size_t below = 0;
    std::size_t equal = 0;  // itself included
    for (const double other : ranking) {
        if (std::isnan(value)) {
            equal += std::isnan(other) ? 1 : 0;
        } else {
            below += other < value || std::isnan(other) ? 1 : 0;
            equal += other == value ? 1 : 0;
        }
    }
    return (static_cast<double>(below) + 0.5 * static_cast<double>(equal + 1)) / static_cast<double>(ranking.size() + 1);
}

struct Split {
    std::uint32_t chosen = nobody;
    double relative_rank = missing;
    double inside = missing;
    double outside = missing;
};

struct Side {
    std::span<const std::size_t> blocks;
    std::span<const double> ranking;
};

Split split_of(const SelectionRule& rule, const Side& in, const Side& out) {
    Split split;
    split.chosen = best_of(in.ranking);
    if (split.chosen == nobody) return split;
    split.relative_rank = relative_rank(out.ranking, split.chosen);
    const auto performance = [&](const Side& side) {
        return rule.performance ? rule.performance(side.blocks, split.chosen) : side.ranking[split.chosen];
    };
    split.inside = performance(in);
    split.outside = performance(out);
    return split;
}

/// Least squares of what happened outside on what happened inside, where both are known.
void add_degradation(Overfitting& out) {
    std::vector<double> x;
    std::vector<double> y;
    std::size_t losses = 0;
    for (std::size_t i = 0; i < out.inside.size(); ++i) {
        if (std::isnan(out.inside[i]) || std::isnan(out.outside[i])) continue;
        x.push_back(out.inside[i]);
        y.push_back(out.outside[i]);
        losses += out.outside[i] < 0.0 ? 1 : 0;
    }
    if (x.empty()) return;
    out.probability_of_loss = static_cast<double>(losses) / static_cast<double>(x.size());
    const double r = correlation(x, y);
    if (!(variance(x, Divisor::n) > 0.0)) return;
    out.slope = std::isnan(r) ? 0.0 : r * stdev(y, Divisor::n) / stdev(x, Divisor::n);
    out.intercept = mean(y) - out.slope * mean(x);
    out.r_squared = r * r;
}

}  // namespace

Overfitting overfitting_of(std::size_t trials, std::size_t blocks, const SelectionRule& rule, ThreadPool& pool) {
    assert(blocks >= 2 && blocks <= 20 && blocks % 2 == 0);
    Overfitting out;
    if (trials < 2) return out;
    const std::vector<std::vector<std::size_t>> halves = halves_of(blocks);
    std::vector<Split> splits(halves.size());
    // A half and its complement are two splits with their roles exchanged: each half is ranked once.
    pool.for_each(halves.size() / 2, [&](std::size_t i) {
        const std::size_t mirrored = halves.size() - 1 - i;
        std::vector<double> one(trials);
        std::vector<double> other(trials);
        rule.rank(halves[i], one);
        rule.rank(halves[mirrored], other);
        const Side a{halves[i], one};
        const Side b{halves[mirrored], other};
        splits[i] = split_of(rule, a, b);
        splits[mirrored] = split_of(rule, b, a);
    });
    out.splits = splits.size();
    std::size_t overfit = 0;
    for (const Split& split : splits) {
        if (split.chosen == nobody) {
            ++out.without_choice;
            continue;
        }
        out.chosen.push_back(split.chosen);
        out.relative_ranks.push_back(split.relative_rank);
        out.logits.push_back(logit(split.relative_rank));
        out.inside.push_back(split.inside);
        out.outside.push_back(split.outside);
        overfit += split.relative_rank <= 0.5 ? 1 : 0;
    }
    if (!out.chosen.empty()) out.probability = static_cast<double>(overfit) / static_cast<double>(out.chosen.size());
    add_degradation(out);
    return out;
}

}  // namespace sofia::math
