#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace sofia {

/// The number of cores that this process may use, at least 1.
[[nodiscard]] std::size_t usable_cores();

/// A fixed set of threads. `for_each` hands out indices in order and returns when all are done; with `threads` = 1 everything runs in the
/// caller. Results must go to their own index, so that nothing depends on the number of threads. Calls from one thread at a time.
class ThreadPool {
public:
    /// `threads` 0 means the number of cores this process may use.
    explicit ThreadPool(std::size_t threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    [[nodiscard]] std::size_t size() const;

    /// Runs `job(i)` for i in 0..count-1. The first exception by index is rethrown after all have ended.
    void for_each(std::size_t count, const std::function<void(std::size_t)>& job);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sofia
