#include "features/custom.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

#include "base/text.hpp"
#include "features/leak_audit.hpp"
#include "market/table.hpp"

namespace sofia::features {
namespace {

using Bars = std::span<const market::Bar>;

std::vector<std::string> names_of(const Feature& feature) {
    std::vector<std::string> names;
    for (const FeatureSpec& column : feature.columns()) names.push_back(column.name);
    return names;
}

std::size_t warm_up_of(const Feature& feature) {
    std::size_t most = 0;
    for (const FeatureSpec& column : feature.columns()) most = std::max(most, column.warm_up);
    return most;
}

bool same(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

std::unexpected<Error> looks_ahead(const std::string& what) {
    return fail(ErrorCode::blocked, "leak audit: " + what,
                "a value may be made of its own bar and of those before it only, and of nothing that changes from call to call");
}

/// The audit as of leak_audit.hpp. Once the feature has failed there is nothing more to ask of it.
Result<void> audit(const Feature& feature, Bars bars, const CustomAuditOptions& options) {
    const std::vector<std::string> names = names_of(feature);
    std::optional<Error> failed;
    StopFlag stop(options.stop);
    const Producer producer = [&](Bars given) {
        market::Table table(names);
        if (failed) return table;
        auto values = feature_values(feature, given);
        if (!values) {
            failed = std::move(values).error();
            stop.request();
            return table;
        }
        table.reserve(given.size());
        for (std::size_t i = 0; i < given.size(); ++i) {
            table.append(given[i].known_at(), std::span<const double>(*values).subspan(i * names.size(), names.size()));
        }
        return table;
    };
    const auto report = audit_leaks(bars, producer, {.cuts = options.cuts, .seed = options.seed, .stream = {}, .stop = &stop});
    if (failed) return std::unexpected(*std::move(failed));
    if (!report) return std::unexpected(report.error());
    if (report->passed()) return {};
    const std::string text = format(*report);
    return looks_ahead("feature " + text.substr(0, text.find('\n')));
}

/// The rows before `kept` must not know of those behind.
Result<void> audit_cut(const Feature& feature, Bars bars, std::span<const double> whole, std::size_t kept) {
    SOFIA_TRY(const std::vector<double> cut, feature_values(feature, bars.first(kept)));
    const std::size_t width = feature.columns().size();
    for (std::size_t i = 0; i < cut.size(); ++i) {
        if (same(cut[i], whole[i])) continue;
        return looks_ahead("feature " + feature.columns()[i % width].name + ": cut: row known at " + format_time(bars[i / width].known_at()) +
                           " should be " + format_double(cut[i]) + ", is " + format_double(whole[i]) + " (data as of " +
                           format_time(bars[kept - 1].known_at()) + ")");
    }
    return {};
}

/// A peek may begin late: behind a long warm-up, or where something is there only then. Cuts at a half, three quarters, ... of the bars.
Result<void> audit_whole(const Feature& feature, Bars bars, std::span<const double> whole) {
    for (const std::size_t part : {2U, 4U, 8U, 16U}) {
        SOFIA_CHECK(audit_cut(feature, bars, whole, bars.size() - bars.size() / part));
    }
    return {};
}

}  // namespace

Result<std::vector<double>> feature_values(const Feature& feature, Bars bars) {
    SOFIA_TRY(std::vector<double> values, feature.compute(bars));
    const std::size_t width = feature.columns().size();
    const std::string& name = feature.columns().front().name;
    if (values.size() != bars.size() * width) {
        return fail(
            ErrorCode::usage,
            "feature " + name + ": " + counted(values.size(), "value") + " for " + counted(bars.size(), "bar") + " and " + counted(width, "column"),
            "give a value a bar, NaN where there is none");
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!std::isinf(values[i])) continue;
        return fail(ErrorCode::usage,
                    "feature " + feature.columns()[i % width].name + ": the row known at " + format_time(bars[i / width].known_at()) + " is infinite",
                    "give NaN where there is no number");
    }
    return values;
}

Bars audited_bars(Bars bars, std::size_t warm_up, const CustomAuditOptions& options) {
    return bars.first(std::min(bars.size(), std::max(options.bars, 3 * warm_up)));
}

Result<std::vector<double>> audited_values(const Feature& feature, Bars bars, const CustomAuditOptions& options) {
    SOFIA_CHECK(audit(feature, audited_bars(bars, warm_up_of(feature), options), options));
    SOFIA_TRY(std::vector<double> values, feature_values(feature, bars));
    SOFIA_CHECK(audit_whole(feature, bars, values));
    return values;
}

}  // namespace sofia::features
