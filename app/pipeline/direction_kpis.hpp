#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "app/pipeline/direction_scores.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace sofia::pipeline {

/// A figure of a simulation that a later one is held against.
struct Kpi {
    enum class Better : std::uint8_t { higher, lower };
    std::string name;  ///< with its unit last: `net_bps`
    Better better = Better::higher;
    Estimate estimate;
};

/// `{"accuracy": {"value": …, "lower": …, "upper": …, "better": "higher"}, …}`; null: there is none.
[[nodiscard]] Json kpis_json(const std::vector<Kpi>& kpis);

/// What a model was accepted with.
struct AcceptedKpis {
    std::string name;  ///< where they come from, for messages
    std::int64_t horizon = 0;
    std::string bars_sha256;
    std::vector<Kpi> kpis;
};

/// Reads a kpis.json, or the simulation of a model_card.json. Errors: io; data, with the file and what is missing; usage: the card was written
/// without a simulation.
[[nodiscard]] Result<AcceptedKpis> read_kpis(const std::filesystem::path& path);

/// A figure held against the interval that it was accepted with.
struct KpiCheck {
    Kpi accepted;
    double value = 0.0;
    enum class Verdict : std::uint8_t {
        held,        ///< not worse than the bound on its worse side
        regression,  ///< worse, or not there any more
        unknown,     ///< there is no such bound: too few trades, or a figure that the accepted one lacks
    };
    Verdict verdict = Verdict::unknown;
};

/// One check for each accepted figure, in their order.
[[nodiscard]] std::vector<KpiCheck> check_kpis(const std::vector<Kpi>& accepted, const std::vector<Kpi>& now);

[[nodiscard]] std::string_view name(KpiCheck::Verdict verdict);
[[nodiscard]] bool any_regression(const std::vector<KpiCheck>& checks);
[[nodiscard]] Json checks_json(const std::vector<KpiCheck>& checks);

}  // namespace sofia::pipeline
