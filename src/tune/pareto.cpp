#include "tune/pareto.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

namespace sofia::tune {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Peels the fronts off: the trials that no trial left dominates, again and again.
void feasible_fronts(std::vector<TrialPtr> left, const std::vector<Direction>& directions, std::vector<std::vector<TrialPtr>>& out) {
    const std::size_t n = left.size();
    std::vector<std::size_t> dominators(n, 0);
    std::vector<std::vector<std::size_t>> dominated(n);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            if (!dominates(*left[i], *left[j], directions)) continue;
            dominated[i].push_back(j);
            ++dominators[j];
        }
    }
    std::vector<std::size_t> front;
    for (std::size_t i = 0; i < n; ++i) {
        if (dominators[i] == 0) front.push_back(i);
    }
    while (!front.empty()) {
        std::vector<std::size_t> next;
        std::vector<TrialPtr> trials;
        for (const std::size_t i : front) {
            trials.push_back(left[i]);
            for (const std::size_t j : dominated[i]) {
                if (--dominators[j] == 0) next.push_back(j);
            }
        }
        out.push_back(std::move(trials));
        std::sort(next.begin(), next.end());
        front = std::move(next);
    }
}

/// The positions of the trials from the least crowded on; ties as Optuna breaks them, from the last objective's largest value on.
std::vector<std::size_t> least_crowded_first(std::span<const TrialPtr> trials) {
    std::vector<std::size_t> order(trials.size());
    std::iota(order.begin(), order.end(), 0U);
    const std::size_t objectives = trials.empty() ? 0 : trials.front()->values.size();
    for (std::size_t k = 0; k < objectives; ++k) {
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return trials[a]->values[k] < trials[b]->values[k]; });
    }
    const std::vector<double> distance = crowding_distances(trials);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return distance[a] < distance[b]; });
    std::reverse(order.begin(), order.end());
    return order;
}

}  // namespace

bool dominates(const FrozenTrial& a, const FrozenTrial& b, const std::vector<Direction>& directions) {
    bool better = false;
    for (std::size_t i = 0; i < directions.size(); ++i) {
        const double sign = directions[i] == Direction::minimize ? 1.0 : -1.0;
        const double x = sign * a.values[i];
        const double y = sign * b.values[i];
        if (x > y) return false;
        better = better || x < y;
    }
    return better;
}

bool constrained_dominates(const FrozenTrial& a, const FrozenTrial& b, const std::vector<Direction>& directions) {
    const double x = a.violation();
    const double y = b.violation();
    if (x > 0.0 || y > 0.0) return x < y;
    return dominates(a, b, directions);
}

std::vector<std::vector<TrialPtr>> nondominated_fronts(std::span<const TrialPtr> trials, const std::vector<Direction>& directions) {
    std::vector<TrialPtr> feasible;
    std::map<double, std::vector<TrialPtr>> infeasible;
    for (const TrialPtr& trial : trials) {
        const double violation = trial->violation();
        if (violation > 0.0) {
            infeasible[violation].push_back(trial);
        } else {
            feasible.push_back(trial);
        }
    }
    std::vector<std::vector<TrialPtr>> out;
    feasible_fronts(std::move(feasible), directions, out);
    for (auto& [violation, front] : infeasible) out.push_back(std::move(front));
    return out;
}

std::vector<double> crowding_distances(std::span<const TrialPtr> trials) {
    const std::size_t n = trials.size();
    std::vector<double> out(n, 0.0);
    if (n == 0) return out;
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), 0U);
    for (std::size_t k = 0; k < trials.front()->values.size(); ++k) {
        const auto value = [&](std::size_t i) { return trials[order[i]]->values[k]; };
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return trials[a]->values[k] < trials[b]->values[k]; });
        if (value(0) == value(n - 1)) continue;
        // The least value above minus infinity, the largest below infinity; without any, the width is not positive.
        double least = infinity;
        double largest = -infinity;
        for (std::size_t i = 0; i < n; ++i) {
            if (value(i) != -infinity) least = std::min(least, value(i));
            if (value(i) != infinity) largest = std::max(largest, value(i));
        }
        const double width = largest - least > 0.0 ? largest - least : 1.0;
        for (std::size_t i = 0; i < n; ++i) {
            const double below = i > 0 ? value(i - 1) : -infinity;
            const double above = i + 1 < n ? value(i + 1) : infinity;
            out[order[i]] += below == above ? 0.0 : (above - below) / width;
        }
    }
    return out;
}

std::vector<TrialPtr> elite(std::span<const TrialPtr> trials, const std::vector<Direction>& directions, std::size_t count) {
    std::vector<TrialPtr> out;
    for (const auto& front : nondominated_fronts(trials, directions)) {
        if (out.size() + front.size() < count) {
            out.insert(out.end(), front.begin(), front.end());
            continue;
        }
        const auto order = least_crowded_first(front);
        for (std::size_t i = 0; out.size() < count && i < order.size(); ++i) out.push_back(front[order[i]]);
        break;
    }
    std::sort(out.begin(), out.end(), [](const TrialPtr& a, const TrialPtr& b) { return a->number < b->number; });
    return out;
}

}  // namespace sofia::tune
