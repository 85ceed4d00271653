#include "bars/cascade.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "base/state.hpp"

namespace sofia::bars {

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

double zero_unless_missing(double before) { return std::isnan(before) ? missing : 0.0; }

template <class Archive>
void visit_bar(Archive& archive, market::Bar& bar) {
    archive.time("open_time", bar.open_time);
    archive.time_ahead("close_time", bar.close_time);
    archive("open", bar.open);
    archive("high", bar.high);
    archive("low", bar.low);
    archive("close", bar.close);
    archive("volume", bar.volume);
    archive("vwap", bar.vwap);
    archive("trades", bar.trades);
    archive("buy_volume", bar.buy_volume);
    archive("sell_volume", bar.sell_volume);
    archive("plus_ticks", bar.plus_ticks);
    archive("minus_ticks", bar.minus_ticks);
    archive("filled", bar.filled);
}

}  // namespace

Result<Cascade> Cascade::make(std::vector<market::Timeframe> timeframes, const market::Session& session) {
    if (timeframes.empty()) {
        return fail(ErrorCode::config, "no timeframe is named", "name at least one, for instance 1m");
    }
    for (std::size_t i = 1; i < timeframes.size(); ++i) {
        if (timeframes[i] <= timeframes[i - 1]) {
            return fail(ErrorCode::config, "timeframe " + timeframes[i].name() + " follows " + timeframes[i - 1].name(),
                        "name timeframes in ascending order, each once");
        }
        if (timeframes[i].length() % timeframes[0].length() != 0) {
            return fail(ErrorCode::config, "timeframe " + timeframes[i].name() + " is not a multiple of the smallest one, " + timeframes[0].name(),
                        "larger bars are put together from the smallest ones; choose a smallest one that divides all");
        }
    }
    return Cascade(std::move(timeframes), session);
}

Cascade::Cascade(std::vector<market::Timeframe> timeframes, const market::Session& session)
    : timeframes_(std::move(timeframes)), session_(session), length_(timeframes_[0].length()), larger_(timeframes_.size() - 1) {}

Counters Cascade::counters() const {
    Counters all = counters_;
    if (building_) all.trades += static_cast<std::uint64_t>(sums_.trades);
    return all;
}

// The sums live in registers for the run of prints inside one bar.
std::size_t Cascade::add_run(std::span<const market::Trade> trades) {
    Sums sums = sums_;
    std::size_t count = 0;
    while (count < trades.size() && in_open_bar(trades[count].ts)) sums.add(trades[count++]);
    sums_ = sums;
    return count;
}

// Everything but a print in the middle of a bar: the first of a bar, one outside the session, a late one.
void Cascade::begin_with(const market::Trade& trade, Emitter emit) {
    close_until(trade.ts, emit);
    if (!session_.contains(trade.ts)) {
        ++counters_.trades_outside;
        return;
    }
    const TimeNs earliest = building_ ? open_time_ : last_.close_time;
    if ((building_ || any_) && trade.ts < earliest) {
        ++counters_.trades_late;
        return;
    }
    if (!building_) start_bar(timeframes_[0].open_of(trade.ts), trade.price);
    sums_.add(trade);
}

void Cascade::start_bar(TimeNs open_time, double price) {
    building_ = true;
    open_time_ = open_time;
    sums_ = Sums{};
    sums_.open = price;
    follow_open_bar();
}

void Cascade::follow_open_bar() {
    const TimeNs close_time = open_time_ + length_;
    const bool whole = session_.contains(open_time_) && session_.close_after(open_time_) >= close_time;
    fast_from_ = open_time_;
    fast_to_ = whole ? close_time : open_time_;
}

market::Bar Cascade::built_bar() const {
    market::Bar bar;
    bar.open_time = open_time_;
    bar.close_time = open_time_ + length_;
    bar.open = sums_.open;
    bar.high = sums_.high;
    bar.low = sums_.low;
    bar.close = sums_.close;
    bar.volume = sums_.volume;
    bar.vwap = sums_.volume > 0.0 ? sums_.price_volume / sums_.volume : missing;
    bar.trades = static_cast<double>(sums_.trades);
    bar.buy_volume = sums_.buy_volume;
    bar.sell_volume = sums_.sell_volume;
    bar.plus_ticks = static_cast<double>(sums_.plus_ticks);
    bar.minus_ticks = static_cast<double>(sums_.minus_ticks);
    return bar;
}

market::Bar Cascade::filled_bar(TimeNs open_time) const {
    market::Bar bar;
    bar.open_time = open_time;
    bar.close_time = open_time + length_;
    bar.open = bar.high = bar.low = bar.close = last_.close;
    bar.volume = 0.0;
    bar.trades = zero_unless_missing(last_.trades);
    bar.buy_volume = zero_unless_missing(last_.buy_volume);
    bar.sell_volume = zero_unless_missing(last_.sell_volume);
    bar.plus_ticks = zero_unless_missing(last_.plus_ticks);
    bar.minus_ticks = zero_unless_missing(last_.minus_ticks);
    bar.filled = true;
    return bar;
}

// Hands out, in the order of their close, all bars that end at or before `now`. Larger bars end on the grid of the first timeframe, so none of
// them ends inside one of its bars.
void Cascade::close_until(TimeNs now, Emitter emit) {
    if (building_) {
        if (open_time_ + length_ > now) return;
        counters_.trades += static_cast<std::uint64_t>(sums_.trades);
        building_ = false;
        fast_from_ = fast_to_ = 0;
        finish(built_bar(), emit);
    }
    if (!any_) return;
    while (last_.close_time + length_ <= now) {
        const TimeNs open = timeframes_[0].open_of(session_.next_open(last_.close_time));
        if (open + length_ > now) break;
        close_larger(open, emit);
        ++counters_.filled;
        finish(filled_bar(open), emit);
    }
    close_larger(now, emit);
}

void Cascade::take_bar(const market::Bar& bar, Emitter emit) {
    assert(bar.open_time == timeframes_[0].open_of(bar.open_time) && bar.close_time == bar.open_time + length_);
    close_until(bar.open_time, emit);
    if (session_.next_open(bar.open_time) >= bar.close_time) {
        ++counters_.bars_outside;
        return;
    }
    if (building_ || (any_ && bar.open_time < last_.close_time)) {
        ++counters_.bars_late;
        return;
    }
    ++counters_.base_bars;
    finish(bar, emit);
}

void Cascade::finish(const market::Bar& bar, Emitter emit) {
    last_ = bar;
    any_ = true;
    for (std::size_t i = 1; i < timeframes_.size(); ++i) fold(bar, i);
    emit(0, bar);
    close_larger(bar.close_time, emit);
}

void Cascade::fold(const market::Bar& bar, std::size_t timeframe) {
    Aggregate& aggregate = larger_[timeframe - 1];
    market::Bar& whole = aggregate.bar;
    // Missing without volume, when it counts for nothing; otherwise a missing vwap makes the aggregate's missing.
    const double price_volume = bar.volume == 0.0 ? 0.0 : bar.vwap * bar.volume;
    if (!aggregate.active) {
        aggregate.active = true;
        whole = bar;
        whole.open_time = timeframes_[timeframe].open_of(bar.open_time);
        whole.close_time = whole.open_time + timeframes_[timeframe].length();
        aggregate.price_volume = price_volume;
        return;
    }
    if (whole.filled && !bar.filled) {
        whole.open = bar.open;
        whole.high = bar.high;
        whole.low = bar.low;
        whole.filled = false;
    } else if (!bar.filled) {
        whole.high = std::max(whole.high, bar.high);
        whole.low = std::min(whole.low, bar.low);
    }
    if (!bar.filled) whole.close = bar.close;
    whole.volume += bar.volume;
    whole.trades += bar.trades;
    whole.buy_volume += bar.buy_volume;
    whole.sell_volume += bar.sell_volume;
    whole.plus_ticks += bar.plus_ticks;
    whole.minus_ticks += bar.minus_ticks;
    aggregate.price_volume += price_volume;
}

// In the order of close, then of timeframe. Timeframes need not be multiples of each other, so the order is sought, not assumed.
void Cascade::close_larger(TimeNs now, Emitter emit) {
    while (true) {
        std::size_t next = larger_.size();
        for (std::size_t i = 0; i < larger_.size(); ++i) {
            if (!larger_[i].active || larger_[i].bar.close_time > now) continue;
            if (next == larger_.size() || larger_[i].bar.close_time < larger_[next].bar.close_time) next = i;
        }
        if (next == larger_.size()) return;
        Aggregate& aggregate = larger_[next];
        aggregate.active = false;
        aggregate.bar.vwap = aggregate.bar.volume > 0.0 ? aggregate.price_volume / aggregate.bar.volume : missing;
        emit(next + 1, aggregate.bar);
    }
}

template <class Archive>
void Cascade::Aggregate::visit_state(Archive& archive) {
    archive("active", active);
    if (!active) return;
    visit_bar(archive, bar);
    archive("price_volume", price_volume);
}

// What has ended leaves traces that nothing looks at again: they are no state.
template <class Archive>
void Cascade::visit_state(Archive& archive) {
    archive("building", building_);
    if (building_) {
        archive.time("open_time", open_time_);
        archive("sums", sums_);
    }
    archive("any", any_);
    if (any_) archive.group("last", [&] { visit_bar(archive, last_); });
    archive.each("larger", larger_);
    if constexpr (Archive::loading) {
        archive.expect(consistent(), "bars that do not lie on the grid of their timeframes or do not follow each other");
        fast_from_ = fast_to_ = 0;
        if (building_ && archive.good()) follow_open_bar();
    }
}

template void Cascade::visit_state(StateWriter&);
template void Cascade::visit_state(StateReader&);

// Whether the bars of a state that was read are such as this cascade makes.
bool Cascade::consistent() const {
    const auto on_grid = [](const market::Bar& bar, market::Timeframe timeframe) {
        return bar.open_time == timeframe.open_of(bar.open_time) && bar.close_time == bar.open_time + timeframe.length();
    };
    if (any_ && !on_grid(last_, timeframes_[0])) return false;
    if (building_ && (open_time_ != timeframes_[0].open_of(open_time_) || (any_ && open_time_ < last_.close_time))) return false;
    for (std::size_t i = 0; i < larger_.size(); ++i) {
        const market::Bar& bar = larger_[i].bar;
        if (!larger_[i].active) continue;
        if (!any_ || !on_grid(bar, timeframes_[i + 1]) || bar.open_time > last_.open_time || bar.close_time <= last_.close_time) return false;
    }
    return true;
}

}  // namespace sofia::bars
