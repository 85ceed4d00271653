#include "store/folder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/config.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "store/columns.hpp"
#include "store/csv_fields.hpp"
#include "store/csv_file.hpp"
#include "store/feature_store.hpp"
#include "store/kline_json.hpp"

namespace sofia::store {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t header_bytes = 4096;
constexpr std::array<std::string_view, 5> endings = {".csv", ".csv.gz", ".csv.zst", ".parquet", ".json"};
constexpr std::array<std::string_view, 4> trade_names = {"timestamp", "price", "size", "side"};
constexpr std::array<std::string_view, 5> minute_names = {"close", "ret1", "sma20gap", "sma50gap", "volz"};
constexpr std::array<std::string_view, 6> bar_names = {"timestamp", "open", "high", "low", "close", "volume"};

bool is_data_file(const fs::path& path) {
    const std::string name = lower(path.filename().string());
    return !name.starts_with('.') && std::ranges::any_of(endings, [&](std::string_view ending) { return name.ends_with(ending); });
}

// Looks like a data file by its name, but is none: a link that leads nowhere, a pipe. Leaving it out would be data missing in silence.
Result<void> check_entry(const fs::directory_entry& entry) {
    if (!is_data_file(entry.path())) return {};
    std::error_code error;
    const fs::file_status status = entry.status(error);
    if (fs::is_regular_file(status) || fs::is_directory(status)) return {};
    const std::string reason = error ? error.message() : fs::exists(status) ? "it is not a regular file" : std::strerror(ENOENT);
    return fail(ErrorCode::io, "cannot read " + entry.path().string() + ": " + reason, "remove it from the folder, or mend the link");
}

// The folder's own files and those of its date=… folders, by name.
Result<std::vector<fs::path>> data_files(const fs::path& folder) {
    SOFIA_TRY(std::vector<fs::path> files, list_files(folder));
    std::vector<fs::path> folders = {folder};
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        std::error_code ignored;
        if (it->is_directory(ignored) && it->path().filename().string().starts_with("date=")) folders.push_back(it->path());
    }
    if (error) return fail(ErrorCode::io, "cannot read folder " + folder.string() + ": " + error.message());
    std::sort(folders.begin() + 1, folders.end());
    for (const fs::path& day : std::span(folders).subspan(1)) {
        SOFIA_TRY(const std::vector<fs::path> more, list_files(day));
        files.insert(files.end(), more.begin(), more.end());
    }
    for (const fs::path& each : folders) {
        for (fs::directory_iterator it(each, error), end; !error && it != end; it.increment(error)) SOFIA_CHECK(check_entry(*it));
    }
    std::erase_if(files, [](const fs::path& file) { return !is_data_file(file); });
    return files;
}

Result<std::optional<DataKind>> kind_of_file(const fs::path& file) {
    if (lower(file.extension().string()) == ".json") {
        SOFIA_TRY(const bool klines, looks_like_klines(file));
        return klines ? std::optional(DataKind::bars) : std::nullopt;
    }
    std::vector<std::string> columns;
    if (file.extension() == ".parquet") {
        SOFIA_TRY(columns, parquet_column_names(file));
    } else {
        SOFIA_TRY(CsvFile csv, open_csv(file, header_bytes));
        columns = std::move(csv.header);
    }
    auto kind = kind_of(columns);
    if (!kind) return std::unexpected(at_line(file, file.extension() == ".parquet" ? 0 : 1, std::move(kind).error()));
    return kind;
}

std::string last_part(const fs::path& path) {
    const fs::path whole = fs::absolute(path).lexically_normal();
    return whole.has_filename() ? whole.filename().string() : whole.parent_path().filename().string();
}

std::string name_without_ending(const fs::path& file) {
    std::string name = file.filename().string();
    const std::string plain = lower(name);
    std::size_t longest = 0;
    for (const std::string_view ending : endings) {
        if (plain.ends_with(ending)) longest = std::max(longest, ending.size());
    }
    return name.substr(0, name.size() - longest);
}

template <std::size_t Count>
std::vector<std::string_view> missing_of(std::span<const std::string> plain, const std::array<std::string_view, Count>& names) {
    std::vector<std::string_view> missing;
    for (const std::string_view name : names) {
        const bool start = name == "timestamp" && Count == bar_names.size() && std::ranges::find(plain, "opentime") != plain.end();
        if (!start && std::ranges::find(plain, name) == plain.end()) missing.push_back(name);
    }
    return missing;
}

}  // namespace

Result<std::optional<std::size_t>> find_column(std::span<const std::string> columns, std::string_view name) {
    const std::string plain = plain_name(name);
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (plain_name(columns[i]) != plain) continue;
        if (found) return fail(ErrorCode::data, "column \"" + std::string(name) + "\" stands twice in the header");
        found = i;
    }
    return found;
}

Result<std::optional<DataKind>> kind_of(std::span<const std::string> columns) {
    std::vector<std::string> plain;
    for (const std::string& column : columns) plain.push_back(plain_name(column));
    const auto trade_missing = missing_of(plain, trade_names);
    const auto bar_missing = missing_of(plain, bar_names);
    if (trade_missing.empty()) return DataKind::trades;
    if (bar_missing.empty()) return DataKind::bars;
    if (missing_of(plain, minute_names).empty()) return DataKind::rows;
    if (std::ranges::find(plain, "fundingrate") != plain.end()) return std::nullopt;
    const std::size_t trade_present = trade_names.size() - trade_missing.size();
    const std::size_t bar_present = bar_names.size() - bar_missing.size();
    const std::string_view name = bar_present > trade_present ? bar_missing.front() : trade_missing.front();
    return fail(ErrorCode::data, "column \"" + std::string(name) + "\" is missing: the header has " + shown(join(columns, ",")),
                "trade files need timestamp, price, size, side; bar files timestamp, open, high, low, close, volume");
}

std::string_view kind_name(DataKind kind) {
    switch (kind) {
        case DataKind::trades: return "trades";
        case DataKind::bars: return "bars";
        case DataKind::rows: break;
    }
    return "feature rows";
}

Result<DataFolder> DataFolder::open(const fs::path& path) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status))
        return fail(ErrorCode::io, "cannot read folder " + path.string() + ": " + (error ? error.message() : std::strerror(ENOENT)));
    const bool single = fs::is_regular_file(status) && is_data_file(path);
    if (!fs::is_directory(status) && !single) {
        return fail(ErrorCode::io, path.string() + " is not a folder", "name the folder that holds the instrument's files");
    }
    DataFolder folder;
    folder.path_ = path;
    folder.symbol_ = single ? name_without_ending(path) : last_part(path);
    std::vector<fs::path> files = {path};
    if (!single) {
        SOFIA_TRY(files, data_files(path));
        SOFIA_CHECK(folder.look_for_store());
    }
    SOFIA_CHECK(folder.take(files));
    folder.instrument_.symbol = folder.symbol_;
    if (!single) SOFIA_CHECK(folder.read_instrument());
    return folder;
}

// The store's log lies beside the symbol's folder.
Result<void> DataFolder::look_for_store() {
    const fs::path whole = fs::absolute(path_).lexically_normal();
    const fs::path folder = whole.has_filename() ? whole : whole.parent_path();
    std::error_code ignored;
    if (!fs::is_directory(folder.parent_path() / "_sofia" / folder.filename() / "log", ignored)) return {};
    SOFIA_TRY(const FeatureStore store, FeatureStore::open(folder.parent_path().string()));
    SOFIA_TRY(const std::vector<std::string> symbols, store.symbols());
    for (const std::string& symbol : symbols) {
        if (symbol_folder(symbol) != folder.filename().string()) continue;
        symbol_ = symbol;
        in_feature_store_ = true;
        kind_ = DataKind::rows;
    }
    return {};
}

// The kind that all of them have.
Result<void> DataFolder::take(const std::vector<fs::path>& files) {
    if (in_feature_store_) {
        files_ = files;
        return {};
    }
    std::optional<std::pair<DataKind, fs::path>> first;
    for (const fs::path& file : files) {
        SOFIA_TRY(const std::optional<DataKind> kind, kind_of_file(file));
        if (!kind) continue;
        files_.push_back(file);
        if (!first) first.emplace(*kind, file);
        if (first->first != *kind) {
            const bool later = *kind < first->first;  // the kinds in their order
            const auto shown = [](DataKind of, const fs::path& in) { return fmt::format("{} ({})", kind_name(of), in.filename().string()); };
            return fail(ErrorCode::data,
                        fmt::format("{} holds {} and {}", path_.string(), later ? shown(*kind, file) : shown(first->first, first->second),
                                    later ? shown(first->first, first->second) : shown(*kind, file)),
                        "keep one kind in a folder");
        }
    }
    if (!first) {
        return fail(ErrorCode::data, path_.string() + ": no data file in the folder",
                    "it needs .csv, .csv.gz, .csv.zst or .parquet files of trades or bars, or .json of candles");
    }
    kind_ = first->first;
    return {};
}

Result<void> DataFolder::read_instrument() {
    const fs::path instrument = path_ / "instrument.yaml";
    std::error_code ignored;
    has_instrument_file_ = fs::exists(instrument, ignored);
    if (!has_instrument_file_) return {};
    config::Keys keys;
    instrument_.describe(keys);
    SOFIA_CHECK(config::load(instrument, keys));
    if (auto valid = instrument_.validate(); !valid) {
        return fail(valid.error().code, instrument.string() + ": " + valid.error().message, valid.error().hint);
    }
    return {};
}

}  // namespace sofia::store
