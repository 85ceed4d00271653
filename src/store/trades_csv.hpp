#pragma once

#include <filesystem>
#include <memory>
#include <span>

#include "base/result.hpp"
#include "market/trade.hpp"

namespace sofia::store {

/// Writes trades as `timestamp,price,size,side,tickDirection`, timestamps in unix seconds with 3 decimals (6 or 9 where needed), numbers
/// as the shortest text that reads back to the same double. Compressed by the name: .csv.gz or .csv.zst, else plain. Streams; the file
/// appears whole at `close` or not at all; equal trades give equal bytes. Move-only; not thread-safe. Errors: io.
class TradesCsvWriter {
public:
    [[nodiscard]] static Result<TradesCsvWriter> create(const std::filesystem::path& path);
    ~TradesCsvWriter();
    TradesCsvWriter(TradesCsvWriter&&) noexcept;
    TradesCsvWriter& operator=(TradesCsvWriter&&) noexcept;

    [[nodiscard]] Result<void> append(std::span<const market::Trade> trades);
    [[nodiscard]] Result<void> close();

private:
    struct State;
    explicit TradesCsvWriter(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sofia::store
