#include "app/pipeline/custom.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "features/leak_audit.hpp"

namespace sofia::pipeline {
namespace {

using Bars = std::span<const market::Bar>;

/// `name` among what is registered of one kind. `key`: who names it; `how`: what registers it.
template <class T>
Result<std::shared_ptr<const T>> find_registered(const std::map<std::string, std::shared_ptr<const T>>* registered, const std::string& name,
                                                 const std::string& key, const std::string& how, std::vector<std::string> builtin) {
    if (registered != nullptr) {
        if (const auto found = registered->find(name); found != registered->end()) return found->second;
        for (const auto& [other, ignored] : *registered) builtin.push_back(other);
    }
    const std::string hint = registered == nullptr
                                 ? fmt::format("such names are registered in Python ({}) and used from there: sofia.tune, sofia.train", how)
                                 : "register it first: " + how;
    return fail(ErrorCode::config, with_suggestion(fmt::format("{}: nothing is registered as {}", key, printable(name)), name, builtin), hint);
}

CustomPart part_of(const features::Feature& feature, const std::string& name) {
    int version = 1;
    for (const features::FeatureSpec& column : feature.columns()) version = std::max(version, column.version);
    return {"feature", name, version, feature.source_sha256()};
}

features::CustomAuditOptions audit_options(const Context& context) { return {.stop = context.stop}; }

std::unexpected<Error> ends_early(const std::string& name, const std::string& what) {
    return fail(ErrorCode::blocked, fmt::format("leak audit: label {}: {}", name, what),
                "end_time is the close of the last bar that the label looks at, and nothing else may change it");
}

/// The audit of the first bars, as of features/leak_audit.hpp.
Result<void> audit_label(const labels::Labeler& labeler, Bars bars, std::int64_t horizon, const Context& context) {
    std::optional<Error> failed;
    StopFlag stop(context.stop);
    const features::OutcomeProducer producer = [&](Bars given) {
        if (!failed) {
            auto labels = labels::bar_labels(labeler, given, horizon);
            if (labels) return features::Outcomes{std::move(labels->y), std::move(labels->end_time)};
            failed = std::move(labels).error();
            stop.request();
        }
        return features::Outcomes{std::vector<double>(given.size(), std::nan("")), std::vector<TimeNs>(given.size(), 0)};
    };
    const features::CustomAuditOptions bounds = audit_options(context);
    const auto report = features::audit_outcomes(features::audited_bars(bars, static_cast<std::size_t>(horizon), bounds), producer,
                                                 {.cuts = bounds.cuts, .seed = bounds.seed, .stream = {}, .stop = &stop});
    if (failed) return std::unexpected(*std::move(failed));
    if (!report) return std::unexpected(report.error());
    if (report->passed()) return {};
    return ends_early(labeler.spec().name, std::string(trim(features::format(*report))));
}

}  // namespace

Result<Custom> custom_of(const DirectionSettings& settings, const Context& context) {
    const Extensions* const all = context.extensions;
    Custom custom;
    for (const std::string& name : settings.features.custom) {
        SOFIA_TRY(auto feature, find_registered(all == nullptr ? nullptr : &all->features, name, "features.custom", "@sofia.feature", {}));
        custom.parts.push_back(part_of(*feature, name));
        custom.features.push_back(std::move(feature));
    }
    if (settings.label != "higher") {
        SOFIA_TRY(custom.label, find_registered(all == nullptr ? nullptr : &all->labels, settings.label, "label", "@sofia.label", {"higher"}));
        custom.parts.push_back({"label", settings.label, custom.label->spec().version, custom.label->source_sha256()});
    }
    if (settings.learner.registered()) {
        SOFIA_TRY(custom.learner,
                  find_registered(all == nullptr ? nullptr : &all->learners, settings.learner.name, "learner.name", "@sofia.model", {"lightgbm"}));
        custom.parts.push_back({"model", settings.learner.name, custom.learner->spec().version, custom.learner->source_sha256()});
    }
    return custom;
}

Result<void> add_custom_columns(const Custom& custom, Bars bars, std::vector<features::FeatureSpec>& columns, market::Table& table,
                                const Context& context) {
    if (custom.features.empty()) return {};
    std::set<std::string> seen = {"ts", "known_at", "y"};
    for (const features::FeatureSpec& column : columns) seen.insert(column.name);
    std::vector<std::string> names = table.columns();
    std::vector<std::vector<double>> more;
    for (const auto& feature : custom.features) {
        for (const features::FeatureSpec& column : feature->columns()) {
            if (!seen.insert(column.name).second) {
                return fail(ErrorCode::config, fmt::format("features.custom: column {} stands there already", column.name), "give it another name");
            }
            columns.push_back(column);
            names.push_back(column.name);
        }
        SOFIA_CHECK(context.go_on());
        SOFIA_TRY(more.emplace_back(), features::audited_values(*feature, bars, audit_options(context)));
    }
    market::Table wide(std::move(names));
    wide.reserve(table.rows());
    std::vector<double> row(wide.width());
    for (std::size_t i = 0; i < table.rows(); ++i) {
        auto out = std::ranges::copy(table.row(i), row.begin()).out;
        for (std::size_t f = 0; f < more.size(); ++f) {
            const std::size_t width = custom.features[f]->columns().size();
            out = std::ranges::copy(std::span<const double>(more[f]).subspan(i * width, width), out).out;
        }
        wide.append(table.known_at()[i], row);
    }
    table = std::move(wide);
    context.log.info(fmt::format("leak audit: {} passed", counted(custom.features.size(), "registered feature")));
    return {};
}

Result<labels::BarLabels> custom_labels(const labels::Labeler& labeler, Bars bars, std::int64_t horizon, const Context& context) {
    SOFIA_CHECK(audit_label(labeler, bars, horizon, context));
    SOFIA_TRY(labels::BarLabels labels, labels::bar_labels(labeler, bars, horizon));
    const features::Outcomes whole{labels.y, labels.end_time};
    // All bars at the moments at which columns are cut too (features::audited_values).
    for (const std::size_t part : {2U, 4U, 8U, 16U}) {
        const std::size_t kept = bars.size() - bars.size() / part;
        SOFIA_TRY(labels::BarLabels cut, labels::bar_labels(labeler, bars.first(kept), horizon));
        if (const auto early = features::first_early_end(bars, whole, {std::move(cut.y), std::move(cut.end_time)}, kept)) {
            return ends_early(labeler.spec().name, "cut: " + features::format(*early));
        }
    }
    for (std::size_t i = 0; i < bars.size(); ++i) {
        TimeNs& end = labels.end_time[i];
        if (std::isnan(labels.y[i])) end = bars[i].close_time + horizon * ns_per_minute;
        const DurationNs over = end % ns_per_minute;
        if (over > 0) end += ns_per_minute - over;
    }
    context.log.info(fmt::format("leak audit: label {} passed", labeler.spec().name));
    return labels;
}

Json custom_json(const std::vector<CustomPart>& parts) {
    Json json = Json::array();
    for (const CustomPart& part : parts) {
        json.push_back({{"kind", part.kind}, {"name", part.name}, {"version", part.version}});
        json.back()["sha256"] = part.sha256.empty() ? Json() : Json(part.sha256);
    }
    return json;
}

Result<std::vector<CustomPart>> custom_from(const Members& members) {
    std::vector<CustomPart> parts;
    if (!members.has("custom")) return parts;
    SOFIA_TRY(const std::vector<Members> objects, members.objects("custom"));
    for (const Members& object : objects) {
        CustomPart part;
        SOFIA_TRY(part.kind, object.text("kind"));
        SOFIA_TRY(part.name, object.text("name"));
        SOFIA_TRY(part.version, object.count("version"));
        if (!object.is_null("sha256")) {
            SOFIA_TRY(part.sha256, object.text("sha256"));
        }
        parts.push_back(std::move(part));
    }
    return parts;
}

std::map<std::string, std::string> custom_facts(const std::vector<CustomPart>& parts) {
    std::map<std::string, std::string> facts;
    for (const CustomPart& part : parts) {
        facts[part.kind + " " + part.name] = fmt::format("version {}, SHA-256 {}", part.version, part.sha256.empty() ? "unknown" : part.sha256);
    }
    return facts;
}

Result<void> check_custom(const std::vector<CustomPart>& before, const std::vector<CustomPart>& now, RowsSince rows, const Context& context) {
    for (const CustomPart& part : now) {
        const auto was = std::ranges::find_if(before, [&](const CustomPart& other) { return other.kind == part.kind && other.name == part.name; });
        if (was == before.end()) continue;  // another name: the settings differ, which is warned of
        const std::string what = part.kind + " " + part.name;
        if (was->version != part.version) {
            return fail(ErrorCode::blocked,
                        fmt::format("{} has version {} now, the trial was tuned with version {}", what, part.version, was->version),
                        "tune again, or register the version that was tuned with");
        }
        if (was->sha256 == part.sha256 || was->sha256.empty() || part.sha256.empty()) continue;
        if (rows == RowsSince::changed && part.kind != "model") {
            return fail(ErrorCode::blocked, fmt::format("the code of {} has changed under version {}, and the rows with it", what, part.version),
                        "give it another version and tune again, or take the code that was tuned with");
        }
        const char* effect = part.kind == "model"      ? "the trial's value was measured with other code"
                             : rows == RowsSince::same ? "the rows are the same"
                                                       : "whether the rows have changed was not looked at";
        context.log.warning(fmt::format("the code of {} has changed since the trial was tuned: {}", what, effect));
    }
    return {};
}

}  // namespace sofia::pipeline
