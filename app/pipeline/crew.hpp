#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/time.hpp"

namespace sofia::pipeline {

/// Threads that take jobs of several owners, the owner of lowest rank first and of one owner in the order of `add`. So that a batch of trials keeps
/// all of them busy until its last folds. Thread-safe.
class Crew {
public:
    explicit Crew(std::size_t workers);
    ~Crew();  ///< after all Jobs
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    [[nodiscard]] std::size_t size() const { return threads_.size(); }

    /// The time that jobs took, all threads together.
    [[nodiscard]] DurationNs busy() const;

    /// The jobs of one owner, for one thread. At its end those that have not begun are dropped and those that run are waited for.
    class Jobs {
    public:
        Jobs(Crew& crew, std::int64_t rank) : crew_(crew), rank_(rank) {}
        ~Jobs();
        Jobs(const Jobs&) = delete;
        Jobs& operator=(const Jobs&) = delete;

        /// Its number: 0, 1, …
        std::size_t add(std::function<void()> work);

        /// Returns when job `number` is done; its exception is thrown here.
        void wait(std::size_t number);

        /// Adds a job and waits for it.
        void run(std::function<void()> work) { wait(add(std::move(work))); }

    private:
        Crew& crew_;
        std::int64_t rank_;
        std::vector<std::uint64_t> tickets_;
    };

private:
    struct Job {
        std::function<void()> work;
        enum class State : std::uint8_t { waiting, running, done } state = State::waiting;
        std::exception_ptr failure;
    };
    void serve(const std::stop_token& stop);
    void finish(std::uint64_t ticket, std::exception_ptr failure, DurationNs time);

    mutable std::mutex mutex_;
    std::condition_variable_any work_;
    std::condition_variable done_;
    std::map<std::uint64_t, Job> jobs_;  // by ticket
    std::set<std::pair<std::int64_t, std::uint64_t>> queue_;  // rank and ticket of those that wait
    std::uint64_t tickets_ = 0;
    DurationNs busy_ = 0;
    std::vector<std::jthread> threads_;
};

}  // namespace sofia::pipeline
