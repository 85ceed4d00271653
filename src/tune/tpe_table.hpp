#pragma once

// Internal to the room: what TPE learns from finished trials.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tune/unit.hpp"

namespace sofia::tune {

/// How many of n complete and pruned trials count as good: min(ceil(n / 10), 25).
[[nodiscard]] std::size_t tpe_below(std::size_t n);

/// The values of one parameter over all learnt trials.
struct TpeColumn {
    std::vector<double> values;  ///< by row, NaN where the trial lacks the parameter
    std::size_t count = 0;       ///< of the trials that have it
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
    [[nodiscard]] const TpeColumn* column(const std::string& name);

    /// The row of a trial; it has been learnt (asserted).
    [[nodiscard]] std::uint32_t row(std::int64_t number) const;

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
