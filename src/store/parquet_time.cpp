#include "store/parquet_time.hpp"

#include <string>

#include "base/text.hpp"

namespace sofia::store {

namespace {

// Integers as they are, doubles in the shortest form: the rules for text then hold for numbers too.
std::string number_text(const ParquetValues& values, std::size_t row) {
    return values.integers.empty() ? format_double(values.numbers[row]) : std::to_string(values.integers[row]);
}

}  // namespace

void ParquetTime::learn(const ParquetValues& values) {
    if (unit_ || values.numbers.empty()) return;
    for (std::size_t row = 0; row < values.rows && !unit_; ++row) {
        if (values.valid[row] != 0) unit_ = unit_of(number_text(values, row));
    }
}

Reason ParquetTime::read(const ParquetValues& values, std::size_t row, TimeNs& out) const {
    if (values.valid[row] == 0) return "timestamp is empty";
    if (!values.numbers.empty()) return read_time(number_text(values, row), unit(), out);
    if (Reason reason = check_time(values.integers[row])) return reason;
    out = values.integers[row];
    return {};
}

}  // namespace sofia::store
