#include "store/trades.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/threads.hpp"
#include "store/csv_fields.hpp"
#include "store/merge.hpp"
#include "store/trade_file.hpp"

namespace sofia::store {

namespace {

struct Scan {
    std::uint64_t rows = 0;
    TimeNs first = 0;
    TimeNs latest = 0;
    TimeNs before = 0;
    std::uint64_t falls = 0;
    std::uint64_t rises = 0;
    std::uint64_t late = 0;

    void add(std::span<const market::Trade> trades) {
        for (const market::Trade& trade : trades) {
            if (rows++ == 0) first = latest = before = trade.ts;
            falls += trade.ts < before ? 1U : 0U;
            rises += trade.ts > before ? 1U : 0U;
            late += trade.ts < latest ? 1U : 0U;
            first = std::min(first, trade.ts);
            latest = std::max(latest, trade.ts);
            before = trade.ts;
        }
    }

    [[nodiscard]] FileOrder order() const {
        if (falls == 0) return FileOrder::ascending;
        return rises == 0 ? FileOrder::newest_first : FileOrder::disordered;
    }
};

class TradeRead {
public:
    TradeRead(const DataFolder& folder, const ReadOptions& options, const TradeSink& sink)
        : folder_(folder), options_(options), sink_(sink), threads_(options.threads > 0 ? options.threads : ThreadPool(0).size()) {}

    Result<ReadReport> run() {
        for (const std::filesystem::path& path : folder_.files()) {
            SOFIA_TRY(TradeFilePlan plan, plan_trade_file(path));
            plans_.push_back(std::move(plan));
        }
        late_.resize(plans_.size());
        if (std::ranges::any_of(plans_, &TradeFilePlan::falls_early)) SOFIA_CHECK(scan_all());
        SOFIA_TRY(bool in_order, merge());
        if (!in_order) {
            SOFIA_CHECK(scan_all());
            sink_.restart();
            SOFIA_TRY(in_order, merge());
        }
        if (!in_order) return fail(ErrorCode::data, folder_.path().string() + ": a file changed while it was read", "run again");
        if (report_.rows == 0) {
            return fail(ErrorCode::data, folder_.path().string() + ": no usable trade in " + std::to_string(plans_.size()) + " file(s)");
        }
        finish();
        return std::move(report_);
    }

private:
    // Finds every file's order and first time, so that the next merge needs no other.
    Result<void> scan_all() {
        for (std::size_t i = 0; i < plans_.size(); ++i) {
            TradeFilePlan& plan = plans_[i];
            SOFIA_TRY(const auto file, open_trade_file(plan, options_.bad_rows, threads_));
            Scan scan;
            while (true) {
                if (options_.stop != nullptr && options_.stop->requested()) {
                    return fail(ErrorCode::interrupted, "interrupted while reading trades");
                }
                SOFIA_TRY(TradeBlock* const block, file->next());
                if (block == nullptr) break;
                scan.add(block->trades());
            }
            plan.order = scan.order();
            if (scan.rows > 0) plan.first = scan.first;
            late_[i] = plan.order == FileOrder::disordered ? scan.late : 0;
        }
        return {};
    }

    Result<bool> merge() {
        report_ = {};
        bool derive = false;
        for (const TradeFilePlan& plan : plans_) {
            FileReport file;
            file.path = plan.path;
            file.time_unit = unit_name(plan.layout.unit);
            file.newest_first = plan.order == FileOrder::newest_first;
            report_.files.push_back(std::move(file));
            derive = derive || plan.layout.tick == no_column;
        }
        report_.ticks_derived = derive;
        TradeOutlet outlet(sink_, report_, derive, options_.before);
        return merge_trades(plans_, options_, threads_, report_, outlet);
    }

    [[nodiscard]] static std::string files_text(std::size_t count, std::size_t of) {
        if (of == 1) return "the file";
        return std::to_string(count) + " of " + std::to_string(of) + " files";
    }

    void finish() {
        for (std::size_t i = 0; i < plans_.size(); ++i) {
            report_.files[i].out_of_order = late_[i];
            report_.out_of_order += late_[i];
        }
        const std::size_t all = plans_.size();
        const auto count = [&](auto holds) { return static_cast<std::size_t>(std::ranges::count_if(plans_, holds)); };
        const std::size_t tickless = count([](const TradeFilePlan& plan) { return plan.layout.tick == no_column; });
        if (tickless > 0) report_.notes.push_back("no tickDirection in " + files_text(tickless, all) + ": derived by the tick rule");
        for (const TimeUnit unit : {TimeUnit::milliseconds, TimeUnit::microseconds, TimeUnit::nanoseconds}) {
            const std::size_t scaled = count([&](const TradeFilePlan& plan) { return !plan.parquet && plan.layout.unit == unit; });
            if (scaled > 0) report_.notes.push_back("timestamps in " + std::string(unit_name(unit)) + " in " + files_text(scaled, all));
        }
        const std::size_t turned = count([](const TradeFilePlan& plan) { return plan.order == FileOrder::newest_first; });
        if (turned > 0) report_.notes.push_back("newest first in " + files_text(turned, all) + ": read backward");
        const std::size_t sorted = count([](const TradeFilePlan& plan) { return plan.order == FileOrder::disordered; });
        if (sorted > 0) report_.notes.push_back("rows out of order in " + files_text(sorted, all) + ": sorted by time");
        for (const FileReport& file : report_.files) {
            if (file.rows == 0) report_.notes.push_back(file.path.string() + ": no usable row");
        }
    }

    const DataFolder& folder_;
    const ReadOptions& options_;
    const TradeSink& sink_;
    std::size_t threads_;
    std::vector<TradeFilePlan> plans_;
    std::vector<std::uint64_t> late_;
    ReadReport report_;
};

}  // namespace

Result<ReadReport> read_trades(const DataFolder& folder, const ReadOptions& options, const TradeSink& sink) {
    if (folder.kind() != DataKind::trades) {
        return fail(ErrorCode::usage, fmt::format("{} holds {}, not trades", folder.path().string(), kind_name(folder.kind())));
    }
    return TradeRead(folder, options, sink).run();
}

}  // namespace sofia::store
