#include "store/import.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "base/files.hpp"
#include "store/parquet.hpp"

namespace sofia::store {

namespace {

namespace fs = std::filesystem;

// A folder that is filled under a hidden name; removed again unless it is put in its place.
class AtomicFolder {
public:
    static Result<AtomicFolder> create(const fs::path& path) {
        std::error_code error;
        if (fs::exists(path, error) && !fs::is_empty(path, error)) {
            return fail(ErrorCode::conflict, path.string() + " is there and not empty", "remove it or choose another --out");
        }
        AtomicFolder folder;
        folder.path_ = path;
        folder.made_parent_ = !fs::exists(path.parent_path(), error);
        folder.temporary_ = path.parent_path() / ("." + path.filename().string() + ".tmp-" + std::to_string(getpid()));
        fs::remove_all(folder.temporary_, error);
        SOFIA_CHECK(make_folder(folder.temporary_));
        return folder;
    }

    AtomicFolder(AtomicFolder&& other) noexcept
        : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})), made_parent_(other.made_parent_) {}
    AtomicFolder& operator=(AtomicFolder&&) = delete;
    ~AtomicFolder() {
        std::error_code ignored;
        if (temporary_.empty()) return;
        fs::remove_all(temporary_, ignored);
        if (made_parent_) fs::remove(path_.parent_path(), ignored);  // only when nothing else has come into it
    }

    [[nodiscard]] const fs::path& temporary() const { return temporary_; }

    Result<void> clear() {
        std::error_code error;
        fs::remove_all(temporary_, error);
        if (error) return fail(ErrorCode::io, "cannot write " + temporary_.string() + ": " + error.message());
        return make_folder(temporary_);
    }

    Result<void> commit() {
        // Only an empty folder can be there, and rename replaces that.
        if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
            return fail(ErrorCode::io, "cannot write " + path_.string() + ": " + std::strerror(errno));
        }
        temporary_.clear();
        return {};
    }

private:
    AtomicFolder() = default;
    fs::path path_;
    fs::path temporary_;
    bool made_parent_ = false;
};

// Trades in time order into one file a day. The first failure stays and stops the writing.
class DayFiles {
public:
    explicit DayFiles(AtomicFolder& folder) : folder_(folder) {}

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
            const fs::path path = folder_.temporary() / ("date=" + format_date(day)) / "trades.parquet";
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

    AtomicFolder& folder_;
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
        return fail(ErrorCode::usage, folder.path().string() + " holds bars; only trades are imported", "bar files can be read as they are");
    }
    ImportReport report;
    report.folder = out / folder.symbol();
    SOFIA_TRY(AtomicFolder target, AtomicFolder::create(report.folder));
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
    SOFIA_CHECK(copy_instrument(folder, target.temporary()));
    SOFIA_CHECK(target.commit());
    return report;
}

}  // namespace sofia::store
