#include "app/pipeline/model_members.hpp"

#include <fmt/format.h>

namespace sofia::pipeline {
namespace {

void add_members(const std::string& name, Classifier classifier, std::vector<models::Member>& out) {
    const std::size_t count = classifier.members.size();
    for (std::size_t i = 0; i < count; ++i) {
        out.push_back({.name = count == 1 ? name : fmt::format("{}_{}", name, i + 1),
                       .booster = std::move(classifier.members[i]),
                       .calibrator = classifier.calibrator});
    }
}

void add_booster(models::Member member, Classifier& classifier) {
    classifier.classes = std::max<std::size_t>(member.booster.outputs(), 2);
    classifier.calibrator = std::move(member.calibrator);
    classifier.members.push_back(std::move(member.booster));
}

}  // namespace

std::vector<models::Member> to_members(StrategyModels models) {
    std::vector<models::Member> out;
    add_members("entry", std::move(models.entry), out);
    if (models.trend) add_members("trend", *std::move(models.trend), out);
    if (models.regime) add_members("regime", *std::move(models.regime), out);
    return out;
}

Result<StrategyModels> from_members(std::vector<models::Member> members, const Settings& settings, const std::string& where) {
    StrategyModels out;
    for (models::Member& member : members) {
        const std::string group = member.name.substr(0, member.name.find('_'));
        if (group == "entry") {
            add_booster(std::move(member), out.entry);
        } else if (group == "trend") {
            add_booster(std::move(member), out.trend ? *out.trend : out.trend.emplace());
        } else if (group == "regime") {
            add_booster(std::move(member), out.regime ? *out.regime : out.regime.emplace());
        } else {
            return fail(ErrorCode::data, where + ": member " + member.name + " is none of a touch strategy (entry, trend, regime)");
        }
    }
    const trading::GateConfig& gate = settings.decision.gate;
    const auto lacks = [&](const char* name) {
        return fail(ErrorCode::data, fmt::format("{}: there is no {} model, which gate.use_{}_gate needs", where, name, name),
                    "train again with that gate on, or run without it");
    };
    if (out.entry.members.empty()) return fail(ErrorCode::data, where + ": there is no entry model", "write the folder again with sofia train");
    if (gate.use_trend_gate && !(out.trend && out.trend->classes == labels::trends)) return lacks("trend");
    if (gate.use_regime_gate && !(out.regime && out.regime->classes == labels::regimes)) return lacks("regime");
    return out;
}

}  // namespace sofia::pipeline
