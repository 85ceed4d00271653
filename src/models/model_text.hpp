#pragma once

// Internal to the room: LightGBM's text format (version v4) as values, checked so that neither we nor LightGBM can run astray on it.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sofia::models {

/// One tree as written. Node i splits unless the tree has one leaf. A child >= 0 is a later node, a negative one is leaf ~child.
struct TreeText {
    std::vector<std::int32_t> split_feature;
    std::vector<double> threshold;            ///< of a categorical node: its index into cat_boundaries
    std::vector<std::uint8_t> decision_type;  ///< bit 0 categorical, bit 1 default left, bits 2-3 missing: 0 none, 1 zero, 2 NaN
    std::vector<std::int32_t> left_child;
    std::vector<std::int32_t> right_child;
    std::vector<double> leaf_value;
    std::vector<std::uint32_t> cat_boundaries;  ///< into cat_threshold, one more than categorical nodes
    std::vector<std::uint32_t> cat_threshold;   ///< bit sets, 32 categories a word
    bool linear = false;
};

struct ModelText {
    std::size_t classes = 1;              ///< trees an iteration
    std::vector<std::string> feature_names;
    std::vector<std::string> objective;   ///< its words: `binary sigmoid:1`; empty when absent
    bool average_output = false;
    std::vector<TreeText> trees;
};

/// `name` stands for the file in messages. Error: data, with the line.
[[nodiscard]] Result<ModelText> parse_model_text(std::string_view text, const std::string& name);

}  // namespace sofia::models
