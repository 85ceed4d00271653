#include "store/line_chunks.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sofia::store {

LineChunks::LineChunks(InputStream stream, std::size_t chunk_bytes) : stream_(std::move(stream)), chunk_bytes_(chunk_bytes) {}

// Reads up to `capacity` bytes. Fewer mean the end, or damage after them, which the stream tells only when it is asked again.
std::size_t LineChunks::read(char* out, std::size_t capacity) {
    auto count = stream_.read(out, capacity);
    const std::size_t got = count.value_or(0);
    if (count && got == capacity) return got;
    if (count && got > 0) count = stream_.read(out + got, 1);
    if (!count) failure_ = std::move(count).error();
    ended_ = true;
    return got;
}

// After the head of an overlong line: skips to the line's end and keeps what follows as the carry.
void LineChunks::drop_rest_of_line() {
    while (!ended_) {
        carry_.resize(chunk_bytes_);
        const std::size_t count = read(carry_.data(), carry_.size());
        const auto* feed = static_cast<const char*>(std::memchr(carry_.data(), '\n', count));
        if (feed == nullptr) continue;
        const auto after = static_cast<std::size_t>(feed - carry_.data()) + 1;
        std::memmove(carry_.data(), feed + 1, count - after);
        carry_.resize(count - after);
        return;
    }
    carry_.clear();
}

Result<std::optional<std::string>> LineChunks::take_line() {
    TextChunk chunk;
    SOFIA_TRY(const bool any, next(chunk));
    if (!any) return std::nullopt;
    const std::string_view text = chunk.text();
    const std::size_t end = text.find('\n');
    std::string line(text.substr(0, end));
    std::vector<char> rest(text.begin() + static_cast<std::ptrdiff_t>(end) + 1, text.end());
    rest.insert(rest.end(), carry_.begin(), carry_.end());
    carry_ = std::move(rest);
    return line;
}

Result<bool> LineChunks::next(TextChunk& chunk) {
    chunk.size = 0;
    chunk.has_overlong = false;
    std::size_t target = std::max(chunk_bytes_, carry_.size() + 1);
    chunk.memory.resize(std::max(chunk.memory.size(), target + 2 * chunk_padding + 1));
    if (!carry_.empty()) std::memcpy(chunk.memory.data() + chunk_padding, carry_.data(), carry_.size());
    chunk.size = std::exchange(carry_, {}).size();
    while (true) {
        chunk.memory.resize(std::max(chunk.memory.size(), target + 2 * chunk_padding + 1));
        char* text = chunk.memory.data() + chunk_padding;
        if (!ended_) chunk.size += read(text + chunk.size, target - chunk.size);
        const auto* feed = static_cast<const char*>(memrchr(text, '\n', chunk.size));
        // A line that damage cut short is not given out: what is left of it may look whole.
        if (ended_ && failure_) {
            chunk.size = feed == nullptr ? 0 : static_cast<std::size_t>(feed - text) + 1;
            if (chunk.size == 0) return std::unexpected(*failure_);
            chunk.has_overlong = chunk.size > line_bytes_max;
            return true;
        }
        if (ended_ && chunk.size == 0) return false;
        if (ended_) {
            if (text[chunk.size - 1] != '\n') text[chunk.size++] = '\n';
            chunk.has_overlong = chunk.size > line_bytes_max;  // then the parser looks at each line's length
            return true;
        }
        if (feed != nullptr) {
            const auto whole = static_cast<std::size_t>(feed - text) + 1;
            carry_.assign(text + whole, text + chunk.size);
            chunk.size = whole;
            chunk.has_overlong = whole > line_bytes_max;
            return true;
        }
        if (chunk.size > line_bytes_max) {
            chunk.size = line_bytes_max + 1;
            text[chunk.size++] = '\n';
            chunk.has_overlong = true;
            drop_rest_of_line();
            return true;
        }
        target = std::min(2 * target, line_bytes_max + chunk_bytes_);
        target = std::max(target, chunk.size + 1);
    }
}

}  // namespace sofia::store
