#pragma once

// Internal to the feature_*.cpp files: what reading and writing a symbol have in common.

#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/threads.hpp"
#include "store/feature_log.hpp"
#include "store/feature_part.hpp"
#include "store/feature_store.hpp"

namespace sofia::store {

/// The parts of one day, by name.
struct DayParts {
    TimeNs day = 0;
    std::vector<FeaturePart> parts;
};

[[nodiscard]] std::vector<DayParts> by_day(std::span<const FeaturePart> parts);

/// How many threads work on files: more than there are cores where each of them waits for a network.
[[nodiscard]] std::size_t file_threads(const StoreFiles& files, const StoreOptions& options);

/// The bytes of a committed part, wherever it lies at the moment; nothing when it is gone. Errors: io, unavailable.
[[nodiscard]] Result<std::optional<std::string>> part_bytes(const StoreFiles& files, const SymbolPaths& paths, const FeaturePart& part);

/// The decoded parts of a day; nothing when one is gone, whose name is then in `gone`.
[[nodiscard]] Result<std::optional<std::vector<DecodedPart>>> decode_day(const StoreFiles& files, const SymbolPaths& paths, const DayParts& day,
                                                                         std::span<const Column> wanted, std::string& gone);

/// Error data: nothing was ever written for the symbol; with the one that may have been meant.
[[nodiscard]] Result<LogState> load_existing(const StoreFiles& files, const SymbolPaths& paths, const std::string& symbol);

/// Remembers parts that were gone when they were to be read: a compaction takes parts away, and the next state does not name them any more.
class GoneParts {
public:
    /// Error data when `part` was gone before and the state still names it: then it is lost.
    [[nodiscard]] Result<void> add(const std::string& part, const std::string& place);

private:
    std::set<std::string> seen_;
};

/// One writer's turn at a symbol: others wait, and what killed ones left is finished or removed.
class WriteSession {
public:
    /// Errors: conflict, io, data.
    [[nodiscard]] static Result<WriteSession> begin(StoreFiles& files, const StoreOptions& options, const std::string& symbol);

    [[nodiscard]] const LogState& state() const { return state_; }
    [[nodiscard]] const SymbolPaths& paths() const { return paths_; }

    /// A moment for `written_at`, after all there are; the log entry of the same change has it as `at` or later.
    [[nodiscard]] TimeNs next_moment() const;

    /// Writes parts where nobody looks yet: `make(i)` for i in 0..count-1, on several threads. On an error all of them are removed.
    [[nodiscard]] Result<std::vector<FeaturePart>> stage(std::size_t count, const std::function<Result<EncodedPart>(std::size_t)>& make);

    /// The moment of truth: from here on readers see the change. Then parts come to their place and removed ones go; what of that fails is logged,
    /// harms no reader of ours, and is tried again by the next writer. Errors: conflict (nothing has changed); io, unavailable (it has happened or
    /// not, never by half).
    [[nodiscard]] Result<void> commit(const LogEntry& entry);

private:
    WriteSession(StoreFiles& files, const StoreOptions& options, SymbolPaths paths) : files_(&files), options_(&options), paths_(std::move(paths)) {}

    [[nodiscard]] Result<void> recover();
    [[nodiscard]] Result<void> publish(std::span<const FeaturePart> parts);
    [[nodiscard]] Result<void> remove_parts(const std::map<std::string, TimeNs>& removed);
    void settle(const LogEntry& entry);

    StoreFiles* files_;
    const StoreOptions* options_;
    SymbolPaths paths_;
    std::unique_ptr<StoreLock> lock_;
    LogState state_;
};

}  // namespace sofia::store
