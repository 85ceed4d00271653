#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace sofia::tune {

/// The value of a parameter as its user sees it; monostate is Optuna's None. Distributions work on an internal double: the number
/// itself, or the index of a categorical choice.
using ParamValue = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

/// Equality as Python has it, which decides whether two spaces are the same: true == 1 == 1.0; NaN equals NaN.
[[nodiscard]] bool same_value(const ParamValue& a, const ParamValue& b);

/// For people and command lines: `0.01`, `64`, `true`, `null`, `gbdt`.
[[nodiscard]] std::string format_value(const ParamValue& value);

/// [low, high]; `step` 0 means none. With a step, high is lowered to the last value low + k step, decided in decimal as Optuna does.
struct FloatDistribution {
    double low = 0.0;
    double high = 1.0;
    bool log = false;
    double step = 0.0;
    bool operator==(const FloatDistribution&) const = default;
};

/// low, low + step, ... up to high (lowered to the last such value).
struct IntDistribution {
    std::int64_t low = 0;
    std::int64_t high = 1;
    bool log = false;
    std::int64_t step = 1;
    bool operator==(const IntDistribution&) const = default;
};

struct CategoricalDistribution {
    std::vector<ParamValue> choices;
    bool operator==(const CategoricalDistribution& other) const;
};

/// A checked distribution: made by `make`, so that low <= high, log implies a positive low and no step, and choices exist.
/// A value type.
class Distribution {
public:
    using Kind = std::variant<FloatDistribution, IntDistribution, CategoricalDistribution>;

    /// Error: config, with the rule that is broken.
    [[nodiscard]] static Result<Distribution> make(Kind kind);

    [[nodiscard]] const Kind& kind() const { return kind_; }
    [[nodiscard]] const FloatDistribution* as_float() const { return std::get_if<FloatDistribution>(&kind_); }
    [[nodiscard]] const IntDistribution* as_int() const { return std::get_if<IntDistribution>(&kind_); }
    [[nodiscard]] const CategoricalDistribution* as_categorical() const { return std::get_if<CategoricalDistribution>(&kind_); }

    /// Only one value is possible.
    [[nodiscard]] bool single() const;

    /// Whether the internal value lies in the range, on the grid.
    [[nodiscard]] bool contains(double internal) const;

    /// The user's value of an internal one. A categorical index out of range is a bug (asserted).
    [[nodiscard]] ParamValue value(double internal) const;

    /// Error config: not a number, not a choice, not positive though log. A value outside the range is allowed, as in Optuna.
    [[nodiscard]] Result<double> internal(const ParamValue& value) const;

    /// As Optuna writes it, `{"name": "IntDistribution", "attributes": {"log": false, "step": 4, "low": 4, "high": 256}}`.
    [[nodiscard]] std::string json() const;

    /// Reads what Optuna (2.x to 5.x, old class names too) or `json` wrote. Error: data.
    [[nodiscard]] static Result<Distribution> from_json(std::string_view text);

    bool operator==(const Distribution& other) const = default;

private:
    explicit Distribution(Kind kind) : kind_(std::move(kind)) {}
    Kind kind_;
};

/// Within a study a parameter keeps its class, its log flag and its exact choices; ranges and steps may change. Error conflict: `name` and
/// both distributions.
[[nodiscard]] Result<void> check_compatible(const std::string& name, const Distribution& old, const Distribution& now);

/// The parameters of a study by name.
using SearchSpace = std::map<std::string, Distribution>;

/// `{type: float, low: 1e-4, high: 0.1, log: true}`, `{type: int, low: 4, high: 256, step: 4}` or
/// `{type: categorical, choices: [gbdt, dart, null, true, 3]}`: YAML, flow or block. Error config: what is wrong, with the nearest known key.
[[nodiscard]] Result<Distribution> parse_distribution(const std::string& yaml);

/// Name -> YAML of its distribution, as config::Keys::map gives it. Errors name the parameter.
[[nodiscard]] Result<SearchSpace> parse_space(const std::map<std::string, std::string>& yaml);

/// A whole YAML document `name: {type: ...}`; `file` stands for it in messages.
[[nodiscard]] Result<SearchSpace> parse_space(std::string_view yaml, const std::string& file);

}  // namespace sofia::tune
