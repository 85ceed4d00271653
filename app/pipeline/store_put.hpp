#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "store/feature_rows.hpp"
#include "store/feature_store.hpp"

namespace sofia::pipeline {

struct PutReport {
    store::AppendReport appended;   ///< the rows that were new or had changed
    std::uint64_t unchanged = 0;    ///< left out: the store holds them
    std::size_t days_rewritten = 0;
};

/// Makes `rows` the last written ones of their ts, for every reader: where FeatureStore::append adds a version of each row, this leaves out the rows
/// whose last version is the same in every column, and rewrites the days in which a new version was known no later than the one that it replaces,
/// since no `as_of` can see that one any more. So the same rows twice leave what they leave once, also for readers that do not resolve versions.
/// A version that was known earlier stays, for reads as of then. Of equal ts in `rows` the last counts, as for append. Errors: as append.
[[nodiscard]] Result<PutReport> put_rows(const store::FeatureStore& store, const std::string& symbol, const store::FeatureRows& rows);

}  // namespace sofia::pipeline
