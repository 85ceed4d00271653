#pragma once

#include <span>
#include <string>

#include "trading/core.hpp"

namespace sofia::pipeline {

/// The content of a trades.csv (docs/artifacts.md): a header and a line a trade. `timeframes` names those of the trades' touches.
[[nodiscard]] std::string trades_csv(std::span<const trading::ClosedTrade> trades, std::span<const std::string> timeframes);

/// SHA-256 of that content, by which a summary names the trades of a fold: what `sha256sum trades.csv` prints.
[[nodiscard]] std::string trades_hash(std::span<const trading::ClosedTrade> trades, std::span<const std::string> timeframes);

}  // namespace sofia::pipeline
