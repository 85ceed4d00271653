#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/input_stream.hpp"

namespace sofia::store {

/// A longer line is a bad row.
inline constexpr std::size_t line_bytes_max = std::size_t{1} << 20U;

/// Readable bytes around a chunk's text, so that parsers may load whole words at its ends.
inline constexpr std::size_t chunk_padding = 64;

/// Whole lines of a file. The last line of a file may lack its line feed: then one is added. Reused from chunk to chunk.
struct TextChunk {
    std::vector<char> memory;
    std::size_t size = 0;
    bool has_overlong = false;  ///< one of the lines was longer than `line_bytes_max`: only line_bytes_max + 1 bytes of it are here

    [[nodiscard]] std::string_view text() const { return {memory.data() + chunk_padding, size}; }
};

/// Cuts a stream at line ends. Move-only; not thread-safe.
class LineChunks {
public:
    /// `chunk_bytes` is how much is read at a time; a chunk is longer only to hold a long line.
    LineChunks(InputStream stream, std::size_t chunk_bytes);

    /// The first line, without its line feed, before any `next`; nothing in an empty file. Error: as `next`.
    [[nodiscard]] Result<std::optional<std::string>> take_line();

    /// The next lines; false at the end. Error: as InputStream::read; the lines before it have been given out.
    [[nodiscard]] Result<bool> next(TextChunk& chunk);

private:
    [[nodiscard]] std::size_t read(char* out, std::size_t capacity);
    void drop_rest_of_line();

    InputStream stream_;
    std::size_t chunk_bytes_;
    std::vector<char> carry_;  // the beginning of a line
    bool ended_ = false;
    std::optional<Error> failure_;  // found after bytes that are to be given out first
};

}  // namespace sofia::store
