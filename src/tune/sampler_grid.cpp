#include <optional>
#include <set>

#include <fmt/core.h>

#include "tune/grid_plan.hpp"
#include "tune/learnt.hpp"
#include "tune/sampler.hpp"

namespace sofia::tune {

namespace {

/// The cells that finished trials have had, of one plan after the other.
class Visited {
public:
    void learn(const FrozenTrial& trial, const std::vector<Direction>&) {
        if (grid_id_of(trial)) numbers_.push_back(trial.number);
    }

    /// Whether each cell is finished or running, or is being run by trial `self`.
    void update(const History& history, const GridPlan& plan, std::uint64_t version) {
        if (version != version_ || taken_.size() != plan.cells()) {
            version_ = version;
            taken_.assign(plan.cells(), 0);
            done_ = 0;
            count_ = 0;
        }
        for (; done_ < numbers_.size(); ++done_) {
            const auto cell = plan.cell_of(*history.trials()[static_cast<std::size_t>(numbers_[done_])]);
            if (!cell || taken_[*cell] != 0) continue;
            taken_[*cell] = 1;
            ++count_;
        }
        running_.clear();
        for (const auto& [number, trial] : history.running()) {
            const auto cell = plan.cell_of(*trial);
            if (cell && taken_[*cell] == 0) running_.insert(*cell);
        }
    }

    [[nodiscard]] bool free(std::size_t cell) const { return taken_[cell] == 0 && !running_.contains(cell); }
    [[nodiscard]] bool all() const { return count_ + running_.size() == taken_.size(); }

private:
    std::vector<std::int64_t> numbers_;  ///< of the finished trials with a grid id
    std::uint64_t version_ = 0;          ///< of the plan that the rest is about
    std::vector<char> taken_;            ///< by cell
    std::size_t done_ = 0;
    std::size_t count_ = 0;
    std::set<std::size_t> running_;
};

class GridSampler : public Sampler {
public:
    explicit GridSampler(GridConfig config) : config_(std::move(config)) {}

    Result<void> validate(const std::vector<Direction>&) const override { return config_.validate(); }

    Needs needs() const override { return {.whole_study = true}; }

    Result<bool> exhausted(const History& history, const SearchSpace* asked) override {
        SOFIA_TRY(const SearchSpace space, joint_space(history, asked));
        SOFIA_CHECK(plan_for(space));
        return visited(history).all();
    }

    Result<SearchSpace> joint_space(const History&, const SearchSpace* asked) override {
        if (asked == nullptr && config_.values.empty()) {
            return fail(ErrorCode::config, "the grid sampler needs a space", "give one to ask, or list the values of each parameter");
        }
        if (asked == nullptr) return SearchSpace();
        if (config_.values.empty()) return *asked;
        for (const auto& [name, distribution] : *asked) {
            const auto list = config_.values.find(name);
            if (list == config_.values.end()) return unknown(name);
            for (const ParamValue& value : list->second) SOFIA_CHECK(inside(name, distribution, value));
        }
        return *asked;
    }

    Result<JointSample> sample_joint(const History& history, std::int64_t number, const SearchSpace& space, RandomStream random) override {
        SOFIA_CHECK(plan_for(space));
        JointSample out;
        const auto& trials = history.trials();
        const auto at = static_cast<std::size_t>(number);
        std::optional<std::size_t> cell;
        if (at < trials.size() && trials[at]) {  // it was waiting: enqueued, or to be run again
            if (trials[at]->system_attributes.contains("fixed_params")) return out;
            cell = plan_->cell_of(*trials[at]);
        }
        if (!cell) {
            const std::size_t grid_id = next(history, at, random);
            cell = plan_->cell_at(grid_id);
            out.system_attributes = plan_->attributes(grid_id);
        }
        for (const auto& [name, distribution] : space) {
            SOFIA_TRY(out.internal[name], inside(name, distribution, *plan_->value(*cell, name)));
        }
        return out;
    }

    Result<double> sample_one(const History& history, std::int64_t number, const std::string& name, const Distribution& distribution,
                              RandomStream) override {
        if (plan_ && !plan_->values().contains(name)) return unknown(name);
        const auto trial = history.running().find(number);
        const auto cell = trial == history.running().end() || !plan_ ? std::nullopt : plan_->cell_of(*trial->second);
        if (!cell) {
            return fail(ErrorCode::config, fmt::format("trial {}: parameter \"{}\" is not given", number, name),
                        "a trial that is enqueued in a grid gives all parameters");
        }
        return inside(name, distribution, *plan_->value(*cell, name));
    }

private:
    static std::unexpected<Error> unknown(const std::string& name) {
        return fail(ErrorCode::config, fmt::format("parameter \"{}\" is not in the grid", name), "list its values too");
    }

    static Result<double> inside(const std::string& name, const Distribution& distribution, const ParamValue& value) {
        const auto internal = distribution.internal(value);
        if (internal && distribution.contains(*internal)) return *internal;
        return fail(ErrorCode::config,
                    fmt::format("parameter \"{}\": the grid's value {} is not one of {}", name, format_value(value), distribution.json()));
    }

    Result<void> plan_for(const SearchSpace& space) {
        if (plan_ && (!config_.values.empty() || planned_ == space)) return {};
        GridValues values = config_.values;
        if (values.empty()) {
            SOFIA_TRY(values, values_of(space));
        }
        SOFIA_TRY(plan_, GridPlan::make(std::move(values), config_.seed));
        planned_ = space;
        ++version_;
        return {};
    }

    Visited& visited(const History& history) {
        Visited& out = learnt_.of(history);
        out.update(history, *plan_, version_);
        return out;
    }

    /// Trial n takes place n of the order; when that is taken, and for later trials, one of the free places.
    std::size_t next(const History& history, std::size_t number, RandomStream& random) {
        const Visited& seen = visited(history);
        if (number < plan_->cells() && seen.free(plan_->cell_at(number))) return number;
        std::vector<std::size_t> free;
        for (std::size_t id = 0; id < plan_->cells(); ++id) {
            if (seen.free(plan_->cell_at(id))) free.push_back(id);
        }
        return free.empty() ? random.below(plan_->cells()) : free[random.below(free.size())];
    }

    GridConfig config_;
    std::optional<GridPlan> plan_;
    SearchSpace planned_;        ///< the space of plan_
    std::uint64_t version_ = 0;  ///< of plan_
    Learnt<Visited> learnt_;
};

}  // namespace

Result<void> GridConfig::validate() const {
    if (!values.empty()) SOFIA_CHECK(GridPlan::make(values, seed));
    return {};
}

std::unique_ptr<Sampler> grid_sampler(GridConfig config) { return std::make_unique<GridSampler>(std::move(config)); }

}  // namespace sofia::tune
