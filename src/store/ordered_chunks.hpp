#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "store/line_chunks.hpp"

namespace sofia::store {

/// Parses the chunks of one file on several threads and hands the results out in the file's order. The caller works too: with one thread
/// everything happens in `next`. Reading is done by one thread at a time. Holds 2 * threads + 2 chunks at most.
/// `Output` is default-made once a slot and reused; `Work` is made once a thread.
template <class Output, class Work>
class OrderedChunks {
public:
    /// `parse` is called by several threads at once, each with its own `Work`.
    using Parse = std::function<void(const TextChunk&, Work&, Output&)>;

    OrderedChunks(LineChunks source, Parse parse, std::size_t threads)
        : source_(std::move(source)), parse_(std::move(parse)), slots_(threads > 1 ? 2 * threads + 2 : 1) {
        for (std::size_t i = 1; i < threads; ++i) helpers_.emplace_back([this] { help(); });
    }

    ~OrderedChunks() {
        {
            const std::lock_guard lock(mutex_);
            closing_ = true;
        }
        changed_.notify_all();
        helpers_.clear();
    }

    OrderedChunks(const OrderedChunks&) = delete;
    OrderedChunks& operator=(const OrderedChunks&) = delete;

    /// The next result, the caller's until the next call; nullptr at the end. An error comes in its place in the order.
    [[nodiscard]] Result<Output*> next() {
        std::unique_lock lock(mutex_);
        if (handed_out_) {
            slot(taken_++).ready = false;
            handed_out_ = false;
            changed_.notify_all();
        }
        while (true) {
            if (taken_ < read_ && slot(taken_).ready) {
                handed_out_ = true;
                return &slot(taken_).output;
            }
            if (ended_ && taken_ == read_) {
                if (failure_) return std::unexpected(*failure_);
                return nullptr;
            }
            if (can_read()) {
                work(lock, own_work_);
            } else {
                changed_.wait(lock);
            }
        }
    }

private:
    struct Slot {
        TextChunk text;
        Output output;
        bool ready = false;
    };

    Slot& slot(std::uint64_t number) { return slots_[static_cast<std::size_t>(number % slots_.size())]; }

    [[nodiscard]] bool can_read() const { return !ended_ && !reading_ && read_ - taken_ < slots_.size(); }

    void help() {
        Work work_space{};
        std::unique_lock lock(mutex_);
        while (true) {
            changed_.wait(lock, [this] { return closing_ || ended_ || can_read(); });
            if (closing_ || ended_) return;
            work(lock, work_space);
        }
    }

    // Reads and parses one chunk; `lock` is held on entry and on return.
    void work(std::unique_lock<std::mutex>& lock, Work& work_space) {
        reading_ = true;
        Slot& mine = slot(read_);
        lock.unlock();
        Result<bool> more = source_.next(mine.text);
        lock.lock();
        reading_ = false;
        if (!more || !*more) {
            ended_ = true;
            if (!more) failure_ = std::move(more).error();
            changed_.notify_all();
            return;
        }
        ++read_;
        changed_.notify_all();
        lock.unlock();
        parse_(mine.text, work_space, mine.output);
        lock.lock();
        mine.ready = true;
        changed_.notify_all();
    }

    LineChunks source_;
    Parse parse_;
    std::vector<Slot> slots_;
    Work own_work_{};

    std::mutex mutex_;
    std::condition_variable changed_;
    // Guarded by the mutex: chunks read, chunks given back by the caller.
    std::uint64_t read_ = 0;
    std::uint64_t taken_ = 0;
    bool handed_out_ = false;
    bool reading_ = false;
    bool ended_ = false;
    bool closing_ = false;
    std::optional<Error> failure_;

    std::vector<std::jthread> helpers_;
};

}  // namespace sofia::store
