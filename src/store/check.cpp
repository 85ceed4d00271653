#include "store/check.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "market/instrument.hpp"
#include "store/bars.hpp"

namespace sofia::store {

namespace {

// One price after another: looks for values that stand alone.
class Spikes {
public:
    Spikes(double fraction, std::size_t listed_max, DataCheck& out) : fraction_(fraction), listed_max_(listed_max), out_(out) {}

    void add(TimeNs ts, double price) {
        if (seen_ >= 2) judge(price);
        before_ = middle_;
        middle_ = price;
        middle_ts_ = ts;
        ++seen_;
    }

private:
    void judge(double after) {
        const double up = middle_ / std::max(before_, after) - 1.0;
        const double down = std::min(before_, after) / middle_ - 1.0;
        if (up <= fraction_ && down <= fraction_) return;
        ++out_.outlier_count;
        if (out_.outliers.size() < listed_max_) out_.outliers.push_back({middle_ts_, middle_, before_, after});
    }

    double fraction_;
    std::size_t listed_max_;
    DataCheck& out_;
    std::uint64_t seen_ = 0;
    double before_ = 0.0;
    double middle_ = 0.0;
    TimeNs middle_ts_ = 0;
};

// Keeps the longest gaps.
class Gaps {
public:
    Gaps(std::size_t listed_max, DataCheck& out) : listed_max_(listed_max), out_(out) {}

    void add(const Gap& gap, DurationNs length) {
        ++out_.gap_count;
        out_.gap_total += length;
        out_.gaps.push_back(gap);
        if (out_.gaps.size() > 4 * listed_max_ + 64) cut();
    }

    void cut() {
        std::ranges::stable_sort(out_.gaps,
                                 [](const Gap& a, const Gap& b) { return a.length() != b.length() ? a.length() > b.length() : a.from < b.from; });
        if (out_.gaps.size() > listed_max_) out_.gaps.resize(listed_max_);
    }

private:
    std::size_t listed_max_;
    DataCheck& out_;
};

// How much of [from, to) the market was open, in whole minutes unless it always is.
DurationNs open_time(const market::Session& session, TimeNs from, TimeNs to) {
    if (session.always()) return to - from;
    DurationNs open = 0;
    TimeNs at = session.next_open(from);
    while (at < to) {
        const DurationNs step = std::min(ns_per_minute, to - at);
        open += step;
        at = session.next_open(at + step);
    }
    return open;
}

class TradeCheck {
public:
    TradeCheck(const DataFolder& folder, const CheckOptions& options, const market::Session& session)
        : folder_(folder), options_(options), session_(session) {}

    Result<DataCheck> run() {
        restart();
        const TradeSink sink{[this] { restart(); },
                             [this](std::span<const market::Trade> trades) {
                                 for (const market::Trade& trade : trades) add(trade);
                             }};
        SOFIA_TRY(out_.report, read_trades(folder_, options_.read, sink));
        gaps_->cut();
        return std::move(out_);
    }

private:
    void restart() {
        out_ = {};
        out_.kind = DataKind::trades;
        out_.symbol = folder_.symbol();
        before_.reset();
        spikes_.emplace(options_.spike, options_.listed_max, out_);
        gaps_.emplace(options_.listed_max, out_);
    }

    void add(const market::Trade& trade) {
        if (!before_) {
            out_.price_min = trade.price;
            out_.price_max = trade.price;
        } else {
            out_.identical += trade == *before_ ? 1U : 0U;
            gap(before_->ts, trade.ts);
        }
        out_.price_min = std::min(out_.price_min, trade.price);
        out_.price_max = std::max(out_.price_max, trade.price);
        out_.volume += trade.size;
        spikes_->add(trade.ts, trade.price);
        before_ = trade;
    }

    void gap(TimeNs from, TimeNs to) {
        if (to - from < options_.gap_min) return;
        const DurationNs open = open_time(session_, from, to);
        if (open >= options_.gap_min) gaps_->add({from, to}, open);
    }

    const DataFolder& folder_;
    const CheckOptions& options_;
    market::Session session_;
    DataCheck out_;
    std::optional<market::Trade> before_;
    std::optional<Spikes> spikes_;
    std::optional<Gaps> gaps_;
};

Result<DataCheck> check_bars(const DataFolder& folder, const CheckOptions& options) {
    SOFIA_TRY(BarData data, read_bars(folder, options.read));
    DataCheck out;
    out.kind = DataKind::bars;
    out.symbol = folder.symbol();
    out.timeframe = data.timeframe.name();
    out.price_min = data.bars.front().low;
    out.price_max = data.bars.front().high;
    Spikes spikes(options.spike, options.listed_max, out);
    Gaps gaps(options.listed_max, out);
    for (const market::Bar& bar : data.bars) {
        out.price_min = std::min(out.price_min, bar.low);
        out.price_max = std::max(out.price_max, bar.high);
        out.volume += bar.volume;
        out.filled += bar.filled ? 1U : 0U;
        spikes.add(bar.open_time, bar.close);
    }
    for (const Gap& gap : data.report.gaps) gaps.add(gap, gap.length());
    gaps.cut();
    out.report = std::move(data.report);
    return out;
}

}  // namespace

Result<DataCheck> check(const DataFolder& folder, const CheckOptions& options) {
    if (folder.kind() == DataKind::bars) return check_bars(folder, options);
    if (folder.kind() == DataKind::rows) {
        return fail(ErrorCode::usage, folder.path().string() + " holds feature rows, neither trades nor bars",
                    "`sofia store check` reads a feature store");
    }
    SOFIA_TRY(const market::Session session, folder.instrument().session());
    return TradeCheck(folder, options, session).run();
}

}  // namespace sofia::store
