#include "app/pipeline/audit_columns.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "features/engine.hpp"
#include "market/timeframe.hpp"

namespace sofia::pipeline {

std::vector<models::FeatureId> feature_ids(const std::vector<features::FeatureSpec>& columns) {
    std::vector<models::FeatureId> ids;
    ids.reserve(columns.size());
    for (const features::FeatureSpec& column : columns) ids.push_back({column.name, std::to_string(column.version)});
    return ids;
}

Result<std::vector<features::FeatureSpec>> columns_of(const Settings& settings) {
    SOFIA_TRY(const auto timeframes, market::parse_timeframes(settings.bars.timeframes));
    SOFIA_TRY(const market::Session session, settings.instrument.session());
    SOFIA_TRY(const features::Engine engine, features::Engine::make(settings.features, timeframes, session));
    return engine.columns();
}

namespace {

/// Names (with version) of `a` that `b` has not.
std::vector<std::string> missing_in(const std::vector<models::FeatureId>& a, const std::vector<models::FeatureId>& b) {
    std::vector<std::string> names;
    for (const models::FeatureId& id : a) {
        if (std::ranges::find(b, id) == b.end()) names.push_back(id.name + " v" + id.version);
    }
    return names;
}

}  // namespace

Result<void> audit_columns(const std::vector<models::FeatureId>& expected, const std::vector<features::FeatureSpec>& present) {
    const std::vector<models::FeatureId> ids = feature_ids(present);
    if (ids == expected) return {};
    const std::vector<std::string> lacking = missing_in(expected, ids);
    const std::vector<std::string> surplus = missing_in(ids, expected);
    std::string message = fmt::format("feature audit: the model expects {} columns (hash {}), the data gives {} (hash {})", expected.size(),
                                      models::feature_hash(expected).substr(0, 12), ids.size(), models::feature_hash(ids).substr(0, 12));
    message += "; expected but absent: " + (lacking.empty() ? std::string("none") : join(lacking, ", "));
    message += "; present but not expected: " + (surplus.empty() ? std::string("none") : join(surplus, ", "));
    if (lacking.empty() && surplus.empty()) message += "; the order differs";
    return fail(ErrorCode::blocked, std::move(message), "use the train config and the data of the same study");
}

}  // namespace sofia::pipeline
