#include "tune/relative.hpp"

#include <nlohmann/json.hpp>

#include "tune/json_text.hpp"

namespace sofia::tune {

namespace {
constexpr std::size_t piece_size = 2045;
const std::string prefix = "tpe:relative_params:";
}  // namespace

Attributes relative_attributes(const std::map<std::string, ParamValue>& params) {
    Attributes out;
    if (params.empty()) return out;
    const std::string text = python_json(params);
    for (std::size_t i = 0; i * piece_size < text.size(); ++i) {
        out[prefix + std::to_string(i)] = python_json(ParamValue(text.substr(i * piece_size, piece_size)));
    }
    return out;
}

std::map<std::string, ParamValue> relative_params(const FrozenTrial& trial) {
    std::string text;
    for (int i = 0;; ++i) {
        const auto found = trial.system_attributes.find(prefix + std::to_string(i));
        if (found == trial.system_attributes.end()) break;
        const auto piece = parse_python_json(found->second);
        if (!piece || !piece->is_string()) return {};
        text += piece->get<std::string>();
    }
    if (text.empty()) return {};
    return object_of(text).value_or(std::map<std::string, ParamValue>());
}

Result<std::map<std::string, ParamValue>> fixed_params(const FrozenTrial& trial) {
    const auto found = trial.system_attributes.find("fixed_params");
    if (found == trial.system_attributes.end()) return std::map<std::string, ParamValue>();
    return object_of(found->second);
}

}  // namespace sofia::tune
