#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "store/feature_store.hpp"

namespace sofia::pipeline {

struct StoreSqlRequest {
    std::string store;
    std::string query;
    std::optional<TimeNs> as_of;
    std::filesystem::path out;  ///< empty: a table; else a .csv or a Parquet file
};

/// Runs a query in DuckDB (its Python package: that of the .venv beside this program or above it, else of `python3`) over one view a symbol, named
/// as the symbol, and `features`, all of them with a column `symbol`. Views hold what a read gives: one row a ts, the last written,
/// with `as_of` of those known then; columns ts, known_at, written_at, date and the symbol's own.
/// Errors: unavailable (no Python with DuckDB), usage (the query fails: DuckDB's own words), those of the store.
[[nodiscard]] Result<Output> query_store(const StoreSqlRequest& request, const Context& context);

/// The statements that make these views, in their order, for a DuckDB elsewhere; its time zone has to be UTC. What DuckDB cannot reach by name (a
/// bucket) is copied to `folder` first, of symbols that the query names. A compaction may take files away before the views are asked: then make them
/// anew. Errors: those of the store.
[[nodiscard]] Result<std::vector<std::string>> store_views(const store::FeatureStore& store, const StoreSqlRequest& request,
                                                           const std::filesystem::path& folder);

/// The statement that makes a symbol's view from its parts, for docs and for other programs. `files` are DuckDB's paths.
[[nodiscard]] std::string view_sql(const std::vector<std::string>& files, const std::optional<TimeNs>& as_of);

}  // namespace sofia::pipeline
