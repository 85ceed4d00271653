#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

#include "base/result.hpp"
#include "market/trade.hpp"
#include "store/report.hpp"
#include "store/trade_file.hpp"
#include "store/trades.hpp"

namespace sofia::store {

/// Where one file of a merge stands: at a trade of a block that is in time order.
class TradeCursor {
public:
    /// What `load` found.
    enum class Load : std::uint8_t { block, end, disorder };

    /// `file` and `report` outlive the cursor. Error: as open_trade_file.
    [[nodiscard]] static Result<TradeCursor> open(const TradeFilePlan& plan, const ReadOptions& options, std::size_t threads, FileReport& file,
                                                  ReadReport& report);

    /// Goes to the next block that has a trade. `disorder`: the plan said ascending, the file is not. Errors name file and line.
    [[nodiscard]] Result<Load> load();

    [[nodiscard]] bool at_end() const { return at_ == trades_.size(); }
    [[nodiscard]] market::Trade& trade() { return trades_[at_]; }
    [[nodiscard]] const market::Trade& trade() const { return trades_[at_]; }
    [[nodiscard]] TradeId id() const { return ids_.empty() ? TradeId{} : ids_[at_]; }
    [[nodiscard]] bool has_ids() const { return !ids_.empty(); }
    [[nodiscard]] bool has_ticks() const { return has_ticks_; }
    [[nodiscard]] TimeNs last_time() const { return trades_.back().ts; }  ///< of the block
    [[nodiscard]] FileReport& file() { return *file_; }

    /// The trades from here on that are before `end`.
    [[nodiscard]] std::span<market::Trade> before(TimeNs end);
    void advance(std::size_t count) { at_ += count; }

private:
    TradeCursor() = default;
    [[nodiscard]] Result<TradeBlock*> next_block();
    [[nodiscard]] Result<Load> load_whole();
    void count_rows(std::span<const market::Trade> trades);

    std::unique_ptr<TradeFile> source_;
    FileReport* file_ = nullptr;
    ReadReport* report_ = nullptr;
    FileOrder order_ = FileOrder::ascending;
    BadRows bad_rows_ = BadRows::refuse;
    bool has_ticks_ = true;
    bool ended_ = false;
    std::span<market::Trade> trades_;
    std::span<const TradeId> ids_;
    std::size_t at_ = 0;
    std::vector<market::Trade> whole_;  // of a file that is not ascending
    std::vector<TradeId> whole_ids_;
};

/// What becomes of trades in their final order: duplicates dropped, tick directions derived, handed on in blocks.
class TradeOutlet {
public:
    /// `derive_ticks`: some file has none; `earlier`: ReadOptions::before.
    TradeOutlet(const TradeSink& sink, ReadReport& report, bool derive_ticks, const std::optional<market::Trade>& earlier)
        : sink_(sink), report_(report), derive_ticks_(derive_ticks), earlier_(earlier) {}

    /// One trade that is not after the one before.
    void put(market::Trade trade, TradeId id, bool has_tick, FileReport& file);

    /// Many at once, without ids; handed on as they lie.
    void put_block(std::span<market::Trade> trades, bool has_ticks);

    /// Hands on what `put` has gathered.
    void flush();

private:
    [[nodiscard]] bool seen(TimeNs time, const TradeId& id);
    void derive(market::Trade& trade, bool has_tick);
    void hand_on(std::span<const market::Trade> trades);

    struct HashId {
        std::size_t operator()(const TradeId& id) const { return static_cast<std::size_t>(id.low); }
    };

    const TradeSink& sink_;
    ReadReport& report_;
    bool derive_ticks_;
    std::vector<market::Trade> gathered_;
    std::optional<market::Trade> earlier_;
    std::optional<market::Trade> before_;  // for the tick rule
    TimeNs ids_time_ = -1;
    std::vector<TradeId> few_ids_;  // those of one time; in the set as well once they are many
    std::unordered_set<TradeId, HashId> many_ids_;
};

/// Reads the files through cursors, in time order, into the outlet. `plans[i]` belongs to `report.files[i]`.
/// False: a file that was planned as ascending is not. Errors: as read_trades.
[[nodiscard]] Result<bool> merge_trades(std::span<const TradeFilePlan> plans, const ReadOptions& options, std::size_t threads, ReadReport& report,
                                        TradeOutlet& outlet);

}  // namespace sofia::store
