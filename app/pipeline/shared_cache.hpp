#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/result.hpp"

namespace sofia::pipeline {

/// How often a cache had what was asked for.
struct CacheCount {
    std::int64_t hits = 0;
    std::int64_t misses = 0;
};

/// Values that never change, by what determines them; the `most` used last are kept. A value is made once, while those who also want it wait: for
/// any number of threads the same values, and up to what is dropped the same counts. Thread-safe.
template <class Value>
class SharedCache {
public:
    explicit SharedCache(std::size_t most) : most_(most) {}

    /// An error of `make` is handed on and not kept.
    Result<std::shared_ptr<const Value>> get(const std::string& key, const std::function<Result<Value>()>& make) {
        const std::shared_ptr<Entry> entry = find(key);
        const std::lock_guard lock(entry->mutex);
        const bool there = entry->value != nullptr;
        {
            const std::lock_guard counting(mutex_);
            ++(there ? count_.hits : count_.misses);
        }
        if (!there) {
            SOFIA_TRY(Value made, make());
            entry->value = std::make_shared<const Value>(std::move(made));
        }
        return entry->value;
    }

    [[nodiscard]] CacheCount count() const {
        const std::lock_guard lock(mutex_);
        return count_;
    }

private:
    struct Entry {
        std::mutex mutex;
        std::shared_ptr<const Value> value;
        std::uint64_t used = 0;  // guarded by the cache's mutex
    };

    std::shared_ptr<Entry> find(const std::string& key) {
        const std::lock_guard lock(mutex_);
        std::shared_ptr<Entry> entry = entries_[key];
        if (!entry) entry = entries_[key] = std::make_shared<Entry>();
        entry->used = ++clock_;
        while (entries_.size() > most_) {
            auto oldest = entries_.begin();
            for (auto at = entries_.begin(); at != entries_.end(); ++at) {
                if (at->second->used < oldest->second->used) oldest = at;
            }
            entries_.erase(oldest);
        }
        return entry;
    }

    std::size_t most_;
    mutable std::mutex mutex_;
    std::map<std::string, std::shared_ptr<Entry>> entries_;
    CacheCount count_;
    std::uint64_t clock_ = 0;
};

}  // namespace sofia::pipeline
