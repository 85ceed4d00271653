#include "app/pipeline/dataset_cache.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/hash.hpp"

namespace sofia::pipeline {

DatasetCache::Loan::Loan(DatasetCache* cache, std::string key, std::size_t bytes, BinnedRows rows)
    : cache_(cache), key_(std::move(key)), bytes_(bytes), rows_(std::move(rows)) {}

DatasetCache::Loan::Loan(Loan&& other) noexcept
    : cache_(std::exchange(other.cache_, nullptr)), key_(std::move(other.key_)), bytes_(other.bytes_), rows_(std::move(other.rows_)) {}

DatasetCache::Loan::~Loan() {
    if (cache_ != nullptr) cache_->give_back({std::move(key_), bytes_, *std::move(rows_)});
}

std::optional<DatasetCache::Loan> DatasetCache::borrow(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(idle_, key, &Idle::key);
    if (found == idle_.end()) {
        ++count_.misses;
        return std::nullopt;
    }
    ++count_.hits;
    Idle idle = std::move(*found);
    idle_.erase(found);
    bytes_ -= idle.bytes;
    return Loan(this, std::move(idle.key), idle.bytes, std::move(idle.rows));
}

DatasetCache::Loan DatasetCache::lend(std::string key, std::size_t bytes, BinnedRows rows) { return {this, std::move(key), bytes, std::move(rows)}; }

void DatasetCache::give_back(Idle idle) {
    std::list<Idle> dropped;  // freed after the lock
    const std::lock_guard lock(mutex_);
    bytes_ += idle.bytes;
    idle_.push_front(std::move(idle));
    while (bytes_ > bytes_max_) {
        bytes_ -= idle_.back().bytes;
        dropped.splice(dropped.end(), idle_, std::prev(idle_.end()));
    }
}

CacheCount DatasetCache::count() const {
    const std::lock_guard lock(mutex_);
    return count_;
}

std::size_t DatasetCache::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

std::string binned_key(const std::string& dataset_key, std::span<const std::size_t> train, std::span<const std::size_t> judge) {
    Sha256 hash;
    hash.add(dataset_key);
    for (const auto rows : {train, judge}) {
        const std::size_t count = rows.size();
        hash.add({reinterpret_cast<const char*>(&count), sizeof count});
        hash.add({reinterpret_cast<const char*>(rows.data()), rows.size_bytes()});
    }
    return hash.hex();
}

}  // namespace sofia::pipeline
