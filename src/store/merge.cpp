#include "store/merge.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <numeric>
#include <utility>

#include "store/csv_file.hpp"

namespace sofia::store {

namespace {

using market::TickDirection;
using market::Trade;

constexpr std::size_t gathered_max = 8192;
constexpr std::size_t few_ids_max = 64;
constexpr TimeNs no_end = std::numeric_limits<TimeNs>::max();

// Stable by time; ids go with their trades.
void sort_by_time(std::vector<Trade>& trades, std::vector<TradeId>& ids) {
    if (ids.empty()) {
        std::ranges::stable_sort(trades, {}, &Trade::ts);
        return;
    }
    std::vector<std::size_t> order(trades.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return trades[i].ts; });
    std::vector<Trade> sorted;
    std::vector<TradeId> sorted_ids;
    sorted.reserve(trades.size());
    sorted_ids.reserve(trades.size());
    for (const std::size_t i : order) {
        sorted.push_back(trades[i]);
        sorted_ids.push_back(ids[i]);
    }
    trades.swap(sorted);
    ids.swap(sorted_ids);
}

}  // namespace

Result<TradeCursor> TradeCursor::open(const TradeFilePlan& plan, const ReadOptions& options, std::size_t threads, FileReport& file,
                                      ReadReport& report) {
    TradeCursor cursor;
    SOFIA_TRY(cursor.source_, open_trade_file(plan, options.bad_rows, threads));
    cursor.file_ = &file;
    cursor.report_ = &report;
    cursor.order_ = plan.order;
    cursor.bad_rows_ = options.bad_rows;
    cursor.has_ticks_ = plan.layout.tick != no_column;
    return cursor;
}

void TradeCursor::count_rows(std::span<const Trade> trades) {
    if (file_->rows == 0) {
        file_->first = trades.front().ts;
        file_->last = trades.front().ts;
    }
    file_->rows += trades.size();
    file_->first = std::min(file_->first, trades.front().ts);
    file_->last = std::max(file_->last, trades.back().ts);
}

// The file's next block with its bad rows booked; nullptr at the end.
Result<TradeBlock*> TradeCursor::next_block() {
    SOFIA_TRY(TradeBlock* const block, source_->next());
    if (block == nullptr) {
        ended_ = true;
        return nullptr;
    }
    file_->bad_rows += block->bad_rows;
    report_->bad_rows += block->bad_rows;
    for (LocalBadRow& bad : block->bad) {
        if (report_->bad.size() < bad_listed_max) report_->bad.push_back({file_->path, bad.line, std::move(bad.reason)});
    }
    return block;
}

Result<TradeCursor::Load> TradeCursor::load_whole() {
    while (!ended_) {
        SOFIA_TRY(TradeBlock* const block, next_block());
        if (block == nullptr) break;
        const auto trades = block->trades();
        whole_.insert(whole_.end(), trades.begin(), trades.end());
        whole_ids_.insert(whole_ids_.end(), block->ids.begin(), block->ids.end());
    }
    source_.reset();
    if (order_ == FileOrder::newest_first) {
        std::ranges::reverse(whole_);
        std::ranges::reverse(whole_ids_);
    }
    if (order_ == FileOrder::disordered) sort_by_time(whole_, whole_ids_);
    if (!std::ranges::is_sorted(whole_, {}, &Trade::ts)) return Load::disorder;
    trades_ = whole_;
    ids_ = whole_ids_;
    at_ = 0;
    if (trades_.empty()) return Load::end;
    count_rows(trades_);
    return Load::block;
}

Result<TradeCursor::Load> TradeCursor::load() {
    if (!ended_ && order_ != FileOrder::ascending) return load_whole();
    while (!ended_) {
        SOFIA_TRY(TradeBlock* const block, next_block());
        if (block == nullptr) break;
        if (block->count == 0) continue;
        trades_ = block->trades();
        ids_ = block->ids;
        at_ = 0;
        if (block->falls > 0 || (file_->rows > 0 && trades_.front().ts < file_->last)) return Load::disorder;
        count_rows(trades_);
        return Load::block;
    }
    trades_ = {};
    ids_ = {};
    at_ = 0;
    if (file_->rows == 0 && file_->bad_rows == 0 && bad_rows_ == BadRows::refuse) return std::unexpected(no_row(file_->path));
    return Load::end;
}

std::span<Trade> TradeCursor::before(TimeNs end) {
    const std::span<Trade> left = trades_.subspan(at_);
    if (left.empty() || left.back().ts < end) return left;
    const auto stop = std::ranges::lower_bound(left, end, {}, &Trade::ts);
    return left.first(static_cast<std::size_t>(stop - left.begin()));
}

void TradeOutlet::hand_on(std::span<const Trade> trades) {
    if (trades.empty()) return;
    if (report_.rows == 0) report_.first = trades.front().ts;
    report_.last = trades.back().ts;
    report_.rows += trades.size();
    sink_.block(trades);
}

void TradeOutlet::flush() {
    hand_on(gathered_);
    gathered_.clear();
}

// The tick rule (Lee, Ready 1991), with zero_plus for the first trade of all.
void TradeOutlet::derive(Trade& trade, bool has_tick) {
    if (!before_ && earlier_ && earlier_->ts <= trade.ts) before_ = earlier_;
    if (!has_tick) {
        if (!before_) {
            trade.tick = TickDirection::zero_plus;
        } else if (trade.price != before_->price) {
            trade.tick = trade.price > before_->price ? TickDirection::plus : TickDirection::minus;
        } else {
            trade.tick = is_up(before_->tick) ? TickDirection::zero_plus : TickDirection::zero_minus;
        }
    }
    before_ = trade;
}

bool TradeOutlet::seen(TimeNs time, const TradeId& id) {
    if (time != ids_time_) {
        ids_time_ = time;
        few_ids_.clear();
        if (!many_ids_.empty()) many_ids_.clear();
    }
    if (id == TradeId{}) return false;
    if (many_ids_.empty()) {
        if (std::ranges::find(few_ids_, id) != few_ids_.end()) return true;
        few_ids_.push_back(id);
        if (few_ids_.size() > few_ids_max) many_ids_.insert(few_ids_.begin(), few_ids_.end());
        return false;
    }
    return !many_ids_.insert(id).second;
}

void TradeOutlet::put(Trade trade, TradeId id, bool has_tick, FileReport& file) {
    if (seen(trade.ts, id)) {
        ++file.duplicates;
        ++report_.duplicates;
        return;
    }
    if (derive_ticks_) derive(trade, has_tick);
    gathered_.push_back(trade);
    if (gathered_.size() == gathered_max) flush();
}

void TradeOutlet::put_block(std::span<Trade> trades, bool has_ticks) {
    flush();
    if (derive_ticks_) {
        for (Trade& trade : trades) derive(trade, has_ticks);
    }
    hand_on(trades);
}

namespace {

// One merge: the files that have been reached are open, in the order in which ties are settled; the others wait, earliest first.
class Merge {
public:
    Merge(std::span<const TradeFilePlan> plans, const ReadOptions& options, std::size_t threads, ReadReport& report, TradeOutlet& outlet)
        : plans_(plans), options_(options), threads_(threads), report_(report), outlet_(outlet), waiting_(plans.size()) {
        std::iota(waiting_.begin(), waiting_.end(), std::size_t{0});
        std::ranges::stable_sort(waiting_, {}, [&](std::size_t i) { return first_of(i); });
    }

    Result<bool> run() {
        while (true) {
            SOFIA_TRY(const bool in_order, open_reached());
            if (!in_order) return false;
            if (open_.empty()) break;
            if (options_.stop != nullptr && options_.stop->requested()) return fail(ErrorCode::interrupted, "interrupted while reading trades");
            if (open_.size() == 1) {
                one_file();
            } else {
                many_files();
            }
            SOFIA_TRY(const bool still_in_order, load_ended());
            if (!still_in_order) return false;
        }
        outlet_.flush();
        return true;
    }

private:
    [[nodiscard]] TimeNs first_of(std::size_t plan) const { return plans_[plan].first.value_or(std::numeric_limits<TimeNs>::min()); }
    [[nodiscard]] TimeNs waiting_time() const { return next_ < waiting_.size() ? first_of(waiting_[next_]) : no_end; }

    [[nodiscard]] std::size_t earliest() const {
        std::size_t best = 0;
        for (std::size_t i = 1; i < open_.size(); ++i) {
            if (open_[i].trade().ts < open_[best].trade().ts) best = i;
        }
        return best;
    }

    // Opens the files that begin at or before the earliest trade at hand, and at least one.
    Result<bool> open_reached() {
        while (next_ < waiting_.size() && (open_.empty() || first_of(waiting_[next_]) <= open_[earliest()].trade().ts)) {
            const std::size_t index = waiting_[next_++];
            note_overlap(index);
            // Many open files keep the cores busy without helpers of their own.
            const std::size_t threads = open_.size() < 4 ? threads_ : 1;
            SOFIA_TRY(TradeCursor cursor, TradeCursor::open(plans_[index], options_, threads, report_.files[index], report_));
            open_.push_back(std::move(cursor));
            SOFIA_TRY(const TradeCursor::Load load, open_.back().load());
            if (load == TradeCursor::Load::disorder) return false;
            if (load == TradeCursor::Load::end) open_.pop_back();
        }
        return true;
    }

    void note_overlap(std::size_t index) {
        if (noted_) return;
        for (TradeCursor& cursor : open_) {
            const bool with_ids = cursor.has_ids() && (plans_[index].parquet || plans_[index].layout.id != no_column);
            if (with_ids || cursor.last_time() <= first_of(index)) continue;
            report_.notes.push_back(cursor.file().path.string() + " and " + plans_[index].path.string() +
                                    " overlap in time; without trdMatchID in both, doubled trades cannot be found");
            noted_ = true;
            return;
        }
    }

    // Only one file is open: whole stretches up to where the next one begins.
    void one_file() {
        TradeCursor& cursor = open_.front();
        const auto stretch = cursor.before(waiting_time());
        if (cursor.has_ids()) {
            for (std::size_t i = 0; i < stretch.size(); ++i) put_one(cursor);
        } else if (!stretch.empty()) {
            outlet_.put_block(stretch, cursor.has_ticks());
            cursor.advance(stretch.size());
        }
    }

    // Until a block ends or the next file begins.
    void many_files() {
        const TimeNs end = waiting_time();
        while (true) {
            TradeCursor& cursor = open_[earliest()];
            if (cursor.trade().ts >= end) return;
            put_one(cursor);
            if (cursor.at_end()) return;
        }
    }

    void put_one(TradeCursor& cursor) {
        outlet_.put(cursor.trade(), cursor.id(), cursor.has_ticks(), cursor.file());
        cursor.advance(1);
    }

    Result<bool> load_ended() {
        for (std::size_t i = open_.size(); i-- > 0;) {
            if (!open_[i].at_end()) continue;
            SOFIA_TRY(const TradeCursor::Load load, open_[i].load());
            if (load == TradeCursor::Load::disorder) return false;
            if (load == TradeCursor::Load::end) open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
        }
        return true;
    }

    std::span<const TradeFilePlan> plans_;
    const ReadOptions& options_;
    std::size_t threads_;
    ReadReport& report_;
    TradeOutlet& outlet_;
    std::vector<std::size_t> waiting_;
    std::size_t next_ = 0;
    std::vector<TradeCursor> open_;
    bool noted_ = false;
};

}  // namespace

Result<bool> merge_trades(std::span<const TradeFilePlan> plans, const ReadOptions& options, std::size_t threads, ReadReport& report,
                          TradeOutlet& outlet) {
    assert(plans.size() == report.files.size());
    return Merge(plans, options, threads, report, outlet).run();
}

}  // namespace sofia::store
