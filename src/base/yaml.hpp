#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace sofia::config {

/// A YAML value as it was written: scalars are text (typed by who reads them), mappings keep their order. Used by config.cpp, and by who has to know
/// one key of a file before it can say which keys the file has.
struct Yaml {
    enum class Kind { null, scalar, sequence, mapping };

    Kind kind = Kind::null;
    bool quoted = false;       ///< a scalar in quotes or in a block (`|`, `>`)
    std::string text = {};     ///< a scalar's value, UTF-8
    std::size_t line = 1;      ///< where it begins, from 1
    std::vector<Yaml> items = {};  ///< a sequence's elements
    std::vector<std::pair<Yaml, Yaml>> entries = {};  ///< a mapping's keys (scalars, no duplicates) and values

    /// The same value, whatever lines it stood on.
    [[nodiscard]] bool same_as(const Yaml& other) const;
};

/// One YAML document; an empty one is null. Refused with the line: text that is no UTF-8 or has control characters, more than 1 MiB or 64
/// levels, a second document, aliases, keys that are no text, duplicate keys. `name` stands for the file in messages. Error: config.
[[nodiscard]] Result<Yaml> parse_yaml(std::string_view text, const std::string& name);

/// The text of one value as `key: TEXT` takes it, without the key; the error has no place. Error: config.
[[nodiscard]] Result<Yaml> parse_yaml_value(std::string_view text);

/// One line of YAML (flow style) that `parse_yaml_value` reads back as the same value; a plain scalar stays plain.
[[nodiscard]] std::string format_yaml(const Yaml& value);

/// The canonical form, which can stand inside brackets and braces: a scalar is in quotes unless it is one word.
[[nodiscard]] std::string format_yaml_flow(const Yaml& value);

/// The text as a YAML scalar, quoted only where it must be, for block and flow alike.
[[nodiscard]] std::string yaml_scalar(std::string_view text);

}  // namespace sofia::config
