#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "store/feature_files.hpp"
#include "store/parquet.hpp"

namespace sofia::store {

/// One Parquet file of one day.
struct FeaturePart {
    std::string name;  ///< `date=2024-01-31/part-….parquet`, below the symbol's folder
    TimeNs day = 0;    ///< its first moment
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    TimeNs ts_min = 0;
    TimeNs ts_max = 0;
    TimeNs known_min = 0;
    TimeNs known_max = 0;
    TimeNs written_max = 0;
    bool unique = false;  ///< no two rows have one ts
    std::string sha256;
};

/// What one object of the log says. The state of a symbol is a union over the objects, so their order does not matter, and writers that do not
/// know of each other lose nothing: parts that some object adds and none removes. An object that another one supersedes does not count.
struct LogEntry {
    TimeNs at = 0;  ///< after every `at` and every written_at that its writer knew
    std::vector<Column> columns;
    std::vector<FeaturePart> added;
    std::map<std::string, TimeNs> removed;  ///< names of parts, and when
    std::vector<std::string> superseded;    ///< names of log objects: this one holds what they said
};

/// The committed state of one symbol.
struct LogState {
    std::vector<Column> columns;      ///< in the order in which they came
    std::vector<FeaturePart> parts;   ///< by day, then name
    std::map<std::string, TimeNs> removed;
    std::vector<std::string> objects;  ///< that the state comes from
    std::vector<std::string> stale;    ///< superseded objects that are still there
    TimeNs last_at = 0;                ///< nothing was written after it

    [[nodiscard]] bool empty() const { return objects.empty(); }
};

/// Where things of a symbol lie below the root; `folder` is its folder's name.
struct SymbolPaths {
    std::string folder;

    [[nodiscard]] std::string log() const { return "_sofia/" + folder + "/log"; }
    [[nodiscard]] std::string staging() const { return "_sofia/" + folder + "/staged"; }
    [[nodiscard]] std::string lock() const { return "_sofia/" + folder + "/lock"; }
    [[nodiscard]] std::string object(const std::string& name) const { return log() + "/" + name; }
    [[nodiscard]] std::string part(const std::string& name) const { return folder + "/" + name; }
    /// Where a part lies before its commit: a name that no other reader takes for a table.
    [[nodiscard]] std::string staged(const std::string& name) const;
    /// The part's name of a staged file's; nothing for a file that is none.
    [[nodiscard]] static std::optional<std::string> part_of_staged(const std::string& file);
};

/// Letters and digits that no other process or thread has: for the names of parts and log objects.
[[nodiscard]] std::string unique_id();

/// Error data: the object is not one of ours.
[[nodiscard]] Result<LogEntry> parse_log_entry(const std::string& text, const std::string& name);
[[nodiscard]] std::string log_entry_text(const LogEntry& entry);

/// The state now. Objects that vanish while they are read (superseded meanwhile) make it read again. Errors: io, unavailable; data, also
/// when a column has two types.
[[nodiscard]] Result<LogState> load_log(const StoreFiles& files, const SymbolPaths& paths);

/// Writes the entry as a new object and returns its name. This is the moment from which readers see it.
[[nodiscard]] Result<std::string> commit_log(StoreFiles& files, const SymbolPaths& paths, const LogEntry& entry);

/// Writes the whole state as one object and removes those that it supersedes. `forget_before`: removals before it are left out. A failure loses
/// nothing.
[[nodiscard]] Result<void> checkpoint_log(StoreFiles& files, const SymbolPaths& paths, const LogState& state, TimeNs forget_before);

}  // namespace sofia::store
