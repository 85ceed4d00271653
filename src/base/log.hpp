#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

namespace sofia {

enum class LogLevel : std::uint8_t { debug, info, warning, error, off };

/// Lines for people, passed in to whoever logs; a copy logs to the same place. Thread-safe. The default one is silent.
/// Secrets never go into a line: callers pass what they may show.
class Logger {
public:
    Logger();

    /// Lines on stderr as `hh:mm:ss warning text` (UTC), from `level` up; control characters are shown as `\x1b`.
    [[nodiscard]] static Logger to_stderr(LogLevel level);

    /// Calls `sink(level, text)` for each line, for tests and for the Python package. `sink` is called by one thread at a time.
    template <class Sink>
    [[nodiscard]] static Logger to(Sink sink);

    void debug(std::string_view text) const { log(LogLevel::debug, text); }
    void info(std::string_view text) const { log(LogLevel::info, text); }
    void warning(std::string_view text) const { log(LogLevel::warning, text); }
    void error(std::string_view text) const { log(LogLevel::error, text); }
    void log(LogLevel level, std::string_view text) const;

    /// The seam behind a logger. `line` is called with `mutex` held, so by one thread at a time.
    struct Sink {
        virtual ~Sink() = default;
        virtual void line(LogLevel level, std::string_view text) = 0;
        std::mutex mutex;
    };
    explicit Logger(std::shared_ptr<Sink> sink);

private:
    std::shared_ptr<Sink> sink_;
};

template <class F>
Logger Logger::to(F function) {
    struct FunctionSink : Sink {
        explicit FunctionSink(F f) : function_(std::move(f)) {}
        void line(LogLevel level, std::string_view text) override { function_(level, text); }
        F function_;
    };
    return Logger(std::make_shared<FunctionSink>(std::move(function)));
}

}  // namespace sofia
