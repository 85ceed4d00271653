#include "models/flat_trees.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/text.hpp"
#include "models/model_text.hpp"

namespace sofia::models {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// The index that a negative code stands for: -1 is 0, -2 is 1.
std::size_t flipped(std::int32_t code) {
    const std::int32_t index = ~code;
    return static_cast<std::size_t>(index);
}

// LightGBM takes values of at most this size for zero, also where zero is not missing.
constexpr double zero_threshold = 1e-35F;

/// Children lie side by side, so a step is `left + (goes right)`. A leaf compares the constant column 0, which is -infinity, with its value and so
/// stays where it is: trees of different depth can be walked in step, without branches.
struct Node {
    double threshold;     // of a leaf: its value
    std::int32_t column;  // of the prepared row; 0: leaf; negative: ~index of a category set
    std::uint32_t left;
};

struct CategorySet {
    std::uint32_t feature;
    std::uint32_t begin;  // words
    std::uint32_t words;
};

/// What a value becomes before comparisons, so that `value <= threshold` alone decides: -infinity always goes left, NaN always right.
enum class Missing : std::uint8_t { none, nan_left, nan_right, zero_left, zero_right };
constexpr std::size_t missing_kinds = 5;

enum class Link : std::uint8_t { identity, sigmoid, exponential, softplus, signed_square, softmax };

constexpr std::size_t lanes = 8;
constexpr std::size_t columns_on_stack = 512;

double prepare(double value, Missing missing) {
    const bool absent = std::isnan(value);
    const bool zero = std::abs(value) <= zero_threshold;
    switch (missing) {
        case Missing::none: return absent || zero ? 0.0 : value;
        case Missing::nan_left: return absent ? -infinity : zero ? 0.0 : value;
        case Missing::nan_right: return zero ? 0.0 : value;
        case Missing::zero_left: return absent || zero ? -infinity : value;
        case Missing::zero_right: return absent || zero ? nan : value;
    }
    return value;
}

}  // namespace

struct FlatTrees::State {
    std::vector<std::string> feature_names;
    std::size_t classes = 1;
    std::size_t trees = 0;
    bool average = false;
    Link link = Link::identity;
    double sigmoid = 1.0;

    std::vector<Node> nodes;
    std::vector<std::uint32_t> roots;          // padded with an empty leaf to whole groups of `lanes`
    std::vector<std::uint8_t> group_has_sets;  // one a group
    std::vector<CategorySet> sets;
    std::vector<std::uint32_t> words;
    std::array<std::vector<std::uint32_t>, missing_kinds> prepared;  // features by what they become, in order of their columns from 1 on
    std::size_t width = 1;                                           // of the prepared row

    void prepare_row(std::span<const double> row, double* out) const;
    [[nodiscard]] bool in_set(std::span<const double> row, std::size_t index) const;
    [[nodiscard]] double walk(std::uint32_t node, std::span<const double> row, const double* values) const;
    void walk_group(const std::uint32_t* group, const double* values, double* leaves) const;
    void sum(std::span<const double> row, std::span<double> out) const;
    void transform(std::span<double> out) const;
};

void FlatTrees::State::prepare_row(std::span<const double> row, double* out) const {
    *out++ = -infinity;
    for (const std::uint32_t feature : prepared[0]) *out++ = prepare(row[feature], Missing::none);
    for (const std::uint32_t feature : prepared[1]) *out++ = prepare(row[feature], Missing::nan_left);
    for (const std::uint32_t feature : prepared[2]) *out++ = prepare(row[feature], Missing::nan_right);
    for (const std::uint32_t feature : prepared[3]) *out++ = prepare(row[feature], Missing::zero_left);
    for (const std::uint32_t feature : prepared[4]) *out++ = prepare(row[feature], Missing::zero_right);
}

bool FlatTrees::State::in_set(std::span<const double> row, std::size_t index) const {
    const CategorySet& set = sets[index];
    const double value = row[set.feature];
    if (!(value > -1.0 && value < 2147483648.0)) return false;  // NaN too
    const auto category = static_cast<std::uint32_t>(static_cast<std::int64_t>(value));
    return category / 32 < set.words && ((words[set.begin + category / 32] >> (category % 32)) & 1U) != 0;
}

double FlatTrees::State::walk(std::uint32_t at, std::span<const double> row, const double* values) const {
    while (true) {
        const Node& node = nodes[at];
        if (node.column == 0) return node.threshold;
        const bool left = node.column < 0 ? in_set(row, flipped(node.column)) : values[static_cast<std::size_t>(node.column)] <= node.threshold;
        at = node.left + (left ? 0U : 1U);
    }
}

// Eight walks at once hide each other's latencies; the loop ends when all have come to a leaf.
void FlatTrees::State::walk_group(const std::uint32_t* group, const double* values, double* leaves) const {
    const Node* const all = nodes.data();
    std::array<std::uint32_t, lanes> at{};
#pragma GCC unroll 8
    for (std::size_t k = 0; k < lanes; ++k) at[k] = group[k];
    std::int32_t moving = 0;
    do {
        moving = 0;
#pragma GCC unroll 8
        for (std::size_t k = 0; k < lanes; ++k) {
            const Node& node = all[at[k]];
            moving |= node.column;
            at[k] = node.left + static_cast<std::uint32_t>(!(values[node.column] <= node.threshold));
        }
    } while (moving != 0);
#pragma GCC unroll 8
    for (std::size_t k = 0; k < lanes; ++k) leaves[k] = all[at[k]].threshold;
}

void FlatTrees::State::sum(std::span<const double> row, std::span<double> out) const {
    std::array<double, columns_on_stack> small;
    std::vector<double> large;
    double* values = small.data();
    if (width > small.size()) {
        large.resize(width);
        values = large.data();
    }
    prepare_row(row, values);
    std::ranges::fill(out, 0.0);
    std::array<double, lanes> leaves{};
    std::size_t output = 0;
    for (std::size_t group = 0; group * lanes < trees; ++group) {
        const std::uint32_t* const first = roots.data() + group * lanes;
        if (group_has_sets[group] == 0) {
            walk_group(first, values, leaves.data());
        } else {
            for (std::size_t k = 0; k < lanes; ++k) leaves[k] = walk(first[k], row, values);
        }
        const std::size_t count = std::min(lanes, trees - group * lanes);
        for (std::size_t k = 0; k < count; ++k) {
            out[output] += leaves[k];
            output = output + 1 == classes ? 0 : output + 1;
        }
    }
}

void FlatTrees::State::transform(std::span<double> out) const {
    if (average && trees > 0) {
        const auto rounds = trees / classes;
        for (double& value : out) value /= static_cast<double>(rounds);
    }
    if (link == Link::softmax) {
        const double top = *std::ranges::max_element(out);
        double total = 0.0;
        for (double& value : out) {
            value = std::exp(value - top);
            total += value;
        }
        for (double& value : out) value /= total;
        return;
    }
    for (double& value : out) {
        switch (link) {
            case Link::sigmoid: value = 1.0 / (1.0 + std::exp(-sigmoid * value)); break;
            case Link::exponential: value = std::exp(value); break;
            case Link::softplus: value = std::log1p(std::exp(value)); break;
            case Link::signed_square: value = (value > 0.0 ? 1.0 : value < 0.0 ? -1.0 : 0.0) * value * value; break;
            case Link::identity:
            case Link::softmax: break;
        }
    }
}

namespace {

/// Lays the trees of a model into the arrays of a State.
template <class State>
class Builder {
public:
    Builder(const ModelText& model, const std::string& name, State& state) : model_(model), name_(name), state_(state) {}

    Result<void> build() {
        state_.feature_names = model_.feature_names;
        state_.classes = model_.classes;
        state_.trees = model_.trees.size();
        state_.average = model_.average_output;
        SOFIA_CHECK(set_link());
        columns_.resize(model_.feature_names.size() * missing_kinds, 0);
        collect_columns();
        state_.nodes.push_back(leaf(0.0, 0));  // pads the last group
        for (const TreeText& tree : model_.trees) SOFIA_CHECK(add(tree));
        while (state_.roots.size() % lanes != 0) state_.roots.push_back(0);
        state_.group_has_sets.resize(state_.roots.size() / lanes, 0);
        for (std::size_t i = 0; i < model_.trees.size(); ++i) {
            if (!model_.trees[i].cat_boundaries.empty()) state_.group_has_sets[i / lanes] = 1;
        }
        return {};
    }

private:
    static Node leaf(double value, std::size_t self) { return {value, 0, static_cast<std::uint32_t>(self)}; }

    static Missing missing_of(std::uint8_t decision) {
        const bool left = (decision & 2U) != 0;
        switch ((decision >> 2U) & 3U) {
            case 1: return left ? Missing::zero_left : Missing::zero_right;
            case 2: return left ? Missing::nan_left : Missing::nan_right;
            default: return Missing::none;
        }
    }

    static std::size_t slot(std::int32_t feature, std::uint8_t decision) {
        return static_cast<std::size_t>(feature) * missing_kinds + static_cast<std::size_t>(missing_of(decision));
    }

    void collect_columns() {
        std::vector<bool> used(columns_.size(), false);
        for (const TreeText& tree : model_.trees) {
            for (std::size_t i = 0; i < tree.split_feature.size(); ++i) {
                if ((tree.decision_type[i] & 1U) == 0) used[slot(tree.split_feature[i], tree.decision_type[i])] = true;
            }
        }
        for (std::size_t kind = 0; kind < missing_kinds; ++kind) {
            for (std::size_t feature = 0; feature < model_.feature_names.size(); ++feature) {
                if (!used[feature * missing_kinds + kind]) continue;
                columns_[feature * missing_kinds + kind] = static_cast<std::int32_t>(state_.width++);
                state_.prepared[kind].push_back(static_cast<std::uint32_t>(feature));
            }
        }
    }

    Result<void> add(const TreeText& tree) {
        if (tree.linear) return fail(ErrorCode::unavailable, name_ + ": linear trees are not evaluated natively");
        std::uint32_t words_before = static_cast<std::uint32_t>(state_.words.size());
        state_.words.insert(state_.words.end(), tree.cat_threshold.begin(), tree.cat_threshold.end());
        // Breadth first: the first levels of a tree, which every row visits, share cache lines.
        struct Pending {
            std::int32_t child;
            std::size_t at;
        };
        std::vector<Pending> queue = {{tree.split_feature.empty() ? ~0 : 0, state_.nodes.size()}};
        state_.roots.push_back(static_cast<std::uint32_t>(state_.nodes.size()));
        state_.nodes.emplace_back();
        for (std::size_t next = 0; next < queue.size(); ++next) {
            const auto [child, at] = queue[next];
            if (child < 0) {
                const double value = tree.leaf_value[flipped(child)];
                if (std::isnan(value)) return fail(ErrorCode::data, name_ + ": a leaf value is not a number");
                state_.nodes[at] = leaf(value, at);
                continue;
            }
            const auto index = static_cast<std::size_t>(child);
            const std::size_t left = state_.nodes.size();
            state_.nodes.resize(left + 2);
            SOFIA_TRY(state_.nodes[at], split(tree, index, left, words_before));
            queue.push_back({tree.left_child[index], left});
            queue.push_back({tree.right_child[index], left + 1});
        }
        return {};
    }

    Result<Node> split(const TreeText& tree, std::size_t index, std::size_t left, std::uint32_t words_before) {
        const std::int32_t feature = tree.split_feature[index];
        const double threshold = tree.threshold[index];
        Node node{threshold, 0, static_cast<std::uint32_t>(left)};
        if ((tree.decision_type[index] & 1U) != 0) {
            const auto set = static_cast<std::size_t>(threshold);
            node.column = ~static_cast<std::int32_t>(state_.sets.size());
            state_.sets.push_back({static_cast<std::uint32_t>(feature), words_before + tree.cat_boundaries[set],
                                   tree.cat_boundaries[set + 1] - tree.cat_boundaries[set]});
            return node;
        }
        if (std::isnan(threshold)) return fail(ErrorCode::data, name_ + ": a threshold is not a number");
        node.column = columns_[slot(feature, tree.decision_type[index])];
        return node;
    }

    /// A number after `key:` among the words of the objective.
    [[nodiscard]] double word_value(std::string_view key, double otherwise) const {
        for (const std::string& word : model_.objective) {
            if (word.starts_with(key)) return parse_double(std::string_view(word).substr(key.size())).value_or(otherwise);
        }
        return otherwise;
    }

    Result<void> set_link() {
        if (model_.objective.empty()) return {};
        const std::string& objective = model_.objective.front();
        const auto is_one_of = [&](std::initializer_list<std::string_view> names) { return std::ranges::find(names, objective) != names.end(); };
        state_.sigmoid = word_value("sigmoid:", 1.0);
        if (is_one_of({"binary", "multiclassova", "cross_entropy"})) {
            state_.link = Link::sigmoid;
        } else if (is_one_of({"poisson", "gamma", "tweedie"})) {
            state_.link = Link::exponential;
        } else if (objective == "cross_entropy_lambda") {
            state_.link = Link::softplus;
        } else if (objective == "multiclass") {
            state_.link = Link::softmax;
        } else if (is_one_of({"regression", "regression_l1", "quantile", "huber", "fair", "mape", "custom", "lambdarank", "rank_xendcg"})) {
            const bool square = std::ranges::find(model_.objective, "sqrt") != model_.objective.end();
            state_.link = square ? Link::signed_square : Link::identity;
        } else {
            return fail(ErrorCode::unavailable, name_ + ": objective \"" + objective + "\" is not known here");
        }
        return {};
    }

    const ModelText& model_;
    const std::string& name_;
    State& state_;
    std::vector<std::int32_t> columns_;  // of the prepared row, by feature and Missing
};

}  // namespace

FlatTrees::FlatTrees(std::shared_ptr<const State> state) : state_(std::move(state)) {}
FlatTrees::~FlatTrees() = default;
FlatTrees::FlatTrees(const FlatTrees&) = default;
FlatTrees::FlatTrees(FlatTrees&&) noexcept = default;
FlatTrees& FlatTrees::operator=(const FlatTrees&) = default;
FlatTrees& FlatTrees::operator=(FlatTrees&&) noexcept = default;

Result<FlatTrees> FlatTrees::from_text(std::string_view text, const std::string& name) {
    SOFIA_TRY(const ModelText model, parse_model_text(text, name));
    auto state = std::make_shared<State>();
    SOFIA_CHECK(Builder<State>(model, name, *state).build());
    return FlatTrees(std::move(state));
}

std::size_t FlatTrees::columns() const { return state_->feature_names.size(); }
std::size_t FlatTrees::outputs() const { return state_->classes; }
const std::vector<std::string>& FlatTrees::feature_names() const { return state_->feature_names; }

void FlatTrees::predict_raw(std::span<const double> row, std::span<double> out) const {
    assert(row.size() == columns() && out.size() == outputs());
    state_->sum(row, out);
}

void FlatTrees::predict(std::span<const double> row, std::span<double> out) const {
    predict_raw(row, out);
    state_->transform(out);
}

double FlatTrees::predict_raw(std::span<const double> row) const {
    double out = 0.0;
    predict_raw(row, std::span(&out, 1));
    return out;
}

double FlatTrees::predict(std::span<const double> row) const {
    double out = 0.0;
    predict(row, std::span(&out, 1));
    return out;
}

}  // namespace sofia::models
