#include "base/state.hpp"

#include <bit>
#include <cassert>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

namespace sofia {

namespace {

constexpr std::size_t hex_digits = 16;

Json number_json(double value) {
    if (std::isfinite(value)) return value;
    const auto bits = std::bit_cast<std::uint64_t>(value);
    if (bits == std::bit_cast<std::uint64_t>(std::numeric_limits<double>::quiet_NaN())) return nullptr;
    std::string text(hex_digits, '0');
    for (std::size_t i = 0; i < hex_digits; ++i) text[i] = "0123456789abcdef"[(bits >> (4 * (hex_digits - 1 - i))) & 0xfU];
    return text;
}

std::optional<double> number_of(const Json& json) {
    if (json.is_number()) return json.get<double>();
    if (json.is_null()) return std::numeric_limits<double>::quiet_NaN();
    if (!json.is_string()) return std::nullopt;
    const auto& text = json.get_ref<const std::string&>();
    std::uint64_t bits = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits, 16);
    if (text.size() != hex_digits || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return std::bit_cast<double>(bits);
}

}  // namespace

struct StateWriter::Open {
    std::string name;
    Json object = Json::object();
};

StateWriter::StateWriter() { open_.emplace_back(); }
StateWriter::~StateWriter() = default;

void StateWriter::enter(std::string_view name) { open_.push_back({.name = std::string(name)}); }

void StateWriter::leave() {
    Open done = std::move(open_.back());
    open_.pop_back();
    assert(!open_.back().object.contains(done.name));
    open_.back().object[done.name] = std::move(done.object);
}

void StateWriter::plain(std::string_view name, double value) { open_.back().object[std::string(name)] = number_json(value); }
void StateWriter::plain(std::string_view name, std::int64_t value) { open_.back().object[std::string(name)] = value; }
void StateWriter::plain(std::string_view name, std::uint64_t value) { open_.back().object[std::string(name)] = value; }
void StateWriter::plain(std::string_view name, bool value) { open_.back().object[std::string(name)] = value; }

void StateWriter::plain(std::string_view name, const std::vector<double>& values) {
    Json list = Json::array();
    for (const double value : values) list.push_back(number_json(value));
    open_.back().object[std::string(name)] = std::move(list);
}

Json StateWriter::take() {
    assert(open_.size() == 1);
    return std::exchange(open_.back().object, Json::object());
}

struct StateReader::Open {
    std::string name;
    const Json* object;
    std::size_t asked = 0;  // members that were asked for
};

StateReader::StateReader(const Json& state, TimeNs as_of) : as_of_(as_of) {
    open_.push_back({.name = {}, .object = &state});
    if (!state.is_object()) problem_ = "the state is no object";
}
StateReader::~StateReader() = default;

void StateReader::refuse(std::string_view name, std::string_view what) {
    if (!good()) return;
    for (const Open& open : open_) problem_ += open.name.empty() ? "" : open.name + ".";
    problem_ += name;
    if (name.empty() && !problem_.empty()) problem_.pop_back();
    if (!problem_.empty()) problem_ += " ";
    problem_ += what;
}

const Json* StateReader::find(std::string_view name) {
    if (!good()) return nullptr;
    const auto at = open_.back().object->find(name);
    if (at == open_.back().object->end()) {
        refuse(name, "is missing");
        return nullptr;
    }
    ++open_.back().asked;
    return &*at;
}

void StateReader::enter(std::string_view name) {
    const Json* object = find(name);
    if (object != nullptr && !object->is_object()) refuse(name, "is no object");
    open_.push_back({.name = std::string(name), .object = object});
}

void StateReader::close_group() {
    if (good() && open_.back().asked != open_.back().object->size()) refuse("", "holds more than this program knows of");
}

void StateReader::leave() {
    close_group();
    open_.pop_back();
}

void StateReader::plain(std::string_view name, double& value) {
    const Json* json = find(name);
    if (json == nullptr) return;
    if (const auto number = number_of(*json)) {
        value = *number;
    } else {
        refuse(name, "is no number");
    }
}

void StateReader::plain(std::string_view name, std::int64_t& value) {
    const Json* json = find(name);
    if (json == nullptr) return;
    const bool fits =
        json->is_number_integer() &&
        (!json->is_number_unsigned() || json->get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
    if (!fits) return refuse(name, "is no whole number of 64 bits");
    value = json->get<std::int64_t>();
}

void StateReader::plain(std::string_view name, std::uint64_t& value) {
    const Json* json = find(name);
    if (json == nullptr) return;
    const bool fits = json->is_number_unsigned() || (json->is_number_integer() && json->get<std::int64_t>() >= 0);
    if (!fits) return refuse(name, "is no count");
    value = json->get<std::uint64_t>();
}

void StateReader::plain(std::string_view name, bool& value) {
    const Json* json = find(name);
    if (json == nullptr) return;
    if (!json->is_boolean()) return refuse(name, "is neither true nor false");
    value = json->get<bool>();
}

void StateReader::plain(std::string_view name, std::vector<double>& values) {
    const Json* json = find(name);
    if (json == nullptr) return;
    if (!json->is_array()) return refuse(name, "is no list");
    if (json->size() != values.size()) {
        return refuse(name, "has " + std::to_string(json->size()) + " values, not " + std::to_string(values.size()));
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto number = number_of((*json)[i]);
        if (!number) return refuse(name, "holds something that is no number");
        values[i] = *number;
    }
}

void StateReader::read_time(std::string_view name, TimeNs& value, TimeNs latest) {
    TimeNs read = -time_max;
    plain(name, read);
    if (read < -time_max || read > time_max) return refuse(name, "is no time");
    if (read > latest) return refuse(name, "lies after the moment of the state");
    value = read;
}

void StateReader::time(std::string_view name, TimeNs& value) { read_time(name, value, as_of_); }
void StateReader::time_ahead(std::string_view name, TimeNs& value) { read_time(name, value, time_max); }

void StateReader::index(std::string_view name, std::size_t& value, std::size_t size) {
    std::uint64_t read = 0;
    plain(name, read);
    if (read >= size) return refuse(name, "is " + std::to_string(read) + ", but the list has " + std::to_string(size) + " places");
    value = read;
}

void StateReader::expect(bool holds, std::string_view what) {
    if (!holds) refuse("", "holds " + std::string(what));
}

Result<void> StateReader::finish() {
    close_group();
    if (good()) return {};
    return fail(ErrorCode::data, problem_);
}

}  // namespace sofia
