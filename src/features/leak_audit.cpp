#include "features/leak_audit.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "base/random.hpp"
#include "base/text.hpp"

namespace sofia::features {

namespace {

using Bars = std::span<const market::Bar>;

constexpr std::size_t order_problems_max = 20;

bool same(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

/// Collects what is found, the first place of each kind.
class Audit {
public:
    explicit Audit(const market::Table& whole) : whole_(whole) {
        for (const std::string& column : whole.columns()) report_.columns.push_back({.column = column, .cut = {}, .future = {}, .stream = {}});
        report_.rows = whole.rows();
    }

    void problem(std::string text) {
        if (report_.order_problems.size() < order_problems_max && std::ranges::find(report_.order_problems, text) == report_.order_problems.end()) {
            report_.order_problems.push_back(std::move(text));
        }
    }

    /// Each row of the whole table known by `moment` must be in `other`, with the same bits.
    void compare(const market::Table& other, TimeNs moment, std::optional<Leak> ColumnAudit::* kind, const std::string& what) {
        const std::size_t mine = rows_until(whole_, moment);
        const std::size_t theirs = rows_until(other, moment);
        std::size_t j = 0;
        for (std::size_t i = 0; i < mine; ++i) {
            const TimeNs known_at = whole_.known_at()[i];
            if (j < theirs && other.known_at()[j] < known_at) {
                problem("the row known at " + format_time(other.known_at()[j]) + " " + what + " is not in the whole table");
                while (j < theirs && other.known_at()[j] < known_at) ++j;
            }
            if (j == theirs || other.known_at()[j] != known_at) {
                problem("the row that claims to be known at " + format_time(known_at) + " is not there " + what + " at " + format_time(moment));
                continue;
            }
            compare_row(i, other.row(j++), moment, kind);
        }
        if (j < theirs) problem("the row known at " + format_time(other.known_at()[j]) + " " + what + " is not in the whole table");
    }

    LeakReport finish(std::size_t cuts) {
        report_.cuts = cuts;
        return std::move(report_);
    }

private:
    static std::size_t rows_until(const market::Table& table, TimeNs moment) {
        return static_cast<std::size_t>(std::ranges::upper_bound(table.known_at(), moment) - table.known_at().begin());
    }

    void compare_row(std::size_t index, std::span<const double> expected, TimeNs moment, std::optional<Leak> ColumnAudit::* kind) {
        const std::span<const double> found = whole_.row(index);
        for (std::size_t c = 0; c < found.size(); ++c) {
            if (same(expected[c], found[c])) continue;
            std::optional<Leak>& leak = report_.columns[c].*kind;
            if (!leak) leak = Leak{.known_at = whole_.known_at()[index], .moment = moment, .expected = expected[c], .found = found[c]};
        }
    }

    const market::Table& whole_;
    LeakReport report_;
};

/// How many bars are kept at each moment, ascending: 1 to bars - 1.
std::vector<std::size_t> moments(Bars bars, const LeakAuditOptions& options) {
    const std::size_t most = bars.size() - 1;
    const std::size_t count = std::min(std::max<std::size_t>(options.cuts, 1), most);
    RandomStream random = RandomStream(options.seed).split("moments");
    std::vector<std::size_t> boundaries;
    for (std::size_t kept = 1; kept <= most; ++kept) {
        for (const DurationNs period : {ns_per_hour, 4 * ns_per_hour, ns_per_day}) {
            if (bars[kept - 1].close_time % period == 0) boundaries.push_back(kept);  // longer periods are there more often
        }
    }
    std::set<std::size_t> chosen;
    const auto add = [&](std::size_t kept) {
        if (chosen.size() < count) chosen.insert(std::clamp<std::size_t>(kept, 1, most));
    };
    add(most);
    add(most - 1);
    for (std::size_t kept = 1; kept <= count / 8; ++kept) add(kept);
    const double growth = std::pow(static_cast<double>(most), 4.0 / static_cast<double>(count));
    double geometric = 1.0;
    while (chosen.size() < count) {
        geometric = std::min(geometric * growth, static_cast<double>(most));
        add(static_cast<std::size_t>(geometric));
        if (!boundaries.empty()) add(boundaries[random.below(boundaries.size())] - 1 + random.below(3));
        add(1 + random.below(most));
    }
    return {chosen.begin(), chosen.end()};
}

/// The bars with another future after the first `kept`: other prices on another level, other volumes and flows, and fewer of them.
std::vector<market::Bar> with_changed_future(Bars bars, std::size_t kept, RandomStream random) {
    const std::size_t rest = bars.size() - kept;
    std::vector<market::Bar> changed(bars.begin(), bars.begin() + static_cast<std::ptrdiff_t>(kept + rest - random.below((rest + 1) / 2)));
    double level = std::exp(0.5 * random.normal());
    for (std::size_t i = kept; i < changed.size(); ++i) {
        market::Bar& bar = changed[i];
        level *= std::exp(0.01 * random.normal());
        bar.open *= level;
        bar.close *= level * std::exp(0.002 * random.normal());
        bar.high = std::max(bar.high * level, std::max(bar.open, bar.close));
        bar.low = std::min(bar.low * level, std::min(bar.open, bar.close));
        bar.vwap *= level;
        const double size = std::exp(random.normal());
        const double buy = random.uniform();
        const double both = (bar.buy_volume + bar.sell_volume) * size;
        bar.volume *= size;
        bar.buy_volume = both * buy;
        bar.sell_volume = both - bar.buy_volume;
        bar.trades = std::ceil(bar.trades * size);
        std::swap(bar.plus_ticks, bar.minus_ticks);
    }
    return changed;
}

Result<void> check_bars(Bars bars) {
    if (bars.size() < 8) return fail(ErrorCode::data, std::to_string(bars.size()) + " bars are too few to audit", "give at least 8");
    for (std::size_t i = 1; i < bars.size(); ++i) {
        if (bars[i].close_time <= bars[i - 1].close_time) {
            return fail(ErrorCode::usage, "the bars to audit are out of time order at " + format_time(bars[i].close_time), "sort them by time");
        }
    }
    return {};
}

Result<void> check_columns(const market::Table& whole, const market::Table& other, const std::string& what) {
    if (whole.columns() == other.columns()) return {};
    return fail(ErrorCode::usage, "the producer makes other columns " + what, "make the same columns from any bars");
}

void check_order(Bars bars, const market::Table& whole, Audit& audit) {
    const std::vector<TimeNs>& known = whole.known_at();
    for (std::size_t i = 0; i < known.size(); ++i) {
        if (i > 0 && known[i] <= known[i - 1]) audit.problem("known_at does not ascend at " + format_time(known[i]));
        if (!std::ranges::binary_search(bars, known[i], {}, &market::Bar::close_time)) {
            audit.problem("known_at " + format_time(known[i]) + " is not the close of a base bar");
        }
    }
}

Result<void> check_outcomes(const Outcomes& outcomes, Bars bars) {
    if (outcomes.values.size() == bars.size() && outcomes.end_time.size() == bars.size()) return {};
    return fail(ErrorCode::usage,
                std::to_string(outcomes.values.size()) + " outcomes and " + std::to_string(outcomes.end_time.size()) + " end times for " +
                    counted(bars.size(), "bar"),
                "give one of each a bar");
}

std::string describe(const std::string& test, const Leak& leak) {
    return test + ": row known at " + format_time(leak.known_at) + " should be " + format_double(leak.expected) + ", is " +
           format_double(leak.found) + " (data as of " + format_time(leak.moment) + ")";
}

}  // namespace

bool LeakReport::passed() const { return order_problems.empty() && std::ranges::all_of(columns, &ColumnAudit::passed); }

Result<LeakReport> audit_leaks(Bars bars, const Producer& producer, const LeakAuditOptions& options) {
    SOFIA_CHECK(check_bars(bars));
    const market::Table whole = producer(bars);
    Audit audit(whole);
    check_order(bars, whole, audit);
    const std::vector<std::size_t> kept_counts = moments(bars, options);
    const RandomStream futures = RandomStream(options.seed).split("futures");
    for (const std::size_t kept : kept_counts) {
        if (options.stop != nullptr && options.stop->requested()) return fail(ErrorCode::interrupted, "interrupted while auditing");
        const TimeNs moment = bars[kept - 1].close_time;
        const market::Table cut = producer(bars.first(kept));
        SOFIA_CHECK(check_columns(whole, cut, "from fewer bars"));
        audit.compare(cut, moment, &ColumnAudit::cut, "when the data is cut");
        const market::Table future = producer(with_changed_future(bars, kept, futures.split(kept)));
        SOFIA_CHECK(check_columns(whole, future, "from other bars"));
        audit.compare(future, moment, &ColumnAudit::future, "when the future changes");
    }
    if (options.stream) {
        const market::Table stream = options.stream(bars);
        SOFIA_CHECK(check_columns(whole, stream, "as a stream"));
        audit.compare(stream, bars.back().close_time, &ColumnAudit::stream, "in the stream");
    }
    return audit.finish(kept_counts.size());
}

std::string format(const LeakReport& report) {
    std::string text;
    for (const std::string& problem : report.order_problems) text += "order: " + problem + "\n";
    std::size_t failed = 0;
    for (const ColumnAudit& column : report.columns) {
        if (column.passed()) continue;
        ++failed;
        std::vector<std::string> parts;
        if (column.cut) parts.push_back(describe("cut", *column.cut));
        if (column.future) parts.push_back(describe("future", *column.future));
        if (column.stream) parts.push_back(describe("stream", *column.stream));
        text += column.column + ": " + join(parts, "; ") + "\n";
    }
    text += std::to_string(report.columns.size() - failed) + " of " + std::to_string(report.columns.size()) + " columns passed over " +
            std::to_string(report.rows) + " rows and " + std::to_string(report.cuts) + " moments\n";
    return text;
}

Result<OutcomeReport> audit_outcomes(Bars bars, const OutcomeProducer& producer, const LeakAuditOptions& options) {
    SOFIA_CHECK(check_bars(bars));
    const Outcomes whole = producer(bars);
    SOFIA_CHECK(check_outcomes(whole, bars));
    OutcomeReport report;
    report.rows = static_cast<std::size_t>(std::ranges::count_if(whole.values, [](double value) { return !std::isnan(value); }));
    const std::vector<std::size_t> kept_counts = moments(bars, options);
    const RandomStream futures = RandomStream(options.seed).split("futures");
    for (const std::size_t kept : kept_counts) {
        if (options.stop != nullptr && options.stop->requested()) return fail(ErrorCode::interrupted, "interrupted while auditing");
        const Outcomes cut = producer(bars.first(kept));
        SOFIA_CHECK(check_outcomes(cut, bars.first(kept)));
        if (!report.cut) report.cut = first_early_end(bars, whole, cut, kept);
        const std::vector<market::Bar> changed = with_changed_future(bars, kept, futures.split(kept));
        const Outcomes future = producer(changed);
        SOFIA_CHECK(check_outcomes(future, changed));
        if (!report.future) report.future = first_early_end(bars, whole, future, kept);
    }
    report.cuts = kept_counts.size();
    return report;
}

std::optional<EarlyEnd> first_early_end(Bars bars, const Outcomes& whole, const Outcomes& other, std::size_t kept) {
    const TimeNs moment = bars[kept - 1].close_time;
    const auto ended = [&](const Outcomes& of, std::size_t i) { return !std::isnan(of.values[i]) && of.end_time[i] <= moment; };
    for (std::size_t i = 0; i < kept; ++i) {
        if (!ended(whole, i) && !ended(other, i)) continue;
        if (same(whole.values[i], other.values[i]) && whole.end_time[i] == other.end_time[i]) continue;
        return EarlyEnd{.known_at = bars[i].known_at(),
                        .moment = moment,
                        .expected = other.values[i],
                        .expected_end = other.end_time[i],
                        .found = whole.values[i],
                        .found_end = whole.end_time[i]};
    }
    return std::nullopt;
}

std::string format(const EarlyEnd& early) {
    const auto outcome = [](double value, TimeNs end) {
        return std::isnan(value) ? std::string("none") : format_double(value) + " with the end " + format_time(end);
    };
    return "row known at " + format_time(early.known_at) + " should be " + outcome(early.expected, early.expected_end) + ", is " +
           outcome(early.found, early.found_end) + " (data as of " + format_time(early.moment) + ")";
}

std::string format(const OutcomeReport& report) {
    std::vector<std::string> parts;
    if (report.cut) parts.push_back("cut: " + format(*report.cut));
    if (report.future) parts.push_back("future: " + format(*report.future));
    if (parts.empty()) parts.push_back("passed over " + std::to_string(report.rows) + " outcomes and " + std::to_string(report.cuts) + " moments");
    return join(parts, "; ") + "\n";
}

}  // namespace sofia::features
