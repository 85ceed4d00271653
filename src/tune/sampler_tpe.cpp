#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/core.h>

#include "tune/learnt.hpp"
#include "tune/parzen.hpp"
#include "tune/relative.hpp"
#include "tune/sampler.hpp"
#include "tune/tpe_table.hpp"

namespace sofia::tune {

namespace {

constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();

/// One observation: a learnt row, or a running trial.
struct Member {
    std::int64_t number = 0;
    std::uint32_t row = nowhere;
    std::uint32_t running = nowhere;
};

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

/// Fills one column of a set of members, its order from the table's order without sorting again.
ParzenColumn parzen_column(const Distribution& distribution, TpeColumn& source, std::size_t dimension, const std::vector<Member>& members,
                           const Running& running, std::vector<std::uint32_t>& position) {
    ParzenColumn out;
    out.distribution = &distribution;
    out.values.reserve(members.size() + 1);  // the estimator adds the prior
    out.memos.reserve(members.size());
    if (source.memo_for != distribution) {
        source.memo_for = distribution;
        std::fill(source.memos.begin(), source.memos.end(), ScaleMemo{});
    }
    std::vector<std::uint32_t> extra;
    for (std::uint32_t i = 0; i < members.size(); ++i) {
        const Member& m = members[i];
        const bool learnt = m.row != nowhere;
        out.values.push_back(learnt ? source.values[m.row] : running[m.running].second[dimension]);
        out.memos.push_back(learnt ? &source.memos[m.row] : nullptr);
        if (!learnt) extra.push_back(i);
    }
    if (distribution.as_categorical() != nullptr) return out;
    const auto before = [&](std::uint32_t a, std::uint32_t b) { return out.values[a] != out.values[b] ? out.values[a] < out.values[b] : a < b; };
    std::sort(extra.begin(), extra.end(), before);
    out.order.reserve(members.size());
    auto next = extra.begin();
    for (const std::uint32_t row : source.order) {
        const std::uint32_t at = position[row];
        if (at == nowhere) continue;
        while (next != extra.end() && before(*next, at)) out.order.push_back(*next++);
        out.order.push_back(at);
    }
    out.order.insert(out.order.end(), next, extra.end());
    return out;
}

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
        const TpeTable& table = learnt_.of(history);
        return table.size() < config_.startup_trials ? SearchSpace() : table.shared().space(asked);
    }

    Result<JointSample> sample_joint(const History& history, std::int64_t number, const SearchSpace& space, RandomStream random) override {
        JointSample out;
        if (!space.empty()) out.internal = draw(history, number, space, random);
        return out;
    }

    Result<double> sample_one(const History& history, std::int64_t number, const std::string& name, const Distribution& distribution,
                              RandomStream random) override {
        if (learnt_.of(history).size() < config_.startup_trials) return sample_uniform(distribution, random);
        return draw(history, number, SearchSpace{{name, distribution}}, random).begin()->second;
    }

private:
    std::map<std::string, double> draw(const History& history, std::int64_t number, const SearchSpace& space, RandomStream& random) {
        TpeTable& table = learnt_.of(history);
        const Running running = config_.running == TpeConfig::Running::constant_liar ? running_values(history, number, space) : Running();
        std::vector<TpeColumn*> columns;
        for (const auto& [name, distribution] : space) columns.push_back(table.column(name));

        const auto n = table.size();
        const std::vector<std::uint32_t> best = table.best(tpe_below(n));
        std::vector<char> is_below(n, 0);
        for (const std::uint32_t row : best) is_below[row] = 1;

        std::vector<Member> below;
        std::vector<Member> above;
        std::uint32_t next_running = 0;
        const auto add_running = [&](std::int64_t before) {
            for (; next_running < running.size() && running[next_running].first < before; ++next_running) {
                above.push_back({running[next_running].first, nowhere, next_running});
            }
        };
        for (const std::uint32_t row : table.by_number()) {
            const bool whole =
                std::all_of(columns.begin(), columns.end(), [&](const TpeColumn* c) { return c != nullptr && !std::isnan(c->values[row]); });
            if (!whole) continue;
            add_running(table.number(row));
            (is_below[row] != 0 ? below : above).push_back({table.number(row), row, nowhere});
        }
        add_running(std::numeric_limits<std::int64_t>::max());

        const ParzenEstimator good = estimator(table.size(), space, columns, below, running);
        const ParzenEstimator bad = estimator(table.size(), space, columns, above, running);
        const std::vector<double> points = good.sample(random, config_.candidates);
        const std::vector<double> log_good = good.log_pdf(points);
        const std::vector<double> log_bad = bad.log_pdf(points);
        std::size_t winner = 0;
        for (std::size_t i = 1; i < config_.candidates; ++i) {
            if (log_good[i] - log_bad[i] > log_good[winner] - log_bad[winner]) winner = i;
        }
        std::map<std::string, double> out;
        std::size_t at = winner * space.size();
        for (const auto& [name, distribution] : space) out[name] = points[at++];
        return out;
    }

    ParzenEstimator estimator(std::size_t rows, const SearchSpace& space, const std::vector<TpeColumn*>& columns, const std::vector<Member>& members,
                              const Running& running) {
        position_.assign(rows, nowhere);
        for (std::uint32_t i = 0; i < members.size(); ++i) {
            if (members[i].row != nowhere) position_[members[i].row] = i;
        }
        std::vector<ParzenColumn> out;
        TpeColumn none;  // of a parameter that no finished trial has
        std::size_t dimension = 0;
        for (const auto& [name, distribution] : space) {
            TpeColumn& source = columns[dimension] != nullptr ? *columns[dimension] : none;
            out.push_back(parzen_column(distribution, source, dimension, members, running, position_));
            ++dimension;
        }
        return ParzenEstimator(std::move(out));
    }

    TpeConfig config_;
    Learnt<TpeTable> learnt_;
    std::vector<std::uint32_t> position_;
};

}  // namespace

Result<void> TpeConfig::validate() const {
    if (candidates < 1) return fail(ErrorCode::config, "TPE: candidates is at least 1");
    return {};
}

std::unique_ptr<Sampler> tpe_sampler(const TpeConfig& config) { return std::make_unique<TpeSampler>(config); }

}  // namespace sofia::tune
