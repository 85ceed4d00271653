#include "app/pipeline/direction_kpis.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/members.hpp"

namespace sofia::pipeline {
namespace {

constexpr const char* writer = "train";

Result<Kpi> kpi_of(const std::string& name, const Members& members) {
    Kpi kpi{.name = name};
    SOFIA_TRY(kpi.estimate.value, members.number("value"));
    SOFIA_TRY(kpi.estimate.lower, members.number("lower"));
    SOFIA_TRY(kpi.estimate.upper, members.number("upper"));
    SOFIA_TRY(const std::string better, members.text("better"));
    if (better != "higher" && better != "lower") return members.error("better");
    kpi.better = better == "lower" ? Kpi::Better::lower : Kpi::Better::higher;
    return kpi;
}

KpiCheck::Verdict verdict_of(const Kpi& accepted, double value) {
    const bool lower = accepted.better == Kpi::Better::lower;
    const double bound = lower ? accepted.estimate.upper : accepted.estimate.lower;
    if (!std::isfinite(bound)) return KpiCheck::Verdict::unknown;
    // NaN, a figure that there is no more, is not held.
    const bool held = lower ? value <= bound : value >= bound;
    return held ? KpiCheck::Verdict::held : KpiCheck::Verdict::regression;
}

}  // namespace

Json kpis_json(const std::vector<Kpi>& kpis) {
    Json json = Json::object();
    for (const Kpi& kpi : kpis) {
        json[kpi.name] = {{"value", json_number(kpi.estimate.value)},
                          {"lower", json_number(kpi.estimate.lower)},
                          {"upper", json_number(kpi.estimate.upper)},
                          {"better", kpi.better == Kpi::Better::lower ? "lower" : "higher"}};
    }
    return json;
}

Result<AcceptedKpis> read_kpis(const std::filesystem::path& path) {
    SOFIA_TRY(const Json json, read_json_file(path, 1));
    const Members members(json, path, writer);
    AcceptedKpis accepted{.name = path.string()};
    SOFIA_TRY(accepted.horizon, members.count("horizon_minutes"));
    // A card has the same figures under `simulation`, and the hash of its bars under `data`.
    const bool card = members.has("data");
    SOFIA_TRY(const Members hashed, card ? members.object("data") : Result<Members>(members));
    SOFIA_TRY(accepted.bars_sha256, hashed.text("bars_sha256"));
    if (card && (!members.has("simulation") || members.is_null("simulation"))) {
        return fail(ErrorCode::usage,
                    fmt::format("{}: the model was trained without a simulation, so there are no figures to hold others against", path.string()),
                    "train with simulation.days above 0 and enough data");
    }
    SOFIA_TRY(const Members simulation, card ? members.object("simulation") : Result<Members>(members));
    SOFIA_TRY(const Members kpis, simulation.object("kpis"));
    const Json& listed = card ? json["simulation"]["kpis"] : json["kpis"];
    for (const auto& [name, value] : listed.items()) {
        SOFIA_TRY(const Members one, kpis.object(name.c_str()));
        SOFIA_TRY(Kpi kpi, kpi_of(name, one));
        accepted.kpis.push_back(std::move(kpi));
    }
    if (accepted.kpis.empty()) {
        return fail(ErrorCode::data, path.string() + ": \"kpis\" holds no figure, so nothing would be judged",
                    "write the file again with sofia train");
    }
    return accepted;
}

std::vector<KpiCheck> check_kpis(const std::vector<Kpi>& accepted, const std::vector<Kpi>& now) {
    std::vector<KpiCheck> checks;
    for (const Kpi& kpi : accepted) {
        KpiCheck check{.accepted = kpi, .value = std::numeric_limits<double>::quiet_NaN()};
        const auto found = std::ranges::find(now, kpi.name, &Kpi::name);
        if (found != now.end()) check.value = found->estimate.value;
        check.verdict = verdict_of(kpi, check.value);
        checks.push_back(std::move(check));
    }
    return checks;
}

std::string_view name(KpiCheck::Verdict verdict) {
    switch (verdict) {
        case KpiCheck::Verdict::held: return "held";
        case KpiCheck::Verdict::regression: return "regression";
        case KpiCheck::Verdict::unknown: return "unknown";
    }
    return "";
}

bool any_regression(const std::vector<KpiCheck>& checks) {
    return std::ranges::any_of(checks, [](const KpiCheck& check) { return check.verdict == KpiCheck::Verdict::regression; });
}

Json checks_json(const std::vector<KpiCheck>& checks) {
    Json json = Json::object();
    for (const KpiCheck& check : checks) {
        json[check.accepted.name] = {{"accepted", json_number(check.accepted.estimate.value)},
                                     {"lower", json_number(check.accepted.estimate.lower)},
                                     {"upper", json_number(check.accepted.estimate.upper)},
                                     {"value", json_number(check.value)},
                                     {"verdict", name(check.verdict)}};
    }
    return json;
}

}  // namespace sofia::pipeline
