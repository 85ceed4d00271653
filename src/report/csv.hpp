#pragma once

#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "base/files.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace sofia::report {

/// A moment in a CSV: `2020-01-01T00:00:00Z`.
struct CsvTime {
    TimeNs time = 0;
};

/// A value of a CSV: text, a double (shortest round trip, NaN empty), an integer, a moment.
using CsvValue = std::variant<std::string, double, std::int64_t, CsvTime>;

/// Writes CSV by RFC 4180 (quotes where needed, doubled inside; lines end in LF as most tools write them), row by row, atomically: the file
/// appears at `commit`. Errors: io; usage, when a row has not the header's size.
class CsvWriter {
public:
    [[nodiscard]] static Result<CsvWriter> create(const std::filesystem::path& path, std::vector<std::string> header);

    [[nodiscard]] Result<void> row(const std::vector<CsvValue>& values);
    [[nodiscard]] Result<void> commit();

private:
    CsvWriter(AtomicFile file, std::size_t width);
    AtomicFile file_;
    std::size_t width_;
    std::size_t rows_ = 0;
    std::string buffer_;
};

/// The whole file at once.
[[nodiscard]] Result<void> write_csv(const std::filesystem::path& path, const std::vector<std::string>& header,
                                     const std::vector<std::vector<CsvValue>>& rows);

/// One field as it stands in the file.
[[nodiscard]] std::string csv_field(const CsvValue& value);

/// One line with its end.
[[nodiscard]] std::string csv_line(const std::vector<CsvValue>& values);

}  // namespace sofia::report
