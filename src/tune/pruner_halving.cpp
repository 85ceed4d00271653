// Successive halving and Hyperband: one set of rungs, with one bracket or many.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "tune/json_text.hpp"
#include "tune/learnt.hpp"
#include "tune/pruner.hpp"

namespace sofia::tune {

namespace {

constexpr std::string_view rung_key = "completed_rung_";

std::string key_of(std::int64_t rung) { return std::string(rung_key) + std::to_string(rung); }

/// A rung's value as Optuna or we stored it; none where it cannot be compared.
std::optional<double> rung_value(const std::string& json) {
    const auto parsed = parse_python_json(json);
    if (!parsed) return std::nullopt;
    const auto value = value_of(*parsed);
    if (!value) return std::nullopt;
    if (const auto* integer = std::get_if<std::int64_t>(&*value)) return static_cast<double>(*integer);
    const auto* number = std::get_if<double>(&*value);
    return number != nullptr && !std::isnan(*number) ? std::optional(*number) : std::nullopt;
}

/// What finished trials left at the rungs, and the first resource that is known.
struct Rungs {
    struct Left {
        std::int64_t number;
        std::string key;
        double value;
    };
    std::optional<std::int64_t> last_step;  ///< of the first complete trial that reported
    std::vector<Left> fresh;                ///< not placed yet, since the brackets may not be known
    std::map<std::pair<std::int64_t, std::string>, std::vector<double>> placed;  ///< by bracket and rung, ascending

    void learn(const FrozenTrial& trial, const std::vector<Direction>&) {
        if (!last_step && trial.state == TrialState::complete && !trial.reports.empty()) last_step = trial.reports.rbegin()->first;
        const auto& all = trial.system_attributes;
        for (auto at = all.lower_bound(std::string(rung_key)); at != all.end() && at->first.starts_with(rung_key); ++at) {
            if (const auto value = rung_value(at->second)) fresh.push_back({trial.number, at->first, *value});
        }
    }

    template <class BracketOf>
    void place(const BracketOf& bracket_of) {
        for (const Left& one : fresh) {
            auto& values = placed[{bracket_of(one.number), one.key}];
            values.insert(std::upper_bound(values.begin(), values.end(), one.value), one.value);
        }
        fresh.clear();
    }
};

struct Halving {
    std::int64_t min_resource = 1;
    std::int64_t reduction_factor = 4;
    std::int64_t rate = 0;
    std::int64_t bootstrap_count = 0;

    /// The step that completes a rung; the largest number where it is beyond all steps.
    [[nodiscard]] std::int64_t promotion(std::int64_t rung) const {
        constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
        std::int64_t step = min_resource;
        for (std::int64_t i = 0; i < rate + rung; ++i) {
            if (step > most / reduction_factor) return most;
            step *= reduction_factor;
        }
        return step;
    }
};

/// The trials that completed a rung before this one: how many, and how many of them are better.
struct Field {
    std::int64_t others = 0;
    std::int64_t better = 0;
};

template <class BracketOf>
Field field(const Rungs& rungs, const History& history, const FrozenTrial& trial, const std::string& key, double value, const BracketOf& bracket_of) {
    const bool minimize = history.directions().front() == Direction::minimize;
    const std::int64_t bracket = bracket_of(trial.number);
    Field out;
    if (const auto found = rungs.placed.find({bracket, key}); found != rungs.placed.end()) {
        const auto& values = found->second;
        out.others = std::ssize(values);
        out.better = minimize ? std::lower_bound(values.begin(), values.end(), value) - values.begin()
                              : values.end() - std::upper_bound(values.begin(), values.end(), value);
    }
    for (const auto& [number, other] : history.running()) {
        if (number == trial.number) continue;
        const auto at = other->system_attributes.find(key);
        if (at == other->system_attributes.end() || bracket_of(number) != bracket) continue;
        const auto theirs = rung_value(at->second);
        if (!theirs) continue;
        ++out.others;
        if (minimize ? *theirs < value : *theirs > value) ++out.better;
    }
    return out;
}

template <class BracketOf>
PruneVerdict climb(const Halving& halving, const Rungs& rungs, const History& history, const FrozenTrial& trial, const BracketOf& bracket_of) {
    const auto& [step, value] = *trial.reports.rbegin();
    PruneVerdict verdict;
    std::int64_t rung = 0;
    while (trial.system_attributes.contains(key_of(rung))) ++rung;
    for (;; ++rung) {
        const std::int64_t promotion = halving.promotion(rung);
        if (step < promotion || promotion == std::numeric_limits<std::int64_t>::max()) return verdict;
        verdict.prune = true;
        if (std::isnan(value)) return verdict;
        const std::string key = key_of(rung);
        verdict.attributes[key] = python_json(value);
        const Field at = field(rungs, history, trial, key, value, bracket_of);
        const std::int64_t all = at.others + 1;
        if (all <= halving.bootstrap_count || at.better > std::max<std::int64_t>(all / halving.reduction_factor - 1, 0)) return verdict;
        verdict.prune = false;
    }
}

class HalvingPruner : public Pruner {
public:
    explicit HalvingPruner(const HalvingConfig& config) : config_(config) {}

    PruneVerdict prune(const History& history, const FrozenTrial& trial) const override {
        if (trial.reports.empty()) return {};
        Rungs& rungs = learnt_.of(history);
        if (!config_.min_resource && !rungs.last_step) return {};
        const auto one_bracket = [](std::int64_t) { return std::int64_t{0}; };
        rungs.place(one_bracket);
        const std::int64_t resource = config_.min_resource ? *config_.min_resource : std::max<std::int64_t>(*rungs.last_step / 100, 1);
        return climb({resource, config_.reduction_factor, config_.min_early_stopping_rate, config_.bootstrap_count}, rungs, history, trial,
                     one_bracket);
    }

private:
    HalvingConfig config_;
    mutable Learnt<Rungs> learnt_;
};

/// CRC-32 of IEEE 802.3, as zlib's.
std::uint32_t crc32(std::string_view bytes) {
    std::uint32_t crc = 0xFFFFFFFFU;
    for (const char c : bytes) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320U & (0U - (crc & 1U)));
    }
    return ~crc;
}

class HyperbandPruner : public Pruner {
public:
    explicit HyperbandPruner(const HyperbandConfig& config) : config_(config) {}

    PruneVerdict prune(const History& history, const FrozenTrial& trial) const override {
        if (trial.reports.empty()) return {};
        Rungs& rungs = learnt_.of(history);
        const std::vector<double> budgets = budgets_of(rungs);
        if (budgets.empty()) return {};
        const auto bracket_of = [&](std::int64_t number) { return bracket_in(budgets, history.study_name(), number); };
        rungs.place(bracket_of);
        return climb({config_.min_resource, config_.reduction_factor, bracket_of(trial.number), config_.bootstrap_count}, rungs, history, trial,
                     bracket_of);
    }

    std::optional<std::int64_t> bracket(const History& history, std::int64_t number) const override {
        const std::vector<double> budgets = budgets_of(learnt_.of(history));
        if (budgets.empty()) return std::nullopt;
        return bracket_in(budgets, history.study_name(), number);
    }

private:
    /// One a bracket: whole numbers, as doubles since Optuna computes them so. Empty while the largest resource is not known.
    std::vector<double> budgets_of(const Rungs& rungs) const {
        if (!config_.max_resource && !rungs.last_step) return {};
        const auto most = static_cast<double>(config_.max_resource ? *config_.max_resource : *rungs.last_step + 1);
        const auto factor = static_cast<double>(config_.reduction_factor);
        const double brackets = std::floor(std::log(most / static_cast<double>(config_.min_resource)) / std::log(factor)) + 1.0;
        std::vector<double> out;
        for (double s = brackets - 1.0; s >= 0.0; s -= 1.0) out.push_back(std::ceil(brackets * std::pow(factor, s) / (s + 1.0)));
        return out;
    }

    static std::int64_t bracket_in(const std::vector<double>& budgets, const std::string& study, std::int64_t number) {
        double total = 0.0;
        for (const double budget : budgets) total += budget;
        double place = std::fmod(static_cast<double>(crc32(study + "_" + std::to_string(number))), total);
        std::int64_t bracket = 0;
        for (const double budget : budgets) {
            place -= budget;
            if (place < 0.0) break;
            ++bracket;
        }
        return bracket;
    }

    HyperbandConfig config_;
    mutable Learnt<Rungs> learnt_;
};

}  // namespace

Result<void> HalvingConfig::validate() const {
    if (min_resource && *min_resource < 1)
        return fail(ErrorCode::config, fmt::format("halving pruner: min_resource {} is less than 1", *min_resource));
    if (reduction_factor < 2) return fail(ErrorCode::config, fmt::format("halving pruner: reduction_factor {} is less than 2", reduction_factor));
    if (min_early_stopping_rate < 0) {
        return fail(ErrorCode::config, fmt::format("halving pruner: min_early_stopping_rate {} is negative", min_early_stopping_rate));
    }
    if (bootstrap_count < 0) return fail(ErrorCode::config, fmt::format("halving pruner: bootstrap_count {} is negative", bootstrap_count));
    if (bootstrap_count > 0 && !min_resource) return fail(ErrorCode::config, "halving pruner: bootstrap_count needs min_resource");
    return {};
}

Result<void> HyperbandConfig::validate() const {
    if (min_resource < 1) return fail(ErrorCode::config, fmt::format("hyperband pruner: min_resource {} is less than 1", min_resource));
    if (max_resource && *max_resource < min_resource) {
        return fail(ErrorCode::config, fmt::format("hyperband pruner: max_resource {} is less than min_resource {}", *max_resource, min_resource));
    }
    if (reduction_factor < 2) return fail(ErrorCode::config, fmt::format("hyperband pruner: reduction_factor {} is less than 2", reduction_factor));
    if (bootstrap_count < 0) return fail(ErrorCode::config, fmt::format("hyperband pruner: bootstrap_count {} is negative", bootstrap_count));
    if (bootstrap_count > 0 && !max_resource) return fail(ErrorCode::config, "hyperband pruner: bootstrap_count needs max_resource");
    return {};
}

std::unique_ptr<Pruner> halving_pruner(const HalvingConfig& config) { return std::make_unique<HalvingPruner>(config); }
std::unique_ptr<Pruner> hyperband_pruner(const HyperbandConfig& config) { return std::make_unique<HyperbandPruner>(config); }

}  // namespace sofia::tune
