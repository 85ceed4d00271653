#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sofia {

/// SHA-256 in pieces (OpenSSL). A move-only value; not thread-safe.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;

    void add(std::string_view bytes);

    /// Lower-case hex of all that was added; ends the hash.
    [[nodiscard]] std::string hex();

private:
    struct State;
    std::unique_ptr<State> state_;
};

[[nodiscard]] std::string sha256_hex(std::string_view bytes);

/// The hash of a file's bytes, read in pieces. Error: io.
[[nodiscard]] Result<std::string> sha256_file(const std::filesystem::path& path);

/// FNV-1a, 64 bits: for naming and splitting, never for integrity.
[[nodiscard]] std::uint64_t fnv1a(std::string_view bytes);

}  // namespace sofia
