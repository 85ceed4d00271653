#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/feature_log.hpp"
#include "store/feature_rows.hpp"
#include "store/feature_store.hpp"

namespace sofia::store {

/// The columns that every row has, before those of the user.
inline constexpr const char* ts_column = "ts";
inline constexpr const char* known_at_column = "known_at";
inline constexpr const char* written_at_column = "written_at";

struct EncodedPart {
    FeaturePart part;
    std::string bytes;
};

/// Rows [first, last) of one day as a Parquet file with a new name. `rows` ascend by ts; not empty. Error: internal.
[[nodiscard]] Result<EncodedPart> encode_part(const FeatureRows& rows, std::size_t first, std::size_t last);

/// A part as it was read: its rows, and columns in the order that was asked for.
struct DecodedPart {
    FeatureRows rows;
};

/// Reads the columns `wanted` of a part, missing where it has none. `place` stands for it in messages. Error: data.
[[nodiscard]] Result<DecodedPart> decode_part(std::string bytes, const FeaturePart& part, std::span<const Column> wanted, const std::string& place);

/// One version of a row among those of several parts.
struct RowVersion {
    TimeNs ts = 0;
    TimeNs known_at = 0;
    TimeNs written_at = 0;
    std::uint32_t part = 0;
    std::uint32_t row = 0;
};

/// All versions that `query` admits, by ts, then as they were written.
[[nodiscard]] std::vector<RowVersion> sorted_versions(std::span<const DecodedPart> parts, const ReadQuery& query);

/// One version a ts, the last written.
[[nodiscard]] std::vector<RowVersion> last_written(std::span<const RowVersion> versions);

/// Without those that no `as_of` can see: a later written one of the same ts was known no later.
[[nodiscard]] std::vector<RowVersion> visible_at_some_time(std::span<const RowVersion> versions);

[[nodiscard]] FeatureRows gather(std::span<const DecodedPart> parts, std::span<const RowVersion> versions, std::span<const Column> columns);

}  // namespace sofia::store
