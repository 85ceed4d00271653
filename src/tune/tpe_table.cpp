#include "tune/tpe_table.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "tune/roomy.hpp"

namespace sofia::tune {

namespace {
constexpr double missing = std::numeric_limits<double>::quiet_NaN();
}

std::size_t tpe_below(std::size_t n) { return std::min<std::size_t>((n + 9) / 10, 25); }

bool TpeTable::Score::operator<(const Score& o) const {
    if (first != o.first) return first < o.first;
    if (second != o.second) return second < o.second;
    return number < o.number;
}

void TpeTable::learn(const FrozenTrial& trial, const std::vector<Direction>& directions) {
    if (trial.state != TrialState::complete && trial.state != TrialState::pruned) return;
    const auto row = static_cast<std::uint32_t>(numbers_.size());
    numbers_.push_back(trial.number);
    const auto earlier = [&](std::uint32_t a, std::uint32_t b) { return numbers_[a] < numbers_[b]; };
    by_number_.insert(std::upper_bound(by_number_.begin(), by_number_.end(), row, earlier), row);
    rank(trial, directions.front(), row);
    for (const Param& p : trial.params) {
        TpeColumn& column = columns_[p.name];
        resize_with_room(column.values, numbers_.size(), missing);
        column.values[row] = p.internal;
        ++column.count;
    }
    shared_.learn(trial);
}

void TpeTable::rank(const FrozenTrial& trial, Direction direction, std::uint32_t row) {
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

const TpeColumn* TpeTable::column(const std::string& name) {
    const auto found = columns_.find(name);
    if (found == columns_.end()) return nullptr;
    resize_with_room(found->second.values, numbers_.size(), missing);
    return &found->second;
}

std::uint32_t TpeTable::row(std::int64_t number) const {
    const auto before = [&](std::uint32_t row, std::int64_t n) { return numbers_[row] < n; };
    const auto found = std::lower_bound(by_number_.begin(), by_number_.end(), number, before);
    assert(found != by_number_.end() && numbers_[*found] == number);
    return *found;
}

std::vector<std::uint32_t> TpeTable::best(std::size_t n) const {
    std::vector<std::uint32_t> rows;
    for (const auto* rank : {&complete_, &pruned_, &infeasible_}) {
        for (std::size_t i = 0; i < rank->size() && rows.size() < n; ++i) rows.push_back((*rank)[i].row);
    }
    return rows;
}

}  // namespace sofia::tune
