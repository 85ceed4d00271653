#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "market/instrument.hpp"

namespace sofia::store {

enum class DataKind : std::uint8_t {
    trades,
    bars,
    rows,  ///< a symbol's folder in a feature store, or tables of minute features: rows with ts and known_at
};

/// `trades`, `bars`, `feature rows`.
[[nodiscard]] std::string_view kind_name(DataKind kind);

/// The data of one instrument: a folder `…/SYMBOL` of trade files or of bar files, with `instrument.yaml` beside them if there is one. A single file
/// is the data of the instrument that its name names, up to the ending.
///
/// Files are those that end in .csv, .csv.gz, .csv.zst or .parquet, in the folder itself or in its folders `date=YYYY-MM-DD`. Each is
/// recognised by the columns of its header, whatever its name: trades have timestamp, price, size, side; bars have timestamp (or open_time),
/// open, high, low, close, volume; minute features have ts, close, ret1, sma20_gap, sma50_gap, vol_z. Names are compared without regard to case,
/// blanks,
/// `_` and `-`. Files of funding rates are left alone. A .json file is one of bars when it looks like a list of candles (kline_json.hpp), and left
/// alone otherwise. Opening reads headers only. A value; safe to share between threads.
class DataFolder {
public:
    /// Errors: io (no such folder, a file that cannot be read, a link that leads nowhere), data (no data file, an empty file, a missing or
    /// doubled column, several kinds in one folder), config (instrument.yaml is wrong).
    [[nodiscard]] static Result<DataFolder> open(const std::filesystem::path& path);

    [[nodiscard]] DataKind kind() const { return kind_; }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    /// The last part of the path; of a file without its ending; of a folder in a feature store the symbol that it stands for.
    [[nodiscard]] const std::string& symbol() const { return symbol_; }

    /// From instrument.yaml, or defaults; its symbol is `symbol()` unless the file names another.
    [[nodiscard]] const market::Instrument& instrument() const { return instrument_; }

    /// Whether there was an instrument.yaml.
    [[nodiscard]] bool has_instrument_file() const { return has_instrument_file_; }

    /// Sorted by name. Of a feature store all files below the symbol's folder, whichever of them the log names.
    [[nodiscard]] const std::vector<std::filesystem::path>& files() const { return files_; }

    /// Whether the path is a symbol's folder in a feature store, whose parent is the store.
    [[nodiscard]] bool in_feature_store() const { return in_feature_store_; }

private:
    DataFolder() = default;
    [[nodiscard]] Result<void> look_for_store();
    [[nodiscard]] Result<void> take(const std::vector<std::filesystem::path>& files);
    [[nodiscard]] Result<void> read_instrument();
    std::filesystem::path path_;
    std::string symbol_;
    DataKind kind_ = DataKind::trades;
    market::Instrument instrument_;
    bool has_instrument_file_ = false;
    bool in_feature_store_ = false;
    std::vector<std::filesystem::path> files_;
};

}  // namespace sofia::store
