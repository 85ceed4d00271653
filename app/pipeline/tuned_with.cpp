#include "app/pipeline/tuned_with.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "app/pipeline/study_terms.hpp"

namespace sofia::pipeline {
namespace {

std::string split_text(labels::SplitConfig split) {
    config::Keys keys;
    keys.section("split", split);
    return config::show(keys);
}

/// From the first moment of tuning to the last of whatever comes last.
trading::Window span_of(const labels::Splits& splits) { return {splits.tuning.from, std::max(splits.test.to, splits.shadow.to)}; }

/// Features of the first rows depend on where the history begins, so that has to be the same.
bool holds(trading::Window history, trading::Window span) { return history.from == span.from && history.to >= span.to; }

}  // namespace

Result<std::size_t> warn_of_overrides(const std::string& tuned, const Settings& used, const Context& context) {
    Settings before;
    config::Keys old_keys = keys_of(before);
    SOFIA_CHECK(config::load_text(tuned, "the trial's configuration", old_keys));
    Settings now = used;
    const config::Keys new_keys = keys_of(now);
    std::size_t overrides = 0;
    for (std::size_t i = 0; i < old_keys.all().size(); ++i) {
        const std::string was = old_keys.all()[i].get();
        const std::string is = new_keys.all()[i].get();
        if (was == is) continue;
        ++overrides;
        context.log.warning(fmt::format("{} is {} here but was {} in tuning", new_keys.all()[i].path, is, was));
    }
    return overrides;
}

Result<labels::Splits> splits_of(const SummaryHead& head, const Settings& settings, const History& history) {
    SOFIA_TRY(const Settings tuned, load_settings({.resolved = head.config}));
    const bool same_shares = split_text(tuned.split) == split_text(settings.split);
    if (same_shares && holds(history.window(), span_of(head.splits))) return head.splits;
    return labels::make_splits(settings.split, history.window());
}

Result<void> check_tuning_data(const std::filesystem::path& summary, const SummaryHead& head, const History& history) {
    const trading::Window span = span_of(head.splits);
    const trading::Window present = history.window();
    if (!holds(present, span)) {
        return fail(ErrorCode::blocked,
                    fmt::format("{}: the study's windows run from {} to {}, the data from {} to {}", summary.string(), format_time(span.from),
                                format_time(span.to), format_time(present.from), format_time(present.to)),
                    "use the data that was tuned on; it may have grown at its end only");
    }
    if (bars_hash(history, head.splits.tuning) == head.tuning_bars_sha256) return {};
    return fail(ErrorCode::blocked, summary.string() + ": the bars of the tuning window are not those that were tuned on",
                "use the data that was tuned on, or tune again");
}

}  // namespace sofia::pipeline
