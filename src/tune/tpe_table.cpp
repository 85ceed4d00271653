#include "tune/tpe_table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sofia::tune {

namespace {
constexpr double missing = std::numeric_limits<double>::quiet_NaN();
}

std::size_t tpe_below(std::size_t n) { return std::min<std::size_t>((n + 9) / 10, 25); }

bool is_log(const Distribution& distribution) {
    if (const auto* i = distribution.as_int()) return i->log;
    const auto* f = distribution.as_float();
    return f != nullptr && f->log;
}

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
        column.values.resize(numbers_.size(), missing);
        column.values[row] = p.internal;
        if (is_log(*p.distribution)) {
            column.logs.resize(numbers_.size(), missing);
            column.logs[row] = std::log(p.internal);
        }
        const auto before = [&](std::uint32_t a, std::uint32_t b) {
            return column.values[a] != column.values[b] ? column.values[a] < column.values[b] : numbers_[a] < numbers_[b];
        };
        column.order.insert(std::upper_bound(column.order.begin(), column.order.end(), row, before), row);
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

TpeColumn* TpeTable::column(const std::string& name) {
    const auto found = columns_.find(name);
    if (found == columns_.end()) return nullptr;
    found->second.values.resize(numbers_.size(), missing);
    found->second.memos.resize(numbers_.size());
    if (!found->second.logs.empty()) found->second.logs.resize(numbers_.size(), missing);
    return &found->second;
}

std::vector<std::uint32_t> TpeTable::best(std::size_t n) const {
    std::vector<std::uint32_t> rows;
    for (const auto* rank : {&complete_, &pruned_, &infeasible_}) {
        for (std::size_t i = 0; i < rank->size() && rows.size() < n; ++i) rows.push_back((*rank)[i].row);
    }
    return rows;
}

}  // namespace sofia::tune
