#include "app/pipeline/study_run_pool.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/process.hpp"
#include "base/text.hpp"
#include "base/threads.hpp"

namespace sofia::pipeline {
namespace {

/// A worker that is stopped ends its own command first, which may take the grace of a process.
constexpr DurationNs worker_grace = 20 * ns_per_second;

using End = tune::OptimizeReport::End;

/// What one worker process has said so far.
struct Told {
    std::optional<std::int64_t> running;  ///< a trial's number
    bool allowed = false;  ///< it was allowed a trial and has not begun it yet
    std::int64_t trials = 0;
};

class Pool {
public:
    Pool(const StudyWork& work, tune::Study& study, const WorkerPoolOptions& options, const Context& context)
        : work_text_(work.json().dump()), study_(study), options_(options), context_(context), left_(options.trials), begun_(steady_now()) {}

    Result<tune::OptimizeReport> all() {
        // A worker dies with the thread that started it, so each thread stays until its worker has ended.
        ThreadPool threads(options_.workers);
        threads.for_each(options_.workers, [&](std::size_t index) { lead(index); });
        if (failure_) return std::unexpected(*failure_);
        if (stopping()) report_.end = End::stopped;
        return report_;
    }

private:
    [[nodiscard]] bool stopping() const { return context_.stop != nullptr && context_.stop->requested(); }

    /// Takes one trial of those that are left.
    bool take() {
        const std::lock_guard lock(mutex_);
        if (failure_ || stopping() || report_.end == End::exhausted) return false;
        if (options_.timeout > 0 && steady_now() - begun_ >= options_.timeout) {
            report_.end = End::timeout;
            return false;
        }
        if (options_.trials == 0) return true;
        if (left_ == 0) return false;
        --left_;
        return true;
    }

    void give_back() {
        const std::lock_guard lock(mutex_);
        if (options_.trials > 0) ++left_;
    }

    void fail_all(Error error) {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::move(error);
    }

    /// Runs workers one after the other, a new one where one has died, until there is nothing left to do.
    void lead(std::size_t index) {
        while (take()) {
            Told told;
            told.allowed = true;
            ProcessOptions process;
            process.program = "/proc/self/exe";
            process.arguments = {"sofia", "study", "worker"};
            process.input = work_text_ + "\ngo\n";
            process.line_bytes_max = 1 << 20;
            process.grace = worker_grace;
            process.stop = context_.stop;
            const auto ended = run_process(process, [&](const ProcessLine& line, std::string& input) { return hear(line.text, told, input); });
            if (!ended) return fail_all(ended.error());
            if (told.allowed) give_back();
            if (ended->cause == ProcessEnd::Cause::itself && ended->signal == 0 && ended->exit_code == 0) return;
            if (!bury(index, told, *ended)) return;
        }
    }

    Result<AfterLine> hear(std::string_view line, Told& told, std::string& input) {
        SOFIA_TRY(const Json said, parse_json(line, "a worker's message"));
        try {
            if (said.contains("begin")) {
                told.running = said.at("begin").get<std::int64_t>();
                told.allowed = false;
            } else if (said.contains("told")) {
                told.running.reset();
                told.allowed = false;
                ++told.trials;
                count(said);
                told.allowed = take();
                input += told.allowed ? "go\n" : "end\n";
            } else if (said.contains("exhausted")) {
                const std::lock_guard lock(mutex_);
                report_.end = End::exhausted;
            } else if (said.contains("warning")) {
                context_.log.warning(said.at("warning").get<std::string>());
            } else {
                fail_all({static_cast<ErrorCode>(said.at("failure").get<int>()), said.at("message").get<std::string>(),
                          said.at("hint").get<std::string>()});
            }
        } catch (const Json::exception& error) {
            return fail(ErrorCode::internal, fmt::format("a worker's message \"{}\": {}", line, error.what()));
        }
        return AfterLine::go_on;
    }

    void count(const Json& said) {
        const std::lock_guard lock(mutex_);
        const auto state = said.at("state").get<std::string>();
        if (state == "complete") {
            ++report_.complete;
            note_best(parse_double(said.at("values").at(0).get<std::string>()).value_or(0.0));
        } else if (state == "pruned") {
            ++report_.pruned;
        } else {
            ++report_.failed;
            // Without a reason it is said elsewhere.
            if (said.contains("error"))
                context_.log.warning(fmt::format("trial {} failed: {}", said.at("told").get<std::int64_t>(), said.at("error").get<std::string>()));
        }
        if (options_.progress != nullptr) options_.progress->advance();
    }

    void note_best(double value) {
        if (options_.directions.size() != 1) return;
        const bool minimize = options_.directions.front() == tune::Direction::minimize;
        if (best_ && !(minimize ? value < *best_ : value > *best_)) return;
        best_ = value;
        if (options_.progress != nullptr) options_.progress->note(fmt::format("best {}", format_double(value)));
    }

    /// After a worker that did not end well: its trial is failed, since nobody else can still tell it. Whether another one may try.
    bool bury(std::size_t index, const Told& told, const ProcessEnd& end) {
        const std::string how =
            end.signal != 0 ? fmt::format("was killed by signal {}", end.signal) : fmt::format("ended with exit code {}", end.exit_code);
        if (told.running) {
            const std::string reason = stopping() ? "interrupted" : fmt::format("its worker {}", how);
            const auto repeat = stopping() ? tune::Repeat::never : tune::Repeat::as_heartbeat_says;
            // It is said there; or by somebody else, who has failed it already as a stale one.
            const auto repeated = study_.fail_running(*told.running, reason, repeat);
            if (!repeated) fail_all(repeated.error());
            count({{"told", *told.running}, {"state", "fail"}});
            // The repeating trial takes the place of the failed one, else it would wait for the next call.
            if (repeated && *repeated) give_back();
        }
        {
            const std::lock_guard lock(mutex_);
            if (failure_ || stopping()) return false;
        }
        if (told.trials == 0 && !told.running) {
            fail_all({ErrorCode::internal, fmt::format("worker {} {} before its first trial: {}", index + 1, how, trim(end.errors)), {}});
            return false;
        }
        context_.log.warning(fmt::format("worker {} {}; another one takes its place", index + 1, how));
        return true;
    }

    std::string work_text_;
    tune::Study& study_;
    const WorkerPoolOptions& options_;
    const Context& context_;
    std::mutex mutex_;
    std::int64_t left_;
    DurationNs begun_;
    std::optional<double> best_;
    std::optional<Error> failure_;
    tune::OptimizeReport report_;
};

}  // namespace

Result<tune::OptimizeReport> run_worker_processes(const StudyWork& work, tune::Study& study, const WorkerPoolOptions& options,
                                                  const Context& context) {
    return Pool(work, study, options, context).all();
}

}  // namespace sofia::pipeline
