#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/luck.hpp"
#include "app/pipeline/output.hpp"
#include "app/pipeline/test_adjustment.hpp"
#include "app/pipeline/verdict.hpp"
#include "base/result.hpp"

namespace sofia::pipeline {

/// One call of `sofia select`.
struct SelectRequest {
    std::filesystem::path config_file;  ///< optional: its section `select` in place of the study's
    std::vector<std::string> sets;      ///< keys of `select` and `data` only
    std::filesystem::path model_dir;    ///< models/<SYMBOL>
    std::string study;
    std::filesystem::path data_dir;     ///< empty: the data that was tuned on
};

/// A trial that the selection ran.
struct SelectedTrial {
    std::int64_t trial = 0;
    double robust_score = 0.0;
    Verdict verdict;
    std::filesystem::path summary;
};

/// How it came out.
enum class Outcome : std::uint8_t {
    none,             ///< nothing survived test
    undecided,        ///< there is a champion and no shadow window
    rejected_shadow,
    selected,
};
[[nodiscard]] std::string_view name(Outcome outcome);

struct SelectResult {
    std::string study;
    std::filesystem::path folder;
    SelectConfig limits;
    std::vector<std::int64_t> trials;  ///< of the study, that the selection chose from
    std::size_t ranked = 0;            ///< of these, complete and feasible
    std::vector<SelectedTrial> candidates;
    std::optional<std::int64_t> champion;
    Outcome outcome = Outcome::none;
    std::int64_t test_looks = 1;       ///< selections of this study that have looked at test
    std::vector<std::string> shadow_seen;  ///< what had looked at shadow before it decided
    std::optional<Luck> luck;          ///< of the champion's choice; not part of the record, as other studies may join
    AdjustedTest adjusted;             ///< the candidates' figures on test, adjusted for there being several
    bool from_record = false;          ///< shadow had decided before this call
};

/// Ranks the trials of a study by robust score, fits the best `select.top` on the tuning window only and runs them over test; the best of those that
/// pass the limits is the champion, written to `champion.json` before shadow is looked at, which then decides it once. Every verdict goes into the
/// trial's summary as soon as it is known, so that an interrupted call can be made again; `selection.json` holds them together. Once there is a
/// champion it stays: a later call with the same trials and limits tells the record again, any other is refused. The number of threads changes
/// nothing. Errors: usage (no such study), config, data, io, interrupted; conflict, when another call is at work on the study; blocked, when
/// a champion is fixed under other terms or its record is gone, when columns or data are not those that were tuned on.
[[nodiscard]] Result<SelectResult> select(const SelectRequest& request, const Context& context);

[[nodiscard]] Output describe(const SelectResult& result);

}  // namespace sofia::pipeline
