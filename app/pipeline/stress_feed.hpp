#pragma once

#include <span>
#include <string>
#include <vector>

#include "app/pipeline/history.hpp"
#include "base/random.hpp"
#include "market/table.hpp"

// Data that did not come as it should have.
namespace sofia::pipeline {

/// Closed base bars without a share of them, each chosen by itself; the first one stays. Made-up bars (`filled`) are left out: whoever puts bars
/// together makes them up again. With one `random`, what a smaller share leaves out a larger one does too.
[[nodiscard]] std::vector<market::Bar> drop_bars(std::span<const market::Bar> bars, double share, RandomStream random);

/// The same bars where, at a share of them, the bar that came before comes once more with the times of the one it hides: a feed that hangs. (A bar
/// sent twice with its own times changes nothing: bars::Cascade takes the first.)
[[nodiscard]] std::vector<market::Bar> repeat_bars(std::span<const market::Bar> bars, double share, RandomStream random);

/// What a strategy sees of `history` when its base bars come as `bars`: bars of every timeframe and features made from them. Errors: as
/// build_history.
[[nodiscard]] Result<History> seen_history(const History& history, std::vector<market::Bar> bars, const Settings& settings, const Context& context);

/// Columns that hold a number somewhere in `known` and none in `other`, which has the same columns.
[[nodiscard]] std::vector<std::string> empty_columns(const market::Table& known, const market::Table& other);

}  // namespace sofia::pipeline
