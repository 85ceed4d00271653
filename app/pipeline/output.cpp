#include "app/pipeline/output.hpp"

#include <nlohmann/json.hpp>

namespace sofia::pipeline {

Output make_output(std::string text, Json json) { return {std::move(text), std::make_shared<const Json>(std::move(json)), 0}; }

}  // namespace sofia::pipeline
