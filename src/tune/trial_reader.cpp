#include "tune/trial_reader.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include <fmt/core.h>

#include "tune/schema.hpp"

namespace sofia::tune {

namespace {

using sql::Row;
using sql::Type;

std::int64_t integer(const sql::Value& value) { return std::holds_alternative<std::int64_t>(value) ? std::get<std::int64_t>(value) : 0; }
const std::string& text(const sql::Value& value) {
    static const std::string none;
    const auto* held = std::get_if<std::string>(&value);
    return held != nullptr ? *held : none;
}

/// A child table as six columns: which table, the trial, a number, a name, a value, a text.
struct Child {
    const char* table;
    const char* number;
    const char* name;
    const char* value;
    const char* text;
};
enum ChildIndex : std::int64_t { params, values, reports, user_attributes, system_attributes };
constexpr const char* no_name = "CAST(NULL AS VARCHAR(8))";
constexpr const char* no_value = "CAST(NULL AS FLOAT)";
constexpr std::array child_tables = {
    Child{"trial_params", "param_id", "param_name", "param_value", "distribution_json"},
    Child{"trial_values", "objective", no_name, "value", "CAST(value_type AS VARCHAR(8))"},
    Child{"trial_intermediate_values", "step", no_name, "intermediate_value", "CAST(intermediate_value_type AS VARCHAR(8))"},
    Child{"trial_user_attributes", "0", "key", no_value, "value_json"},
    Child{"trial_system_attributes", "0", "key", no_value, "value_json"},
};

std::string selection(std::size_t index, const std::string& condition) {
    const Child& child = child_tables[index];
    return fmt::format("SELECT {} AS child, trial_id, {} AS number, {}, {}, {} FROM {} WHERE {}", index, child.number, child.name, child.value,
                       child.text, child.table, condition);
}

}  // namespace

Result<void> TrialReader::after(std::int64_t study, std::int64_t after, std::vector<FrozenTrial>& out) {
    const std::size_t begin = out.size();
    if (after == 0) {
        SOFIA_TRY(const auto count, statements_->rows("SELECT count(*) FROM trials WHERE study_id = :s", {Type::integer}, {study}));
        out.reserve(begin + static_cast<std::size_t>(integer(count[0][0])));
    }
    SOFIA_CHECK(read_trials("study_id = :s AND trial_id > :a", {study, after}, out));
    const std::span<FrozenTrial> fresh(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end());
    if (fresh.empty()) return {};
    // Few trials are looked up by index; when they are most of the file, walking the tables is several times faster.
    bool scan = false;
    if (fresh.size() > 1000) {
        SOFIA_TRY(const auto last, statements_->rows("SELECT max(trial_id) FROM trials", {Type::integer}));
        scan = static_cast<std::int64_t>(fresh.size()) * 2 > integer(last[0][0]);
    }
    SOFIA_CHECK(scan ? scan_children(fresh) : read_children("trial_id BETWEEN :a{0} AND :b{0}", {fresh.front().id, fresh.back().id}, fresh));
    return check_whole(fresh);
}

Result<void> TrialReader::some(std::span<const std::int64_t> ids, std::vector<FrozenTrial>& out) {
    constexpr std::size_t most = 64;
    std::vector<std::int64_t> sorted(ids.begin(), ids.end());
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t at = 0; at < sorted.size(); at += most) {
        const std::size_t count = std::min(most, sorted.size() - at);
        // Few different statements: the list is filled up to a power of two.
        std::string list;
        Row arguments;
        for (std::size_t i = 0; i < std::bit_ceil(count); ++i) {
            list += fmt::format("{}:i{}_{{0}}", i == 0 ? "" : ", ", i);
            arguments.emplace_back(sorted[at + std::min(i, count - 1)]);
        }
        const std::string condition = fmt::format("trial_id IN ({})", list);
        const std::size_t begin = out.size();
        SOFIA_CHECK(read_trials(fmt::format(fmt::runtime(condition), "t"), arguments, out));
        const std::span<FrozenTrial> read(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end());
        if (read.empty()) continue;
        SOFIA_CHECK(read_children(condition, arguments, read));
        SOFIA_CHECK(check_whole(read));
    }
    return {};
}

/// A complete trial without all its values would be ranked by what it does not have.
Result<void> TrialReader::check_whole(std::span<const FrozenTrial> trials) const {
    for (const FrozenTrial& trial : trials) {
        if (trial.state != TrialState::complete) continue;
        const bool gap = std::any_of(trial.values.begin(), trial.values.end(), [](double value) { return std::isnan(value); });
        if (trial.values.empty() || gap) return damaged(trial.number, "complete, but without a value");
    }
    return {};
}

std::unexpected<Error> TrialReader::damaged(std::int64_t number, const std::string& what) const {
    return fail(ErrorCode::data, fmt::format("{}: trial {}: {}", statements_->name(), number, what),
                "the study is being deleted, or the database is damaged: restore it from a copy");
}

Result<void> TrialReader::read_trials(const std::string& condition, const Row& arguments, std::vector<FrozenTrial>& out) {
    const std::string statement =
        fmt::format("SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials WHERE {} ORDER BY trial_id", condition);
    return statements_->each(statement, {Type::integer, Type::integer, Type::text, Type::text, Type::text}, arguments,
                             [&](const Row& row) -> Result<void> {
                                 if (!std::holds_alternative<std::int64_t>(row[1])) return {};  // another process is still inserting it
                                 FrozenTrial trial;
                                 trial.id = integer(row[0]);
                                 trial.number = integer(row[1]);
                                 // It counts the study's trials before this one, and ids count them all.
                                 if (trial.number < 0 || trial.number >= trial.id) return damaged(trial.number, "a number that no trial can have");
                                 const auto times = [&]() -> Result<void> {
                                     SOFIA_TRY(trial.state, state_of(text(row[2])));
                                     SOFIA_TRY(trial.started, time_of(row[3]));
                                     SOFIA_TRY(trial.completed, time_of(row[4]));
                                     return {};
                                 };
                                 if (const auto read = times(); !read) return damaged(trial.number, read.error().message);
                                 out.push_back(std::move(trial));
                                 return {};
                             });
}

Result<void> TrialReader::read_children(const std::string& condition, const Row& arguments, std::span<FrozenTrial> trials) {
    std::string statement;
    Row all;
    for (std::size_t i = 0; i < child_tables.size(); ++i) {
        statement += (i == 0 ? "" : " UNION ALL ") + selection(i, fmt::format(fmt::runtime(condition), i));
        all.insert(all.end(), arguments.begin(), arguments.end());
    }
    return collect(statement + " ORDER BY child, trial_id, number", all, trials);
}

Result<void> TrialReader::scan_children(std::span<FrozenTrial> trials) {
    const Row range = {trials.front().id, trials.back().id};
    for (std::size_t i = 0; i < child_tables.size(); ++i) {
        // The plus keeps SQLite from the index on trial_id.
        const std::string condition = "+trial_id BETWEEN :a AND :b";
        if (i == params) {
            SOFIA_CHECK(scan_params(condition, range, trials));
        } else {
            SOFIA_CHECK(collect(selection(i, condition), range, trials));
        }
    }
    return {};
}

/// Nearly all rows of a file are parameters: of these only the columns that are needed.
Result<void> TrialReader::scan_params(const std::string& condition, const Row& arguments, std::span<FrozenTrial> trials) {
    const std::string statement =
        fmt::format("SELECT trial_id, param_name, param_value, distribution_json FROM trial_params WHERE {} ORDER BY param_id", condition);
    return each_child(statement, {Type::integer, Type::text, Type::real, Type::text}, arguments, trials, 0,
                      [&](FrozenTrial& trial, const Row& row) { return take_param(trial, row[1], row[2], row[3]); });
}

Result<void> TrialReader::collect(const std::string& statement, const Row& arguments, std::span<FrozenTrial> trials) {
    static const std::vector<Type> types = {Type::integer, Type::integer, Type::integer, Type::text, Type::real, Type::text};
    return each_child(statement, types, arguments, trials, 1, [&](FrozenTrial& trial, const Row& row) { return take(trial, row); });
}

/// Rows of other studies' trials in between, and of a trial that appeared after the trials were read, are passed over.
Result<void> TrialReader::each_child(const std::string& statement, const std::vector<Type>& types, const Row& arguments,
                                     std::span<FrozenTrial> trials, std::size_t id_column,
                                     const std::function<Result<void>(FrozenTrial&, const Row&)>& take_row) {
    const auto below = [](const FrozenTrial& trial, std::int64_t id) { return trial.id < id; };
    auto at = trials.begin();
    return statements_->each(statement, types, arguments, [&](const Row& row) -> Result<void> {
        const std::int64_t id = integer(row[id_column]);
        if (at == trials.end() || at->id != id) at = std::lower_bound(trials.begin(), trials.end(), id, below);
        if (at == trials.end() || at->id != id) return {};
        auto taken = take_row(*at, row);
        if (!taken) taken.error().message = fmt::format("{}: trial {}: {}", statements_->name(), at->number, taken.error().message);
        return taken;
    });
}

Result<void> TrialReader::take(FrozenTrial& trial, const Row& row) {
    const std::int64_t number = integer(row[2]);
    const std::string& name = text(row[3]);
    switch (integer(row[0])) {
        case params: return take_param(trial, row[3], row[4], row[5]);
        case values: {
            constexpr std::int64_t objectives_max = 10'000;
            if (number < 0 || number >= objectives_max) return fail(ErrorCode::data, fmt::format("a value for objective {}", number));
            const auto objective = static_cast<std::size_t>(number);
            if (trial.values.size() <= objective) trial.values.resize(objective + 1, std::numeric_limits<double>::quiet_NaN());
            SOFIA_TRY(trial.values[objective], value_of(row[4], row[5]));
            return {};
        }
        case reports: {
            SOFIA_TRY(trial.reports[number], value_of(row[4], row[5]));
            return {};
        }
        default: (integer(row[0]) == user_attributes ? trial.user_attributes : trial.system_attributes)[name] = text(row[5]); return {};
    }
}

Result<void> TrialReader::take_param(FrozenTrial& trial, const sql::Value& name, const sql::Value& value, const sql::Value& distribution) {
    SOFIA_TRY(auto known, distribution_of(text(distribution)));
    const auto* number = std::get_if<double>(&value);
    if (number == nullptr) return fail(ErrorCode::data, fmt::format("parameter \"{}\" has no value", text(name)));
    if (trial.params.empty()) trial.params.reserve(width_);  // most trials have as many as the one before
    trial.params.push_back({text(name), std::move(known), *number});
    width_ = trial.params.size();
    return {};
}

/// One object for equal texts, so that a study's trials share their distributions.
Result<std::shared_ptr<const Distribution>> TrialReader::distribution_of(const std::string& json) {
    auto found = distributions_.find(json);
    if (found == distributions_.end()) {
        SOFIA_TRY(Distribution made, Distribution::from_json(json));
        found = distributions_.emplace(json, std::make_shared<const Distribution>(std::move(made))).first;
    }
    return found->second;
}

}  // namespace sofia::tune
