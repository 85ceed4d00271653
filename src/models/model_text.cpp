#include "models/model_text.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "base/text.hpp"

namespace sofia::models {

namespace {

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> out;
    while (true) {
        const std::size_t begin = text.find_first_not_of(' ');
        if (begin == std::string_view::npos) return out;
        text.remove_prefix(begin);
        const std::size_t end = std::min(text.find(' '), text.size());
        out.push_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

/// Lines of the text, one after the other, with their numbers.
class Reader {
public:
    Reader(std::string_view text, const std::string& name) : text_(text), name_(name) {}

    [[nodiscard]] bool done() const { return position_ >= text_.size(); }
    [[nodiscard]] std::size_t position() const { return position_; }

    std::string_view next() {
        const std::size_t end = std::min(text_.find('\n', position_), text_.size());
        std::string_view line = text_.substr(position_, end - position_);
        position_ = std::min(end + 1, text_.size());
        ++line_;
        if (line.ends_with('\r')) line.remove_suffix(1);
        return line;
    }

    [[nodiscard]] std::unexpected<Error> error(const std::string& what) const {
        return fail(ErrorCode::data, name_ + " line " + std::to_string(line_) + ": " + what, "the file is no LightGBM model or was damaged");
    }

private:
    std::string_view text_;
    const std::string& name_;
    std::size_t position_ = 0;
    std::size_t line_ = 0;
};

using Fields = std::map<std::string, std::string_view, std::less<>>;

/// `key=value` lines up to an empty one (or, in the header, up to the first tree).
Fields read_fields(Reader& reader) {
    Fields fields;
    while (!reader.done()) {
        const std::string_view line = reader.next();
        if (line.empty()) break;
        const std::size_t equals = line.find('=');
        fields.emplace(std::string(line.substr(0, equals)), equals == std::string_view::npos ? std::string_view() : line.substr(equals + 1));
    }
    return fields;
}

Result<std::string_view> field(const Reader& reader, const Fields& fields, std::string_view key) {
    const auto at = fields.find(key);
    if (at == fields.end()) return reader.error("no \"" + std::string(key) + "\" in the block before");
    return at->second;
}

template <class T>
Result<std::vector<T>> numbers(const Reader& reader, const Fields& fields, std::string_view key, std::size_t count) {
    SOFIA_TRY(const std::string_view text, field(reader, fields, key));
    const std::vector<std::string_view> parts = words(text);
    if (parts.size() != count) {
        return reader.error(std::string(key) + " has " + std::to_string(parts.size()) + " values, not " + std::to_string(count));
    }
    std::vector<T> out;
    out.reserve(count);
    for (const std::string_view part : parts) {
        if constexpr (std::is_same_v<T, double>) {
            const auto value = parse_double(part);
            if (!value) return reader.error(std::string(key) + ": \"" + std::string(part) + "\" is not a number");
            out.push_back(*value);
        } else {
            const auto value = parse_int(part);
            if (!value || *value < std::numeric_limits<T>::min() || *value > std::numeric_limits<T>::max()) {
                return reader.error(std::string(key) + ": \"" + std::string(part) + "\" is not a fitting integer");
            }
            out.push_back(static_cast<T>(*value));
        }
    }
    return out;
}

Result<std::size_t> whole(const Reader& reader, const Fields& fields, std::string_view key, std::size_t low, std::size_t high) {
    SOFIA_TRY(const std::string_view text, field(reader, fields, key));
    const auto value = parse_int(text);
    if (!value || *value < 0 || static_cast<std::size_t>(*value) < low || static_cast<std::size_t>(*value) > high) {
        return reader.error(std::string(key) + "=" + std::string(text) + " is not in " + std::to_string(low) + ".." + std::to_string(high));
    }
    return static_cast<std::size_t>(*value);
}

/// Children come after their parent and each node and leaf has one parent: a walk from the root ends.
Result<void> check_structure(const Reader& reader, const TreeText& tree, std::size_t features) {
    const std::size_t nodes = tree.split_feature.size();
    std::vector<int> node_parents(nodes, 0);
    std::vector<int> leaf_parents(nodes + 1, 0);
    for (std::size_t i = 0; i < nodes; ++i) {
        if (tree.split_feature[i] < 0 || static_cast<std::size_t>(tree.split_feature[i]) >= features) {
            return reader.error("split_feature " + std::to_string(tree.split_feature[i]) + " is no column");
        }
        for (const std::int32_t child : {tree.left_child[i], tree.right_child[i]}) {
            const bool leaf = child < 0;
            const std::size_t index = static_cast<std::size_t>(leaf ? ~child : child);
            const bool good = leaf ? index <= nodes && ++leaf_parents[index] == 1 : index > i && index < nodes && ++node_parents[index] == 1;
            if (!good) return reader.error("node " + std::to_string(i) + " has an impossible child " + std::to_string(child));
        }
        if ((tree.decision_type[i] & 1U) == 0) continue;
        const double set = tree.threshold[i];
        const auto sets = static_cast<double>(tree.cat_boundaries.empty() ? 0 : tree.cat_boundaries.size() - 1);
        if (!(set >= 0.0 && set < sets)) return reader.error("node " + std::to_string(i) + " names a set of categories that is not there");
    }
    return {};
}

Result<TreeText> read_tree(Reader& reader, std::size_t features) {
    const Fields fields = read_fields(reader);
    TreeText tree;
    SOFIA_TRY(const std::size_t leaves, whole(reader, fields, "num_leaves", 1, 131072));
    SOFIA_TRY(const std::size_t sets, whole(reader, fields, "num_cat", 0, leaves));
    SOFIA_TRY(tree.leaf_value, numbers<double>(reader, fields, "leaf_value", leaves));
    if (const auto linear = fields.find("is_linear"); linear != fields.end()) tree.linear = linear->second == "1";
    if (leaves == 1) return tree;
    SOFIA_TRY(tree.split_feature, numbers<std::int32_t>(reader, fields, "split_feature", leaves - 1));
    SOFIA_TRY(tree.threshold, numbers<double>(reader, fields, "threshold", leaves - 1));
    SOFIA_TRY(tree.decision_type, numbers<std::uint8_t>(reader, fields, "decision_type", leaves - 1));
    SOFIA_TRY(tree.left_child, numbers<std::int32_t>(reader, fields, "left_child", leaves - 1));
    SOFIA_TRY(tree.right_child, numbers<std::int32_t>(reader, fields, "right_child", leaves - 1));
    if (sets > 0) {
        SOFIA_TRY(tree.cat_boundaries, numbers<std::uint32_t>(reader, fields, "cat_boundaries", sets + 1));
        if (!std::ranges::is_sorted(tree.cat_boundaries)) return reader.error("cat_boundaries do not ascend");
        SOFIA_TRY(tree.cat_threshold, numbers<std::uint32_t>(reader, fields, "cat_threshold", tree.cat_boundaries.back()));
    }
    SOFIA_CHECK(check_structure(reader, tree, features));
    return tree;
}

Result<ModelText> read_header(const Reader& reader, const Fields& fields) {
    ModelText model;
    SOFIA_TRY(const std::size_t outputs, whole(reader, fields, "num_class", 1, 100'000));
    SOFIA_CHECK(field(reader, fields, "label_index"));
    SOFIA_TRY(model.classes, whole(reader, fields, "num_tree_per_iteration", 1, 100'000));
    // LightGBM would write one prediction a class from trees that are not there.
    if (model.classes != outputs) return reader.error("num_class and num_tree_per_iteration differ");
    SOFIA_TRY(const std::size_t last, whole(reader, fields, "max_feature_idx", 0, std::numeric_limits<std::int32_t>::max() - 1));
    SOFIA_TRY(const std::string_view names, field(reader, fields, "feature_names"));
    for (const std::string_view name : words(names)) model.feature_names.emplace_back(name);
    SOFIA_TRY(const std::string_view infos, field(reader, fields, "feature_infos"));
    if (model.feature_names.size() != last + 1 || words(infos).size() != last + 1) {
        return reader.error("feature_names and feature_infos do not have max_feature_idx + 1 entries");
    }
    if (const auto at = fields.find("objective"); at != fields.end()) {
        for (const std::string_view word : words(at->second)) model.objective.emplace_back(word);
    }
    model.average_output = fields.contains("average_output");
    return model;
}

}  // namespace

Result<ModelText> parse_model_text(std::string_view text, const std::string& name) {
    Reader reader(text, name);
    if (reader.done() || reader.next() != "tree") return reader.error("does not begin with \"tree\"");
    const Fields header = read_fields(reader);
    SOFIA_TRY(ModelText model, read_header(reader, header));
    SOFIA_TRY(const std::string_view sizes_text, field(reader, header, "tree_sizes"));
    const std::vector<std::string_view> sizes = words(sizes_text);
    if (sizes.size() % model.classes != 0) return reader.error("the number of trees is no multiple of num_tree_per_iteration");
    model.trees.reserve(sizes.size());
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        // LightGBM jumps from tree to tree by these sizes, so they must lead where a tree begins.
        const std::size_t begin = reader.position();
        if (reader.next() != "Tree=" + std::to_string(i)) return reader.error("Tree=" + std::to_string(i) + " expected here");
        SOFIA_TRY(TreeText tree, read_tree(reader, model.feature_names.size()));
        while (!reader.done() && text[reader.position()] == '\n') reader.next();
        if (parse_int(sizes[i]) != static_cast<std::int64_t>(reader.position() - begin)) {
            return reader.error("tree " + std::to_string(i) + " has another length than tree_sizes says");
        }
        model.trees.push_back(std::move(tree));
    }
    if (reader.done() || reader.next() != "end of trees") return reader.error("\"end of trees\" expected here");
    return model;
}

}  // namespace sofia::models
