#include <algorithm>
#include <map>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "tune/json_text.hpp"
#include "tune/learnt.hpp"
#include "tune/pareto.hpp"
#include "tune/sampler.hpp"
#include "tune/unit.hpp"

namespace sofia::tune {

namespace {

const std::string generation_key = "NSGAIISampler:generation";
const std::string parents_prefix = "NSGAIISampler:parent:";

/// How often parents are drawn again when a value of theirs, which somebody enqueued, lies outside its range.
constexpr int tries = 100;

std::optional<std::int64_t> generation_of(const FrozenTrial& trial) {
    const auto found = trial.system_attributes.find(generation_key);
    if (found == trial.system_attributes.end()) return std::nullopt;
    const auto json = parse_python_json(found->second);
    if (!json || !json->is_number_integer()) return std::nullopt;
    return json->get<std::int64_t>();
}

/// Complete trials by generation.
class Generations {
public:
    void learn(const FrozenTrial& trial, const std::vector<Direction>&) {
        if (trial.state != TrialState::complete) return;
        shared_.learn(trial);
        numbers_[trial.id] = trial.number;
        if (const auto generation = generation_of(trial)) {
            auto& members = members_[*generation];
            members.insert(std::upper_bound(members.begin(), members.end(), trial.number), trial.number);
        }
    }

    [[nodiscard]] const Intersection& shared() const { return shared_; }

    /// The newest generation, or the one after it when that is full.
    [[nodiscard]] std::int64_t next(std::size_t population) const {
        if (members_.empty()) return 0;
        const auto& [newest, members] = *members_.rbegin();
        if (newest < 0) return 0;
        return members.size() < population ? newest : newest + 1;
    }

    [[nodiscard]] std::vector<std::int64_t> members(std::int64_t generation) const {
        const auto found = members_.find(generation);
        return found == members_.end() ? std::vector<std::int64_t>() : found->second;
    }

    [[nodiscard]] const std::map<std::int64_t, std::int64_t>& numbers() const { return numbers_; }

private:
    Intersection shared_;
    std::map<std::int64_t, std::vector<std::int64_t>> members_;  ///< generation -> numbers, ascending
    std::map<std::int64_t, std::int64_t> numbers_;               ///< id -> number
};

class Nsga2Sampler : public Sampler {
public:
    explicit Nsga2Sampler(const Nsga2Config& config) : config_(config) {}

    Result<void> validate(const std::vector<Direction>&) const override { return config_.validate(); }

    /// Generations are counted over the whole study.
    Needs needs() const override { return {.whole_study = true, .study_attributes = true}; }

    Result<SearchSpace> joint_space(const History& history, const SearchSpace* asked) override { return learnt_.of(history).shared().space(asked); }

    Result<JointSample> sample_joint(const History& history, std::int64_t number, const SearchSpace& space, RandomStream random) override {
        const Generations& generations = learnt_.of(history);
        JointSample out;
        // A trial that is run again keeps its generation.
        const auto& trials = history.trials();
        const auto at = static_cast<std::size_t>(number);
        const auto kept = at < trials.size() && trials[at] ? generation_of(*trials[at]) : std::nullopt;
        const std::int64_t generation = kept.value_or(generations.next(config_.population));
        if (!kept) out.system_attributes[generation_key] = std::to_string(generation);
        const std::vector<TrialPtr> parents = parents_of(history, generations, generation, out.study_system_attributes);
        if (!parents.empty()) out.internal = child(history.directions(), parents, space, random);
        return out;
    }

    Result<double> sample_one(const History&, std::int64_t, const std::string&, const Distribution& distribution, RandomStream random) override {
        return sample_uniform(distribution, random);
    }

private:
    static std::vector<TrialPtr> by_number(const History& history, const std::vector<std::int64_t>& numbers) {
        std::vector<TrialPtr> out;
        for (const std::int64_t number : numbers) out.push_back(history.trials()[static_cast<std::size_t>(number)]);
        return out;
    }

    /// Chosen once by whoever starts a generation, and kept in the study for all.
    std::vector<TrialPtr> parents_of(const History& history, const Generations& generations, std::int64_t generation, Attributes& announced) const {
        std::int64_t known = generation;
        while (known > 0 && !history.study_system_attributes().contains(parents_prefix + std::to_string(known))) --known;
        std::vector<TrialPtr> parents;
        if (known > 0) parents = stored(history, generations, history.study_system_attributes().at(parents_prefix + std::to_string(known)));
        for (std::int64_t g = known + 1; g <= generation; ++g) {
            std::vector<TrialPtr> candidates = by_number(history, generations.members(g - 1));
            candidates.insert(candidates.end(), parents.begin(), parents.end());
            parents = elite(candidates, history.directions(), config_.population);
            std::string ids = "[";
            for (const TrialPtr& t : parents) ids += (ids.size() > 1 ? ", " : "") + std::to_string(t->id);
            announced[parents_prefix + std::to_string(g)] = ids + "]";
        }
        return parents;
    }

    static std::vector<TrialPtr> stored(const History& history, const Generations& generations, const std::string& text) {
        std::vector<std::int64_t> numbers;
        const auto json = parse_python_json(text);
        if (!json || !json->is_array()) return {};
        for (const Json& id : *json) {
            if (!id.is_number_integer()) continue;
            const auto found = generations.numbers().find(id.get<std::int64_t>());
            if (found != generations.numbers().end()) numbers.push_back(found->second);
        }
        std::sort(numbers.begin(), numbers.end());
        return by_number(history, numbers);
    }

    std::map<std::string, double> child(const std::vector<Direction>& directions, const std::vector<TrialPtr>& parents, const SearchSpace& space,
                                        RandomStream& random) const {
        std::map<std::string, double> out;
        if (space.empty()) return out;
        if (random.uniform() < config_.crossover_probability) {
            for (int i = 0; i < tries && !inside(out, space); ++i) out = crossed(directions, parents, space, random);
        } else {
            out = values(*parents[random.below(parents.size())], space);
        }
        const double mutation = config_.mutation_probability.value_or(1.0 / std::max(1.0, static_cast<double>(out.size())));
        // What is left out is drawn anew.
        std::erase_if(out, [&](const auto& entry) { return random.uniform() < mutation || !space.at(entry.first).contains(entry.second); });
        return out;
    }

    /// Each parameter of one of two different parents.
    std::map<std::string, double> crossed(const std::vector<Direction>& directions, std::vector<TrialPtr> parents, const SearchSpace& space,
                                          RandomStream& random) const {
        const TrialPtr first = tournament(directions, parents, random);
        std::erase(parents, first);
        const TrialPtr second = parents.empty() ? first : tournament(directions, parents, random);
        const auto a = values(*first, space);
        auto out = values(*second, space);
        for (auto& [name, value] : out) {
            if (random.uniform() >= config_.swapping_probability) continue;
            if (const auto found = a.find(name); found != a.end()) value = found->second;
        }
        return out;
    }

    static TrialPtr tournament(const std::vector<Direction>& directions, const std::vector<TrialPtr>& among, RandomStream& random) {
        const TrialPtr& a = among[random.below(among.size())];
        const TrialPtr& b = among[random.below(among.size())];
        return constrained_dominates(*a, *b, directions) ? a : b;
    }

    static std::map<std::string, double> values(const FrozenTrial& trial, const SearchSpace& space) {
        std::map<std::string, double> out;
        for (const auto& [name, distribution] : space) {
            if (const Param* p = trial.param(name)) out[name] = p->internal;
        }
        return out;
    }

    static bool inside(const std::map<std::string, double>& values, const SearchSpace& space) {
        return !values.empty() &&
               std::all_of(values.begin(), values.end(), [&](const auto& entry) { return space.at(entry.first).contains(entry.second); });
    }

    Nsga2Config config_;
    Learnt<Generations> learnt_;
};

}  // namespace

Result<void> Nsga2Config::validate() const {
    const auto check = [](const char* name, double p) -> Result<void> {
        if (p >= 0.0 && p <= 1.0) return {};
        return fail(ErrorCode::config, fmt::format("nsga2: {} {} is not in [0, 1]", name, p));
    };
    if (population < 2) return fail(ErrorCode::config, fmt::format("nsga2: a population of {} has no two parents", population));
    SOFIA_CHECK(check("crossover_probability", crossover_probability));
    SOFIA_CHECK(check("swapping_probability", swapping_probability));
    return mutation_probability ? check("mutation_probability", *mutation_probability) : Result<void>();
}

std::unique_ptr<Sampler> nsga2_sampler(const Nsga2Config& config) { return std::make_unique<Nsga2Sampler>(config); }

}  // namespace sofia::tune
