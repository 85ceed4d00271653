#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "app/pipeline/context.hpp"
#include "app/pipeline/output.hpp"
#include "base/config.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "net/http.hpp"

namespace sofia::pipeline {

/// Section `download`: where public data comes from.
struct DownloadConfig {
    std::string archive_url = "https://public.bybit.com";
    std::string api_url = "https://api.bybit.com";
    std::string category = "linear";
    net::HttpOptions http;

    void describe(config::Keys& keys);
};

enum class DownloadKind : std::uint8_t {
    trades,  ///< the archive's day files, as they are: SYMBOL2024-01-01.csv.gz
    klines,  ///< 1-minute candles of the API: SYMBOL_1m_2024-01-01.csv
};

/// One call of `sofia data download bybit`.
struct DownloadRequest {
    std::filesystem::path config_file;
    std::vector<std::string> sets;
    std::string symbol;             ///< letters and digits
    TimeNs from = 0;                ///< whole UTC days: [from, to]
    TimeNs to = 0;
    DownloadKind kind = DownloadKind::trades;
    std::filesystem::path out;      ///< the symbol's folder is made inside
};

/// Fetches a file a day into `out/SYMBOL/`. `download.json` beside them holds address, size and SHA-256 of each finished one: a further call
/// checks those by their hash and fetches only what is missing; a broken-off archive file goes on where it stopped. A day that the server
/// does not have is reported. A day that is not over is fetched anew by the next call. Errors: usage, config, io, unavailable, data (an
/// answer that makes no sense), conflict (the folder holds the other kind), interrupted.
[[nodiscard]] Result<Output> download_bybit(const DownloadRequest& request, const Context& context);

}  // namespace sofia::pipeline
