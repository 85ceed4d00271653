#include "base/threads.hpp"

#include <sched.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace sofia {

std::size_t usable_cores() {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    if (sched_getaffinity(0, sizeof(cores), &cores) == 0) return static_cast<std::size_t>(std::max(1, CPU_COUNT(&cores)));
    return std::max(1U, std::thread::hardware_concurrency());
}

struct ThreadPool::State {
    std::mutex mutex;
    std::condition_variable work;
    std::condition_variable done;
    std::vector<std::jthread> threads;
    std::size_t size = 1;

    // One round of for_each; guarded by `mutex`.
    const std::function<void(std::size_t)>* job = nullptr;
    std::size_t next = 0;
    std::size_t count = 0;
    std::size_t running = 0;
    std::exception_ptr failure;
    std::size_t failed_index = 0;
    bool ending = false;

    // Runs jobs until none is left; `lock` is held on entry and on return.
    void drain(std::unique_lock<std::mutex>& lock) {
        while (next < count) {
            const std::size_t index = next++;
            ++running;
            lock.unlock();
            std::exception_ptr thrown;
            try {
                (*job)(index);
            } catch (...) {
                thrown = std::current_exception();
            }
            lock.lock();
            --running;
            if (thrown && (!failure || index < failed_index)) {
                failure = thrown;
                failed_index = index;
            }
        }
        if (running == 0) done.notify_all();
    }

    void serve() {
        std::unique_lock lock(mutex);
        while (true) {
            work.wait(lock, [this] { return ending || next < count; });
            if (ending) return;
            drain(lock);
        }
    }
};

ThreadPool::ThreadPool(std::size_t threads) : state_(std::make_unique<State>()) {
    state_->size = threads == 0 ? usable_cores() : threads;
    // The caller is one of them.
    for (std::size_t i = 1; i < state_->size; ++i) state_->threads.emplace_back([state = state_.get()] { state->serve(); });
}

ThreadPool::~ThreadPool() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->ending = true;
    }
    state_->work.notify_all();
    state_->threads.clear();
}

std::size_t ThreadPool::size() const { return state_->size; }

void ThreadPool::for_each(std::size_t count, const std::function<void(std::size_t)>& job) {
    std::unique_lock lock(state_->mutex);
    state_->job = &job;
    state_->next = 0;
    state_->count = count;
    state_->failure = nullptr;
    state_->work.notify_all();
    state_->drain(lock);
    state_->done.wait(lock, [this] { return state_->running == 0; });
    state_->count = 0;
    state_->next = 0;
    if (const std::exception_ptr failure = std::exchange(state_->failure, nullptr)) std::rethrow_exception(failure);
}

}  // namespace sofia
