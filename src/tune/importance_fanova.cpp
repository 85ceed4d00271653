#include <algorithm>
#include <cmath>
#include <map>

#include "base/threads.hpp"
#include "tune/importance_data.hpp"
#include "tune/importance_forest.hpp"

namespace sofia::tune {

namespace {

/// The part of the space that ends in one leaf: bounds of the numbers, and the choices that are left of each category.
struct Box {
    std::vector<double> low;
    std::vector<double> high;
    std::vector<std::vector<std::uint8_t>> choices;

    /// The share of an input's range.
    [[nodiscard]] double share(std::size_t i, const ForestInput& input) const {
        if (input.choices > 0) return static_cast<double>(std::ranges::count(choices[i], 1)) / static_cast<double>(input.choices);
        return std::max(0.0, high[i] - low[i]) / (input.high - input.low);
    }
};

struct Leaf {
    Box box;
    std::vector<double> shares;  ///< one an input
    double share = 1.0;          ///< of the space
    double value = 0.0;
};

Box whole_space(const std::vector<ForestInput>& inputs) {
    Box box;
    for (const ForestInput& input : inputs) {
        box.low.push_back(input.low);
        box.high.push_back(input.high);
        box.choices.emplace_back(input.choices, std::uint8_t{1});
    }
    return box;
}

std::pair<Box, Box> split_box(const Box& box, std::size_t input, double at, const ForestInput& kind) {
    std::pair<Box, Box> out = {box, box};
    if (kind.choices > 0) {
        const auto chosen = static_cast<std::size_t>(at);
        for (std::size_t c = 0; c < kind.choices; ++c) {
            if (c != chosen) out.first.choices[input][c] = 0;
        }
        out.second.choices[input][chosen] = 0;
    } else {
        // Values outside the range (a trial may be added with one) leave a box without extent.
        out.first.high[input] = std::clamp(at, box.low[input], box.high[input]);
        out.second.low[input] = out.first.high[input];
    }
    return out;
}

std::vector<Leaf> leaves_of(const ForestTree& tree, const std::vector<ForestInput>& inputs) {
    std::vector<Leaf> leaves;
    std::vector<std::pair<std::size_t, Box>> open;
    open.emplace_back(0, whole_space(inputs));
    while (!open.empty()) {
        auto [at, box] = std::move(open.back());
        open.pop_back();
        const ForestNode& node = tree[at];
        if (node.input >= 0) {
            const auto input = static_cast<std::size_t>(node.input);
            auto [left, right] = split_box(box, input, node.split, inputs[input]);
            open.emplace_back(static_cast<std::size_t>(node.right), std::move(right));
            open.emplace_back(static_cast<std::size_t>(node.left), std::move(left));
            continue;
        }
        Leaf leaf{std::move(box), {}, 1.0, node.value};
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            leaf.shares.push_back(leaf.box.share(i, inputs[i]));
            leaf.share *= leaf.shares.back();
        }
        leaves.push_back(std::move(leaf));
    }
    return leaves;
}

/// The variance of a step function: values with the shares of the range where they hold.
double spread(const std::vector<double>& values, const std::vector<double>& shares) {
    double sum = 0.0;
    double mean = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        sum += shares[i];
        mean += shares[i] * values[i];
    }
    if (sum <= 0.0) return 0.0;
    mean /= sum;
    double variance = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) variance += shares[i] * (values[i] - mean) * (values[i] - mean);
    return variance / sum;
}

double total_variance(const std::vector<Leaf>& leaves) {
    std::vector<double> values;
    std::vector<double> shares;
    for (const Leaf& leaf : leaves) {
        values.push_back(leaf.value);
        shares.push_back(leaf.share);
    }
    return spread(values, shares);
}

/// The variance of the tree's prediction along one category, averaged over all other inputs.
double choice_variance(const std::vector<Leaf>& leaves, std::size_t input, std::size_t choices) {
    std::vector<double> values(choices);
    for (const Leaf& leaf : leaves) {
        const double others = leaf.share / leaf.shares[input];
        for (std::size_t c = 0; c < choices; ++c) {
            if (leaf.box.choices[input][c] != 0) values[c] += others * leaf.value;
        }
    }
    return spread(values, std::vector<double>(choices, 1.0 / static_cast<double>(choices)));
}

/// The same along one number: between two thresholds the marginal prediction is constant, and each leaf adds to those that it covers.
double number_variance(const std::vector<Leaf>& leaves, std::size_t input, const ForestInput& kind, double centre) {
    std::vector<double> edges = {kind.low, kind.high};
    for (const Leaf& leaf : leaves) edges.push_back(leaf.box.low[input]);
    std::ranges::sort(edges);
    edges.erase(std::ranges::unique(edges).begin(), edges.end());
    std::vector<double> change(edges.size());
    const auto place = [&](double x) { return static_cast<std::size_t>(std::ranges::lower_bound(edges, x) - edges.begin()); };
    for (const Leaf& leaf : leaves) {
        if (leaf.shares[input] <= 0.0) continue;
        // What a leaf is above the mean: so that the sums below stay small where the values are large.
        const double part = leaf.share / leaf.shares[input] * (leaf.value - centre);
        change[place(leaf.box.low[input])] += part;
        change[place(leaf.box.high[input])] -= part;
    }
    std::vector<double> values;
    std::vector<double> shares;
    double value = 0.0;
    for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
        value += change[i];
        values.push_back(value);
        shares.push_back(edges[i + 1] - edges[i]);
    }
    return spread(values, shares);
}

/// Each input's share in one tree's variance; empty when the tree does not vary.
std::vector<double> shares_of(const ForestTree& tree, const std::vector<ForestInput>& inputs) {
    const std::vector<Leaf> leaves = leaves_of(tree, inputs);
    const double total = total_variance(leaves);
    if (!(total > 0.0)) return {};
    std::vector<double> out;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const double own =
            inputs[i].choices > 0 ? choice_variance(leaves, i, inputs[i].choices) : number_variance(leaves, i, inputs[i], tree[0].value);
        out.push_back(own / total);
    }
    return out;
}

/// The parameters that every complete trial has with the same distribution; those asked for must be among them.
Result<std::map<std::string, const Distribution*>> common_params(const ImportanceTrials& data, const std::vector<std::string>& asked) {
    std::map<std::string, const Distribution*> common;
    if (!data.complete.empty()) {
        for (const Param& param : data.complete.back()->params) common[param.name] = param.distribution.get();
    }
    for (const TrialPtr& trial : data.complete) {
        std::erase_if(common, [&](const auto& one) {
            const Param* param = trial->param(one.first);
            return param == nullptr || (param->distribution.get() != one.second && !(*param->distribution == *one.second));
        });
    }
    if (asked.empty()) return common;
    std::map<std::string, const Distribution*> out;
    for (const std::string& name : asked) {
        const auto found = common.find(name);
        if (found == common.end()) {
            return fail(ErrorCode::usage, "parameter " + name + " is not in every complete trial with the same range", "PED-ANOVA can assess it");
        }
        out.insert(*found);
    }
    return out;
}

ForestInput input_of(const Distribution& distribution) {
    if (const auto* f = distribution.as_float()) return {f->low, f->high, 0};
    if (const auto* i = distribution.as_int()) return {static_cast<double>(i->low), static_cast<double>(i->high), 0};
    return {0.0, 1.0, distribution.as_categorical()->choices.size()};
}

}  // namespace

Result<std::vector<Importance>> fanova(std::span<const TrialPtr> trials, const std::vector<Direction>& directions, const ImportanceOptions& options,
                                       const FanovaOptions& method) {
    SOFIA_CHECK(method.validate());
    SOFIA_TRY(const ImportanceTrials data, importance_trials(trials, directions, options));
    SOFIA_TRY(const auto params, common_params(data, options.params));
    std::vector<Importance> out;
    std::vector<std::size_t> place;  // in `out`, an input each
    ForestData forest;
    for (const auto& [name, distribution] : params) {
        out.push_back({name, 0.0});
        if (distribution->single()) continue;
        place.push_back(out.size() - 1);
        forest.inputs.push_back(input_of(*distribution));
        forest.columns.emplace_back();
        for (const TrialPtr& trial : data.finite) forest.columns.back().push_back(trial->param(name)->internal);
    }
    if (place.empty() || data.finite.size() < 2) return out;
    forest.values = data.losses;
    const auto sorted = sorted_rows(forest);
    std::vector<std::vector<double>> shares(method.trees);
    const RandomStream random = RandomStream(method.seed).split("forest");
    ThreadPool(method.threads).for_each(method.trees, [&](std::size_t i) {
        shares[i] = shares_of(grow_tree(forest, sorted, method.depth_max, random.split(i)), forest.inputs);
    });
    const auto varying = std::ranges::count_if(shares, [](const auto& one) { return !one.empty(); });
    if (varying == 0) {
        return fail(ErrorCode::usage, "fANOVA has nothing to explain: the values of the complete trials do not differ");
    }
    for (const auto& tree : shares) {
        for (std::size_t i = 0; i < tree.size(); ++i) out[place[i]].value += tree[i] / static_cast<double>(varying);
    }
    return largest_first(std::move(out));
}

}  // namespace sofia::tune
