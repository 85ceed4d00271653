#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/pipeline/artifacts.hpp"
#include "app/pipeline/select.hpp"
#include "app/pipeline/summary.hpp"

namespace sofia::pipeline {

/// Under which terms a champion was fixed: only under the same ones is a later selection the same.
struct SelectTerms {
    SelectConfig limits;
    std::vector<std::int64_t> trials;
};

/// Where they differ, as `select.top 10, now 5`; empty when they do not.
[[nodiscard]] std::string difference(const SelectTerms& before, const SelectTerms& now);

/// The content of champion.json, schema 1, which is written once and never again.
struct Champion {
    std::string study;
    std::int64_t trial = 0;
    std::int64_t rank = 0;
    double robust_score = 0.0;
    SelectTerms terms;
    WindowFigures test;
    trading::Window shadow;                ///< empty: there is none
    std::vector<std::string> shadow_seen;  ///< what had looked at it before
};

[[nodiscard]] std::filesystem::path champion_path(const StudyFolder& folder);
[[nodiscard]] std::filesystem::path selection_path(const StudyFolder& folder);

/// Nothing when there is none. Errors: io, data.
[[nodiscard]] Result<std::optional<Champion>> read_champion(const std::filesystem::path& path);
[[nodiscard]] Result<void> write_champion(const std::filesystem::path& path, const Champion& champion);

/// What an earlier selection without a champion has left.
struct EarlierSelection {
    SelectTerms terms;
    std::int64_t test_looks = 1;
};
[[nodiscard]] Result<std::optional<EarlierSelection>> read_selection(const std::filesystem::path& path);

/// The content of selection.json, schema 1.
[[nodiscard]] Json to_json(const SelectResult& result);

/// Champions of neighbouring studies and backtests of this one that have looked at `shadow`, by name, sorted.
[[nodiscard]] std::vector<std::string> shadow_looks(const StudyFolder& folder, trading::Window shadow);

}  // namespace sofia::pipeline
