#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

#include "base/text.hpp"
#include "tune/distribution.hpp"
#include "tune/names.hpp"

namespace sofia::tune {

namespace {

constexpr const char* example = "for instance {type: float, low: 1e-4, high: 0.1, log: true}";

const std::vector<std::string> types = {"float", "int", "categorical"};

std::unexpected<Error> wrong(std::string message) { return fail(ErrorCode::config, std::move(message), example); }

/// A plain scalar is null, boolean, integer, number or text; a quoted one is text.
ParamValue scalar(const YAML::Node& node) {
    if (node.IsNull()) return std::monostate{};
    const std::string& text = node.Scalar();
    if (node.Tag() == "!") return text;
    if (text == "true" || text == "True") return true;
    if (text == "false" || text == "False") return false;
    if (const auto i = parse_int(text)) return *i;
    if (const auto d = parse_double(text == ".inf" ? "inf" : text == "-.inf" ? "-inf" : text == ".nan" ? "nan" : text)) return *d;
    return text;
}

Result<double> number(const YAML::Node& map, const std::string& key) {
    const YAML::Node node = map[key];
    if (!node) return wrong(fmt::format("\"{}\" is missing", key));
    const ParamValue read = node.IsScalar() ? scalar(node) : ParamValue(std::string());
    const auto* infinite = std::get_if<double>(&read);
    if (infinite != nullptr && !std::isfinite(*infinite)) return wrong(fmt::format("{}: \"{}\" is not finite", key, YAML::Dump(node)));
    const auto value = node.IsScalar() ? parse_double(node.Scalar()) : std::nullopt;
    if (!value) return wrong(fmt::format("{}: \"{}\" is not a number", key, YAML::Dump(node)));
    return *value;
}

Result<std::int64_t> integer(const YAML::Node& map, const std::string& key) {
    SOFIA_TRY(const double value, number(map, key));
    if (value != std::floor(value)) return wrong(fmt::format("{}: \"{}\" is not an integer", key, map[key].Scalar()));
    if (std::abs(value) > 9e15) {
        return wrong(fmt::format("{}: \"{}\" is beyond 9e15, up to which every integer can be stored", key, map[key].Scalar()));
    }
    return static_cast<std::int64_t>(value);
}

Result<bool> log_flag(const YAML::Node& map) {
    const YAML::Node node = map["log"];
    if (!node) return false;
    const ParamValue value = node.IsScalar() ? scalar(node) : ParamValue(std::string("list"));
    if (const auto* flag = std::get_if<bool>(&value)) return *flag;
    return wrong(fmt::format("log: \"{}\" is neither true nor false", YAML::Dump(node)));
}

Result<Distribution> categorical(const YAML::Node& map) {
    const YAML::Node list = map["choices"];
    if (!list) return wrong("\"choices\" is missing");
    if (!list.IsSequence()) return wrong(fmt::format("choices: \"{}\" is not a list", YAML::Dump(list)));
    CategoricalDistribution out;
    for (const YAML::Node& item : list) {
        if (!item.IsScalar() && !item.IsNull()) return wrong(fmt::format("choices: \"{}\" is not a single value", YAML::Dump(item)));
        ParamValue choice = scalar(item);
        if (std::find(out.choices.begin(), out.choices.end(), choice) != out.choices.end()) {
            return wrong(fmt::format("choices: \"{}\" stands twice", YAML::Dump(item)));
        }
        out.choices.push_back(std::move(choice));
    }
    return Distribution::make(std::move(out));
}

Result<Distribution> numeric(const YAML::Node& map, const std::string& type) {
    SOFIA_TRY(const bool log, log_flag(map));
    if (type == "float") {
        FloatDistribution out;
        SOFIA_TRY(out.low, number(map, "low"));
        SOFIA_TRY(out.high, number(map, "high"));
        if (map["step"]) {
            SOFIA_TRY(out.step, number(map, "step"));
            if (out.step == 0.0) return wrong("step 0 is not positive");
        }
        if (!std::isfinite(out.high - out.low)) return wrong("high - low is beyond the largest float");
        out.log = log;
        return Distribution::make(out);
    }
    IntDistribution out;
    SOFIA_TRY(out.low, integer(map, "low"));
    SOFIA_TRY(out.high, integer(map, "high"));
    if (map["step"]) {
        SOFIA_TRY(out.step, integer(map, "step"));
    }
    out.log = log;
    return Distribution::make(out);
}

Result<Distribution> parse_node(const YAML::Node& map) {
    if (!map.IsMap()) return wrong(fmt::format("\"{}\" is not a map with a type", YAML::Dump(map)));
    if (!map["type"] || !map["type"].IsScalar()) return wrong("\"type\" is missing");
    const std::string type = map["type"].Scalar();
    if (std::find(types.begin(), types.end(), type) == types.end()) {
        return fail(ErrorCode::config, with_suggestion(fmt::format("unknown type \"{}\"", type), type, types),
                    fmt::format("types: {}; {}", join(types, ", "), example));
    }
    const std::vector<std::string> known =
        type == "categorical" ? std::vector<std::string>{"type", "choices"} : std::vector<std::string>{"type", "low", "high", "log", "step"};
    std::set<std::string> seen;
    for (const auto& entry : map) {
        const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : YAML::Dump(entry.first);
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            return wrong(with_suggestion(fmt::format("unknown key \"{}\" of {} {}", key, type == "int" ? "an" : "a", type), key, known));
        }
        if (!seen.insert(key).second) return wrong(fmt::format("\"{}\" stands twice", key));
    }
    return type == "categorical" ? categorical(map) : numeric(map, type);
}

std::unexpected<Error> at(const std::string& where, Error error) {
    error.message = where + ": " + error.message;
    return std::unexpected(std::move(error));
}

}  // namespace

Result<Distribution> parse_distribution(const std::string& yaml) {
    try {
        return parse_node(YAML::Load(yaml));
    } catch (const YAML::Exception& error) {
        return wrong(fmt::format("\"{}\" is not YAML: {}", yaml, error.msg));
    }
}

Result<SearchSpace> parse_space(const std::map<std::string, std::string>& yaml) {
    SearchSpace space;
    for (const auto& [name, text] : yaml) {
        auto distribution = parse_distribution(text);
        if (!distribution) return at(fmt::format("parameter \"{}\"", name), std::move(distribution).error());
        space.emplace(name, *std::move(distribution));
    }
    return space;
}

Result<SearchSpace> parse_space(std::string_view yaml, const std::string& file) {
    try {
        const YAML::Node document = YAML::Load(std::string(yaml));
        if (!document.IsMap() || document.size() == 0) return wrong(file + ": no parameters; a space is a map from name to distribution");
        SearchSpace space;
        for (const auto& entry : document) {
            const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : YAML::Dump(entry.first);
            const std::string where = fmt::format("{} line {}: parameter \"{}\"", file, entry.first.Mark().line + 1, name);
            if (auto named = check_name(fmt::format("{} line {}: a parameter's name", file, entry.first.Mark().line + 1), name); !named) {
                named.error().code = ErrorCode::config;
                return std::unexpected(std::move(named).error());
            }
            auto distribution = parse_node(entry.second);
            if (!distribution) return at(where, std::move(distribution).error());
            if (!space.emplace(name, *std::move(distribution)).second) return at(where, Error{ErrorCode::config, "stands twice", {}});
        }
        return space;
    } catch (const YAML::Exception& error) {
        return wrong(fmt::format("{} line {}: not YAML: {}", file, error.mark.line + 1, error.msg));
    }
}

}  // namespace sofia::tune
