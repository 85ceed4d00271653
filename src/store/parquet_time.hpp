#pragma once

#include <optional>

#include "store/csv_fields.hpp"
#include "store/parquet_file.hpp"

namespace sofia::store {

/// Reads the times of a column: real timestamps, or numbers whose unit shows in the first one.
class ParquetTime {
public:
    /// Looks for the unit, as long as it is not known. To be called with each batch before `read`.
    void learn(const ParquetValues& values);

    [[nodiscard]] Reason read(const ParquetValues& values, std::size_t row, TimeNs& out) const;

    [[nodiscard]] TimeUnit unit() const { return unit_.value_or(TimeUnit::seconds); }

private:
    std::optional<TimeUnit> unit_;
};

}  // namespace sofia::store
