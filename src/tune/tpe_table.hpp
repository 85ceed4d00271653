#pragma once

// Internal to the room: what TPE learns from finished trials.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tune/parzen.hpp"
#include "tune/unit.hpp"

namespace sofia::tune {

/// How many of n complete and pruned trials count as good: min(ceil(n / 10), 25).
[[nodiscard]] std::size_t tpe_below(std::size_t n);

/// Whether it lives in log space; false for categories.
[[nodiscard]] bool is_log(const Distribution& distribution);

/// The values of one parameter over all learnt trials, with what is slow to find again.
struct TpeColumn {
    std::vector<double> values;        ///< by row, NaN where the trial lacks the parameter
    std::vector<double> logs;          ///< their logarithms, if any trial had it as a log parameter
    std::vector<std::uint32_t> order;  ///< rows that have it, by (value, number)
    std::vector<ScaleMemo> memos;      ///< by row, valid for `memo_for`
    std::optional<Distribution> memo_for;
};

/// Complete and pruned trials, a row each in the order of learning.
class TpeTable {
public:
    void learn(const FrozenTrial& trial, const std::vector<Direction>& directions);

    [[nodiscard]] std::size_t size() const { return numbers_.size(); }
    [[nodiscard]] std::int64_t number(std::uint32_t row) const { return numbers_[row]; }
    [[nodiscard]] const std::vector<std::uint32_t>& by_number() const { return by_number_; }
    [[nodiscard]] const Intersection& shared() const { return shared_; }

    /// Null: no trial has it.
    [[nodiscard]] TpeColumn* column(const std::string& name);

    /// Whether every trial has it.
    [[nodiscard]] bool in_all(const TpeColumn& column) const { return column.order.size() == numbers_.size(); }

    /// The rows of the best n: complete ones by value, then pruned ones by last step and value, then infeasible ones by violation.
    [[nodiscard]] std::vector<std::uint32_t> best(std::size_t n) const;

private:
    /// What a trial is ranked by among its kind; the lower the better, ties by number.
    struct Score {
        double first = 0.0;
        double second = 0.0;
        std::int64_t number = 0;
        std::uint32_t row = 0;
        bool operator<(const Score& o) const;
    };
    void rank(const FrozenTrial& trial, Direction direction, std::uint32_t row);

    std::vector<std::int64_t> numbers_;     ///< by row
    std::vector<std::uint32_t> by_number_;  ///< rows
    std::vector<Score> complete_, pruned_, infeasible_;
    std::map<std::string, TpeColumn> columns_;
    Intersection shared_;
};

}  // namespace sofia::tune
