#include "tune/constraints.hpp"

#include <optional>

#include <nlohmann/json.hpp>

#include "tune/frozen.hpp"
#include "tune/json_text.hpp"

namespace sofia::tune {

namespace {

std::optional<double> number_of(const Json& json) {
    const auto value = value_of(json);
    if (!value) return std::nullopt;
    if (const auto* d = std::get_if<double>(&*value)) return *d;
    if (const auto* i = std::get_if<std::int64_t>(&*value)) return static_cast<double>(*i);
    if (const auto* b = std::get_if<bool>(&*value)) return *b ? 1.0 : 0.0;
    return std::nullopt;
}

}  // namespace

std::map<std::string, double> FrozenTrial::constraints() const {
    std::map<std::string, double> out;
    for (auto it = system_attributes.lower_bound(std::string(constraints_key)); it != system_attributes.end(); ++it) {
        const auto& [key, text] = *it;
        if (!key.starts_with(constraints_key)) break;
        const bool named = key.size() > constraints_key.size();
        if (named && key[constraints_key.size()] != ':') continue;
        const auto json = parse_python_json(text);
        if (!json) continue;
        if (named) {
            if (const auto value = number_of(*json)) out[key.substr(constraints_key.size() + 1)] = *value;
        } else if (json->is_array()) {
            for (std::size_t i = 0; i < json->size(); ++i) {
                if (const auto value = number_of((*json)[i])) out[std::to_string(i)] = *value;
            }
        }
    }
    return out;
}

double FrozenTrial::violation() const {
    double sum = 0.0;
    for (const auto& [name, value] : constraints()) {
        if (value > 0.0) sum += value;
    }
    return sum;
}

}  // namespace sofia::tune
