#include "long_call.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include <nlohmann/json.hpp>

#include "custom.hpp"

namespace sofia::python {
namespace {

/// The numbers of Python's logging module.
int logging_level(LogLevel level) {
    switch (level) {
        case LogLevel::debug: return 10;
        case LogLevel::info: return 20;
        case LogLevel::warning: return 30;
        default: return 40;
    }
}

void log_line(LogLevel level, std::string_view text) {
    const nb::gil_scoped_acquire locked;
    try {
        const nb::object logger = nb::module_::import_("logging").attr("getLogger")("sofia");
        const auto line = nb::steal(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
        logger.attr("log")(logging_level(level), "%s", line);
    } catch (nb::python_error& error) {
        error.discard_as_unraisable("a log line of sofia");
    }
}

}  // namespace

void run_long(const CallOptions& options, const std::vector<std::string>& command, const std::function<void(const pipeline::Context&)>& work) {
    StopFlag stop;
    const Registered registered;
    pipeline::Context context{.log = Logger::to(log_line),
                              .stop = &stop,
                              .seed = options.seed,
                              .threads = options.threads,
                              .progress = options.progress ? pipeline::ProgressMode::terminal : pipeline::ProgressMode::silent,
                              .command = command,
                              .extensions = &registered.extensions()};
    std::mutex mutex;
    std::condition_variable changed;
    bool ended = false;
    std::exception_ptr thrown;
    std::optional<nb::python_error> interrupt;
    {
        const nb::gil_scoped_release unlocked;
        std::jthread worker([&] {
            try {
                work(context);
            } catch (...) {
                thrown = std::current_exception();
            }
            const std::lock_guard lock(mutex);
            ended = true;
            changed.notify_all();
        });
        std::unique_lock lock(mutex);
        while (!changed.wait_for(lock, std::chrono::milliseconds(50), [&] { return ended; })) {
            lock.unlock();
            {
                const nb::gil_scoped_acquire locked;
                if (PyErr_CheckSignals() != 0) {
                    interrupt.emplace();
                    stop.request();
                }
            }
            lock.lock();
        }
    }
    if (interrupt) throw std::move(*interrupt);
    if (!thrown) return;
    try {
        std::rethrow_exception(thrown);
    } catch (const Failure& failure) {
        registered.rethrow(failure);
    }
}

Answer answer_of(const CallOptions& options, const char* verb, const std::function<Result<pipeline::Output>(const pipeline::Context&)>& stage) {
    Answer answer;
    run_long(options, {"python", "-m", "sofia", verb}, [&](const pipeline::Context& context) {
        const pipeline::Output output = value_of(stage(context));
        answer = {output.text, output.json ? output.json->dump() : "null", output.exit};
    });
    return answer;
}

}  // namespace sofia::python
