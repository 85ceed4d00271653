#include "tune/importance_forest.hpp"

#include <algorithm>
#include <numeric>

namespace sofia::tune {

namespace {

/// A part of the rows: the same range of every column's order.
struct Part {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t depth = 0;
    std::size_t node = 0;
};

struct Split {
    double gain = 0.0;
    std::size_t input = 0;
    double at = 0.0;
};

struct Sums {
    double weight = 0.0;
    double value = 0.0;

    /// What the squared error falls by when this part has its own mean.
    [[nodiscard]] double score() const { return weight > 0.0 ? value * value / weight : 0.0; }
};

class Grower {
public:
    Grower(const ForestData& data, const std::vector<std::vector<std::uint32_t>>& sorted, RandomStream random)
        : data_(data), random_(random), weights_(data.values.size()), goes_left_(data.values.size()) {
        for (std::size_t i = 0; i < weights_.size(); ++i) ++weights_[random_.below(weights_.size())];
        // Without its mean a large common offset does not eat the digits of the gains.
        mean_ = std::accumulate(data.values.begin(), data.values.end(), 0.0) / static_cast<double>(data.values.size());
        for (const auto& column : sorted) {
            order_.emplace_back();
            for (const std::uint32_t row : column) {
                if (weights_[row] > 0.0) order_.back().push_back(row);
            }
        }
        kept_.resize(order_.front().size());
        turn_.resize(order_.size());
        std::iota(turn_.begin(), turn_.end(), std::size_t{0});
    }

    ForestTree grow(std::size_t depth_max) {
        ForestTree tree(1);
        std::vector<Part> open = {{0, order_.front().size(), 0, 0}};
        while (!open.empty()) {
            const Part part = open.back();
            open.pop_back();
            const Sums sums = sum(part);
            tree[part.node].value = mean_ + sums.value / sums.weight;
            if (part.depth == depth_max || constant(part)) continue;
            const Split split = best_split(part, sums);
            if (split.gain <= 0.0) continue;
            const std::size_t middle = divide(part, split);
            const auto left = static_cast<std::int32_t>(tree.size());
            tree[part.node] = {static_cast<std::int32_t>(split.input), split.at, left, left + 1, tree[part.node].value};
            tree.resize(tree.size() + 2);
            open.push_back({middle, part.end, part.depth + 1, static_cast<std::size_t>(left) + 1});
            open.push_back({part.begin, middle, part.depth + 1, static_cast<std::size_t>(left)});
        }
        return tree;
    }

private:
    [[nodiscard]] double centred(std::uint32_t row) const { return data_.values[row] - mean_; }

    [[nodiscard]] Sums sum(const Part& part) const {
        Sums out;
        for (std::size_t i = part.begin; i < part.end; ++i) add(out, order_.front()[i]);
        return out;
    }

    void add(Sums& sums, std::uint32_t row) const {
        sums.weight += weights_[row];
        sums.value += weights_[row] * centred(row);
    }

    [[nodiscard]] bool constant(const Part& part) const {
        const double first = data_.values[order_.front()[part.begin]];
        for (std::size_t i = part.begin; i < part.end; ++i) {
            if (data_.values[order_.front()[i]] != first) return false;
        }
        return true;
    }

    /// Near the leaves many inputs split equally well and the first one tried wins, so each node draws whose turn is first.
    [[nodiscard]] Split best_split(const Part& part, const Sums& whole) {
        for (std::size_t last = turn_.size(); last > 1; --last) std::swap(turn_[last - 1], turn_[random_.below(last)]);
        Split best;
        for (const std::size_t input : turn_) {
            if (data_.inputs[input].choices == 0) {
                try_thresholds(part, whole, input, best);
            } else {
                try_choices(part, whole, input, best);
            }
        }
        return best;
    }

    static void take(const Sums& whole, const Sums& left, std::size_t input, double at, Split& best) {
        const Sums right = {whole.weight - left.weight, whole.value - left.value};
        const double gain = left.score() + right.score() - whole.score();
        if (gain > best.gain * (1.0 + 1e-12)) best = {gain, input, at};
    }

    void try_thresholds(const Part& part, const Sums& whole, std::size_t input, Split& best) const {
        const std::vector<double>& column = data_.columns[input];
        const std::vector<std::uint32_t>& order = order_[input];
        Sums left;
        for (std::size_t i = part.begin; i + 1 < part.end; ++i) {
            add(left, order[i]);
            const double here = column[order[i]];
            const double next = column[order[i + 1]];
            if (here == next) continue;
            // Between neighbouring doubles the middle may be the upper one, which would then go left.
            const double middle = here / 2.0 + next / 2.0;
            take(whole, left, input, middle < next ? middle : here, best);
        }
    }

    void try_choices(const Part& part, const Sums& whole, std::size_t input, Split& best) const {
        const std::vector<double>& column = data_.columns[input];
        const std::vector<std::uint32_t>& order = order_[input];
        for (std::size_t i = part.begin; i < part.end;) {
            const double choice = column[order[i]];
            Sums of_choice;
            for (; i < part.end && column[order[i]] == choice; ++i) add(of_choice, order[i]);
            if (of_choice.weight < whole.weight) take(whole, of_choice, input, choice, best);
        }
    }

    /// Puts the rows that go left first, in every column's order; returns where the right ones begin.
    std::size_t divide(const Part& part, const Split& split) {
        const std::vector<double>& column = data_.columns[split.input];
        const bool category = data_.inputs[split.input].choices > 0;
        std::size_t count = 0;
        for (std::size_t i = part.begin; i < part.end; ++i) {
            const std::uint32_t row = order_.front()[i];
            const bool left = category ? column[row] == split.at : column[row] <= split.at;
            goes_left_[row] = left ? 1 : 0;
            count += left ? 1 : 0;
        }
        for (std::vector<std::uint32_t>& order : order_) {
            std::size_t at = part.begin;
            std::size_t kept = 0;
            for (std::size_t i = part.begin; i < part.end; ++i) {
                if (goes_left_[order[i]] != 0) {
                    order[at++] = order[i];
                } else {
                    kept_[kept++] = order[i];
                }
            }
            std::copy_n(kept_.begin(), kept, order.begin() + static_cast<std::ptrdiff_t>(at));
        }
        return part.begin + count;
    }

    const ForestData& data_;
    RandomStream random_;
    std::vector<double> weights_;  ///< how often the bootstrap drew a row
    std::vector<std::uint8_t> goes_left_;
    std::vector<std::vector<std::uint32_t>> order_;
    std::vector<std::uint32_t> kept_;
    std::vector<std::size_t> turn_;  ///< inputs, as the node at hand tries them
    double mean_ = 0.0;
};

}  // namespace

std::vector<std::vector<std::uint32_t>> sorted_rows(const ForestData& data) {
    std::vector<std::vector<std::uint32_t>> out;
    for (const std::vector<double>& column : data.columns) {
        out.emplace_back(column.size());
        std::iota(out.back().begin(), out.back().end(), 0U);
        std::ranges::sort(out.back(), [&](std::uint32_t a, std::uint32_t b) { return column[a] != column[b] ? column[a] < column[b] : a < b; });
    }
    return out;
}

ForestTree grow_tree(const ForestData& data, const std::vector<std::vector<std::uint32_t>>& sorted, std::size_t depth_max, RandomStream random) {
    return Grower(data, sorted, random).grow(depth_max);
}

}  // namespace sofia::tune
