#pragma once

#include <memory>
#include <string>

#include "base/json.hpp"

namespace sofia::pipeline {

/// What a verb found: a text for people and the same as one JSON document. Exactly one of them goes to stdout.
struct Output {
    std::string text;
    std::shared_ptr<const Json> json;  ///< shared, so that this header does not need the JSON library
    int exit = 0;                      ///< 0; 4 when the verb ran and its check says no; 2 for a list of what could have been asked for
};

[[nodiscard]] Output make_output(std::string text, Json json);

}  // namespace sofia::pipeline
