#include "base/log.hpp"

#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"

namespace sofia {

namespace {

std::string_view level_name(LogLevel level) {
    switch (level) {
        case LogLevel::debug: return "debug";
        case LogLevel::info: return "info";
        case LogLevel::warning: return "warning";
        case LogLevel::error: return "error";
        case LogLevel::off: break;
    }
    return "off";
}

class StderrSink final : public Logger::Sink {
public:
    explicit StderrSink(LogLevel level) : level_(level), terminal_(isatty(STDERR_FILENO) == 1) {}

    void line(LogLevel level, std::string_view text) override {
        if (level < level_) return;
        const std::time_t now = std::time(nullptr);
        std::tm clock{};
        gmtime_r(&now, &clock);
        // On a terminal a progress line may stand where this one goes; it is drawn again at its next step.
        const std::string out = fmt::format("{}{:02}:{:02}:{:02} {} {}\n", terminal_ ? "\r\033[K" : "", clock.tm_hour, clock.tm_min, clock.tm_sec,
                                            level_name(level), printable(text));
        std::fwrite(out.data(), 1, out.size(), stderr);
    }

private:
    LogLevel level_;
    bool terminal_;
};

}  // namespace

Logger::Logger() = default;
Logger::Logger(std::shared_ptr<Sink> sink) : sink_(std::move(sink)) {}

Logger Logger::to_stderr(LogLevel level) { return Logger(std::make_shared<StderrSink>(level)); }

void Logger::log(LogLevel level, std::string_view text) const {
    if (!sink_ || level == LogLevel::off) return;
    const std::lock_guard lock(sink_->mutex);
    sink_->line(level, text);
}

}  // namespace sofia
