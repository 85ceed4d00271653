#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/line_chunks.hpp"

namespace sofia::store {

/// A CSV file whose header has been read; `lines` goes on with line 2.
struct CsvFile {
    std::vector<std::string> header;
    LineChunks lines;
};

/// Errors: io, data (an empty file, a header that is no UTF-8), with the file's name.
[[nodiscard]] Result<CsvFile> open_csv(const std::filesystem::path& path, std::size_t chunk_bytes);

/// `PATH line N: message`; without the line for line 0.
[[nodiscard]] Error at_line(const std::filesystem::path& path, std::uint64_t line, Error error);

/// The error of a file without a row.
[[nodiscard]] Error no_row(const std::filesystem::path& path);

}  // namespace sofia::store
