#include "labels/splits.hpp"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "trading/test_support.hpp"

namespace sofia::labels {
namespace {

using trading::testing::minute;

constexpr TimeNs first = minute(0);
constexpr TimeNs last = minute(1440 * 100);

TEST(Splits, CutTheHistoryInOrderWithoutGaps) {
    const Splits splits = make_splits(SplitConfig{}, {first, last}).value();
    EXPECT_EQ(splits.tuning, (Window{first, minute(1440 * 60)}));
    EXPECT_EQ(splits.test, (Window{minute(1440 * 60), minute(1440 * 80)}));
    EXPECT_EQ(splits.shadow, (Window{minute(1440 * 80), last}));
}

TEST(Splits, ShadowMayBeEmpty) {
    SplitConfig config;
    config.tuning = 0.7;
    config.test = 0.3;
    const Splits splits = make_splits(config, {first, last}).value();
    EXPECT_EQ(splits.test.to, last);
    EXPECT_EQ(splits.shadow.length(), 0);
}

TEST(Splits, RefuseSharesOfMoreThanOneHistoryAndHistoriesOfNothing) {
    SplitConfig config;
    config.tuning = 0.9;
    EXPECT_EQ(make_splits(config, {first, last}).error().code, ErrorCode::config);
    EXPECT_EQ(make_splits(SplitConfig{}, {first, first + ns_per_hour}).error().code, ErrorCode::data);
    EXPECT_EQ(walk_forward(SplitConfig{}, {first, first + 5 * ns_per_hour}).error().code, ErrorCode::data);
}

TEST(WalkForward, ValidationsTileTheRestOfTheTuningWindow) {
    for (const char* mode : {"expanding", "rolling"}) {
        SplitConfig config;
        config.fold_mode = mode;
        const std::vector<Fold> folds = walk_forward(config, {first, last}).value();
        ASSERT_EQ(folds.size(), 8U);
        EXPECT_EQ(folds.front().validation.from, minute(1440 * 40));
        EXPECT_EQ(folds.back().validation.to, last);
        for (std::size_t k = 0; k < folds.size(); ++k) {
            EXPECT_EQ(folds[k].index, k);
            EXPECT_EQ(folds[k].train.to, folds[k].validation.from);
            if (k > 0) {
                EXPECT_EQ(folds[k].validation.from, folds[k - 1].validation.to);
            }
            EXPECT_EQ(folds[k].train.from, config.fold_mode == "rolling" ? folds[k].validation.from - minute(1440 * 40) + first : first);
        }
    }
}

std::vector<Sample> random_samples(RandomStream random, std::size_t count) {
    std::vector<Sample> samples;
    TimeNs at = first;
    for (std::size_t i = 0; i < count; ++i) {
        at += static_cast<TimeNs>(random.below(600)) * ns_per_minute;
        samples.push_back({at, at + static_cast<TimeNs>(1 + random.below(3000)) * ns_per_minute});
    }
    return samples;
}

// Row by row, for every fold: a row is in training exactly when it is known in time and its label ended before the validation began.
RC_GTEST_PROP(TrainRows, NoTrainingLabelReachesTheValidation, (std::uint64_t seed)) {
    const RandomStream random(seed);
    const std::vector<Sample> samples = random_samples(random.split("samples"), 400);
    RandomStream choice = random.split("config");
    SplitConfig config;
    config.folds = static_cast<std::int64_t>(1 + choice.below(12));
    config.fold_mode = choice.below(2) == 0 ? "rolling" : "expanding";
    config.embargo_hours = static_cast<double>(choice.below(48));
    const std::vector<Fold> folds = walk_forward(config, {first, last}).value();
    for (const Fold& fold : folds) {
        const std::vector<std::size_t> rows = train_rows(samples, fold.train, fold.validation.from, config.embargo());
        const std::vector<std::size_t> judged = rows_in(samples, fold.validation);
        RC_ASSERT(std::ranges::is_sorted(rows));
        for (std::size_t i = 0; i < samples.size(); ++i) {
            const bool trained = std::ranges::binary_search(rows, i);
            const bool in_time = samples[i].known_at >= fold.train.from && samples[i].known_at < fold.train.to;
            RC_ASSERT(trained == (in_time && samples[i].end_time + config.embargo() < fold.validation.from));
            if (!trained) continue;
            for (const std::size_t j : judged) RC_ASSERT(samples[i].end_time < samples[j].known_at);
        }
    }
}

RC_GTEST_PROP(ForwardBlocks, JudgeEveryLaterRowOnceByWhatEndedBefore, (std::uint64_t seed)) {
    const std::vector<Sample> samples = random_samples(RandomStream(seed), 300);
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < samples.size(); i += 2) rows.push_back(i);
    const std::vector<Block> blocks = forward_blocks(samples, rows, 5, ns_per_hour);
    std::vector<std::size_t> judged;
    for (const Block& block : blocks) {
        judged.insert(judged.end(), block.judged.begin(), block.judged.end());
        for (const std::size_t t : block.train) {
            for (const std::size_t j : block.judged) RC_ASSERT(samples[t].end_time + ns_per_hour < samples[j].known_at);
        }
    }
    RC_ASSERT(judged == std::vector<std::size_t>(rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 5), rows.end()));
}

TEST(SampleOf, IsPurgedByTheLargestHoldOfTheSearchSpace) {
    Label label;
    label.touch = trading::testing::touch(15, trading::Direction::long_side, 100.0, 1.0);
    label.end_time = minute(20);
    const market::Session always;
    EXPECT_EQ(sample_of(label, 15 * ns_per_minute, 96, always).end_time, minute(15 + 96 * 15));
    label.end_time = minute(5000);
    EXPECT_EQ(sample_of(label, 15 * ns_per_minute, 96, always).end_time, minute(5000));
}

}  // namespace
}  // namespace sofia::labels
