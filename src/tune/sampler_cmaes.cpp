#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "tune/cma.hpp"
#include "tune/json_text.hpp"
#include "tune/learnt.hpp"
#include "tune/sampler.hpp"
#include "tune/unit.hpp"

namespace sofia::tune {

namespace {

const std::string generation_key = "cma:generation";
const std::string told_prefix = "cma:told:";
constexpr double first_sigma = 1.0 / 6.0;

using Numbers = std::vector<std::int64_t>;

/// Which trials made a generation, as said by a trial of the next one.
struct Told {
    std::int64_t by = 0;
    Numbers numbers;
};

void read_told(const FrozenTrial& trial, std::map<std::int64_t, Told>& into) {
    for (auto it = trial.system_attributes.lower_bound(told_prefix); it != trial.system_attributes.end(); ++it) {
        const auto& [key, text] = *it;
        if (!key.starts_with(told_prefix)) break;
        std::int64_t generation = 0;
        const auto [end, error] = std::from_chars(key.data() + told_prefix.size(), key.data() + key.size(), generation);
        const auto json = parse_python_json(text);
        if (error != std::errc() || end != key.data() + key.size() || !json || !json->is_array()) continue;
        const auto known = into.find(generation);
        if (known != into.end() && known->second.by <= trial.number) continue;
        Numbers numbers;
        for (const Json& number : *json) {
            if (number.is_number_integer()) numbers.push_back(number.get<std::int64_t>());
        }
        into[generation] = {trial.number, std::move(numbers)};
    }
}

/// What finished trials say, and the state that was rebuilt last.
struct Known {
    std::size_t complete = 0;
    Intersection shared;
    std::map<std::int64_t, Numbers> members;  ///< generation -> complete trials, ascending
    std::map<std::int64_t, Told> told;

    SearchSpace space;            ///< of `state`
    std::vector<Numbers> past;    ///< the generations that `state` was told
    std::optional<Cma> state;

    void learn(const FrozenTrial& trial, const std::vector<Direction>&) {
        read_told(trial, told);
        if (trial.state != TrialState::complete) return;
        ++complete;
        shared.learn(trial);
        const auto found = trial.system_attributes.find(generation_key);
        if (found == trial.system_attributes.end()) return;
        const auto json = parse_python_json(found->second);
        if (!json || !json->is_number_integer()) return;
        Numbers& numbers = members[json->get<std::int64_t>()];
        numbers.insert(std::upper_bound(numbers.begin(), numbers.end(), trial.number), trial.number);
    }
};

class CmaesSampler : public Sampler {
public:
    explicit CmaesSampler(const CmaesConfig& config) : config_(config) {}

    Result<void> validate(const std::vector<Direction>& directions) const override {
        SOFIA_CHECK(config_.validate());
        if (directions.size() == 1) return {};
        return fail(ErrorCode::usage, fmt::format("the CMA-ES sampler serves one objective, not {}", directions.size()),
                    "take the sampler nsga2 for several objectives");
    }

    Result<SearchSpace> joint_space(const History& history, const SearchSpace* asked) override {
        const Known& known = learnt_.of(history);
        if (known.complete < std::max<std::size_t>(config_.startup_trials, 1)) return SearchSpace();
        SearchSpace space = known.shared.space(asked);
        std::erase_if(space, [](const auto& entry) { return entry.second.as_categorical() != nullptr; });
        return space;
    }

    Result<JointSample> sample_joint(const History& history, std::int64_t, const SearchSpace& space, RandomStream random) override {
        JointSample out;
        if (space.empty()) return out;
        Known& known = learnt_.of(history);
        rebuild(history, space, known, out.system_attributes);
        out.system_attributes[generation_key] = std::to_string(known.past.size());
        const std::vector<double> x = known.state->sample(random);
        if (std::any_of(x.begin(), x.end(), [](double v) { return !std::isfinite(v); })) return out;
        auto u = x.begin();
        for (const auto& [name, distribution] : space) out.internal[name] = from_unit(distribution, *u++);
        return out;
    }

    Result<double> sample_one(const History&, std::int64_t, const std::string&, const Distribution& distribution, RandomStream random) override {
        return sample_uniform(distribution, random);
    }

private:
    /// The generations that were made, from the first on; those that nobody has announced yet are.
    std::vector<Numbers> generations(const History& history, const Known& known, std::size_t population, Attributes& announced) const {
        std::map<std::int64_t, Told> running;
        for (const auto& [number, trial] : history.running()) read_told(*trial, running);
        std::vector<Numbers> out;
        for (std::int64_t g = 0;; ++g) {
            const Told* said = earlier(known.told, running, g);
            if (said != nullptr && said->numbers.size() == population && usable(history, said->numbers)) {
                out.push_back(said->numbers);
                continue;
            }
            const auto members = known.members.find(g);
            if (members == known.members.end() || members->second.size() < population) return out;
            out.emplace_back(members->second.begin(), members->second.begin() + static_cast<std::ptrdiff_t>(population));
            std::string list = "[";
            for (const std::int64_t number : out.back()) list += (list.size() > 1 ? ", " : "") + std::to_string(number);
            announced[told_prefix + std::to_string(g)] = list + "]";
        }
    }

    /// What the trial with the lower number said.
    static const Told* earlier(const std::map<std::int64_t, Told>& finished, const std::map<std::int64_t, Told>& running, std::int64_t generation) {
        const auto a = finished.find(generation);
        const auto b = running.find(generation);
        if (b == running.end()) return a == finished.end() ? nullptr : &a->second;
        return a != finished.end() && a->second.by < b->second.by ? &a->second : &b->second;
    }

    static bool usable(const History& history, const Numbers& numbers) {
        return std::all_of(numbers.begin(), numbers.end(), [&](std::int64_t number) {
            const auto at = static_cast<std::size_t>(number);
            return number >= 0 && at < history.trials().size() && history.trials()[at] && history.trials()[at]->state == TrialState::complete;
        });
    }

    void rebuild(const History& history, const SearchSpace& space, Known& known, Attributes& announced) const {
        if (!known.state || known.space != space) restart(known, space);
        const std::vector<Numbers> made = generations(history, known, known.state->population(), announced);
        if (known.past.size() > made.size() || !std::equal(known.past.begin(), known.past.end(), made.begin())) restart(known, space);
        for (std::size_t g = known.past.size(); g < made.size(); ++g) {
            known.state->tell(points(history, space, made[g]));
            known.past.push_back(made[g]);
        }
    }

    void restart(Known& known, const SearchSpace& space) const {
        known.space = space;
        known.past.clear();
        known.state = Cma(space.size(), first_sigma, config_.population);
    }

    /// The best first, equal ones by number.
    static std::vector<std::vector<double>> points(const History& history, const SearchSpace& space, const Numbers& numbers) {
        const double sign = history.directions().front() == Direction::minimize ? 1.0 : -1.0;
        std::vector<TrialPtr> trials;
        for (const std::int64_t number : numbers) trials.push_back(history.trials()[static_cast<std::size_t>(number)]);
        std::stable_sort(trials.begin(), trials.end(),
                         [&](const TrialPtr& a, const TrialPtr& b) { return sign * a->values.front() < sign * b->values.front(); });
        std::vector<std::vector<double>> out;
        for (const TrialPtr& trial : trials) {
            auto& x = out.emplace_back();
            for (const auto& [name, distribution] : space) x.push_back(to_unit(distribution, trial->param(name)->internal));
        }
        return out;
    }

    CmaesConfig config_;
    Learnt<Known> learnt_;
};

}  // namespace

Result<void> CmaesConfig::validate() const {
    // Half of the population makes the mean; with fewer than two of them the update has no rate.
    if (population == 0 || population >= 4) return {};
    return fail(ErrorCode::config, fmt::format("CMA-ES: a population of {} is too small", population), "take at least 4, or 0 for the default");
}

std::unique_ptr<Sampler> cmaes_sampler(const CmaesConfig& config) { return std::make_unique<CmaesSampler>(config); }

}  // namespace sofia::tune
