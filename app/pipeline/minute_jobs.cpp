#include "app/pipeline/minute_jobs.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/direction_tune.hpp"
#include "app/pipeline/store.hpp"
#include "app/pipeline/tune.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "features/minute.hpp"
#include "store/feature_input.hpp"
#include "store/folder.hpp"

namespace sofia::pipeline {
namespace {

namespace fs = std::filesystem;

/// Minute rows know when they began: a table without known_at has it a minute later.
Result<store::FeatureRows> minute_rows(const fs::path& file) { return store::read_feature_file(file, {}, {.bar = ns_per_minute}); }

store::FeatureRows rows_at(const store::FeatureRows& rows, const std::vector<std::uint32_t>& which) {
    store::FeatureRows out;
    for (const std::uint32_t i : which) {
        out.ts.push_back(rows.ts[i]);
        out.known_at.push_back(rows.known_at[i]);
    }
    for (const store::FeatureColumn& column : rows.columns)
        store::append_rows(out.columns.emplace_back(store::make_column(column.name, column.type)), column, which);
    return out;
}

Json put_json(const std::string& symbol, const PutReport& report) {
    return {{"symbol", symbol},
            {"rows", report.appended.rows},
            {"unchanged", report.unchanged},
            {"days", report.appended.days},
            {"days_rewritten", report.days_rewritten}};
}

}  // namespace

Result<Output> time_based_split(const TimeSplitRequest& request, const Context& context) {
    SOFIA_TRY(const store::FeatureRows rows, minute_rows(request.in));
    if (rows.rows() == 0) return fail(ErrorCode::data, request.in.string() + " has no rows");
    const TimeNs end = *std::ranges::max_element(rows.ts) + ns_per_minute;
    SOFIA_TRY(const features::MinuteCut cut, features::cut_minutes(rows.ts, end, request.val_days, request.horizon));
    std::vector<std::uint32_t> train;
    std::vector<std::uint32_t> validation;
    for (std::uint32_t i = 0; i < rows.rows(); ++i) {
        if (rows.ts[i] < cut.train_end) train.push_back(i);
        if (rows.ts[i] >= cut.validation_begin) validation.push_back(i);
    }
    SOFIA_CHECK(context.go_on());
    SOFIA_CHECK(make_folder(request.out_dir));
    const fs::path train_file = request.out_dir / "train.parquet";
    const fs::path validation_file = request.out_dir / "validation.parquet";
    SOFIA_CHECK(store::write_feature_file(train_file, rows_at(rows, train)));
    SOFIA_CHECK(store::write_feature_file(validation_file, rows_at(rows, validation)));
    const std::size_t purged = rows.rows() - train.size() - validation.size();
    Json json = {{"train", {{"file", train_file.string()}, {"rows", train.size()}}},
                 {"validation", {{"file", validation_file.string()}, {"rows", validation.size()}}},
                 {"purged", purged}};
    const std::vector<std::string> header = {"part", "rows", "file"};
    const std::string text = format_table(header, {{"train", std::to_string(train.size()), train_file.string()},
                                                   {"purged", std::to_string(purged), ""},
                                                   {"validation", std::to_string(validation.size()), validation_file.string()}});
    return make_output(text, std::move(json));
}

Result<Output> guard_no_future_leak(const LeakGuardRequest& request) {
    SOFIA_TRY(const store::FeatureRows train, minute_rows(request.train));
    SOFIA_TRY(const store::FeatureRows validation, minute_rows(request.validation));
    SOFIA_CHECK(features::guard_no_future_leak(train.ts, validation.ts, request.horizon));
    const std::string last = format_time(*std::ranges::max_element(train.ts));
    const std::string first = format_time(*std::ranges::min_element(validation.ts));
    return make_output(
        fmt::format("no leak: the last row of training begins {}, {} minutes and more before validation, {}\n", last, request.horizon, first),
        {{"leak", false}, {"train_last", last}, {"validation_first", first}, {"horizon_minutes", request.horizon}});
}

Result<PutReport> to_parquet(const store::FeatureRows& rows, const std::string& out_dir, const std::string& symbol, const Context& context) {
    SOFIA_TRY(const store::FeatureStore store, open_feature_store(out_dir, context));
    return put_rows(store, symbol, rows);
}

Result<Output> to_parquet(const ToParquetRequest& request, const Context& context) {
    PutReport sum;
    for (const fs::path& file : request.files) {
        SOFIA_TRY(const store::FeatureRows rows, store::read_feature_file(file, {}, {.bar = request.bar}));
        SOFIA_TRY(const PutReport report, to_parquet(rows, request.out_dir, request.symbol, context));
        sum.appended.rows += report.appended.rows;
        sum.appended.days += report.appended.days;
        sum.unchanged += report.unchanged;
        sum.days_rewritten += report.days_rewritten;
        SOFIA_CHECK(context.go_on());
    }
    const std::vector<std::string> header = {"symbol", "rows", "unchanged", "store"};
    const std::string text =
        format_table(header, {{request.symbol, std::to_string(sum.appended.rows), std::to_string(sum.unchanged), request.out_dir}});
    return make_output(text, put_json(request.symbol, sum));
}

Result<DirectionTrainResult> train_from_parquet(const TrainFromParquetRequest& request, const Context& context) {
    std::string symbol = request.symbol;
    if (symbol.empty()) {
        SOFIA_TRY(const store::DataFolder folder, store::DataFolder::open(request.path));
        symbol = folder.symbol();
    }
    SOFIA_TRY(const std::string folder, store::symbol_folder(symbol));
    TuneRequest tuning{.config_file = request.config_file, .data_dir = request.path, .model_dir = request.model_dir / folder};
    tuning.study = request.study;
    tuning.trials = request.trials;
    tuning.workers = request.workers;
    tuning.sets = {"strategy=direction", fmt::format("split.val_days={}", request.val_days),
                   fmt::format("split.test_days={}", request.test_days.value_or(request.val_days)), "instrument.symbol=" + symbol};
    tuning.sets.insert(tuning.sets.end(), request.sets.begin(), request.sets.end());
    SOFIA_TRY(const DirectionTuneResult tuned, tune_direction(tuning, context));
    if (tuned.best_trial < 0) {
        return fail(ErrorCode::usage, "no trial of study " + tuned.study + " has ended well",
                    "the log says why; more trials, or another search space");
    }
    return train_direction({.summary = tuned.best_summary, .model_dir = tuning.model_dir, .promote = request.promote}, context);
}

}  // namespace sofia::pipeline
