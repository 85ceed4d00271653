#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.hpp"

namespace sofia::store {

/// The bytes of a file, unpacked when its name ends in .gz (also several members in a row) or .zst. Move-only; not thread-safe.
class InputStream {
public:
    /// Error: io, `cannot read PATH: reason`.
    [[nodiscard]] static Result<InputStream> open(const std::filesystem::path& path);
    ~InputStream();
    InputStream(InputStream&&) noexcept;
    InputStream& operator=(InputStream&&) noexcept;

    /// Fills `out` from the front; fewer bytes than `capacity` only at the end. Error: io or data, whose message is the reason alone (`the gzip
    /// stream ends early: the file is cut off`), for the caller knows the line. Bytes before the damage are given out first.
    [[nodiscard]] Result<std::size_t> read(char* out, std::size_t capacity);

private:
    struct State;
    explicit InputStream(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sofia::store
