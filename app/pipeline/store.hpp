#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "base/result.hpp"
#include "store/feature_input.hpp"
#include "store/feature_store.hpp"

namespace sofia::pipeline {

/// The feature store at a folder or URL, with the threads and the log of the context.
[[nodiscard]] Result<store::FeatureStore> open_feature_store(const std::string& root, const Context& context);

struct StoreAppendRequest {
    std::string store;  ///< folder or URL
    std::string symbol;
    std::vector<std::filesystem::path> files;  ///< Parquet or CSV; each is appended whole or not at all, in this order
    std::optional<DurationNs> bar;             ///< see FeatureFileOptions
};

struct StoreReadRequest {
    std::string store;
    std::string symbol;
    store::ReadQuery query;
    store::WrittenAt written_at = store::WrittenAt::leave_out;
    std::filesystem::path out;  ///< empty: CSV as the text of the output; else a .csv or a Parquet file
};

/// One of the verbs that look at or tidy up one symbol or, without a symbol, all of them.
struct StoreRequest {
    std::string store;
    std::string symbol;
};

struct StoreCompactRequest {
    StoreRequest of;
    store::CompactOptions options;
};

struct StoreRetainRequest {
    StoreRequest of;
    std::optional<std::int64_t> days;  ///< so many days stay, back from the last day of each symbol
    std::optional<TimeNs> before;      ///< or: days before this one go
};

// Errors: those of store::FeatureStore and store::read_feature_file.
[[nodiscard]] Result<Output> append_to_store(const StoreAppendRequest& request, const Context& context);
[[nodiscard]] Result<Output> read_store(const StoreReadRequest& request, const Context& context);
[[nodiscard]] Result<Output> describe_store(const StoreRequest& request, const Context& context);
[[nodiscard]] Result<Output> compact_store(const StoreCompactRequest& request, const Context& context);
[[nodiscard]] Result<Output> retain_store(const StoreRetainRequest& request, const Context& context);

/// Exit 4 when something is damaged or missing.
[[nodiscard]] Result<Output> check_store(const StoreRequest& request, const Context& context);

}  // namespace sofia::pipeline
