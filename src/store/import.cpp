#include "store/import.hpp"

#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/files.hpp"
#include "store/parquet.hpp"

namespace sofia::store {

namespace {

namespace fs = std::filesystem;

// A folder that is removed at the end if it was not there before and nothing has come into it.
class MadeFolder {
public:
    explicit MadeFolder(fs::path path) : path_(std::move(path)), made_(!fs::exists(path_, ignored_)) {}
    MadeFolder(const MadeFolder&) = delete;
    MadeFolder& operator=(const MadeFolder&) = delete;
    ~MadeFolder() {
        if (made_) fs::remove(path_, ignored_);
    }

private:
    fs::path path_;
    std::error_code ignored_;
    bool made_;
};

// Trades in time order into one file a day. The first failure stays and stops the writing.
class DayFiles {
public:
    explicit DayFiles(StagedFolder& folder) : folder_(folder) {}

    void put(std::span<const market::Trade> trades) {
        for (const market::Trade& trade : trades) {
            if (!failure_) keep(put(trade));
        }
    }

    void restart() {
        writer_.reset();
        days_ = 0;
        failure_.reset();
        keep(folder_.clear());
    }

    Result<std::uint64_t> close() {
        if (!failure_) keep(close_day());
        if (failure_) return std::unexpected(*failure_);
        return days_;
    }

    [[nodiscard]] bool failed() const { return failure_.has_value(); }
    [[nodiscard]] const Error& failure() const { return *failure_; }

private:
    void keep(Result<void> done) {
        if (!done && !failure_) failure_ = std::move(done).error();
    }

    Result<void> put(const market::Trade& trade) {
        const TimeNs day = floor_time(trade.ts, ns_per_day);
        if (!writer_ || day != day_) {
            SOFIA_CHECK(close_day());
            const fs::path path = folder_.path() / ("date=" + format_date(day)) / "trades.parquet";
            SOFIA_TRY(ParquetWriter writer, ParquetWriter::create(path, trade_columns()));
            writer_.emplace(std::move(writer));
            day_ = day;
        }
        return append_trade(*writer_, trade);
    }

    Result<void> close_day() {
        if (!writer_) return {};
        SOFIA_CHECK(writer_->close());
        writer_.reset();
        ++days_;
        return {};
    }

    StagedFolder& folder_;
    std::optional<ParquetWriter> writer_;
    TimeNs day_ = 0;
    std::uint64_t days_ = 0;
    std::optional<Error> failure_;
};

Result<void> copy_instrument(const DataFolder& from, const fs::path& to) {
    if (!from.has_instrument_file()) return {};
    SOFIA_TRY(const std::string text, read_file(from.path() / "instrument.yaml"));
    return write_file(to / "instrument.yaml", text);
}

}  // namespace

Result<ImportReport> import_trades(const DataFolder& folder, const fs::path& out, const ReadOptions& options) {
    if (folder.kind() != DataKind::trades) {
        return fail(ErrorCode::usage, fmt::format("{} holds {}; only trades are imported", folder.path().string(), kind_name(folder.kind())),
                    "bar files can be read as they are");
    }
    ImportReport report;
    report.folder = out / folder.symbol();
    std::error_code error;
    if (fs::exists(report.folder, error) && !fs::is_empty(report.folder, error)) {
        return fail(ErrorCode::conflict, report.folder.string() + " is there and not empty", "remove it or choose another --out");
    }
    const MadeFolder parent(out);
    SOFIA_TRY(StagedFolder target, StagedFolder::create(report.folder));
    DayFiles days(target);
    // A failed write ends the reading as an interruption would, and then its own error is told.
    StopFlag failed(options.stop);
    ReadOptions reading = options;
    reading.stop = &failed;
    const TradeSink sink{[&] { days.restart(); },
                         [&](std::span<const market::Trade> trades) {
                             days.put(trades);
                             if (days.failed()) failed.request();
                         }};
    auto read = read_trades(folder, reading, sink);
    if (days.failed()) return std::unexpected(days.failure());
    if (!read) return std::unexpected(std::move(read).error());
    report.read = std::move(*read);
    SOFIA_TRY(report.days, days.close());
    SOFIA_CHECK(copy_instrument(folder, target.path()));
    SOFIA_CHECK(target.commit_whole());
    return report;
}

}  // namespace sofia::store
