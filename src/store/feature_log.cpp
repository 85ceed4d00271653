#include "store/feature_log.hpp"

#include <algorithm>
#include <iterator>
#include <random>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.hpp"
#include "store/feature_rows.hpp"

namespace sofia::store {

namespace {

constexpr int format_version = 1;
constexpr std::string_view staged_end = ".staged";
constexpr std::string_view date_mark = "date=";
constexpr std::size_t date_length = 10;

Json part_json(const FeaturePart& part) {
    return {{"name", part.name},           {"day", format_date(part.day)}, {"rows", part.rows},
            {"bytes", part.bytes},         {"ts_min", part.ts_min},        {"ts_max", part.ts_max},
            {"known_min", part.known_min}, {"known_max", part.known_max},  {"written_max", part.written_max},
            {"unique", part.unique},       {"sha256", part.sha256}};
}

// A name from a log is joined to paths: it has to be one that we give.
bool is_part_name(const std::string& name) {
    const auto slash = name.find('/');
    return name.starts_with(date_mark) && slash == date_mark.size() + date_length && name.find('/', slash + 1) == std::string::npos &&
           name.ends_with(".parquet") && name.find("..") == std::string::npos;
}

FeaturePart part_of(const Json& json) {
    FeaturePart part;
    part.name = json.at("name").get<std::string>();
    part.rows = json.at("rows").get<std::uint64_t>();
    part.bytes = json.at("bytes").get<std::uint64_t>();
    part.ts_min = json.at("ts_min").get<TimeNs>();
    part.ts_max = json.at("ts_max").get<TimeNs>();
    part.known_min = json.at("known_min").get<TimeNs>();
    part.known_max = json.at("known_max").get<TimeNs>();
    part.written_max = json.at("written_max").get<TimeNs>();
    part.unique = json.at("unique").get<bool>();
    part.sha256 = json.at("sha256").get<std::string>();
    part.day = floor_time(part.ts_min, ns_per_day);
    return part;
}

std::unexpected<Error> damaged(const std::string& name, std::string_view why) {
    return fail(ErrorCode::data, fmt::format("{}: not a log object of a feature store: {}", name, why));
}

Result<void> merge_columns(std::vector<Column>& into, const std::vector<Column>& from, const std::string& name) {
    for (const Column& column : from) {
        const auto known = std::ranges::find(into, column.name, &Column::name);
        if (known == into.end()) {
            into.push_back(column);
        } else if (known->type != column.type) {
            return fail(ErrorCode::data, fmt::format("{}: column {} is {}, but {} in earlier rows", name, column.name, type_name(column.type),
                                                     type_name(known->type)));
        }
    }
    return {};
}

using Entries = std::map<std::string, LogEntry>;  // by the object's name

Result<std::vector<std::string>> object_names(const StoreFiles& files, const SymbolPaths& paths) {
    SOFIA_TRY(const std::vector<StoredFile> found, files.list(paths.log()));
    std::vector<std::string> names;
    for (const StoredFile& file : found) {
        if (file.name.ends_with(".json") && !file.name.starts_with('.')) names.push_back(file.name);
    }
    return names;
}

// A listing is no moment in time: it may miss an object that was removed and the one, made before, that supersedes it. Two listings with the
// same names, all of which could be read, cannot both have missed it. Nothing when that is not so.
Result<std::optional<Entries>> read_entries(const StoreFiles& files, const SymbolPaths& paths) {
    SOFIA_TRY(const std::vector<std::string> names, object_names(files, paths));
    Entries entries;
    for (const std::string& name : names) {
        SOFIA_TRY(const std::optional<std::string> text, files.get(paths.object(name)));
        if (!text) return std::nullopt;
        SOFIA_TRY(LogEntry entry, parse_log_entry(*text, files.root() + "/" + paths.object(name)));
        entries.emplace(name, std::move(entry));
    }
    SOFIA_TRY(const std::vector<std::string> again, object_names(files, paths));
    if (names != again) return std::nullopt;
    return entries;
}

Result<LogState> state_of(const Entries& entries, const std::string& where) {
    std::set<std::string> superseded;
    for (const auto& [name, entry] : entries) superseded.insert(entry.superseded.begin(), entry.superseded.end());
    LogState state;
    std::map<std::string, FeaturePart> parts;
    for (const auto& [name, entry] : entries) {
        state.last_at = std::max(state.last_at, entry.at);
        if (superseded.contains(name)) {
            state.stale.push_back(name);
            continue;
        }
        state.objects.push_back(name);
        SOFIA_CHECK(merge_columns(state.columns, entry.columns, where + "/" + name));
        for (const FeaturePart& part : entry.added) parts.emplace(part.name, part);
        state.removed.insert(entry.removed.begin(), entry.removed.end());
    }
    for (auto& [name, part] : parts) {
        state.last_at = std::max(state.last_at, part.written_max);
        if (!state.removed.contains(name)) state.parts.push_back(std::move(part));
    }
    return state;  // names begin with the day, so the parts are in order
}

}  // namespace

std::string SymbolPaths::staged(const std::string& name) const {
    const auto slash = name.find('/');
    return staging() + "/" + name.substr(date_mark.size(), slash - date_mark.size()) + "." + name.substr(slash + 1) + std::string(staged_end);
}

std::optional<std::string> SymbolPaths::part_of_staged(const std::string& file) {
    if (file.size() < date_length + 1 + staged_end.size() || !file.ends_with(staged_end) || file[date_length] != '.') return std::nullopt;
    const std::string part = file.substr(date_length + 1, file.size() - date_length - 1 - staged_end.size());
    return std::string(date_mark) + file.substr(0, date_length) + "/" + part;
}

std::string unique_id() {
    std::random_device device;
    return fmt::format("{:08x}{:08x}", device(), device());
}

Result<LogEntry> parse_log_entry(const std::string& text, const std::string& name) {
    SOFIA_TRY(const Json json, parse_json(text, name));
    try {
        if (json.at("format").get<int>() != format_version) {
            return fail(ErrorCode::data, fmt::format("{}: format {} of a feature store is not known", name, json.at("format").get<int>()),
                        "it was written by a newer version of sofia");
        }
        LogEntry entry;
        entry.at = json.at("at").get<TimeNs>();
        for (const Json& column : json.at("columns")) {
            SOFIA_TRY(const ColumnType type, type_of_name(column.at("type").get<std::string>()));
            entry.columns.push_back({column.at("name").get<std::string>(), type});
        }
        for (const Json& part : json.at("add")) {
            entry.added.push_back(part_of(part));
            if (!is_part_name(entry.added.back().name)) return damaged(name, "it names no part");
        }
        for (const auto& [part, at] : json.at("remove").items()) {
            if (!is_part_name(part)) return damaged(name, "it names no part");
            entry.removed.emplace(part, at.get<TimeNs>());
        }
        for (const Json& object : json.at("supersede")) entry.superseded.push_back(object.get<std::string>());
        return entry;
    } catch (const nlohmann::json::exception& thrown) {
        return damaged(name, thrown.what());
    }
}

std::string log_entry_text(const LogEntry& entry) {
    Json columns = Json::array();
    for (const Column& column : entry.columns) columns.push_back({{"name", column.name}, {"type", std::string(type_name(column.type))}});
    Json added = Json::array();
    for (const FeaturePart& part : entry.added) added.push_back(part_json(part));
    Json removed = Json::object();
    for (const auto& [name, at] : entry.removed) removed[name] = at;
    const Json json = {{"format", format_version},     {"at", entry.at}, {"columns", columns}, {"add", added}, {"remove", removed},
                       {"supersede", entry.superseded}};
    return json.dump() + "\n";
}

Result<LogState> load_log(const StoreFiles& files, const SymbolPaths& paths) {
    constexpr int attempts = 100;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        SOFIA_TRY(const std::optional<Entries> entries, read_entries(files, paths));
        if (entries) return state_of(*entries, files.root() + "/" + paths.log());
    }
    return fail(ErrorCode::conflict, files.root() + "/" + paths.log() + ": changes faster than it can be read", "try again");
}

Result<std::string> commit_log(StoreFiles& files, const SymbolPaths& paths, const LogEntry& entry) {
    std::string name = fmt::format("{:020}-{}.json", entry.at, unique_id());
    SOFIA_CHECK(files.put(paths.object(name), log_entry_text(entry)));
    return name;
}

Result<void> checkpoint_log(StoreFiles& files, const SymbolPaths& paths, const LogState& state, TimeNs forget_before) {
    LogEntry whole;
    whole.at = state.last_at + 1;
    whole.columns = state.columns;
    whole.added = state.parts;
    for (const auto& [name, at] : state.removed) {
        if (at >= forget_before) whole.removed.emplace(name, at);
    }
    whole.superseded = state.objects;
    SOFIA_CHECK(commit_log(files, paths, whole));
    for (const auto* names : {&state.objects, &state.stale}) {
        for (const std::string& name : *names) SOFIA_CHECK(files.remove(paths.object(name)));
    }
    return {};
}

}  // namespace sofia::store
