#include "features/catalogue.hpp"

#include <nlohmann/json.hpp>

#include "base/hash.hpp"
#include "base/json.hpp"

namespace sofia::features {

namespace {

// A bar in a cell would end the cell.
std::string cell(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        if (c == '|') safe += '\\';
        safe += c;
    }
    return safe;
}

}  // namespace

std::string_view name_of(Needs needs) {
    switch (needs) {
        case Needs::bars: return "bars";
        case Needs::clock: return "clock";
        case Needs::vwap: return "vwap";
        case Needs::trade_count: return "trade count";
        case Needs::order_flow: return "order flow";
        case Needs::funding: return "funding";
    }
    return "bars";
}

std::string feature_hash(std::span<const FeatureSpec> columns) {
    Json list = Json::array();
    for (const FeatureSpec& column : columns) list.push_back(Json::array({column.name, std::to_string(column.version)}));
    return sha256_hex(canonical_json(list));
}

std::string catalogue_markdown(std::span<const FeatureSpec> columns) {
    std::string text = "| name | formula | unit | warm-up (bars) | needs | version | source |\n|---|---|---|---|---|---|---|\n";
    for (const FeatureSpec& column : columns) {
        text += "| `" + column.name + "` | " + cell(column.formula) + " | " + cell(column.unit) + " | " + std::to_string(column.warm_up) + " | " +
                std::string(name_of(column.needs)) + " | " + std::to_string(column.version) + " | " + cell(column.source) + " |\n";
    }
    return text;
}

bool matches(std::string_view pattern, std::string_view name) {
    std::size_t p = 0;
    std::size_t n = 0;
    std::size_t star = std::string_view::npos;  // the last `*`, and where its text ends for now
    std::size_t held = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            held = n;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++held;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace sofia::features
