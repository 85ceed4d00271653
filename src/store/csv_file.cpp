#include "store/csv_file.hpp"

#include <utility>

#include "store/csv_fields.hpp"

namespace sofia::store {

Result<CsvFile> open_csv(const std::filesystem::path& path, std::size_t chunk_bytes) {
    SOFIA_TRY(InputStream stream, InputStream::open(path));
    LineChunks lines(std::move(stream), chunk_bytes);
    auto line = lines.take_line();
    if (!line) return std::unexpected(at_line(path, 1, std::move(line).error()));
    if (!*line) {
        return fail(ErrorCode::data, path.string() + ": the file is empty: expected a header with timestamp, price, size, side");
    }
    if ((*line)->size() > line_bytes_max) return fail(ErrorCode::data, path.string() + " line 1: the line is longer than 1 MiB");
    auto header = read_header(**line);
    if (!header) return std::unexpected(at_line(path, 1, std::move(header).error()));
    return CsvFile{std::move(*header), std::move(lines)};
}

Error at_line(const std::filesystem::path& path, std::uint64_t line, Error error) {
    error.message = path.string() + (line == 0 ? "" : " line " + std::to_string(line)) + ": " + error.message;
    return error;
}

Error no_row(const std::filesystem::path& path) {
    return {ErrorCode::data, path.string() + " line 1: no row follows the header", "remove the file if it is meant to be empty"};
}

}  // namespace sofia::store
