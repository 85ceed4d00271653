#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "store/csv_trades.hpp"

namespace sofia::store {

/// How a file has to be read to come out in time order.
enum class FileOrder : std::uint8_t {
    ascending,     ///< as it stands, in blocks
    newest_first,  ///< held in memory and turned round
    disordered,    ///< held in memory and sorted (stable)
};

/// One trade file and what is known of it before it is read.
struct TradeFilePlan {
    std::filesystem::path path;
    bool parquet = false;
    TradeLayout layout;  ///< CSV only
    FileOrder order = FileOrder::ascending;
    std::optional<TimeNs> first;  ///< the earliest time; nothing when its first rows do not show it
    bool falls_early = false;     ///< times fall within the first rows
};

/// Reads the first rows. Error: io, data with the file's name and line.
[[nodiscard]] Result<TradeFilePlan> plan_trade_file(const std::filesystem::path& path);

/// The blocks of one file in the order of the file, whatever its format.
class TradeFile {
public:
    virtual ~TradeFile() = default;

    /// The next block, the caller's to change until the next call; nullptr at the end. Blocks may be empty. Errors name file and line.
    [[nodiscard]] virtual Result<TradeBlock*> next() = 0;
};

/// Error: io, data with the file's name and line.
[[nodiscard]] Result<std::unique_ptr<TradeFile>> open_trade_file(const TradeFilePlan& plan, BadRows bad_rows, std::size_t threads);

/// Implemented with Arrow, in trades_parquet.cpp.
[[nodiscard]] Result<TradeFilePlan> plan_parquet_trades(const std::filesystem::path& path);
[[nodiscard]] Result<std::unique_ptr<TradeFile>> open_parquet_trades(const TradeFilePlan& plan, BadRows bad_rows);

}  // namespace sofia::store
