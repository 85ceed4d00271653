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

/// The observations of one estimator by trial number: a learnt row, or the number of learnt rows plus the index of a running trial.
using Members = std::vector<std::uint32_t>;

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

/// The positions of members by ascending value, from the table's order without sorting again. `position`: of each row, or nowhere.
void merge_order(const TpeColumn& source, std::size_t rows, const Members& members, const std::vector<std::uint32_t>& position, ParzenColumn& out) {
    std::vector<std::uint32_t> extra;
    for (std::uint32_t i = 0; i < members.size(); ++i) {
        if (members[i] >= rows) extra.push_back(i);
    }
    const auto before = [&](std::uint32_t a, std::uint32_t b) { return out.values[a] != out.values[b] ? out.values[a] < out.values[b] : a < b; };
    std::sort(extra.begin(), extra.end(), before);
    auto next = extra.begin();
    for (const std::uint32_t row : source.order) {
        const std::uint32_t at = position[row];
        if (at == nowhere) continue;
        while (next != extra.end() && before(*next, at)) out.order.push_back(*next++);
        out.order.push_back(at);
    }
    out.order.insert(out.order.end(), next, extra.end());
}

/// Room for n and some more: an eighth, since these vectors grow by one a trial and a sampler keeps them.
template <class T>
void clear_with_room(std::vector<T>& vector, std::size_t n) {
    vector.clear();
    if (vector.capacity() < n) vector.reserve(n + n / 8);
}

/// One parameter of the members.
void fill_column(ParzenColumn& out, const Distribution& distribution, TpeColumn& source, std::size_t rows, const Members& members,
                 const Running& running, std::size_t dimension, const std::vector<std::uint32_t>& position) {
    if (source.memo_for != distribution) {
        source.memo_for = distribution;
        std::fill(source.memos.begin(), source.memos.end(), ScaleMemo{});
    }
    out.distribution = &distribution;
    out.memos = source.memos;
    out.memo_of = members;
    const std::size_t room = members.size() + 1;  // the estimator adds the prior
    clear_with_room(out.values, room);
    clear_with_room(out.logs, 0);
    clear_with_room(out.order, room);
    for (const std::uint32_t m : members) out.values.push_back(m < rows ? source.values[m] : running[m - rows].second[dimension]);
    if (is_log(distribution) && !source.logs.empty()) {
        clear_with_room(out.logs, room);
        for (std::size_t i = 0; i < members.size(); ++i) {
            const double known = members[i] < rows ? source.logs[members[i]] : std::numeric_limits<double>::quiet_NaN();
            out.logs.push_back(std::isnan(known) ? std::log(out.values[i]) : known);
        }
    }
    // A handful is sorted faster than it is found among all.
    const bool few = members.size() < rows / 16;
    if (!few && distribution.as_categorical() == nullptr) merge_order(source, rows, members, position, out);
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
        divide(table, columns, running);
        fit(good_, table.size(), space, columns, below_, running);
        fit(bad_, table.size(), space, columns, above_, running);

        const std::vector<double> points = good_.sample(random, config_.candidates);
        const std::vector<double> log_good = good_.log_pdf(points);
        const std::vector<double> log_bad = bad_.log_pdf(points);
        std::size_t winner = 0;
        for (std::size_t i = 1; i < config_.candidates; ++i) {
            if (log_good[i] - log_bad[i] > log_good[winner] - log_bad[winner]) winner = i;
        }
        std::map<std::string, double> out;
        std::size_t at = winner * space.size();
        for (const auto& [name, distribution] : space) out[name] = points[at++];
        return out;
    }

    /// The trials that have all of the columns: the good ones, and the others with the running ones among them by number.
    void divide(const TpeTable& table, const std::vector<TpeColumn*>& columns, const Running& running) {
        const std::size_t rows = table.size();
        is_good_.assign(rows, 0);
        for (const std::uint32_t row : table.best(tpe_below(rows))) is_good_[row] = 1;
        std::vector<const TpeColumn*> in_some;
        for (const TpeColumn* c : columns) {
            if (c == nullptr || !table.in_all(*c)) in_some.push_back(c);
        }
        clear_with_room(below_, 0);
        clear_with_room(above_, rows + running.size());
        std::uint32_t next = 0;
        for (const std::uint32_t row : table.by_number()) {
            const bool whole =
                std::all_of(in_some.begin(), in_some.end(), [&](const TpeColumn* c) { return c != nullptr && !std::isnan(c->values[row]); });
            if (!whole) continue;
            for (; next < running.size() && running[next].first < table.number(row); ++next)
                above_.push_back(static_cast<std::uint32_t>(rows) + next);
            (is_good_[row] != 0 ? below_ : above_).push_back(row);
        }
        for (; next < running.size(); ++next) above_.push_back(static_cast<std::uint32_t>(rows) + next);
    }

    void fit(ParzenEstimator& estimator, std::size_t rows, const SearchSpace& space, const std::vector<TpeColumn*>& columns, const Members& members,
             const Running& running) {
        position_.assign(rows, nowhere);
        for (std::uint32_t i = 0; i < members.size(); ++i) {
            if (members[i] < rows) position_[members[i]] = i;
        }
        TpeColumn none;  // of a parameter that no finished trial has
        std::size_t dimension = 0;
        estimator.start(members.size());
        for (const auto& [name, distribution] : space) {
            TpeColumn& source = columns[dimension] != nullptr ? *columns[dimension] : none;
            fill_column(column_, distribution, source, rows, members, running, dimension, position_);
            estimator.add(column_);
            ++dimension;
        }
    }

    TpeConfig config_;
    Learnt<TpeTable> learnt_;
    // What one draw needs: kept, since the next one needs it again and a little more.
    std::vector<char> is_good_;
    Members below_;
    Members above_;
    std::vector<std::uint32_t> position_;
    ParzenColumn column_;
    ParzenEstimator good_;
    ParzenEstimator bad_;
};

}  // namespace

Result<void> TpeConfig::validate() const {
    if (candidates < 1) return fail(ErrorCode::config, "TPE: candidates is at least 1");
    return {};
}

std::unique_ptr<Sampler> tpe_sampler(const TpeConfig& config) { return std::make_unique<TpeSampler>(config); }

}  // namespace sofia::tune
