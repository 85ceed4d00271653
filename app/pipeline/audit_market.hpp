#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "app/pipeline/audit_seed.hpp"
#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "base/result.hpp"

namespace sofia::pipeline {

/// Whether the folder of each seed, its data and its study, stays.
enum class SeedFolders : std::uint8_t { remove, keep };

/// One call of `sofia audit null` or `sofia audit recovery`.
struct MarketAuditRequest {
    AuditKind kind = AuditKind::null;
    std::filesystem::path config_file;
    std::vector<std::string> sets;
    std::filesystem::path out;
    std::int64_t seeds = 40;         ///< markets: the context's seed and those after it
    std::int64_t days = 180;
    std::int64_t prints = 900'000;   ///< of each market
    std::int64_t trials = 20;
    double edge = 1.0;               ///< recovery only: 1 or 0.5
    PlantedLeak leak = PlantedLeak::none;
    SeedFolders folders = SeedFolders::remove;
};

/// What the seeds of an audit say together.
struct AuditVerdict {
    bool passed = false;
    std::vector<std::string> reasons;  ///< every limit that is not kept
    Output output;                     ///< its exit is 4 where it has not passed
};

/// The null test over seeds without an edge (docs/touch.md, Null and recovery tests). Error data: not one trade, so that nothing can be said.
[[nodiscard]] Result<AuditVerdict> judge_null(const std::vector<SeedResult>& seeds);

/// The recovery test over seeds with an edge of 1 or 0.5. Error data: the oracles together earned nothing, or there are fewer than 3 seeds.
[[nodiscard]] Result<AuditVerdict> judge_recovery(const std::vector<SeedResult>& seeds, double edge, const Context& context);

/// Runs `seeds` simulated markets through the whole pipeline, several side by side on the context's threads, which changes no result, and judges
/// them. Each finished seed is kept in `out` as seed_<n>.json; the same call again goes on with those that are missing, one with other settings is
/// refused. Writes audit.json. Errors: usage, config, data, io; conflict, when `out` holds another audit or other files; interrupted.
[[nodiscard]] Result<Output> audit_market(const MarketAuditRequest& request, const Context& context);

}  // namespace sofia::pipeline
