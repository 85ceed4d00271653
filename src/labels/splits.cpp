#include "labels/splits.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"

namespace sofia::labels {

namespace {

/// `share` of the way from `from` to `to`, on a whole hour.
TimeNs cut_at(TimeNs from, TimeNs to, double share) { return floor_time(from + std::llround(share * static_cast<double>(to - from)), ns_per_hour); }

}  // namespace

void SplitConfig::describe(config::Keys& keys) {
    keys.number("tuning", tuning, {0.01, 1.0}, "Share of the history for tuning and training.");
    keys.number("test", test, {0.0, 0.99}, "Share of the history that follows for test; what is left is shadow.");
    keys.integer("folds", folds, {1, 1000}, "Walk-forward folds inside the tuning window.");
    keys.choice("fold_mode", fold_mode, {"expanding", "rolling"}, "Whether a fold trains on everything before it or on a fixed length.");
    keys.number("first_train", first_train, {0.01, 0.99}, "Share of the tuning window before the first validation.");
    keys.number("embargo_hours", embargo_hours, {0.0, 100'000.0}, "Hours between the end of the last training label and the validation.");
}

Result<void> SplitConfig::validate() const {
    if (!(tuning > 0.0) || !(test >= 0.0) || tuning + test > 1.0 + 1e-12) {
        return fail(ErrorCode::config,
                    "split.tuning " + format_double(tuning) + " and split.test " + format_double(test) + " are no shares of one history");
    }
    if (folds < 1) return fail(ErrorCode::config, "split.folds " + std::to_string(folds) + " is below 1");
    if (fold_mode != "expanding" && fold_mode != "rolling") {
        return fail(ErrorCode::config, "split.fold_mode \"" + fold_mode + "\" is neither expanding nor rolling");
    }
    if (!(first_train > 0.0 && first_train < 1.0)) {
        return fail(ErrorCode::config, "split.first_train " + format_double(first_train) + " is not between 0 and 1");
    }
    if (!(embargo_hours >= 0.0)) return fail(ErrorCode::config, "split.embargo_hours " + format_double(embargo_hours) + " is below 0");
    return {};
}

DurationNs SplitConfig::embargo() const { return std::llround(embargo_hours * static_cast<double>(ns_per_hour)); }

Result<Splits> make_splits(const SplitConfig& config, Window history) {
    SOFIA_CHECK(config.validate());
    const double shadow = 1.0 - config.tuning - config.test;
    Splits splits;
    const TimeNs test_from = config.tuning > 1.0 - 1e-9 ? history.to : cut_at(history.from, history.to, config.tuning);
    const TimeNs shadow_from = shadow < 1e-9 ? history.to : cut_at(history.from, history.to, config.tuning + config.test);
    splits.tuning = {history.from, test_from};
    splits.test = {test_from, shadow_from};
    splits.shadow = {shadow_from, history.to};
    const bool short_test = config.test > 1e-9 && splits.test.length() <= 0;
    const bool short_shadow = shadow >= 1e-9 && splits.shadow.length() <= 0;
    if (splits.tuning.length() <= 0 || short_test || short_shadow) {
        return fail(ErrorCode::data,
                    "the history from " + format_time(history.from) + " to " + format_time(history.to) +
                        " is too short to be cut into tuning, test and shadow",
                    "give it more data, or change split.tuning and split.test");
    }
    return splits;
}

Result<std::vector<Fold>> walk_forward(const SplitConfig& config, Window tuning) {
    SOFIA_CHECK(config.validate());
    const TimeNs first = cut_at(tuning.from, tuning.to, config.first_train);
    std::vector<Fold> folds;
    for (std::int64_t k = 0; k < config.folds; ++k) {
        const double n = static_cast<double>(config.folds);
        const TimeNs from = cut_at(first, tuning.to, static_cast<double>(k) / n);
        const TimeNs to = k + 1 == config.folds ? tuning.to : cut_at(first, tuning.to, static_cast<double>(k + 1) / n);
        const TimeNs train_from = config.fold_mode == "rolling" ? from - (first - tuning.from) : tuning.from;
        if (to <= from || from <= train_from) {
            return fail(ErrorCode::data,
                        "the tuning window from " + format_time(tuning.from) + " to " + format_time(tuning.to) + " is too short for " +
                            std::to_string(config.folds) + " folds",
                        "give it more data, or lower split.folds");
        }
        folds.push_back({static_cast<std::size_t>(k), {train_from, from}, {from, to}});
    }
    return folds;
}

Sample sample_of(const Label& label, DurationNs timeframe, std::int64_t largest_hold_bars, const market::Session& session) {
    const TimeNs latest = trading::vertical_barrier(label.touch.known_at, timeframe, largest_hold_bars, session);
    return {label.touch.known_at, std::max(label.end_time, latest)};
}

std::vector<std::size_t> train_rows(std::span<const Sample> samples, Window train, TimeNs judged_from, DurationNs embargo) {
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        if (train.contains(samples[i].known_at) && samples[i].end_time < judged_from - embargo) rows.push_back(i);
    }
    return rows;
}

std::vector<std::size_t> rows_in(std::span<const Sample> samples, Window window) {
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        if (window.contains(samples[i].known_at)) rows.push_back(i);
    }
    return rows;
}

std::vector<Block> forward_blocks(std::span<const Sample> samples, std::span<const std::size_t> rows, std::size_t blocks, DurationNs embargo) {
    std::vector<Block> chained;
    for (std::size_t b = 1; b < blocks; ++b) {
        const std::size_t from = rows.size() * b / blocks;
        const std::size_t to = rows.size() * (b + 1) / blocks;
        if (from == to || from == 0) continue;
        Block block;
        const TimeNs judged_from = samples[rows[from]].known_at;
        for (std::size_t i = 0; i < from; ++i) {
            if (samples[rows[i]].end_time < judged_from - embargo) block.train.push_back(rows[i]);
        }
        block.judged.assign(rows.begin() + static_cast<std::ptrdiff_t>(from), rows.begin() + static_cast<std::ptrdiff_t>(to));
        chained.push_back(std::move(block));
    }
    return chained;
}

}  // namespace sofia::labels
