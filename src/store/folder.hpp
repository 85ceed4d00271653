#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "market/instrument.hpp"

namespace sofia::store {

enum class DataKind : std::uint8_t { trades, bars };

/// The data of one instrument: a folder `…/SYMBOL` of trade files or of bar files, with `instrument.yaml` beside them if there is one.
///
/// Files are those that end in .csv, .csv.gz, .csv.zst or .parquet, in the folder itself or in its folders `date=YYYY-MM-DD`. Each is
/// recognised by the columns of its header, whatever its name: trades have timestamp, price, size, side; bars have timestamp (or open_time),
/// open, high, low, close, volume. Names are compared without regard to case, blanks, `_` and `-`. Files of funding rates are left
/// alone. A .json file is one of bars when it looks like a list of candles (kline_json.hpp), and left alone otherwise. Opening reads headers only. A
/// value; safe to share between threads.
class DataFolder {
public:
    /// Errors: io (no such folder, a file that cannot be read, a link that leads nowhere), data (no data file, an empty file, a missing or
    /// doubled column, trades and bars in one folder), config (instrument.yaml is wrong).
    [[nodiscard]] static Result<DataFolder> open(const std::filesystem::path& path);

    [[nodiscard]] DataKind kind() const { return kind_; }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    /// The last part of the path.
    [[nodiscard]] const std::string& symbol() const { return symbol_; }

    /// From instrument.yaml, or defaults; its symbol is `symbol()` unless the file names another.
    [[nodiscard]] const market::Instrument& instrument() const { return instrument_; }

    /// Whether there was an instrument.yaml.
    [[nodiscard]] bool has_instrument_file() const { return has_instrument_file_; }

    /// Sorted by name.
    [[nodiscard]] const std::vector<std::filesystem::path>& files() const { return files_; }

private:
    DataFolder() = default;
    std::filesystem::path path_;
    std::string symbol_;
    DataKind kind_ = DataKind::trades;
    market::Instrument instrument_;
    bool has_instrument_file_ = false;
    std::vector<std::filesystem::path> files_;
};

}  // namespace sofia::store
