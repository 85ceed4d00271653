// The types of keys: how each reads a YAML value, what it refuses, how it is shown.
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/config.hpp"
#include "base/text.hpp"
#include "base/yaml.hpp"

namespace sofia::config {

namespace {

using Kind = Yaml::Kind;

// Whole numbers without an exponent: people write 1000000, not 1e+06.
std::string number_text(double value) {
    const bool whole = std::abs(value) < 1e15 && std::trunc(value) == value && !(value == 0.0 && std::signbit(value));
    return whole ? std::to_string(static_cast<std::int64_t>(value)) : format_double(value);
}

std::string range_text(Range range) {
    const bool low = std::isfinite(range.low);
    const bool high = std::isfinite(range.high);
    if (low && high) return number_text(range.low) + ".." + number_text(range.high);
    if (low) return ">= " + number_text(range.low);
    if (high) return "<= " + number_text(range.high);
    return {};
}

std::unexpected<Error> refuse(const Yaml& value, std::string_view why, std::string_view allowed) {
    const std::string shown = value.kind == Kind::scalar ? "\"" + value.text + "\"" : format_yaml(value);
    const std::string limits = allowed.empty() ? "" : fmt::format(", allowed {}", allowed);
    return fail(ErrorCode::config, fmt::format("value {} {}{}", shown, why, limits));
}

Result<std::int64_t> read_integer(const Yaml& value, Range range) {
    const auto number = value.kind == Kind::scalar ? parse_int(value.text) : std::nullopt;
    if (!number) return refuse(value, "is not an integer", range_text(range));
    const auto wide = static_cast<double>(*number);
    if (wide < range.low || wide > range.high) return refuse(value, "is out of range", range_text(range));
    return *number;
}

Result<double> read_number(const Yaml& value, Range range) {
    const auto number = value.kind == Kind::scalar ? parse_double(value.text) : std::nullopt;
    if (!number || !std::isfinite(*number)) return refuse(value, "is not a finite number", range_text(range));
    if (*number < range.low || *number > range.high) return refuse(value, "is out of range", range_text(range));
    return *number;
}

Result<std::string> read_text(const Yaml& value) {
    if (value.kind != Kind::scalar) return refuse(value, "is not text", {});
    return value.text;
}

// A sequence, or a plain scalar with commas.
Result<std::vector<Yaml>> read_items(const Yaml& value) {
    if (value.kind == Kind::sequence) return value.items;
    if (value.kind != Kind::scalar) return refuse(value, "is not a list", {});
    if (value.quoted) return std::vector{value};
    std::vector<Yaml> items;
    for (const std::string& part : split(value.text, ',')) {
        const std::string text(trim(part));
        items.push_back(Yaml{.kind = text.empty() ? Kind::null : Kind::scalar, .text = text, .line = value.line});
    }
    return items;
}

template <class T, class Read>
Result<std::vector<T>> read_list(const Yaml& value, Read read) {
    SOFIA_TRY(const std::vector<Yaml> items, read_items(value));
    std::vector<T> out;
    for (const Yaml& item : items) {
        SOFIA_TRY(T element, read(item));
        out.push_back(std::move(element));
    }
    return out;
}

template <class T, class Show>
std::string show_list(const std::vector<T>& values, Show show) {
    std::vector<std::string> parts;
    for (const T& value : values) parts.push_back(show(value));
    return "[" + join(parts, ", ") + "]";
}

// The setter of a Key: reads the value and, when it is right, assigns it.
template <class T, class Read>
auto setter(T& target, const Read& read) {
    return [&target, read](const std::string& yaml) -> Result<void> {
        SOFIA_TRY(const Yaml value, parse_yaml_value(yaml));
        if (value.kind == Kind::null) return fail(ErrorCode::config, "no value is given");
        SOFIA_TRY(target, read(value));
        return {};
    };
}

}  // namespace

void Keys::add(Key key) {
    key.path = prefix_ + key.path;
    assert(std::none_of(keys_.begin(), keys_.end(), [&](const Key& known) { return known.path == key.path; }));
    key.default_text = key.get();
    keys_.push_back(std::move(key));
}

void Keys::boolean(const std::string& name, bool& target, std::string sentence) {
    const auto read = [](const Yaml& value) -> Result<bool> {
        if (value.kind == Kind::scalar && value.text == "true") return true;
        if (value.kind == Kind::scalar && value.text == "false") return false;
        return refuse(value, "is not a boolean", "true, false");
    };
    add({name, "boolean", {}, "true, false", std::move(sentence), setter(target, read), [&target] {
             return std::string(target ? "true" : "false");
         }});
}

void Keys::integer(const std::string& name, std::int64_t& target, Range range, std::string sentence) {
    add({name,
         "integer",
         {},
         range_text(range),
         std::move(sentence),
         setter(target, [range](const Yaml& value) { return read_integer(value, range); }),
         [&target] { return std::to_string(target); }});
}

void Keys::number(const std::string& name, double& target, Range range, std::string sentence) {
    const auto get = [&target] { return std::isnan(target) ? std::string("null") : number_text(target); };
    auto set = setter(target, [range](const Yaml& value) { return read_number(value, range); });
    if (!std::isnan(target)) {
        add({name, "number", {}, range_text(range), std::move(sentence), set, get});
        return;
    }
    const auto set_or_unset = [&target, set](const std::string& yaml) -> Result<void> {
        SOFIA_TRY(const Yaml value, parse_yaml_value(yaml));
        if (value.kind != Kind::null) return set(yaml);
        target = std::numeric_limits<double>::quiet_NaN();
        return {};
    };
    const std::string limits = range_text(range);
    add({name, "number", {}, limits.empty() ? "null" : limits + " or null", std::move(sentence), set_or_unset, get});
}

void Keys::text(const std::string& name, std::string& target, std::string sentence) {
    add({name, "text", {}, {}, std::move(sentence), setter(target, read_text), [&target] { return yaml_scalar(target); }});
}

void Keys::choice(const std::string& name, std::string& target, std::vector<std::string> choices, std::string sentence) {
    assert(std::find(choices.begin(), choices.end(), target) != choices.end());
    const std::string allowed = join(choices, ", ");
    const auto read = [choices, allowed](const Yaml& value) -> Result<std::string> {
        if (value.kind == Kind::scalar && std::find(choices.begin(), choices.end(), value.text) != choices.end()) return value.text;
        auto refusal = refuse(value, "is not one of the choices", allowed);
        refusal.error().message = with_suggestion(std::move(refusal.error().message), value.text, choices);
        return refusal;
    };
    add({name, "choice", {}, allowed, std::move(sentence), setter(target, read), [&target] { return yaml_scalar(target); }});
}

void Keys::list(const std::string& name, std::vector<std::string>& target, std::string sentence) {
    add({name,
         "list",
         {},
         {},
         std::move(sentence),
         setter(target, [](const Yaml& value) { return read_list<std::string>(value, read_text); }),
         [&target] { return show_list(target, yaml_scalar); }});
}

void Keys::list(const std::string& name, std::vector<std::int64_t>& target, Range range, std::string sentence) {
    const auto read_one = [range](const Yaml& value) { return read_integer(value, range); };
    add({name,
         "list",
         {},
         range_text(range),
         std::move(sentence),
         setter(target, [read_one](const Yaml& value) { return read_list<std::int64_t>(value, read_one); }),
         [&target] { return show_list(target, [](std::int64_t value) { return std::to_string(value); }); }});
}

void Keys::list(const std::string& name, std::vector<double>& target, Range range, std::string sentence) {
    const auto read_one = [range](const Yaml& value) { return read_number(value, range); };
    add({name,
         "list",
         {},
         range_text(range),
         std::move(sentence),
         setter(target, [read_one](const Yaml& value) { return read_list<double>(value, read_one); }),
         [&target] { return show_list(target, number_text); }});
}

void Keys::map(const std::string& name, std::map<std::string, std::string>& target, std::string sentence) {
    const auto read = [](const Yaml& value) -> Result<std::map<std::string, std::string>> {
        if (value.kind != Kind::mapping) return refuse(value, "is not a mapping of keys to values", {});
        std::map<std::string, std::string> out;
        for (const auto& [key, entry] : value.entries) out.emplace(key.text, format_yaml_flow(entry));
        return out;
    };
    const auto get = [&target] {
        std::vector<std::string> parts;
        for (const auto& [key, yaml] : target) {
            const auto value = parse_yaml_value(yaml);
            // What a caller put in that is no YAML is shown as text.
            parts.push_back(yaml_scalar(key) + ": " + (value ? format_yaml_flow(*value) : yaml_scalar(yaml)));
        }
        return "{" + join(parts, ", ") + "}";
    };
    add({name, "map", {}, {}, std::move(sentence), setter(target, read), get});
}

}  // namespace sofia::config
