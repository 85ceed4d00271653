#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/config.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "labels/pullback.hpp"
#include "trading/window.hpp"

// Where in time a model may learn and where it is judged.
namespace sofia::labels {

using trading::Window;

struct SplitConfig {
    double tuning = 0.6;  ///< shares of the history, in order of time; what is left is shadow, which may be empty
    double test = 0.2;
    std::int64_t folds = 8;
    std::string fold_mode = "expanding";
    double first_train = 0.4;  ///< share of the tuning window before the first validation
    double embargo_hours = 0.0;

    void describe(config::Keys& keys);
    [[nodiscard]] Result<void> validate() const;

    [[nodiscard]] DurationNs embargo() const;
};

struct Splits {
    Window tuning;
    Window test;
    Window shadow;  ///< empty (from == to) where tuning and test take everything
};

/// Cuts `history` in order of time, on whole hours (the tuning window begins and the last one ends where the history does). Error: data,
/// when the history is too short for the shares.
[[nodiscard]] Result<Splits> make_splits(const SplitConfig& config, Window history);

struct Fold {
    std::size_t index = 0;
    Window train;
    Window validation;
};

/// Walk-forward folds inside `tuning`: after the first training share the rest is cut into `folds` validation windows of equal length (on whole
/// hours), each trained on what lies before it: all of it (`expanding`) or as much as the first training share (`rolling`). Error: data, when a
/// window would be empty.
[[nodiscard]] Result<std::vector<Fold>> walk_forward(const SplitConfig& config, Window tuning);

/// A row of a training set: when it is known and when its label is. `end_time` is the later of the label's own end and of what the search
/// space's largest hold could make of it, so that folds do not depend on the trial.
struct Sample {
    TimeNs known_at = 0;
    TimeNs end_time = 0;
};

/// The sample of a label, purged by a hold of `largest_hold_bars` of `timeframe` (López de Prado 2018, ch. 7).
[[nodiscard]] Sample sample_of(const Label& label, DurationNs timeframe, std::int64_t largest_hold_bars, const market::Session& session);

/// Rows known inside `train` whose label ended before `judged_from` less the embargo: end_time < judged_from - embargo. Ascending.
[[nodiscard]] std::vector<std::size_t> train_rows(std::span<const Sample> samples, Window train, TimeNs judged_from, DurationNs embargo);

/// Rows known inside `window`. Ascending.
[[nodiscard]] std::vector<std::size_t> rows_in(std::span<const Sample> samples, Window window);

/// Cuts purged training rows, in order of time, into `blocks` of equal count for forward-chained calibration and early stopping: block b > 0 is
/// judged by models trained on the rows of earlier blocks whose labels ended before its first row is known. `rows` ascend in time; empty
/// blocks are left out.
struct Block {
    std::vector<std::size_t> train;
    std::vector<std::size_t> judged;
};
[[nodiscard]] std::vector<Block> forward_blocks(std::span<const Sample> samples, std::span<const std::size_t> rows, std::size_t blocks,
                                                DurationNs embargo);

}  // namespace sofia::labels
