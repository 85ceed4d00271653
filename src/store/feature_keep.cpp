#include <algorithm>
#include <optional>

#include "store/feature_part.hpp"
#include "store/feature_session.hpp"
#include "store/feature_store.hpp"

namespace sofia::store {

namespace {

constexpr std::size_t days_at_once = 64;  // a writer's turn is over after so many, so that others need not wait long

// What a day becomes: nothing when it stays as it is, a part of no rows never.
struct Rewrite {
    std::optional<EncodedPart> made;
    std::uint64_t rows_before = 0;
};

Result<Rewrite> rewrite_day(const StoreFiles& files, const WriteSession& session, const DayParts& day, CompactOptions::History history) {
    Rewrite out;
    for (const FeaturePart& part : day.parts) out.rows_before += part.rows;
    if (day.parts.size() == 1 && day.parts.front().unique) return out;
    std::string gone;
    const std::vector<Column>& columns = session.state().columns;
    SOFIA_TRY(const auto parts, decode_day(files, session.paths(), day, columns, gone));
    if (!parts) {
        const std::string place = files.root() + "/" + session.paths().part(gone);
        if (!files.is_local()) return fail(ErrorCode::conflict, place + ": is gone: somebody else compacts or drops days", "try again");
        return fail(ErrorCode::data, place + ": is missing", "`sofia store check` lists what is wrong");
    }
    const std::vector<RowVersion> all = sorted_versions(*parts, {});
    const std::vector<RowVersion> kept = history == CompactOptions::History::keep ? visible_at_some_time(all) : last_written(all);
    if (day.parts.size() == 1 && kept.size() == all.size()) return out;
    SOFIA_TRY(out.made, encode_part(gather(*parts, kept, columns), 0, kept.size()));
    return out;
}

}  // namespace

Result<CompactReport> FeatureStore::compact(const std::string& symbol, const CompactOptions& options) const {
    SOFIA_TRY(const std::string folder, symbol_folder(symbol));
    SOFIA_CHECK(load_existing(*files_, {folder}, symbol));
    CompactReport report;
    TimeNs done = no_time;  // the last day that was looked at
    while (true) {
        SOFIA_TRY(WriteSession session, WriteSession::begin(*files_, *options_, symbol));
        std::vector<DayParts> days = by_day(session.state().parts);
        std::erase_if(days, [&](const DayParts& day) {
            return day.day <= done || (options.before && day.day + ns_per_day > *options.before) || (day.parts.size() == 1 && day.parts[0].unique);
        });
        if (days.empty()) return report;
        days.resize(std::min(days.size(), days_at_once));
        done = days.back().day;
        std::vector<Rewrite> rewrites(days.size());
        // One day after the other is decoded and encoded: a day can be large. What is made goes out at once.
        LogEntry entry;
        for (std::size_t i = 0; i < days.size(); ++i) {
            SOFIA_TRY(rewrites[i], rewrite_day(*files_, session, days[i], options.history));
            if (!rewrites[i].made) continue;
            SOFIA_TRY(std::vector<FeaturePart> staged,
                      session.stage(1, [&](std::size_t) -> Result<EncodedPart> { return *std::move(rewrites[i].made); }));
            entry.added.push_back(std::move(staged.front()));
            ++report.days;
            report.parts_before += days[i].parts.size();
            report.rows_before += rewrites[i].rows_before;
            report.rows_after += entry.added.back().rows;
        }
        if (entry.added.empty()) continue;
        entry.at = session.next_moment();
        for (const DayParts& day : days) {
            const bool made = std::ranges::any_of(entry.added, [&](const FeaturePart& part) { return part.day == day.day; });
            for (const FeaturePart& part : day.parts) {
                if (made) entry.removed.emplace(part.name, entry.at);
            }
        }
        SOFIA_CHECK(session.commit(entry));
    }
}

Result<RetainReport> FeatureStore::retain(const std::string& symbol, TimeNs before) const {
    SOFIA_TRY(const std::string folder, symbol_folder(symbol));
    SOFIA_CHECK(load_existing(*files_, {folder}, symbol));
    SOFIA_TRY(WriteSession session, WriteSession::begin(*files_, *options_, symbol));
    RetainReport report;
    LogEntry entry;
    entry.at = session.next_moment();
    for (const DayParts& day : by_day(session.state().parts)) {
        if (day.day >= floor_time(before, ns_per_day)) continue;
        ++report.days;
        for (const FeaturePart& part : day.parts) {
            report.rows += part.rows;
            entry.removed.emplace(part.name, entry.at);
        }
    }
    if (report.days > 0) SOFIA_CHECK(session.commit(entry));
    return report;
}

}  // namespace sofia::store
