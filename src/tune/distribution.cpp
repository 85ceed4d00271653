#include "tune/distribution.hpp"

#include <array>
#include <cassert>
#include <charconv>
#include <cmath>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "tune/json_text.hpp"

namespace sofia::tune {

namespace {

__extension__ using Wide = __int128;

/// mantissa * 10^exponent, from the shortest decimal text of a double.
struct Decimal {
    Wide mantissa = 0;
    int exponent = 0;
};

Decimal decimal_of(double value) {
    std::array<char, 40> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific).ptr;
    Decimal out;
    bool fraction = false;
    bool negative = false;
    const char* at = buffer.data();
    for (; at != end && *at != 'e'; ++at) {
        if (*at == '-') {
            negative = true;
        } else if (*at == '.') {
            fraction = true;
        } else {
            out.mantissa = out.mantissa * 10 + (*at - '0');
            if (fraction) --out.exponent;
        }
    }
    int power = 0;
    if (at != end) std::from_chars(at[1] == '+' ? at + 2 : at + 1, end, power);
    out.exponent += power;
    if (negative) out.mantissa = -out.mantissa;
    return out;
}

/// The decimal with a lower exponent; nothing when it would not fit.
std::optional<Wide> rescaled(const Decimal& value, int exponent) {
    if (value.exponent - exponent > 19) return std::nullopt;
    Wide out = value.mantissa;
    for (int e = value.exponent; e > exponent; --e) out *= 10;
    return out;
}

/// The largest low + k step that is not above high, in decimal where 36 digits hold the three numbers, else in binary.
double lowered_high(double low, double high, double step) {
    const std::array<Decimal, 3> parts = {decimal_of(low), decimal_of(high), decimal_of(step)};
    const int exponent = std::min({parts[0].exponent, parts[1].exponent, parts[2].exponent});
    const auto l = rescaled(parts[0], exponent);
    const auto h = rescaled(parts[1], exponent);
    const auto s = rescaled(parts[2], exponent);
    if (!l || !h || !s) return low + std::floor((high - low) / step * (1.0 + 1e-15)) * step;
    const Wide rest = (*h - *l) % *s;
    if (rest == 0) return high;
    Wide result = *h - rest;
    std::string digits;
    const bool negative = result < 0;
    for (Wide left = negative ? -result : result; left > 0; left /= 10)
        digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(left % 10)));
    if (digits.empty()) digits = "0";
    return parse_double(fmt::format("{}{}e{}", negative ? "-" : "", digits, exponent)).value_or(high);
}

Result<void> check(FloatDistribution& d) {
    if (!std::isfinite(d.low) || !std::isfinite(d.high)) {
        return fail(ErrorCode::config, fmt::format("range [{}, {}] is not finite", d.low, d.high));
    }
    if (d.low > d.high) return fail(ErrorCode::config, fmt::format("low {} is above high {}", format_double(d.low), format_double(d.high)));
    if (d.log && d.low <= 0.0) return fail(ErrorCode::config, fmt::format("low {} is not positive, which log needs", format_double(d.low)));
    if (d.log && d.step != 0.0) return fail(ErrorCode::config, "log and step cannot go together");
    if (!(d.step >= 0.0) || std::isinf(d.step)) return fail(ErrorCode::config, fmt::format("step {} is not positive", format_double(d.step)));
    if (d.step > 0.0) d.high = lowered_high(d.low, d.high, d.step);
    return {};
}

Result<void> check(IntDistribution& d) {
    constexpr std::int64_t exact = std::int64_t{1} << 53;
    if (d.low < -exact || d.high > exact) {
        return fail(ErrorCode::config, fmt::format("range [{}, {}] leaves the integers a double holds", d.low, d.high));
    }
    if (d.low > d.high) return fail(ErrorCode::config, fmt::format("low {} is above high {}", d.low, d.high));
    if (d.log && d.low < 1) return fail(ErrorCode::config, fmt::format("low {} is below 1, which log needs", d.low));
    if (d.step < 1) return fail(ErrorCode::config, fmt::format("step {} is not positive", d.step));
    if (d.log && d.step != 1) return fail(ErrorCode::config, "log and step cannot go together");
    d.high = d.low + (d.high - d.low) / d.step * d.step;
    return {};
}

Result<void> check(CategoricalDistribution& d) {
    if (d.choices.empty()) return fail(ErrorCode::config, "choices are empty");
    return {};
}

std::optional<double> number(const ParamValue& value) {
    if (const auto* b = std::get_if<bool>(&value)) return *b ? 1.0 : 0.0;
    if (const auto* i = std::get_if<std::int64_t>(&value)) return static_cast<double>(*i);
    if (const auto* d = std::get_if<double>(&value)) return *d;
    return std::nullopt;
}

}  // namespace

bool same_value(const ParamValue& a, const ParamValue& b) {
    const auto x = number(a);
    const auto y = number(b);
    if (x && y) return *x == *y || (std::isnan(*x) && std::isnan(*y));
    return a == b;
}

std::string format_value(const ParamValue& value) {
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    if (const auto* d = std::get_if<double>(&value)) return format_double(*d);
    return python_json(value);
}

bool CategoricalDistribution::operator==(const CategoricalDistribution& other) const {
    if (choices.size() != other.choices.size()) return false;
    for (std::size_t i = 0; i < choices.size(); ++i) {
        if (!same_value(choices[i], other.choices[i])) return false;
    }
    return true;
}

Result<Distribution> Distribution::make(Kind kind) {
    SOFIA_CHECK(std::visit([](auto& d) { return check(d); }, kind));
    return Distribution(std::move(kind));
}

bool Distribution::single() const {
    // `make` has lowered high to the grid, so that one value is left exactly when the ends meet.
    if (const auto* c = as_categorical()) return c->choices.size() == 1;
    if (const auto* i = as_int()) return i->low == i->high;
    return as_float()->low == as_float()->high;
}

bool Distribution::contains(double internal) const {
    if (const auto* c = as_categorical()) return internal >= 0.0 && internal < static_cast<double>(c->choices.size());
    if (const auto* i = as_int()) {
        return internal >= static_cast<double>(i->low) && internal <= static_cast<double>(i->high) &&
               std::fmod(internal - static_cast<double>(i->low), static_cast<double>(i->step)) == 0.0;
    }
    const auto& f = *as_float();
    if (!(internal >= f.low && internal <= f.high)) return false;
    if (f.step == 0.0) return true;
    const double k = (internal - f.low) / f.step;
    return std::abs(k - std::nearbyint(k)) < 1e-8;
}

ParamValue Distribution::value(double internal) const {
    if (const auto* c = as_categorical()) {
        const auto index = static_cast<std::size_t>(internal);
        assert(internal >= 0.0 && index < c->choices.size());
        return c->choices[index];
    }
    if (as_int() != nullptr) return static_cast<std::int64_t>(internal);
    return internal;
}

Result<double> Distribution::internal(const ParamValue& value) const {
    if (const auto* c = as_categorical()) {
        // A choice of the very type comes before one that Python merely calls equal (true and 1).
        for (std::size_t i = 0; i < c->choices.size(); ++i) {
            if (c->choices[i] == value) return static_cast<double>(i);
        }
        for (std::size_t i = 0; i < c->choices.size(); ++i) {
            if (same_value(c->choices[i], value)) return static_cast<double>(i);
        }
        return fail(ErrorCode::config, fmt::format("value {} is not among the choices", format_value(value)));
    }
    const auto x = number(value);
    if (!x || std::isnan(*x)) return fail(ErrorCode::config, fmt::format("value {} is not a number", format_value(value)));
    const bool log = as_int() != nullptr ? as_int()->log : as_float()->log;
    if (log && *x <= 0.0) return fail(ErrorCode::config, fmt::format("value {} is not positive, which log needs", format_value(value)));
    return *x;
}

std::string Distribution::json() const {
    if (const auto* c = as_categorical()) {
        std::string choices;
        for (const ParamValue& choice : c->choices) choices += (choices.empty() ? "" : ", ") + python_json(choice);
        return R"({"name": "CategoricalDistribution", "attributes": {"choices": [)" + choices + "]}}";
    }
    if (const auto* i = as_int()) {
        return fmt::format(R"({{"name": "IntDistribution", "attributes": {{"log": {}, "step": {}, "low": {}, "high": {}}}}})", i->log, i->step,
                           i->low, i->high);
    }
    const auto& f = *as_float();
    return fmt::format(R"({{"name": "FloatDistribution", "attributes": {{"step": {}, "low": {}, "high": {}, "log": {}}}}})",
                       f.step == 0.0 ? "null" : python_json(f.step), python_json(f.low), python_json(f.high), f.log);
}

namespace {

Result<Distribution::Kind> kind_of(const std::string& name, const Json& a) {
    const auto flag = [&](const char* key) { return a.contains(key) && a.at(key).get<bool>(); };
    const auto step_of = [&](const char* key) { return a.contains(key) && !a.at(key).is_null() ? a.at(key).get<double>() : 0.0; };
    if (name == "CategoricalDistribution" || name == "categorical") {
        CategoricalDistribution out;
        for (const Json& choice : a.at("choices")) {
            SOFIA_TRY(ParamValue value, value_of(choice));
            out.choices.push_back(std::move(value));
        }
        return out;
    }
    const double low = a.at("low").get<double>();
    const double high = a.at("high").get<double>();
    if (name == "FloatDistribution" || name == "float" || name == "UniformDistribution") {
        return FloatDistribution{low, high, flag("log"), step_of("step")};
    }
    if (name == "LogUniformDistribution") return FloatDistribution{low, high, true, 0.0};
    if (name == "DiscreteUniformDistribution") return FloatDistribution{low, high, false, step_of("q")};
    const double step = step_of("step");
    IntDistribution out{a.at("low").get<std::int64_t>(), a.at("high").get<std::int64_t>(), flag("log"),
                        step == 0.0 ? 1 : static_cast<std::int64_t>(step)};
    if (name == "IntDistribution" || name == "int" || name == "IntUniformDistribution") return out;
    if (name == "IntLogUniformDistribution") return IntDistribution{out.low, out.high, true, 1};
    return fail(ErrorCode::data, fmt::format("unknown distribution \"{}\"", name));
}

}  // namespace

Result<Distribution> Distribution::from_json(std::string_view text) {
    SOFIA_TRY(const Json json, parse_python_json(text));
    try {
        const bool named = json.contains("name");
        SOFIA_TRY(Kind kind, kind_of(json.at(named ? "name" : "type").get<std::string>(), named ? json.at("attributes") : json));
        auto made = make(std::move(kind));
        if (!made) return fail(ErrorCode::data, fmt::format("distribution {}: {}", text, made.error().message));
        return made;
    } catch (const nlohmann::json::exception& error) {
        return fail(ErrorCode::data, fmt::format("distribution {}: {}", text, error.what()));
    }
}

Result<void> check_compatible(const std::string& name, const Distribution& old, const Distribution& now) {
    const auto log = [](const Distribution& d) { return d.as_int() != nullptr ? d.as_int()->log : d.as_float() != nullptr && d.as_float()->log; };
    const char* reason = nullptr;
    if (old.kind().index() != now.kind().index()) {
        reason = "another type";
    } else if (log(old) != log(now)) {
        reason = "another log flag";
    } else if (old.as_categorical() != nullptr && old != now) {
        reason = "other choices";
    }
    if (reason == nullptr) return {};
    return fail(ErrorCode::conflict,
                fmt::format("parameter \"{}\" has {} than in the study's earlier trials: {} against {}", name, reason, now.json(), old.json()),
                "start a study under another name, or name the parameter differently");
}

}  // namespace sofia::tune
