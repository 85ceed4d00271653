#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/parquet.hpp"

namespace sofia::store {

enum class ParquetKind : std::uint8_t { number, integer, time, boolean, text, other };

struct ParquetColumn {
    std::string name;
    ParquetKind kind = ParquetKind::other;
};

/// One column of a batch. Which of the vectors is filled follows from the kind; `valid` always is.
struct ParquetValues {
    std::vector<double> numbers;         ///< number, integer, boolean (0, 1); NaN for null
    std::vector<std::int64_t> integers;  ///< integer; time in nanoseconds, the largest value where those do not fit
    std::vector<std::string> texts;
    std::vector<std::uint8_t> valid;
    std::size_t rows = 0;
};

/// Reads a Parquet file in batches, whatever the exact types of its columns. Keeps Arrow out of those who read. Move-only; not thread-safe.
class ParquetReader {
public:
    /// Errors: io (cannot be read), data (no Parquet, damaged), with the file's name.
    [[nodiscard]] static Result<ParquetReader> open(const std::filesystem::path& path);
    /// The bytes of a whole file; `name` stands for it in messages. Error: data.
    [[nodiscard]] static Result<ParquetReader> from_bytes(std::string bytes, const std::string& name);
    ~ParquetReader();
    ParquetReader(ParquetReader&&) noexcept;
    ParquetReader& operator=(ParquetReader&&) noexcept;

    [[nodiscard]] const std::vector<ParquetColumn>& columns() const;
    [[nodiscard]] std::vector<std::string> names() const;
    [[nodiscard]] std::uint64_t rows() const;
    [[nodiscard]] Metadata metadata() const;

    /// Which columns `next` gives, by position, in this order; before the first `next`.
    void select(std::vector<std::size_t> columns);

    /// The next rows: one entry of `out` a selected column. False at the end. Error: data, with the file's name.
    [[nodiscard]] Result<bool> next(std::vector<ParquetValues>& out);

private:
    struct State;
    explicit ParquetReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sofia::store
