#include "models/lightgbm_api.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>

#include <LightGBM/c_api.h>
#include <nlohmann/json.hpp>

#include "base/json.hpp"
#include "base/text.hpp"

namespace sofia::models {

namespace {

// LightGBM keeps one thread count for the process and sizes buffers by it, so it may not change under a running call.
struct ThreadCount {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t users = 0;
    std::size_t threads = 0;
};

ThreadCount& thread_count() {
    static ThreadCount count;
    return count;
}

// The callback has no user data and belongs to the thread, as LightGBM's own pointer to it does.
struct ThreadLog {
    Logger logger;
    std::string line;
    std::set<std::string, std::less<>> seen;
};

ThreadLog& thread_log() {
    thread_local ThreadLog log;
    return log;
}

// LightGBM hands over a line in pieces: `[LightGBM] [Warning] `, the text, `\n`.
void on_log(const char* piece) {
    ThreadLog& log = thread_log();
    log.line += piece;
    if (!log.line.ends_with('\n')) return;
    std::string_view text = trim(log.line);
    const bool warning = log.line.contains("[Warning]");
    for (const std::string_view prefix : {"[LightGBM]", "[Warning]", "[Info]", "[Debug]"}) {
        if (text.starts_with(prefix)) text = trim(text.substr(prefix.size()));
    }
    const bool routine = !warning || text.starts_with("No further splits") || text.starts_with("Stopped training because");
    if (log.seen.emplace(text).second) log.logger.log(routine ? LogLevel::debug : LogLevel::warning, "LightGBM: " + std::string(text));
    log.line.clear();
}

}  // namespace

LightgbmCall::LightgbmCall(const Logger& logger) {
    thread_log() = ThreadLog{logger, {}, {}};
    LGBM_RegisterLogCallback(on_log);
}

LightgbmCall::LightgbmCall(std::size_t threads, const Logger& logger, Wish wish) : LightgbmCall(logger) {
    threads_ = std::clamp<std::size_t>(threads, 1, 1024);
    ThreadCount& count = thread_count();
    std::unique_lock lock(count.mutex);
    if (wish == Wish::or_what_runs && count.users > 0) threads_ = count.threads;
    count.changed.wait(lock, [&] { return count.users == 0 || count.threads == threads_; });
    ++count.users;
    count.threads = threads_;
    LGBM_SetMaxThreads(static_cast<int>(threads_));
}

LightgbmCall::~LightgbmCall() {
    thread_log() = ThreadLog{};
    if (threads_ == 0) return;
    ThreadCount& count = thread_count();
    const std::scoped_lock lock(count.mutex);
    --count.users;
    count.changed.notify_all();
}

Result<void> lightgbm_result(int code, ErrorCode error, const std::string& what) {
    if (code == 0) return {};
    std::string reason = LGBM_GetLastError();
    if (reason.empty()) reason = "unknown reason";
    return fail(error, what + ": LightGBM says: " + std::string(trim(reason)));
}

Result<std::map<std::string, std::string>> parameter_names() {
    std::int64_t length = 0;
    SOFIA_CHECK(lightgbm_result(LGBM_DumpParamAliases(0, &length, nullptr), ErrorCode::internal, "listing parameters"));
    std::string text(static_cast<std::size_t>(length), '\0');
    SOFIA_CHECK(lightgbm_result(LGBM_DumpParamAliases(length, &length, text.data()), ErrorCode::internal, "listing parameters"));
    text.resize(text.find('\0') == std::string::npos ? text.size() : text.find('\0'));
    SOFIA_TRY(const Json json, parse_json(text, "LightGBM's parameters"));
    std::map<std::string, std::string> names;
    for (const auto& [name, aliases] : json.items()) {
        names[name] = name;
        for (const auto& alias : aliases) names[alias.get<std::string>()] = name;
    }
    return names;
}

}  // namespace sofia::models
