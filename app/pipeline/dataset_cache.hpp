#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "app/pipeline/shared_cache.hpp"
#include "base/result.hpp"
#include "models/dataset.hpp"

namespace sofia::pipeline {

/// The rows of a fit as LightGBM bins them, and those that decide when it stops, aligned to them.
struct BinnedRows {
    models::Dataset train;
    std::optional<models::Dataset> judge;
};

/// Binned rows of a search's fits. Trials on the same rows differ in labels and weights, which are set anew, while binning takes as long as many
/// rounds of a fit. A fit needs its Dataset alone, so that rows are handed out on loan: as often as they are wanted at the same time they are
/// binned. What lies idle is kept up to `bytes_max`, the least recently used goes first. Thread-safe; must outlive its loans.
class DatasetCache {
public:
    explicit DatasetCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    /// Binned rows in the hands of one fit; goes back to where it came from.
    class Loan {
    public:
        Loan(DatasetCache* cache, std::string key, std::size_t bytes, BinnedRows rows);
        ~Loan();
        Loan(Loan&& other) noexcept;
        Loan& operator=(Loan&&) = delete;
        Loan(const Loan&) = delete;
        Loan& operator=(const Loan&) = delete;

        [[nodiscard]] BinnedRows& operator*() { return *rows_; }
        [[nodiscard]] BinnedRows* operator->() { return &*rows_; }

    private:
        DatasetCache* cache_;
        std::string key_;
        std::size_t bytes_;
        std::optional<BinnedRows> rows_;
    };

    /// The rows of `key` where some lie idle, with the labels of whoever had them last.
    [[nodiscard]] std::optional<Loan> borrow(const std::string& key);

    /// Rows made because `borrow` had none, on loan like others.
    [[nodiscard]] Loan lend(std::string key, std::size_t bytes, BinnedRows rows);

    [[nodiscard]] CacheCount count() const;
    [[nodiscard]] std::size_t bytes() const;  ///< of what lies idle

private:
    struct Idle {
        std::string key;
        std::size_t bytes;
        BinnedRows rows;
    };
    void give_back(Idle idle);

    const std::size_t bytes_max_;
    mutable std::mutex mutex_;
    std::list<Idle> idle_;  // the most recently used first
    std::size_t bytes_ = 0;
    CacheCount count_;
};

/// What determines binned rows: the parameters that shape them and which rows of the history they are.
[[nodiscard]] std::string binned_key(const std::string& dataset_key, std::span<const std::size_t> train, std::span<const std::size_t> judge);

}  // namespace sofia::pipeline
