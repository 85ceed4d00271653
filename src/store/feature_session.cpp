#include "store/feature_session.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace sofia::store {

namespace {

constexpr std::size_t network_threads = 16;
constexpr std::size_t objects_max = 64;          // log objects before they are brought together
constexpr DurationNs abandoned_after = ns_per_day;  // where writers cannot be seen

// The first error by index, so that it does not depend on threads.
Result<void> for_all(std::size_t threads, std::size_t count, const std::function<Result<void>(std::size_t)>& job) {
    std::vector<Result<void>> done(count);
    ThreadPool pool(std::max<std::size_t>(1, std::min(threads, count)));
    pool.for_each(count, [&](std::size_t i) { done[i] = job(i); });
    for (Result<void>& one : done) SOFIA_CHECK(std::move(one));
    return {};
}

std::string folder_of(const std::string& part) { return part.substr(0, part.find('/')); }

}  // namespace

std::vector<DayParts> by_day(std::span<const FeaturePart> parts) {
    std::vector<DayParts> out;
    for (const FeaturePart& part : parts) {
        if (out.empty() || out.back().day != part.day) out.push_back({part.day, {}});
        out.back().parts.push_back(part);
    }
    return out;
}

std::size_t file_threads(const StoreFiles& files, const StoreOptions& options) {
    const std::size_t threads = options.threads == 0 ? usable_cores() : options.threads;
    return files.is_local() ? threads : std::max(threads, network_threads);
}

Result<std::optional<std::string>> part_bytes(const StoreFiles& files, const SymbolPaths& paths, const FeaturePart& part) {
    // Between its commit and its last rename a part is among the staged ones; it can move there while we look.
    for (const std::string& place : {paths.part(part.name), paths.staged(part.name), paths.part(part.name)}) {
        SOFIA_TRY(std::optional<std::string> bytes, files.get(place));
        if (bytes) return bytes;
    }
    return std::nullopt;
}

Result<std::optional<std::vector<DecodedPart>>> decode_day(const StoreFiles& files, const SymbolPaths& paths, const DayParts& day,
                                                           std::span<const Column> wanted, std::string& gone) {
    std::vector<DecodedPart> out;
    for (const FeaturePart& part : day.parts) {
        SOFIA_TRY(std::optional<std::string> bytes, part_bytes(files, paths, part));
        if (!bytes) {
            gone = part.name;
            return std::nullopt;
        }
        SOFIA_TRY(out.emplace_back(), decode_part(*std::move(bytes), part, wanted, files.root() + "/" + paths.part(part.name)));
    }
    return out;
}

Result<LogState> load_existing(const StoreFiles& files, const SymbolPaths& paths, const std::string& symbol) {
    SOFIA_TRY(LogState state, load_log(files, paths));
    if (!state.empty()) return state;
    SOFIA_TRY(const std::vector<std::string> strays, files.folders(paths.folder));
    std::string hint = "`sofia store append` writes the first rows; `sofia store describe` lists the symbols that are there";
    if (!strays.empty()) hint = "its folder has files, but no log (_sofia): append them as tables";
    return fail(ErrorCode::data, fmt::format("{}: the store has no rows of {}", files.root(), symbol), hint);
}

Result<void> GoneParts::add(const std::string& part, const std::string& place) {
    if (seen_.insert(part).second) return {};
    return fail(ErrorCode::data, place + ": is missing", "somebody has removed it; `sofia store check` lists what is wrong");
}

Result<WriteSession> WriteSession::begin(StoreFiles& files, const StoreOptions& options, const std::string& symbol) {
    SOFIA_TRY(const std::string folder, symbol_folder(symbol));
    WriteSession session(files, options, {folder});
    SOFIA_TRY(session.lock_, files.lock(session.paths_.lock(), options.lock_wait));
    SOFIA_TRY(session.state_, load_log(files, session.paths_));
    SOFIA_CHECK(session.recover());
    return session;
}

TimeNs WriteSession::next_moment() const { return std::max(options_->now(), state_.last_at + 1); }

Result<void> WriteSession::recover() {
    SOFIA_TRY(const std::vector<StoredFile> staged, files_->list(paths_.staging()));
    const bool alone = lock_ != nullptr;
    for (const StoredFile& file : staged) {
        const std::optional<std::string> part = SymbolPaths::part_of_staged(file.name);
        if (!part) continue;
        const std::string path = paths_.staging() + "/" + file.name;
        if (std::ranges::find(state_.parts, *part, &FeaturePart::name) != state_.parts.end()) {
            SOFIA_CHECK(files_->move(path, paths_.part(*part)));
        } else if (alone || file.modified + abandoned_after < options_->now()) {
            SOFIA_CHECK(files_->remove(path));
        }
    }
    if (!alone) return {};
    for (const std::string& name : state_.stale) SOFIA_CHECK(files_->remove(paths_.object(name)));
    state_.stale.clear();
    return remove_parts(state_.removed);
}

Result<std::vector<FeaturePart>> WriteSession::stage(std::size_t count, const std::function<Result<EncodedPart>(std::size_t)>& make) {
    std::vector<FeaturePart> parts(count);
    const auto one = [&](std::size_t i) -> Result<void> {
        SOFIA_TRY(EncodedPart made, make(i));
        parts[i] = std::move(made.part);
        return files_->stage(paths_.staged(parts[i].name), made.bytes);
    };
    Result<void> done = for_all(file_threads(*files_, *options_), count, one);
    if (done) return parts;
    for (const FeaturePart& part : parts) {
        if (!part.name.empty()) static_cast<void>(files_->remove(paths_.staged(part.name)));
    }
    return std::unexpected(std::move(done).error());
}

Result<void> WriteSession::publish(std::span<const FeaturePart> parts) {
    return for_all(file_threads(*files_, *options_), parts.size(), [&](std::size_t i) -> Result<void> {
        SOFIA_CHECK(files_->move(paths_.staged(parts[i].name), paths_.part(parts[i].name)));
        return {};
    });
}

Result<void> WriteSession::remove_parts(const std::map<std::string, TimeNs>& removed) {
    std::vector<std::string> names;
    for (const auto& [name, at] : removed) names.push_back(name);
    SOFIA_CHECK(for_all(file_threads(*files_, *options_), names.size(), [&](std::size_t i) { return files_->remove(paths_.part(names[i])); }));
    std::set<std::string> folders;
    for (const std::string& name : names) folders.insert(folder_of(name));
    for (const std::string& folder : folders) files_->tidy(paths_.part(folder));
    return {};
}

Result<void> WriteSession::commit(const LogEntry& entry) {
    std::vector<std::string> staged;
    for (const FeaturePart& part : entry.added) staged.push_back(paths_.staged(part.name));
    SOFIA_CHECK(files_->flush(staged));
    // A failure may come after the object is there (a lost answer): the staged parts stay, and the next writer sees which way it went.
    SOFIA_TRY(const std::string committed, commit_log(*files_, paths_, entry));
    // Without a lock another writer may have given one of our new columns another type at the same time. Whoever finds that takes its own back.
    auto loaded = load_log(*files_, paths_);
    if (!loaded && lock_ == nullptr && loaded.error().code == ErrorCode::data && !entry.columns.empty()) {
        SOFIA_CHECK(files_->remove(paths_.object(committed)));
        for (const FeaturePart& part : entry.added) static_cast<void>(files_->remove(paths_.staged(part.name)));
        return fail(ErrorCode::conflict, "another writer added a column of the same name and another type: " + loaded.error().message,
                    "append again");
    }
    if (loaded) state_ = *std::move(loaded);
    settle(entry);
    return {};
}

void WriteSession::settle(const LogEntry& entry) {
    const auto tell = [&](const Result<void>& done) {
        if (!done) options_->log.warning("written, but not tidied up; the next writer goes on: " + done.error().message);
        return done.has_value();
    };
    if (!tell(publish(entry.added)) || !tell(remove_parts(entry.removed))) return;
    // Where there is no lock, others may still work on an older state, and must learn what has gone.
    const TimeNs forget_before = lock_ != nullptr ? std::numeric_limits<TimeNs>::max() : entry.at - abandoned_after;
    if (state_.objects.size() + state_.stale.size() < objects_max && entry.removed.empty()) return;
    tell(checkpoint_log(*files_, paths_, state_, forget_before));
}

}  // namespace sofia::store
