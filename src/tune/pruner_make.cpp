#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include <fmt/core.h>

#include "base/text.hpp"
#include "tune/pruner.hpp"

namespace sofia::tune {

namespace {

using Made = Result<std::unique_ptr<Pruner>>;

/// The options of one pruner as they are written, and where each goes.
class Options {
public:
    Options(std::string pruner, std::map<std::string, std::string> given) : pruner_(std::move(pruner)), given_(std::move(given)) {}

    void take(const std::string& name, std::function<Result<void>(const std::string&)> set) {
        names_.push_back(name);
        if (const auto found = given_.find(name); found != given_.end() && result_) result_ = set(found->second);
    }

    void integer(const std::string& name, std::int64_t& target) {
        take(name, [&](const std::string& text) -> Result<void> {
            const auto value = parse_int(text);
            if (!value) return bad(name, text, "a whole number");
            target = *value;
            return {};
        });
    }

    void integer_or_auto(const std::string& name, std::optional<std::int64_t>& target) {
        take(name, [&](const std::string& text) -> Result<void> {
            const auto value = parse_int(text);
            if (!value && text != "auto") return bad(name, text, "a whole number or auto");
            target = value;
            return {};
        });
    }

    void number(const std::string& name, double& target) {
        take(name, [&](const std::string& text) -> Result<void> {
            const auto value = parse_double(text);
            if (!value) return bad(name, text, "a number");
            target = *value;
            return {};
        });
    }

    void steps(PruneSteps& target) {
        integer("warmup_steps", target.warmup);
        integer("interval_steps", target.interval);
    }

    /// After all were taken: what could not be read, or is no option.
    [[nodiscard]] Result<void> check() const {
        SOFIA_CHECK(Result<void>(result_));
        for (const auto& [name, text] : given_) {
            if (std::find(names_.begin(), names_.end(), name) != names_.end()) continue;
            return fail(ErrorCode::usage, with_suggestion(fmt::format("the {} pruner has no option \"{}\"", pruner_, name), name, names_),
                        names_.empty() ? "it has none" : "its options: " + join(names_, ", "));
        }
        return {};
    }

private:
    std::unexpected<Error> bad(const std::string& name, const std::string& text, const char* wanted) const {
        return fail(ErrorCode::usage, fmt::format("{} pruner: {} \"{}\" is not {}", pruner_, name, text, wanted));
    }

    std::string pruner_;
    std::map<std::string, std::string> given_;
    std::vector<std::string> names_;
    Result<void> result_;
};

template <class Config>
Made made(const Options& options, const Config& config, std::unique_ptr<Pruner> (*make)(const Config&)) {
    SOFIA_CHECK(options.check());
    SOFIA_CHECK(config.validate());
    return make(config);
}

Made none(Options& options) {
    SOFIA_CHECK(options.check());
    return no_pruner();
}

PercentileConfig reports(Options& options) {
    PercentileConfig config;
    options.integer("startup_trials", config.startup_trials);
    options.steps(config.steps);
    options.integer("min_trials", config.min_trials);
    return config;
}

Made median(Options& options) { return made(options, reports(options), median_pruner); }

Made percentile(Options& options) {
    PercentileConfig config = reports(options);
    options.number("percentile", config.percentile);
    return made(options, config, percentile_pruner);
}

Made halving(Options& options) {
    HalvingConfig config;
    options.integer_or_auto("min_resource", config.min_resource);
    options.integer("reduction_factor", config.reduction_factor);
    options.integer("min_early_stopping_rate", config.min_early_stopping_rate);
    options.integer("bootstrap_count", config.bootstrap_count);
    return made(options, config, halving_pruner);
}

Made hyperband(Options& options) {
    HyperbandConfig config;
    options.integer("min_resource", config.min_resource);
    options.integer_or_auto("max_resource", config.max_resource);
    options.integer("reduction_factor", config.reduction_factor);
    options.integer("bootstrap_count", config.bootstrap_count);
    return made(options, config, hyperband_pruner);
}

Made patient(Options& options) {
    PatientConfig config;
    std::string wraps = "none";
    options.integer("patience", config.patience);
    options.number("min_delta", config.min_delta);
    options.take("wraps", [&](const std::string& text) -> Result<void> {
        wraps = text;
        return {};
    });
    SOFIA_CHECK(options.check());
    SOFIA_CHECK(config.validate());
    if (wraps == "none") return patient_pruner(config);
    SOFIA_TRY(auto wrapped, make_pruner(wraps));
    return patient_pruner(config, std::move(wrapped));
}

Made threshold(Options& options) {
    ThresholdConfig config;
    options.number("lower", config.lower);
    options.number("upper", config.upper);
    options.steps(config.steps);
    return made(options, config, threshold_pruner);
}

Made wilcoxon(Options& options) {
    WilcoxonConfig config;
    options.number("p_threshold", config.p_threshold);
    options.integer("startup_steps", config.startup_steps);
    return made(options, config, wilcoxon_pruner);
}

Result<std::map<std::string, std::string>> parse_options(std::string_view text) {
    std::map<std::string, std::string> out;
    for (const std::string& part : split(text, ',')) {
        const std::size_t equals = part.find('=');
        if (equals == std::string::npos || equals == 0) {
            return fail(ErrorCode::usage, fmt::format("pruner option \"{}\" is not OPTION=VALUE", part),
                        "as in median:startup_trials=10,warmup_steps=2");
        }
        const std::string name(trim(std::string_view(part).substr(0, equals)));
        if (!out.emplace(name, trim(std::string_view(part).substr(equals + 1))).second) {
            return fail(ErrorCode::usage, fmt::format("pruner option \"{}\" is given twice", name));
        }
    }
    return out;
}

}  // namespace

const std::vector<std::string>& pruner_names() {
    static const std::vector<std::string> names = {"none", "median", "percentile", "halving", "hyperband", "patient", "threshold", "wilcoxon"};
    return names;
}

Result<std::unique_ptr<Pruner>> make_pruner(const std::string& text) {
    const std::size_t colon = text.find(':');
    const std::string name(trim(std::string_view(text).substr(0, colon)));
    constexpr std::array<Made (*)(Options&), 8> makers = {none, median, percentile, halving, hyperband, patient, threshold, wilcoxon};
    const auto& names = pruner_names();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
        return fail(ErrorCode::usage, with_suggestion("unknown pruner \"" + name + "\"", name, names), "pruners: " + join(names, ", "));
    }
    std::map<std::string, std::string> given;
    if (colon != std::string::npos) {
        SOFIA_TRY(given, parse_options(std::string_view(text).substr(colon + 1)));
    }
    Options options(name, std::move(given));
    return makers.at(static_cast<std::size_t>(found - names.begin()))(options);
}

}  // namespace sofia::tune
