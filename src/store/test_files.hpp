#pragma once

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/files.hpp"
#include "market/trade.hpp"
#include "store/folder.hpp"
#include "store/trades.hpp"

namespace sofia::store::testing {

/// A folder of its own for one test, removed at the end.
class TemporaryFolder {
public:
    TemporaryFolder() {
        static std::atomic<int> counter{0};
        path_ = std::filesystem::temp_directory_path() / ("sofia-store-" + std::to_string(getpid()) + "-" + std::to_string(counter++));
        std::filesystem::create_directories(path_ / "X");
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    /// The data folder of instrument X inside.
    [[nodiscard]] std::filesystem::path data() const { return path_ / "X"; }

    void put(const std::string& name, std::string_view bytes) const {
        std::filesystem::create_directories((data() / name).parent_path());
        std::ofstream(data() / name, std::ios::binary) << bytes;
    }

    /// Names of all files below, hidden ones too.
    [[nodiscard]] std::vector<std::string> all_files() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
            if (entry.is_regular_file()) names.push_back(std::filesystem::relative(entry.path(), path_).string());
        }
        return names;
    }

private:
    std::filesystem::path path_;
};

inline std::string gzip(std::string_view text) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(compressBound(static_cast<uLong>(text.size())) + 64, '\0');
    std::string in(text);
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

inline std::string zstd(std::string_view text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
    return out;
}

/// What a whole read gave: trades as the caller holds them after restarts, the report or the error.
struct ReadAll {
    std::vector<market::Trade> trades;
    int restarts = 0;
    Result<ReadReport> report;
};

inline ReadAll read_all(const std::filesystem::path& folder, ReadOptions options = {}) {
    ReadAll out{{}, 0, fail(ErrorCode::internal, "not read")};
    const auto opened = DataFolder::open(folder);
    if (!opened) {
        out.report = std::unexpected(opened.error());
        return out;
    }
    const TradeSink sink{[&] {
                             out.trades.clear();
                             ++out.restarts;
                         },
                         [&](std::span<const market::Trade> block) { out.trades.insert(out.trades.end(), block.begin(), block.end()); }};
    out.report = read_trades(*opened, options, sink);
    return out;
}

}  // namespace sofia::store::testing
