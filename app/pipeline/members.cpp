#include "app/pipeline/members.hpp"

#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "base/time.hpp"

namespace sofia::pipeline {

Result<Json> read_json_file(const std::filesystem::path& path, std::int64_t schema) {
    SOFIA_TRY(const std::string text, read_file(path));
    SOFIA_TRY(Json json, parse_json(text, path.string()));
    if (!json.is_object() || !json.contains("schema") || json["schema"] != schema) {
        return fail(ErrorCode::data, path.string() + ": not a file of schema " + std::to_string(schema), "was it written by this version of sofia?");
    }
    return json;
}

const Json* Members::find(const char* name) const {
    if (!json_->is_object()) return nullptr;
    const auto at = json_->find(name);
    return at == json_->end() ? nullptr : &*at;
}

const Json* Members::list(const char* name) const {
    const Json* value = find(name);
    return value == nullptr || !value->is_array() ? nullptr : value;
}

std::unexpected<Error> Members::error(const char* name) const {
    return fail(ErrorCode::data, path_->string() + ": \"" + name + "\" is missing or of the wrong type",
                std::string("write the file again with sofia ") + writer_);
}

Result<std::string> Members::text(const char* name) const {
    const Json* value = find(name);
    if (value == nullptr || !value->is_string()) return error(name);
    return value->get<std::string>();
}

Result<std::int64_t> Members::count(const char* name, std::int64_t most) const {
    SOFIA_TRY(const std::uint64_t value, seed(name));
    if (value > static_cast<std::uint64_t>(most)) return error(name);
    return static_cast<std::int64_t>(value);
}

Result<std::uint64_t> Members::seed(const char* name) const {
    const Json* value = find(name);
    if (value == nullptr || !value->is_number_unsigned()) return error(name);
    return value->get<std::uint64_t>();
}

Result<double> Members::number(const char* name) const {
    const Json* value = find(name);
    if (value == nullptr || !(value->is_number() || value->is_null())) return error(name);
    return value->is_null() ? std::numeric_limits<double>::quiet_NaN() : value->get<double>();
}

Result<bool> Members::flag(const char* name) const {
    const Json* value = find(name);
    if (value == nullptr || !value->is_boolean()) return error(name);
    return value->get<bool>();
}

Result<Members> Members::object(const char* name) const {
    const Json* value = find(name);
    if (value == nullptr || !value->is_object()) return error(name);
    return Members(*value, *path_, writer_);
}

Result<std::vector<Members>> Members::objects(const char* name) const {
    const Json* values = list(name);
    if (values == nullptr) return error(name);
    std::vector<Members> out;
    for (const Json& value : *values) {
        if (!value.is_object()) return error(name);
        out.emplace_back(value, *path_, writer_);
    }
    return out;
}

Result<std::vector<std::string>> Members::texts(const char* name) const {
    const Json* values = list(name);
    if (values == nullptr) return error(name);
    std::vector<std::string> out;
    for (const Json& value : *values) {
        if (!value.is_string()) return error(name);
        out.push_back(value.get<std::string>());
    }
    return out;
}

Result<std::vector<std::int64_t>> Members::counts(const char* name) const {
    const Json* values = list(name);
    if (values == nullptr) return error(name);
    std::vector<std::int64_t> out;
    for (const Json& value : *values) {
        if (!value.is_number_unsigned() || value.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
            return error(name);
        }
        out.push_back(value.get<std::int64_t>());
    }
    return out;
}

Result<std::vector<double>> Members::numbers(const char* name) const {
    const Json* values = list(name);
    if (values == nullptr) return error(name);
    std::vector<double> out;
    for (const Json& value : *values) {
        if (!value.is_number() && !value.is_null()) return error(name);
        out.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
    }
    return out;
}

Result<std::map<std::string, std::string>> Members::text_map(const char* name) const {
    const Json* value = find(name);
    if (value == nullptr || !value->is_object()) return error(name);
    std::map<std::string, std::string> out;
    for (const auto& [key, text] : value->items()) {
        if (!text.is_string()) return error(name);
        out[key] = text.get<std::string>();
    }
    return out;
}

Result<trading::Window> Members::window() const {
    trading::Window window;
    for (const auto& [name, target] : {std::pair{"from", &window.from}, std::pair{"to", &window.to}}) {
        SOFIA_TRY(const std::string when, text(name));
        const auto time = parse_time(when);
        if (!time) return error(name);
        *target = *time;
    }
    if (window.from > window.to) return error("to");
    return window;
}

bool Members::is_null(const char* name) const {
    const Json* value = find(name);
    return value != nullptr && value->is_null();
}

bool Members::has(const char* name) const { return find(name) != nullptr; }

}  // namespace sofia::pipeline
