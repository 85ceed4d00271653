#include <charconv>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "tune/json_text.hpp"
#include "tune/learnt.hpp"
#include "tune/sampler.hpp"
#include "tune/sobol.hpp"
#include "tune/unit.hpp"

namespace sofia::tune {

namespace {

/// Decimal digits in a string: a JSON number of 64 bits is not safe in every reader.
const std::string scramble_key = "qmc:scramble";

std::optional<std::uint64_t> scramble_of(const FrozenTrial& trial) {
    const auto found = trial.system_attributes.find(scramble_key);
    if (found == trial.system_attributes.end()) return std::nullopt;
    const auto json = parse_python_json(found->second);
    if (!json || !json->is_string()) return std::nullopt;
    const auto& text = json->get_ref<const std::string&>();
    std::uint64_t seed = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(seed) : std::nullopt;
}

/// What the finished trials say: the space of the first one, and the scrambling of the first that has one.
class First {
public:
    void learn(const FrozenTrial& trial, const std::vector<Direction>&) {
        if (const auto seed = scramble_of(trial); seed && (!scramble_ || trial.number < scramble_->first)) scramble_ = {trial.number, *seed};
        if (trial.state != TrialState::complete && trial.state != TrialState::pruned) return;
        if (number_ && trial.number > *number_) return;
        number_ = trial.number;
        space_.clear();
        for (const Param& p : trial.params) {
            if (!p.distribution->single()) space_.emplace(p.name, *p.distribution);
        }
    }

    [[nodiscard]] const SearchSpace& space() const { return space_; }

    [[nodiscard]] std::optional<std::uint64_t> scramble(const History& history) const {
        std::optional<std::pair<std::int64_t, std::uint64_t>> first = scramble_;
        for (const auto& [number, trial] : history.running()) {
            if (first && first->first < number) break;
            if (const auto seed = scramble_of(*trial)) first = {number, *seed};
        }
        return first ? std::optional(first->second) : std::nullopt;
    }

private:
    std::optional<std::int64_t> number_;
    SearchSpace space_;
    std::optional<std::pair<std::int64_t, std::uint64_t>> scramble_;  ///< trial number, seed
};

class QmcSampler : public Sampler {
public:
    explicit QmcSampler(const QmcConfig& config) : config_(config) {}

    Result<void> validate(const std::vector<Direction>&) const override { return {}; }

    Needs needs() const override { return {.whole_study = true}; }

    Result<SearchSpace> joint_space(const History& history, const SearchSpace* asked) override {
        SearchSpace out;
        for (const auto& [name, distribution] : asked != nullptr ? *asked : learnt_.of(history).space()) {
            if (out.size() < sobol_dimensions_max && !distribution.single()) out.emplace(name, distribution);
        }
        return out;
    }

    Result<JointSample> sample_joint(const History& history, std::int64_t number, const SearchSpace& space, RandomStream random) override {
        JointSample out;
        std::optional<std::uint64_t> seed;
        if (config_.scramble == QmcConfig::Scramble::matrix_shift) {
            seed = learnt_.of(history).scramble(history);
            if (!seed) {
                seed = random.next();
                out.system_attributes[scramble_key] = python_json(ParamValue(std::to_string(*seed)));
            }
        }
        if (space.empty()) return out;
        const std::vector<double> point = sequence(space.size(), seed).point(static_cast<std::uint64_t>(number));
        auto u = point.begin();
        for (const auto& [name, distribution] : space) out.internal[name] = from_unit(distribution, *u++);
        return out;
    }

    Result<double> sample_one(const History&, std::int64_t, const std::string&, const Distribution& distribution, RandomStream random) override {
        return sample_uniform(distribution, random);
    }

private:
    using Key = std::pair<std::size_t, std::optional<std::uint64_t>>;

    const Sobol& sequence(std::size_t dimensions, const std::optional<std::uint64_t>& seed) {
        if (const Key key{dimensions, seed}; !sequence_ || key_ != key) {
            sequence_ = seed ? Sobol(dimensions, RandomStream(*seed).split("sobol")) : Sobol(dimensions);
            key_ = key;
        }
        return *sequence_;
    }

    QmcConfig config_;
    Learnt<First> learnt_;
    Key key_;
    std::optional<Sobol> sequence_;
};

}  // namespace

std::unique_ptr<Sampler> qmc_sampler(const QmcConfig& config) { return std::make_unique<QmcSampler>(config); }

}  // namespace sofia::tune
