#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace sofia::store {

/// A row that was left out (`ReadOptions::bad_rows == skip`).
struct BadRow {
    std::filesystem::path path;
    std::uint64_t line = 0;  ///< 1 is the header; 0 in a Parquet file, where `reason` names the row
    std::string reason;      ///< `price "abc" is not a number`

    /// `data/X/a.csv line 17: price "abc" is not a number`
    [[nodiscard]] std::string text() const;
};

/// A stretch without rows: [from, to).
struct Gap {
    TimeNs from = 0;
    TimeNs to = 0;

    [[nodiscard]] DurationNs length() const { return to - from; }
    friend bool operator==(const Gap&, const Gap&) = default;
};

/// What one input file held. Times are of its accepted rows; both 0 when it has none.
struct FileReport {
    std::filesystem::path path;
    std::uint64_t rows = 0;  ///< accepted, duplicates included
    TimeNs first = 0;
    TimeNs last = 0;
    std::string time_unit = "s";  ///< s, ms, us, ns: the unit of its timestamps
    std::uint64_t bad_rows = 0;
    std::uint64_t duplicates = 0;    ///< rows dropped because another row was the same trade, or a bar of the same start
    std::uint64_t out_of_order = 0;  ///< rows earlier than a row before them in the file; 0 where newest_first
    bool newest_first = false;       ///< times never rise in the file: it was read backward
    std::string sha256;              ///< of the file's bytes; empty until `hash_inputs`
};

/// What a whole read saw. Counts are sums over `files`, which stand in the order of their names.
struct ReadReport {
    std::vector<FileReport> files;
    std::uint64_t rows = 0;  ///< handed on: accepted less duplicates
    TimeNs first = 0;        ///< of what was handed on
    TimeNs last = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t out_of_order = 0;
    std::uint64_t bad_rows = 0;
    std::vector<BadRow> bad;     ///< the first `bad_listed_max` of them in the order they were met
    bool ticks_derived = false;  ///< a file had no tickDirection: the tick rule gave it

    // Bar files only.
    std::uint64_t opens_widened = 0;           ///< bars whose open lay outside [low, high], which were widened to hold it
    double carried_open_share = 0.0;           ///< of the bars with a print that follow one directly: open equals its close
    bool carried_opens = false;                ///< that share is above one half: opens are a convention, not a print
    std::vector<std::string> missing_columns;  ///< order-flow columns that no file carries: NaN in every bar
    std::vector<Gap> gaps;                     ///< intervals inside the session without a bar, in time order, all of them

    std::vector<std::string> notes;  ///< sentences for people on whatever was not plain
};

inline constexpr std::size_t bad_listed_max = 20;

/// Fills `sha256` of every file, for a manifest. Error: io.
[[nodiscard]] Result<void> hash_inputs(ReadReport& report);

}  // namespace sofia::store
