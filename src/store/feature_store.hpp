#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "store/feature_rows.hpp"

namespace sofia::store {

class StoreFiles;

struct StoreOptions {
    std::size_t threads = 0;                          ///< 0: the cores this process may use. No result depends on it.
    DurationNs lock_wait = 60 * ns_per_second;        ///< how long a writer waits for another one
    std::function<TimeNs()> now = wall_clock_now;     ///< gives `written_at`
    Logger log;
};

/// Which rows and columns. A row is read when from <= ts < to, and, with `as_of`, when known_at <= as_of.
struct ReadQuery {
    std::optional<TimeNs> from;
    std::optional<TimeNs> to;
    std::optional<TimeNs> as_of;
    std::vector<std::string> columns;  ///< in this order; empty: all in the store's order
    std::optional<std::size_t> last;   ///< only the last so many rows
};

struct AppendReport {
    std::uint64_t rows = 0;      ///< written
    std::uint64_t repeated = 0;  ///< left out: the same input has a later row of the same ts that was known no later
    std::size_t days = 0;        ///< parts written, one a day
    std::vector<std::string> new_columns;
    TimeNs written_at = 0;       ///< of the rows; 0 when nothing was written
};

struct CompactOptions {
    std::optional<TimeNs> before;  ///< only days before the one that holds this moment
    enum class History : std::uint8_t {
        keep,  ///< every row that some `as_of` can see stays
        drop,  ///< one row a ts, the last written: `as_of` in the past may then find nothing
    } history = History::keep;
};

struct CompactReport {
    std::size_t days = 0;          ///< rewritten
    std::size_t parts_before = 0;  ///< of those days
    std::uint64_t rows_before = 0;
    std::uint64_t rows_after = 0;
};

struct RetainReport {
    std::size_t days = 0;  ///< dropped
    std::uint64_t rows = 0;
};

struct ColumnSummary {
    std::string name;
    ColumnType type = ColumnType::float64;
    std::uint64_t missing = 0;  ///< of the distinct rows
    std::optional<double> least;  ///< of numbers, booleans; nothing when all are missing or it is text
    std::optional<double> most;
};

struct StoreDescription {
    std::string symbol;
    std::uint64_t rows = 0;        ///< distinct by ts: what a read gives
    std::uint64_t duplicates = 0;  ///< stored beyond that: repeated and older versions
    std::size_t days = 0;
    std::size_t parts = 0;
    std::uint64_t bytes = 0;
    TimeNs ts_first = no_time;
    TimeNs ts_last = no_time;
    TimeNs known_first = no_time;  ///< of all stored rows
    TimeNs known_last = no_time;
    TimeNs written_last = no_time;
    std::vector<ColumnSummary> columns;
};

/// What `check` found. `problems` are damage; `remarks` are things that should not be there and hurt nobody here.
struct StoreCheck {
    std::size_t parts = 0;
    std::uint64_t rows = 0;
    std::vector<std::string> problems;
    std::vector<std::string> remarks;
};

/// Feature rows of many symbols as Parquet (zstd), a folder a symbol, partitioned by the UTC day of `ts`:
///
///   ROOT/<symbol>/date=2024-01-31/part-….parquet     ts, known_at, written_at, then the columns
///   ROOT/_sofia/<symbol>/log/…json                   which parts there are: what readers of this class follow
///   ROOT/_sofia/<symbol>/staged/…                    parts on their way
///
/// ROOT is a folder or a URL of an object store that Arrow knows (`s3://bucket/prefix?region=…&endpoint_override=…`). docs/store.md has the format,
/// how other readers see it, and what holds on object stores.
///
/// A call of `append`, `compact` or `retain` is all or nothing, also when the process is killed; the next writer finishes or removes what it left.
/// Rows are never changed: a further row with the same ts is a new version. Reads resolve versions to the last written, by `written_at`,
/// among those that `as_of` admits. Writers wait for each other by symbol (object stores: they do not have to, nothing is lost); readers
/// never wait and see one committed state.
///
/// Symbols are 1 to 100 bytes of UTF-8 without control characters; all but A-Z a-z 0-9 - . _ (the last two not in front) is percent-encoded
/// in the folder's name.
/// A cheap value; const and thread-safe, writers of one process wait for each other as processes do.
/// Errors: usage (an unusable symbol, column or URL), data (damaged files, bad rows, a column whose type changed), io (full disk, no permission),
/// conflict (another writer for longer than `lock_wait`), unavailable (the object store does not answer).
class FeatureStore {
public:
    /// Nothing is read or made. Errors: usage, unavailable.
    [[nodiscard]] static Result<FeatureStore> open(const std::string& root, StoreOptions options = {});

    /// For tests: any files.
    FeatureStore(std::shared_ptr<StoreFiles> files, StoreOptions options);

    /// ROOT as it may be shown: of a URL without user, password and options.
    [[nodiscard]] const std::string& root() const;

    /// Whether ROOT is a folder of this machine.
    [[nodiscard]] bool is_local() const;

    /// All symbols, sorted. No folder: none.
    [[nodiscard]] Result<std::vector<std::string>> symbols() const;

    /// Adds rows, in any order; without a row it does nothing. A column that is new is missing in the rows before. Refused: a column with a type that
    /// is not the store's; a missing, negative or late (2200) ts; known_at before ts; a column named ts, known_at, written_at, date or twice.
    [[nodiscard]] Result<AppendReport> append(const std::string& symbol, const FeatureRows& rows) const;

    /// Rows with ascending ts, one a ts. Errors also: data for a symbol that is not there, usage for a column that is not.
    [[nodiscard]] Result<FeatureRows> read(const std::string& symbol, const ReadQuery& query = {}) const;

    /// The same in pieces of whole days, for memory that does not grow with the span. `query.last` is not used. An error of `sink` is returned.
    /// When a compaction takes parts away meanwhile, the rest is read from the state after it.
    [[nodiscard]] Result<void> scan(const std::string& symbol, const ReadQuery& query, const std::function<Result<void>(FeatureRows&&)>& sink) const;

    /// Names and types of the columns, in the order in which they came.
    [[nodiscard]] Result<std::vector<Column>> columns(const std::string& symbol) const;

    /// The names below ROOT/<folder of the symbol> of all parts that are committed, for other readers. They lie there once no append is under way.
    [[nodiscard]] Result<std::vector<std::string>> parts(const std::string& symbol) const;

    /// The first moment of the last day that has rows; nothing when all were dropped.
    [[nodiscard]] Result<std::optional<TimeNs>> last_day(const std::string& symbol) const;

    [[nodiscard]] Result<StoreDescription> describe(const std::string& symbol) const;

    /// Rewrites each day that has several parts, or rows that no read can see, as one part.
    [[nodiscard]] Result<CompactReport> compact(const std::string& symbol, const CompactOptions& options = {}) const;

    /// Drops whole days before the one that holds `before`.
    [[nodiscard]] Result<RetainReport> retain(const std::string& symbol, TimeNs before) const;

    /// Reads everything and compares it with the log: parts that are missing, damaged or changed, files that do not belong.
    [[nodiscard]] Result<StoreCheck> check(const std::string& symbol) const;

private:
    std::shared_ptr<StoreFiles> files_;
    std::shared_ptr<const StoreOptions> options_;
};

/// The name of a symbol's folder. Error usage: not a symbol.
[[nodiscard]] Result<std::string> symbol_folder(const std::string& symbol);

}  // namespace sofia::store
