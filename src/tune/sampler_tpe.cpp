#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/core.h>

#include "tune/learnt.hpp"
#include "tune/parzen.hpp"
#include "tune/relative.hpp"
#include "tune/sampler.hpp"

namespace sofia::tune {

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();

/// What a trial is ranked by among its kind; the lower the better, ties by number.
struct Score {
    double first = 0.0;
    double second = 0.0;
    std::int64_t number = 0;
    std::uint32_t row = 0;
    bool operator<(const Score& o) const {
        if (first != o.first) return first < o.first;
        if (second != o.second) return second < o.second;
        return number < o.number;
    }
};

/// The values of one parameter over all learnt trials, with what is slow to find again.
struct Column {
    std::vector<double> values;        ///< by row, NaN where the trial lacks the parameter
    std::vector<std::uint32_t> order;  ///< rows that have it, by (value, number)
    std::vector<ScaleMemo> memos;      ///< by row, valid for `memo_for`
    std::optional<Distribution> memo_for;
};

/// Complete and pruned trials, learnt once each.
class Table {
public:
    void learn(const FrozenTrial& trial, const std::vector<Direction>& directions) {
        if (trial.state == TrialState::complete || trial.state == TrialState::pruned) add(trial, directions.front());
    }

    [[nodiscard]] std::size_t size() const { return numbers_.size(); }
    [[nodiscard]] std::int64_t number(std::uint32_t row) const { return numbers_[row]; }
    [[nodiscard]] const std::vector<std::uint32_t>& by_number() const { return by_number_; }
    [[nodiscard]] const std::map<std::string, std::shared_ptr<const Distribution>>& intersection() const { return intersection_; }

    [[nodiscard]] Column* column(const std::string& name) {
        const auto found = columns_.find(name);
        if (found == columns_.end()) return nullptr;
        found->second.values.resize(numbers_.size(), missing);
        found->second.memos.resize(numbers_.size());
        return &found->second;
    }

    /// The rows of the best n: complete, then pruned, then infeasible ones.
    [[nodiscard]] std::vector<std::uint32_t> best(std::size_t n) const {
        std::vector<std::uint32_t> rows;
        for (const auto* rank : {&complete_, &pruned_, &infeasible_}) {
            for (std::size_t i = 0; i < rank->size() && rows.size() < n; ++i) rows.push_back((*rank)[i].row);
        }
        return rows;
    }

private:
    void add(const FrozenTrial& trial, Direction direction) {
        const auto row = static_cast<std::uint32_t>(numbers_.size());
        numbers_.push_back(trial.number);
        const auto earlier = [&](std::uint32_t a, std::uint32_t b) { return numbers_[a] < numbers_[b]; };
        by_number_.insert(std::upper_bound(by_number_.begin(), by_number_.end(), row, earlier), row);
        rank(trial, direction, row);
        for (const Param& p : trial.params) {
            Column& column = columns_[p.name];
            column.values.resize(numbers_.size(), missing);
            column.values[row] = p.internal;
            const auto before = [&](std::uint32_t a, std::uint32_t b) {
                return column.values[a] != column.values[b] ? column.values[a] < column.values[b] : numbers_[a] < numbers_[b];
            };
            column.order.insert(std::upper_bound(column.order.begin(), column.order.end(), row, before), row);
        }
        intersect(trial);
    }

    void rank(const FrozenTrial& trial, Direction direction, std::uint32_t row) {
        const double sign = direction == Direction::minimize ? 1.0 : -1.0;
        Score score{0.0, 0.0, trial.number, row};
        std::vector<Score>* into = &complete_;
        if (const double violated = trial.violation(); violated > 0.0) {
            score.first = violated;
            into = &infeasible_;
        } else if (trial.state == TrialState::complete) {
            score.first = sign * trial.values.front();
        } else {
            into = &pruned_;
            score.first = 1.0;
            if (!trial.reports.empty()) {
                const auto& [step, value] = *trial.reports.rbegin();
                score.first = -static_cast<double>(step);
                score.second = std::isnan(value) ? std::numeric_limits<double>::infinity() : sign * value;
            }
        }
        into->insert(std::upper_bound(into->begin(), into->end(), score), score);
    }

    void intersect(const FrozenTrial& trial) {
        if (!seen_any_) {
            for (const Param& p : trial.params) intersection_[p.name] = p.distribution;
            seen_any_ = true;
            return;
        }
        std::erase_if(intersection_, [&](const auto& entry) {
            const Param* p = trial.param(entry.first);
            return p == nullptr || (p->distribution != entry.second && *p->distribution != *entry.second);
        });
    }

    bool seen_any_ = false;
    std::vector<std::int64_t> numbers_;     ///< by row, in the order of learning
    std::vector<std::uint32_t> by_number_;  ///< rows
    std::vector<Score> complete_, pruned_, infeasible_;
    std::map<std::string, Column> columns_;
    std::map<std::string, std::shared_ptr<const Distribution>> intersection_;
};

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
ParzenColumn parzen_column(const Distribution& distribution, Column& source, std::size_t dimension, const std::vector<Member>& members,
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
        SearchSpace space;
        if (config_.joint == TpeConfig::Joint::univariate) return space;
        const Table& table = learnt_.of(history);
        if (table.size() < config_.startup_trials) return space;
        for (const auto& [name, distribution] : table.intersection()) {
            if (distribution->single() || (asked != nullptr && !asked->contains(name))) continue;
            space.emplace(name, *distribution);
        }
        return space;
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
        Table& table = learnt_.of(history);
        const Running running = config_.running == TpeConfig::Running::constant_liar ? running_values(history, number, space) : Running();
        std::vector<Column*> columns;
        for (const auto& [name, distribution] : space) columns.push_back(table.column(name));

        // gamma counts all complete and pruned trials, whether they have these parameters or not.
        const auto n = table.size();
        const auto n_below = std::min<std::size_t>((n + 9) / 10, 25);
        std::vector<std::uint32_t> best = table.best(n_below);
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
                std::all_of(columns.begin(), columns.end(), [&](const Column* c) { return c != nullptr && !std::isnan(c->values[row]); });
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

    ParzenEstimator estimator(std::size_t rows, const SearchSpace& space, const std::vector<Column*>& columns,
                              const std::vector<Member>& members, const Running& running) {
        position_.assign(rows, nowhere);
        for (std::uint32_t i = 0; i < members.size(); ++i) {
            if (members[i].row != nowhere) position_[members[i].row] = i;
        }
        std::vector<ParzenColumn> out;
        Column none;  // of a parameter that no finished trial has
        std::size_t dimension = 0;
        for (const auto& [name, distribution] : space) {
            Column& source = columns[dimension] != nullptr ? *columns[dimension] : none;
            out.push_back(parzen_column(distribution, source, dimension, members, running, position_));
            ++dimension;
        }
        return ParzenEstimator(std::move(out));
    }

    TpeConfig config_;
    Learnt<Table> learnt_;
    std::vector<std::uint32_t> position_;
};

}  // namespace

Result<void> TpeConfig::validate() const {
    if (candidates < 1) return fail(ErrorCode::config, "TPE: candidates is at least 1");
    return {};
}

std::unique_ptr<Sampler> tpe_sampler(const TpeConfig& config) { return std::make_unique<TpeSampler>(config); }

}  // namespace sofia::tune
