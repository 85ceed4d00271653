#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/core.h>

#include "tune/learnt.hpp"
#include "tune/parzen.hpp"
#include "tune/relative.hpp"
#include "tune/roomy.hpp"
#include "tune/sampler.hpp"
#include "tune/tpe_table.hpp"

namespace sofia::tune {

namespace {

using Running = std::vector<std::pair<std::int64_t, std::vector<double>>>;  ///< number, values in the space's order

/// The running trials that have every parameter of the space, decided or only announced.
Running running_values(const History& history, std::int64_t self, const SearchSpace& space) {
    Running out;
    for (const auto& [number, trial] : history.running()) {
        if (number == self) continue;
        std::optional<std::map<std::string, ParamValue>> announced;
        std::vector<double> values;
        for (const auto& [name, distribution] : space) {
            if (const Param* p = trial->param(name)) {
                values.push_back(p->internal);
                continue;
            }
            if (!announced) announced = relative_params(*trial);
            const auto found = announced->find(name);
            if (found == announced->end()) break;
            const auto internal = distribution.internal(found->second);
            if (!internal) break;
            values.push_back(*internal);
        }
        if (values.size() == space.size()) out.emplace_back(number, std::move(values));
    }
    return out;
}

/// One of the two densities, kept from draw to draw: from one trial to the next few observations come and go.
class TpeSide {
public:
    explicit TpeSide(const SearchSpace& space) : density_(space) {}

    [[nodiscard]] const ParzenEstimator& density() const { return density_; }

    /// Makes it the density of these trials (numbers, ascending); `values_of` gives a trial's values in the space's order. Those of a running trial
    /// may be others when it has finished.
    template <class ValuesOf>
    void follow(const std::vector<std::int64_t>& members, const Running& running, const ValuesOf& values_of) {
        ParzenEdit edit;
        std::size_t was = 0;
        std::size_t is = 0;
        while (was < members_.size() || is < members.size()) {
            const bool gone = is == members.size() || (was < members_.size() && members_[was] < members[is]);
            const bool came = was == members_.size() || (is < members.size() && members[is] < members_[was]);
            if (!gone && !came && !changed(members[is], values_of)) {
                ++was;
                ++is;
                continue;
            }
            if (!came) edit.erased.push_back(was++);
            if (gone) continue;
            const std::vector<double> values = values_of(members[is]);
            edit.values.insert(edit.values.end(), values.begin(), values.end());
            edit.inserted.push_back(is++);
        }
        density_.edit(edit);
        reserve_with_room(members_, members.size());
        members_ = members;
        ran_.clear();
        for (const auto& one : running) {
            if (std::ranges::binary_search(members, one.first)) ran_.insert(one);
        }
    }

private:
    template <class ValuesOf>
    [[nodiscard]] bool changed(std::int64_t number, const ValuesOf& values_of) const {
        if (ran_.empty()) return false;
        const auto found = ran_.find(number);
        return found != ran_.end() && found->second != values_of(number);
    }

    ParzenEstimator density_;
    std::vector<std::int64_t> members_;
    std::map<std::int64_t, std::vector<double>> ran_;
};

/// What the sampler keeps of a history: its trials, and the densities of the joint space (no name) and of each parameter drawn alone.
struct TpeState {
    struct Densities {
        SearchSpace space;
        TpeSide good, bad;
    };
    TpeTable table;
    std::map<std::string, Densities> densities;

    void learn(const FrozenTrial& trial, const std::vector<Direction>& directions) { table.learn(trial, directions); }

    Densities& of(const std::string& name, const SearchSpace& space) {
        auto found = densities.find(name);
        if (found != densities.end() && found->second.space != space) {
            densities.erase(found);
            found = densities.end();
        }
        if (found == densities.end()) found = densities.emplace(name, Densities{space, TpeSide(space), TpeSide(space)}).first;
        return found->second;
    }
};

class TpeSampler : public Sampler {
public:
    explicit TpeSampler(const TpeConfig& config) : config_(config) {}

    Result<void> validate(const std::vector<Direction>& directions) const override {
        SOFIA_CHECK(config_.validate());
        if (directions.size() == 1) return {};
        return fail(ErrorCode::usage, fmt::format("the TPE sampler serves one objective, not {}", directions.size()),
                    "take the sampler nsga2 for several objectives");
    }

    Result<SearchSpace> joint_space(const History& history, const SearchSpace* asked) override {
        if (config_.joint == TpeConfig::Joint::univariate) return SearchSpace();
        const TpeTable& table = learnt_.of(history).table;
        return table.size() < config_.startup_trials ? SearchSpace() : table.shared().space(asked);
    }

    Result<JointSample> sample_joint(const History& history, std::int64_t number, const SearchSpace& space, RandomStream random) override {
        JointSample out;
        if (!space.empty()) out.internal = draw(history, number, "", space, random);
        return out;
    }

    Result<double> sample_one(const History& history, std::int64_t number, const std::string& name, const Distribution& distribution,
                              RandomStream random) override {
        if (learnt_.of(history).table.size() < config_.startup_trials) return sample_uniform(distribution, random);
        return draw(history, number, name, SearchSpace{{name, distribution}}, random).begin()->second;
    }

private:
    std::map<std::string, double> draw(const History& history, std::int64_t number, const std::string& name, const SearchSpace& space,
                                       RandomStream& random) {
        TpeState& state = learnt_.of(history);
        TpeTable& table = state.table;
        const Running running = config_.running == TpeConfig::Running::constant_liar ? running_values(history, number, space) : Running();
        std::vector<const TpeColumn*> columns;
        for (const auto& [each, distribution] : space) columns.push_back(table.column(each));
        divide(table, columns, running);
        const auto values_of = [&](std::int64_t trial) {
            const auto ran = std::ranges::lower_bound(running, trial, {}, [](const auto& one) { return one.first; });
            if (ran != running.end() && ran->first == trial) return ran->second;
            std::vector<double> values;
            for (const TpeColumn* column : columns) values.push_back(column->values[table.row(trial)]);
            return values;
        };
        auto& [same_space, good, bad] = state.of(name, space);
        good.follow(below_, running, values_of);
        bad.follow(above_, running, values_of);

        const std::vector<double> points = good.density().sample(random, config_.candidates);
        const std::vector<double> log_good = good.density().log_pdf(points);
        const std::vector<double> log_bad = bad.density().log_pdf(points);
        std::size_t winner = 0;
        for (std::size_t i = 1; i < config_.candidates; ++i) {
            if (log_good[i] - log_bad[i] > log_good[winner] - log_bad[winner]) winner = i;
        }
        std::map<std::string, double> out;
        std::size_t at = winner * space.size();
        for (const auto& [each, distribution] : space) out[each] = points[at++];
        return out;
    }

    /// The trials that have all of the columns: the good ones, and the others with the running ones among them by number.
    void divide(const TpeTable& table, const std::vector<const TpeColumn*>& columns, const Running& running) {
        const std::size_t rows = table.size();
        is_good_.clear();
        resize_with_room(is_good_, rows);
        for (const std::uint32_t row : table.best(tpe_below(rows))) is_good_[row] = 1;
        std::vector<const TpeColumn*> in_some;
        for (const TpeColumn* c : columns) {
            if (c == nullptr || c->count < rows) in_some.push_back(c);
        }
        below_.clear();
        above_.clear();
        reserve_with_room(above_, rows + running.size());
        auto next = running.begin();
        for (const std::uint32_t row : table.by_number()) {
            const auto has = [&](const TpeColumn* c) { return c != nullptr && !std::isnan(c->values[row]); };
            if (!std::ranges::all_of(in_some, has)) continue;
            const std::int64_t number = table.number(row);
            for (; next != running.end() && next->first < number; ++next) above_.push_back(next->first);
            (is_good_[row] != 0 ? below_ : above_).push_back(number);
        }
        for (; next != running.end(); ++next) above_.push_back(next->first);
    }

    TpeConfig config_;
    Learnt<TpeState> learnt_;
    std::vector<char> is_good_;  ///< of the draw at hand, by row
    std::vector<std::int64_t> below_, above_;  ///< trial numbers
};

}  // namespace

Result<void> TpeConfig::validate() const {
    if (candidates < 1) return fail(ErrorCode::config, "TPE: candidates is at least 1");
    return {};
}

std::unique_ptr<Sampler> tpe_sampler(const TpeConfig& config) { return std::make_unique<TpeSampler>(config); }

}  // namespace sofia::tune
