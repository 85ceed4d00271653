#include "app/pipeline/audit_market.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/manifest.hpp"
#include "app/pipeline/members.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"

namespace sofia::pipeline {
namespace {

namespace fs = std::filesystem;

/// An audit on its way.
struct Audit {
    const MarketAuditRequest& request;
    const Context& context;
    SeedPlan plan;
    std::vector<std::optional<SeedResult>> seeds;
    std::mutex mutex;
    std::optional<Error> failed;  ///< of the first seed that failed

    [[nodiscard]] std::uint64_t seed(std::size_t i) const { return context.seed + i; }
    [[nodiscard]] fs::path file(std::size_t i) const { return request.out / fmt::format("seed_{}.json", seed(i)); }
    [[nodiscard]] fs::path folder(std::size_t i) const { return request.out / fmt::format("seed_{}", seed(i)); }
};

SeedPlan plan_of(const MarketAuditRequest& request) {
    SeedPlan plan{.kind = request.kind, .config_file = request.config_file, .sets = request.sets, .trials = request.trials, .leak = request.leak};
    plan.market.days = request.days;
    plan.market.trades = request.prints;
    plan.market.edge = request.kind == AuditKind::recovery ? request.edge : 0.0;
    return plan;
}

/// Under which settings a seed is a seed of this audit. Another build may find something else, so it counts too.
Json terms_of(const SeedPlan& plan, const Settings& settings) {
    return {{"schema", 1},
            {"audit", plan.kind == AuditKind::null ? "null" : "recovery"},
            {"edge", plan.market.edge},
            {"days", plan.market.days},
            {"trades", plan.market.trades},
            {"trials", plan.trials},
            {"planted_leak", plan.leak == PlantedLeak::none ? "none" : "future"},
            {"versions", library_versions()},
            {"config", show_settings(settings)}};
}

/// `days 180, now 90`; of what is long only the name.
std::string difference(const Json& before, const Json& now) {
    for (const auto& [key, value] : now.items()) {
        if (before.contains(key) && before[key] == value) continue;
        if (key == "config" || key == "versions") return key == "config" ? "another configuration" : "another build of sofia";
        return fmt::format("{} {}, now {}", key, before.contains(key) ? before[key].dump() : "none", value.dump());
    }
    return {};
}

/// A new folder, or one with seeds of the same audit.
Result<void> agree_on_folder(const fs::path& out, const Json& terms) {
    const fs::path file = out / "terms.json";
    std::error_code error;
    if (fs::exists(file, error)) {
        SOFIA_TRY(const Json before, read_json_file(file, 1));
        const std::string differs = difference(before, terms);
        if (differs.empty()) return {};
        return fail(ErrorCode::conflict, fmt::format("{} holds another audit: {}", out.string(), differs), "choose another --out, or remove it");
    }
    if (fs::exists(out, error) && !fs::is_empty(out, error)) {
        return fail(ErrorCode::conflict, fmt::format("{} is not empty and holds no audit", out.string()), "choose another --out");
    }
    SOFIA_CHECK(make_folder(out));
    return write_file(file, format_json(terms));
}

Result<void> read_finished(Audit& audit) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < audit.seeds.size(); ++i) {
        std::error_code error;
        if (!fs::exists(audit.file(i), error)) continue;
        SOFIA_TRY(audit.seeds[i], read_seed(audit.file(i)));
        ++found;
    }
    if (found > 0)
        audit.context.log.info(fmt::format("{} of {} seeds were finished before, in {}", found, audit.seeds.size(), audit.request.out.string()));
    return {};
}

Result<SeedResult> make_seed(const Audit& audit, std::size_t i) {
    if (audit.request.folders == SeedFolders::keep) {
        std::error_code error;
        fs::remove_all(audit.folder(i), error);
    }
    SOFIA_TRY(StagedFolder staged, StagedFolder::create(audit.folder(i)));
    SOFIA_TRY(SeedResult result, run_seed(audit.plan, audit.seed(i), staged.path(), audit.context));
    if (audit.request.folders == SeedFolders::keep) SOFIA_CHECK(staged.commit_whole());
    SOFIA_CHECK(write_file(audit.file(i), format_json(to_json(result))));
    return result;
}

/// Seeds go on until one fails or the user asks to stop.
void run_one(Audit& audit, std::size_t i, Progress& progress) {
    {
        const std::lock_guard lock(audit.mutex);
        if (audit.seeds[i] || audit.failed) return;
    }
    auto result = make_seed(audit, i);
    const std::lock_guard lock(audit.mutex);
    if (!result) {
        Error error = std::move(result).error();
        if (error.code == ErrorCode::interrupted && audit.failed) return;
        if (error.code != ErrorCode::interrupted) error.message = fmt::format("seed {}: {}", audit.seed(i), error.message);
        audit.failed = std::move(error);
        return;
    }
    audit.seeds[i] = *std::move(result);
    progress.advance();
    audit.context.log.info(fmt::format("seed {}: champion {}, {} trades of every touch, {} favoured, {} of its own", audit.seed(i),
                                       audit.seeds[i]->trial, audit.seeds[i]->gross_r.size(), audit.seeds[i]->favoured_r.size(),
                                       audit.seeds[i]->trades));
}

Result<void> run_missing(Audit& audit) {
    {
        Progress progress = audit.context.bar("audit", "seeds", audit.seeds.size());
        progress.advance(static_cast<std::uint64_t>(std::ranges::count_if(audit.seeds, [](const auto& seed) { return seed.has_value(); })));
        ThreadPool pool(audit.context.threads);
        pool.for_each(audit.seeds.size(), [&](std::size_t i) { run_one(audit, i, progress); });
    }
    if (!audit.failed) return {};
    if (audit.failed->code != ErrorCode::interrupted) return std::unexpected(*audit.failed);
    const auto kept = std::ranges::count_if(audit.seeds, [](const auto& seed) { return seed.has_value(); });
    return fail(ErrorCode::interrupted,
                fmt::format("interrupted after {} of {} seeds, which are kept in {}", kept, audit.seeds.size(), audit.request.out.string()),
                "call it again to go on");
}

}  // namespace

Result<Output> audit_market(const MarketAuditRequest& request, const Context& context) {
    Audit audit{.request = request, .context = context, .plan = plan_of(request), .seeds = {}, .mutex = {}, .failed = {}};
    SOFIA_TRY(const Settings settings, settings_of(audit.plan));
    SOFIA_CHECK(agree_on_folder(request.out, terms_of(audit.plan, settings)));
    remove_abandoned(request.out);
    audit.seeds.resize(static_cast<std::size_t>(request.seeds));
    SOFIA_CHECK(read_finished(audit));
    SOFIA_CHECK(run_missing(audit));
    std::vector<SeedResult> seeds;
    for (std::optional<SeedResult>& seed : audit.seeds) seeds.push_back(*std::move(seed));
    SOFIA_TRY(AuditVerdict verdict, request.kind == AuditKind::null ? judge_null(seeds) : judge_recovery(seeds, request.edge, context));
    const fs::path file = request.out / "audit.json";
    SOFIA_CHECK(write_file(file, format_json(*verdict.output.json)));
    for (const std::string& reason : verdict.reasons) context.log.warning(reason);
    return std::move(verdict.output);
}

}  // namespace sofia::pipeline
