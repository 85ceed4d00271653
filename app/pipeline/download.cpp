#include "app/pipeline/download.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/settings.hpp"
#include "base/files.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "store/folder.hpp"
#include "store/trade_file.hpp"

namespace sofia::pipeline {

void DownloadConfig::describe(config::Keys& keys) {
    keys.text("archive_url", archive_url, "Where the public trade archive lies, without a slash at the end.");
    keys.text("api_url", api_url, "Where the exchange's REST API answers, without a slash at the end.");
    keys.choice("category", category, {"linear", "inverse", "spot"}, "Kind of contract, as the API calls it.");
    keys.section("http", http);
}

namespace {

constexpr const char* ledger_name = "download.json";
constexpr std::int64_t minute_ms = ns_per_minute / ns_per_ms;

/// What has been fetched, by file name. Written after each file, so that a broken-off call loses nothing.
class Ledger {
public:
    static Result<Ledger> open(const std::filesystem::path& folder) {
        Ledger ledger(folder / ledger_name);
        std::error_code ignored;
        if (!std::filesystem::exists(ledger.path_, ignored)) return ledger;
        SOFIA_TRY(const std::string text, read_file(ledger.path_));
        SOFIA_TRY(ledger.files_, parse_json(text, ledger.path_.string()));
        if (!ledger.files_.is_object())
            return fail(ErrorCode::data, ledger.path_.string() + ": not a JSON object", "remove the file; the data is then fetched again");
        return ledger;
    }

    /// Whether the file is there and is, by its hash, what was fetched.
    [[nodiscard]] Result<bool> holds(const std::filesystem::path& file) const {
        const auto entry = files_.find(file.filename().string());
        std::error_code ignored;
        if (entry == files_.end() || !std::filesystem::exists(file, ignored)) return false;
        SOFIA_TRY(const std::string hash, sha256_file(file));
        const auto kept = entry->is_object() ? entry->find("sha256") : entry->end();
        return kept != entry->end() && *kept == hash;
    }

    Result<void> add(const std::filesystem::path& file, const std::string& url, const std::string& hash) {
        std::error_code ignored;
        files_[file.filename().string()] = {{"url", url}, {"bytes", std::filesystem::file_size(file, ignored)}, {"sha256", hash}};
        return write_file(path_, format_json(files_));
    }

private:
    explicit Ledger(std::filesystem::path path) : path_(std::move(path)), files_(Json::object()) {}
    std::filesystem::path path_;
    Json files_;
};

struct Job {
    const DownloadRequest& request;
    const DownloadConfig& config;
    const Context& context;
    std::filesystem::path folder;
    Ledger ledger;
    std::int64_t fetched = 0;
    std::int64_t kept = 0;
    std::vector<std::string> absent;  // days that the server does not have
};

/// Reads the whole of a fetched file, since a good status may come with a login page or with the beginning of a file. Bad rows are the later
/// reader's affair. What is no trade file is removed.
Result<void> check_archive(const std::filesystem::path& file, const std::string& url, const Context& context) {
    const auto read = [&]() -> Result<void> {
        SOFIA_TRY(const store::TradeFilePlan plan, store::plan_trade_file(file));
        SOFIA_TRY(const auto trades, store::open_trade_file(plan, store::BadRows::skip, context.threads));
        for (;;) {
            SOFIA_CHECK(context.go_on());
            SOFIA_TRY(const store::TradeBlock* block, trades->next());
            if (block == nullptr) return {};
        }
    };
    auto done = read();
    if (done || done.error().code == ErrorCode::interrupted) return done;
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
    return fail(ErrorCode::data, fmt::format("{}: what the server sent is no trade file, so it is not kept: {}", url, done.error().message),
                "is download.archive_url right, and does nothing between here and the server ask for a login?");
}

Result<void> fetch_archive_day(Job& job, TimeNs day) {
    const std::string name = job.request.symbol + format_date(day) + ".csv.gz";
    const std::filesystem::path file = job.folder / name;
    SOFIA_TRY(const bool there, job.ledger.holds(file));
    if (there) {
        ++job.kept;
        return {};
    }
    const std::string url = job.config.archive_url + "/trading/" + job.request.symbol + "/" + name;
    SOFIA_TRY(const net::Download download, net::download(url, file, job.config.http, *job.context.stop));
    if (!download.found) {
        job.absent.push_back(format_date(day));
        return {};
    }
    SOFIA_CHECK(check_archive(file, url, job.context));
    ++job.fetched;
    return job.ledger.add(file, url, download.sha256);
}

struct Candle {
    std::int64_t start_ms = 0;
    std::vector<std::string> fields;  // open, high, low, close, volume, as sent
};

struct Page {
    std::vector<Candle> candles;  // newest first
    std::int64_t server_ms = 0;
};

/// A candle that our own reader of bars would take.
Result<Candle> read_candle(const Json& row, const std::string& url) {
    Candle candle;
    std::vector<double> numbers;
    for (std::size_t i = 0; row.is_array() && i < 6 && i < row.size(); ++i) {
        if (!row[i].is_string()) break;
        const std::string text = row[i].get<std::string>();
        if (i == 0) {
            const auto start = parse_int(text);
            if (!start || *start % minute_ms != 0) break;
            candle.start_ms = *start;
            continue;
        }
        const auto number = parse_double(text);
        if (!number || !std::isfinite(*number) || *number < 0.0 || (i < 5 && *number == 0.0)) break;
        numbers.push_back(*number);
        candle.fields.push_back(text);
    }
    const bool whole = numbers.size() == 5 && numbers[2] <= numbers[3] && numbers[3] <= numbers[1];
    if (!whole) {
        return fail(ErrorCode::data, fmt::format("{}: not a candle of start, open, high, low, close, volume: {}", url, row.dump().substr(0, 200)));
    }
    return candle;
}

Result<Page> fetch_page(const Job& job, std::int64_t start_ms, std::int64_t end_ms) {
    const std::string url = fmt::format("{}/v5/market/kline?category={}&symbol={}&interval=1&start={}&end={}&limit=1000", job.config.api_url,
                                        job.config.category, job.request.symbol, start_ms, end_ms);
    SOFIA_TRY(const net::HttpResponse response, net::get(url, job.config.http, *job.context.stop));
    if (response.status != 200) return fail(ErrorCode::unavailable, fmt::format("{}: HTTP status {}", url, response.status));
    SOFIA_TRY(const Json json, parse_json(response.body, url));
    try {
        if (json.at("retCode").get<std::int64_t>() != 0) {
            return fail(ErrorCode::unavailable, fmt::format("{}: {}", url, json.at("retMsg").get<std::string>()),
                        "is the symbol known in download.category?");
        }
        Page page{.server_ms = json.at("time").get<std::int64_t>()};
        for (const Json& row : json.at("result").at("list")) {
            SOFIA_TRY(page.candles.emplace_back(), read_candle(row, url));
        }
        return page;
    } catch (const nlohmann::json::exception&) {
        return fail(ErrorCode::data, fmt::format("{}: not an answer of the exchange's API: {}", url, response.body.substr(0, 200)),
                    "is download.api_url right?");
    }
}

/// All closed candles of a day, oldest first. The API answers newest first, a thousand at most, so pages go backward.
Result<Page> fetch_day(const Job& job, TimeNs day) {
    const std::int64_t first = day / ns_per_ms;
    std::int64_t last = (day + ns_per_day) / ns_per_ms - 1;
    Page all;
    while (last >= first) {
        SOFIA_TRY(Page page, fetch_page(job, first, last));
        all.server_ms = page.server_ms;
        if (page.candles.empty()) break;
        for (const Candle& candle : page.candles) {
            if (candle.start_ms < first || candle.start_ms > last) {
                return fail(ErrorCode::data, "the exchange's candles are outside the range that was asked for, or not newest first");
            }
            last = candle.start_ms - 1;
        }
        std::ranges::move(page.candles, std::back_inserter(all.candles));
    }
    std::ranges::reverse(all.candles);
    std::erase_if(all.candles, [&](const Candle& candle) { return candle.start_ms + minute_ms > all.server_ms; });  // the newest may still be open
    return all;
}

Result<void> fetch_kline_day(Job& job, TimeNs day) {
    const std::filesystem::path file = job.folder / (job.request.symbol + "_1m_" + format_date(day) + ".csv");
    SOFIA_TRY(const bool there, job.ledger.holds(file));
    if (there) {
        ++job.kept;
        return {};
    }
    SOFIA_TRY(const Page page, fetch_day(job, day));
    if (page.candles.empty()) {
        job.absent.push_back(format_date(day));
        return {};
    }
    std::string text = "timestamp,open,high,low,close,volume\n";
    for (const Candle& candle : page.candles) text += fmt::format("{},{}\n", candle.start_ms / 1000, join(candle.fields, ","));
    SOFIA_CHECK(write_file(file, text));
    ++job.fetched;
    if ((day + ns_per_day) / ns_per_ms > page.server_ms) return {};  // not over yet
    return job.ledger.add(file, job.config.api_url + "/v5/market/kline", sha256_hex(text));
}

Result<void> check_request(const DownloadRequest& request, const std::filesystem::path& folder) {
    const bool plain = !request.symbol.empty() && std::ranges::all_of(request.symbol, [](unsigned char letter) { return std::isalnum(letter) != 0; });
    if (!plain) return fail(ErrorCode::usage, fmt::format("symbol \"{}\" is not made of letters and digits", request.symbol), "for instance BTCUSDT");
    if (request.from > request.to)
        return fail(ErrorCode::usage, fmt::format("--from {} is after --to {}", format_date(request.from), format_date(request.to)));
    const auto present = store::DataFolder::open(folder);
    const store::DataKind wanted = request.kind == DownloadKind::trades ? store::DataKind::trades : store::DataKind::bars;
    if (present && present->kind() != wanted) {
        return fail(ErrorCode::conflict, fmt::format("{} holds the other kind of data, and a folder holds trades or bars", folder.string()),
                    "choose another --out");
    }
    return {};
}

Output describe(const Job& job, std::int64_t days) {
    Json json = {{"folder", job.folder.string()}, {"days", days}, {"fetched", job.fetched}, {"already_there", job.kept}, {"absent", job.absent}};
    const std::vector<std::vector<std::string>> rows = {{"folder", job.folder.string()},
                                                        {"days asked for", std::to_string(days)},
                                                        {"fetched", std::to_string(job.fetched)},
                                                        {"already there, checked", std::to_string(job.kept)},
                                                        {"not on the server", job.absent.empty() ? "none" : join(job.absent, ", ")}};
    const std::vector<std::string> header = {"download", ""};
    return make_output(format_table(header, rows), std::move(json));
}

}  // namespace

Result<Output> download_bybit(const DownloadRequest& request, const Context& context) {
    SOFIA_TRY(const Settings settings, load_settings({.file = request.config_file, .sets = request.sets}));
    SOFIA_CHECK(settings.download.http.validate());
    const std::filesystem::path folder = request.out / request.symbol;
    SOFIA_CHECK(check_request(request, folder));
    SOFIA_CHECK(make_folder(folder));
    SOFIA_TRY(Ledger ledger, Ledger::open(folder));
    Job job{.request = request, .config = settings.download, .context = context, .folder = folder, .ledger = std::move(ledger)};
    const TimeNs first = floor_time(request.from, ns_per_day);
    const std::int64_t days = (floor_time(request.to, ns_per_day) - first) / ns_per_day + 1;
    Progress progress = context.bar("download", "days", static_cast<std::uint64_t>(days));
    for (std::int64_t day = 0; day < days; ++day) {
        if (context.stop->requested()) return fail(ErrorCode::interrupted, "interrupted; what was fetched is kept", "call again to go on");
        const TimeNs at = first + day * ns_per_day;
        SOFIA_CHECK(request.kind == DownloadKind::trades ? fetch_archive_day(job, at) : fetch_kline_day(job, at));
        progress.advance();
    }
    if (job.fetched + job.kept == 0) {
        return fail(ErrorCode::unavailable,
                    fmt::format("the server has nothing for {} from {} to {}", request.symbol, format_date(request.from), format_date(request.to)),
                    "check the symbol and the dates");
    }
    return describe(job, days);
}

}  // namespace sofia::pipeline
