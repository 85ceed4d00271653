#include "tune/trial_reader.hpp"

#include <algorithm>
#include <bit>

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

}  // namespace

Result<void> TrialReader::after(std::int64_t study, std::int64_t after, std::vector<FrozenTrial>& out) {
    const std::size_t begin = out.size();
    SOFIA_CHECK(read_trials("study_id = :s AND trial_id > :a", {study, after}, out));
    const std::span<FrozenTrial> fresh(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end());
    if (fresh.empty()) return {};
    Which which;
    which.arguments = {fresh.front().id, fresh.back().id};
    // Few trials are looked up by index; when they are most of the file, walking the tables is several times faster.
    SOFIA_TRY(const auto last, statements_->rows("SELECT max(trial_id) FROM trials", {Type::integer}));
    which.whole = fresh.size() > 1000 && static_cast<std::int64_t>(fresh.size()) * 2 > integer(last[0][0]);
    which.condition = which.whole ? "+trial_id BETWEEN :a AND :b" : "trial_id BETWEEN :a AND :b";
    return read_children(which, fresh);
}

Result<void> TrialReader::some(std::span<const std::int64_t> ids, std::vector<FrozenTrial>& out) {
    constexpr std::size_t most = 64;
    std::vector<std::int64_t> sorted(ids.begin(), ids.end());
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t at = 0; at < sorted.size(); at += most) {
        const std::size_t count = std::min(most, sorted.size() - at);
        // Few different statements: the list is filled up to a power of two.
        Which which;
        which.condition = "trial_id IN (";
        for (std::size_t i = 0; i < std::bit_ceil(count); ++i) {
            which.condition += fmt::format("{}:i{}", i == 0 ? "" : ", ", i);
            which.arguments.emplace_back(sorted[at + std::min(i, count - 1)]);
        }
        which.condition += ")";
        const std::size_t begin = out.size();
        SOFIA_CHECK(read_trials(which.condition, which.arguments, out));
        const std::span<FrozenTrial> read(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end());
        if (!read.empty()) SOFIA_CHECK(read_children(which, read));
    }
    return {};
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
                                 SOFIA_TRY(trial.state, state_of(text(row[2])));
                                 SOFIA_TRY(trial.started, time_of(row[3]));
                                 SOFIA_TRY(trial.completed, time_of(row[4]));
                                 out.push_back(std::move(trial));
                                 return {};
                             });
}

Result<void> TrialReader::read_children(const Which& which, std::span<FrozenTrial> trials) {
    SOFIA_CHECK(children("trial_params", "param_id", "param_name, param_value, distribution_json", {Type::text, Type::real, Type::text}, which,
                         trials, [&](FrozenTrial& trial, const Row& row) -> Result<void> {
                             SOFIA_TRY(auto distribution, distribution_of(text(row[3])));
                             const auto* value = std::get_if<double>(&row[2]);
                             if (value == nullptr) return fail(ErrorCode::data, fmt::format("parameter \"{}\" has no value", text(row[1])));
                             trial.params.push_back({text(row[1]), std::move(distribution), *value});
                             return {};
                         }));
    SOFIA_CHECK(children("trial_values", "trial_value_id", "objective, value, value_type", {Type::integer, Type::real, Type::text}, which, trials,
                         [](FrozenTrial& trial, const Row& row) -> Result<void> {
                             const auto objective = static_cast<std::size_t>(integer(row[1]));
                             if (trial.values.size() <= objective) trial.values.resize(objective + 1);
                             SOFIA_TRY(trial.values[objective], value_of(row[2], row[3]));
                             return {};
                         }));
    SOFIA_CHECK(children("trial_intermediate_values", "trial_intermediate_value_id", "step, intermediate_value, intermediate_value_type",
                         {Type::integer, Type::real, Type::text}, which, trials, [](FrozenTrial& trial, const Row& row) -> Result<void> {
                             SOFIA_TRY(trial.reports[integer(row[1])], value_of(row[2], row[3]));
                             return {};
                         }));
    return read_attributes(which, trials);
}

Result<void> TrialReader::read_attributes(const Which& which, std::span<FrozenTrial> trials) {
    SOFIA_CHECK(children("trial_user_attributes", "trial_user_attribute_id", "key, value_json", {Type::text, Type::text}, which, trials,
                         [](FrozenTrial& trial, const Row& row) -> Result<void> {
                             trial.user_attributes[text(row[1])] = text(row[2]);
                             return {};
                         }));
    return children("trial_system_attributes", "trial_system_attribute_id", "key, value_json", {Type::text, Type::text}, which, trials,
                    [](FrozenTrial& trial, const Row& row) -> Result<void> {
                        trial.system_attributes[text(row[1])] = text(row[2]);
                        return {};
                    });
}

/// The rows of one child table, those of a trial in the order of the table's key; `row[0]` is the trial's id. Rows of other studies' trials
/// in between, and of a trial that appeared after the trials were read, are passed over.
Result<void> TrialReader::children(const std::string& table, const std::string& key, const std::string& columns, std::vector<Type> types,
                                   const Which& which, std::span<FrozenTrial> trials, const Take& take) {
    types.insert(types.begin(), Type::integer);
    const std::string statement =
        fmt::format("SELECT trial_id, {} FROM {} WHERE {} ORDER BY {}{}", columns, table, which.condition, which.whole ? "" : "trial_id, ", key);
    auto at = trials.begin();
    return statements_->each(statement, types, which.arguments, [&](const Row& row) -> Result<void> {
        const std::int64_t id = integer(row[0]);
        if (at == trials.end() || at->id != id)
            at = std::lower_bound(trials.begin(), trials.end(), id, [](const FrozenTrial& t, std::int64_t i) { return t.id < i; });
        if (at == trials.end() || at->id != id) return {};
        auto taken = take(*at, row);
        if (!taken) taken.error().message = fmt::format("{}: trial {}: {}", statements_->name(), at->number, taken.error().message);
        return taken;
    });
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
