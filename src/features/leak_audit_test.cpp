#include "features/leak_audit.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <numeric>

#include <gtest/gtest.h>

#include "features/batch.hpp"
#include "features/test_bars.hpp"
#include "math/statistics.hpp"
#include "math/window.hpp"

namespace sofia::features {
namespace {

using Bars = std::span<const market::Bar>;
using Values = std::vector<double>;
using ColumnOf = std::function<Values(Bars)>;

Values closes(Bars bars) {
    Values values;
    for (const market::Bar& bar : bars) values.push_back(bar.close);
    return values;
}

/// One row a bar: an honest column beside the column under test.
Producer beside_an_honest_column(ColumnOf make) {
    return [make = std::move(make)](Bars bars) {
        market::Table table({"honest", "planted"});
        const Values planted = make(bars);
        for (std::size_t i = 0; i < bars.size(); ++i) table.append(bars[i].known_at(), Values{bars[i].close - bars[i].open, planted[i]});
        return table;
    };
}

LeakReport audit(const Producer& producer, const LeakAuditOptions& options = {}) {
    static const std::vector<market::Bar> bars = random_bars(1500, 3);
    return audit_leaks(bars, producer, options).value();
}

/// The planted column is found by both tests, and the honest one by none.
void expect_caught(const ColumnOf& column) {
    const LeakReport report = audit(beside_an_honest_column(column));
    ASSERT_EQ(report.columns.size(), 2U);
    EXPECT_TRUE(report.columns[0].passed());
    EXPECT_TRUE(report.columns[1].cut.has_value());
    EXPECT_TRUE(report.columns[1].future.has_value());
    EXPECT_FALSE(report.passed());
}

void expect_clean(const ColumnOf& column) {
    const LeakReport report = audit(beside_an_honest_column(column));
    EXPECT_TRUE(report.passed()) << format(report);
}

/// The last larger bar with time(bar) <= known_at, joined to each base bar.
template <class Time>
Values joined(Bars bars, const std::vector<market::Bar>& larger, Time time) {
    Values values(bars.size(), math::missing);
    for (std::size_t i = 0; i < bars.size(); ++i) {
        for (const market::Bar& bar : larger) {
            if (time(bar) <= bars[i].known_at()) values[i] = bar.close;
        }
    }
    return values;
}

market::Timeframe timeframe(const char* text) { return market::Timeframe::parse(text).value(); }

TEST(PlantedLeak, CenteredWindow) {
    expect_caught([](Bars bars) {
        const Values x = closes(bars);
        Values out(x.size(), math::missing);
        for (std::size_t i = 2; i + 2 < x.size(); ++i) out[i] = math::mean(std::span(x).subspan(i - 2, 5));
        return out;
    });
}

TEST(PlantedLeak, NegativeShift) {
    expect_caught([](Bars bars) {
        Values out = closes(bars);
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = i + 1 < out.size() ? out[i + 1] / out[i] - 1.0 : math::missing;
        return out;
    });
}

TEST(PlantedLeak, FullSampleZScore) {
    expect_caught([](Bars bars) {
        Values out = closes(bars);
        const double center = math::mean(out);
        const double scale = math::stdev(out, math::Divisor::n);
        for (double& x : out) x = (x - center) / scale;
        return out;
    });
}

TEST(PlantedLeak, Backfill) {
    expect_caught([](Bars bars) {
        Values out(bars.size(), math::missing);
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = bars[i].filled ? math::missing : bars[i].close;
        for (std::size_t i = out.size() - 1; i-- > 0;) out[i] = std::isnan(out[i]) ? out[i + 1] : out[i];
        return out;
    });
}

TEST(PlantedLeak, BackfilledWarmUp) {
    expect_caught([](Bars bars) {
        Values out = closes(bars);
        const std::size_t warm = std::min<std::size_t>(20, out.size() - 1);
        std::fill_n(out.begin(), warm, out[warm]);
        return out;
    });
}

TEST(PlantedLeak, LargerBarJoinedAtItsOpen) {
    expect_caught([](Bars bars) { return joined(bars, resample(bars, timeframe("1h")), [](const market::Bar& bar) { return bar.open_time; }); });
}

TEST(PlantedLeak, LargerBarJoinedAtItsOpenOnceEveryFourHours) {
    expect_caught([](Bars bars) { return joined(bars, resample(bars, timeframe("4h")), [](const market::Bar& bar) { return bar.open_time; }); });
}

// The last bar of the data is taken for closed although it is not: right in history, wrong at the live edge.
TEST(PlantedLeak, UnclosedFourHourBar) {
    const LeakReport report = audit(beside_an_honest_column([](Bars bars) {
        std::vector<market::Bar> larger = resample(bars, timeframe("4h"), LastBar::keep);
        larger.back().close_time = bars.back().close_time;
        return joined(bars, larger, [](const market::Bar& bar) { return bar.close_time; });
    }));
    EXPECT_TRUE(report.columns[0].passed());
    EXPECT_TRUE(report.columns[1].cut.has_value());
}

TEST(PlantedLeak, FutureMaximum) {
    expect_caught([](Bars bars) {
        Values out(bars.size());
        double top = 0.0;
        for (std::size_t i = bars.size(); i-- > 0;) out[i] = top = std::max(top, bars[i].high);
        return out;
    });
}

// Which barrier is met first within 30 bars: a label among the columns.
TEST(PlantedLeak, LabelColumn) {
    expect_caught([](Bars bars) {
        Values out(bars.size(), 0.0);
        for (std::size_t i = 0; i < out.size(); ++i) {
            for (std::size_t k = i + 1; k < std::min(i + 30, bars.size()) && out[i] == 0.0; ++k) {
                if (bars[k].high > bars[i].close * 1.002) out[i] = 1.0;
                if (bars[k].low < bars[i].close * 0.998) out[i] = -1.0;
            }
        }
        return out;
    });
}

TEST(PlantedLeak, NormalisedByTheLastValue) {
    expect_caught([](Bars bars) {
        Values out = closes(bars);
        const double last = out.back();
        for (double& x : out) x /= last;
        return out;
    });
}

TEST(PlantedLeak, RankOverTheFullSample) {
    expect_caught([](Bars bars) {
        const Values x = closes(bars);
        Values sorted = x;
        std::ranges::sort(sorted);
        Values out;
        for (const double v : x) {
            out.push_back(static_cast<double>(std::ranges::lower_bound(sorted, v) - sorted.begin()) / static_cast<double>(x.size()));
        }
        return out;
    });
}

TEST(PlantedLeak, BinsFromTheFullSample) {
    expect_caught([](Bars bars) {
        const Values x = closes(bars);
        const double edge = math::median(x);
        Values out;
        for (const double v : x) out.push_back(v > edge ? 1.0 : 0.0);
        return out;
    });
}

TEST(PlantedLeak, InterpolationBetweenLargerBars) {
    expect_caught([](Bars bars) {
        Values out = closes(bars);
        for (std::size_t i = 0; i < out.size(); ++i) {
            const std::size_t left = i / 60 * 60;
            const std::size_t right = std::min(left + 60, out.size() - 1);
            const double share = right > left ? static_cast<double>(i - left) / static_cast<double>(right - left) : 0.0;
            out[i] = bars[left].close * (1.0 - share) + bars[right].close * share;
        }
        return out;
    });
}

TEST(PlantedLeak, SmoothingForwardAndBackward) {
    expect_caught([](Bars bars) {
        Values out = closes(bars);
        for (std::size_t i = 1; i < out.size(); ++i) out[i] = out[i - 1] + 0.1 * (out[i] - out[i - 1]);
        for (std::size_t i = out.size() - 1; i-- > 0;) out[i] = out[i + 1] + 0.1 * (out[i] - out[i + 1]);
        return out;
    });
}

// A leak of one part in 2^50 is a leak.
TEST(PlantedLeak, TheFaintestBit) {
    expect_caught([](Bars bars) {
        Values out(bars.size());
        for (std::size_t i = 0; i < out.size(); ++i)
            out[i] = 1.0 + std::ldexp(i + 1 < out.size() && bars[i + 1].close > bars[i].close ? 1.0 : 0.0, -50);
        return out;
    });
}

TEST(PlantedLeak, LargerRowsLabelledAtTheirStart) {
    const LeakReport report = audit([](Bars bars) {
        market::Table table({"close"});
        for (const market::Bar& bar : resample(bars, timeframe("15m"))) table.append(bar.open_time, Values{bar.close});
        return table;
    });
    EXPECT_FALSE(report.order_problems.empty());
    EXPECT_FALSE(report.passed());
}

TEST(PlantedLeak, BaseRowsStampedAtTheirOpen) {
    const LeakReport report = audit([](Bars bars) {
        market::Table table({"close"});
        for (const market::Bar& bar : bars) table.append(bar.open_time, Values{bar.close});
        return table;
    });
    EXPECT_FALSE(report.passed());
    EXPECT_TRUE(report.columns[0].future.has_value());
}

// Rows chosen by what comes later: the values are honest, their presence is not.
TEST(PlantedLeak, RowsChosenByTheirFuture) {
    const LeakReport report = audit([](Bars bars) {
        market::Table table({"close"});
        for (std::size_t i = 0; i + 1 < bars.size(); ++i) {
            if (bars[i + 1].close > bars[i].close) table.append(bars[i].known_at(), Values{bars[i].close});
        }
        return table;
    });
    EXPECT_FALSE(report.order_problems.empty());
}

TEST(PlantedLeak, AStreamThatDiffersInOneBit) {
    const auto honest = beside_an_honest_column(closes);
    LeakAuditOptions options;
    options.stream = beside_an_honest_column([](Bars bars) {
        Values out = closes(bars);
        out[700] = std::nextafter(out[700], 0.0);
        return out;
    });
    const LeakReport report = audit(honest, options);
    EXPECT_TRUE(report.columns[0].passed());
    EXPECT_FALSE(report.columns[1].cut || report.columns[1].future);
    ASSERT_TRUE(report.columns[1].stream.has_value());
    EXPECT_EQ(report.columns[1].stream->known_at, test_start + 701 * ns_per_minute);
}

TEST(HonestColumn, ExpandingZScore) {
    expect_clean([](Bars bars) {
        const Values x = closes(bars);
        Values out;
        double sum = 0.0;
        for (std::size_t i = 0; i < x.size(); ++i) out.push_back(x[i] - (sum += x[i]) / static_cast<double>(i + 1));
        return out;
    });
}

TEST(HonestColumn, LargerBarJoinedAtItsClose) {
    expect_clean([](Bars bars) { return joined(bars, resample(bars, timeframe("4h")), [](const market::Bar& bar) { return bar.close_time; }); });
}

TEST(HonestColumn, FewerRowsThanBars) {
    const LeakReport report = audit([](Bars bars) {
        market::Table table({"close"});
        for (const market::Bar& bar : resample(bars, timeframe("15m"))) table.append(bar.close_time, Values{bar.close});
        return table;
    });
    EXPECT_TRUE(report.passed()) << format(report);
    EXPECT_EQ(report.rows, 100U);
}

// The decisive test: the whole catalogue, every column and row, by the same checker, against a stream that is fed bar by bar.
TEST(Catalogue, PassesTheAuditWithoutAFalseAlarm) {
    const auto timeframes = default_timeframes();
    const Producer batch = [&](Bars base) {
        const auto bars = all_timeframes(base, timeframes);
        return compute({}, timeframes, {.bars = bars, .funding = {}}).value();
    };
    LeakAuditOptions options;
    options.cuts = 40;
    options.stream = [&](Bars base) {
        Engine engine = Engine::make({}, timeframes).value();
        std::vector<std::string> names;
        for (const FeatureSpec& column : engine.columns()) names.push_back(column.name);
        market::Table table(names);
        Values row(names.size());
        std::vector<std::vector<market::Bar>> open(timeframes.size());  // base bars of the larger bar that is still open
        for (const market::Bar& bar : base) {
            engine.update(0, bar);
            for (std::size_t k = 1; k < timeframes.size(); ++k) {
                open[k].push_back(bar);
                const auto closed = resample(open[k], timeframes[k]);
                if (closed.empty()) continue;
                engine.update(k, closed[0]);
                open[k].clear();
            }
            engine.read(bar.known_at(), row);
            table.append(bar.known_at(), row);
        }
        return table;
    };
    const std::vector<market::Bar> bars = random_bars(4000, 5);
    const LeakReport report = audit_leaks(bars, batch, options).value();
    EXPECT_TRUE(report.passed()) << format(report);
    EXPECT_EQ(report.rows, 4000U);
    EXPECT_EQ(report.cuts, 40U);
    EXPECT_EQ(format(report), std::to_string(report.columns.size()) + " of " + std::to_string(report.columns.size()) +
                                  " columns passed over 4000 rows and 40 moments\n");
}

TEST(Audit, SaysWhichColumnWhichRowAndWhatItShouldBe) {
    const LeakReport report = audit(beside_an_honest_column([](Bars bars) { return Values(bars.size(), static_cast<double>(bars.size())); }));
    const std::string text = format(report);
    EXPECT_NE(text.find("planted: cut: row known at 2020-01-01T00:01:00Z should be "), std::string::npos) << text;
    EXPECT_NE(text.find(", is 1500 (data as of "), std::string::npos) << text;
    EXPECT_NE(text.find("1 of 2 columns passed over 1500 rows"), std::string::npos) << text;
}

TEST(Audit, RefusesWhatItCannotJudge) {
    const std::vector<market::Bar> bars = random_bars(20);
    const Producer honest = beside_an_honest_column(closes);
    EXPECT_EQ(audit_leaks(Bars(bars).first(7), honest).error().code, ErrorCode::data);
    std::vector<market::Bar> disorder = bars;
    std::swap(disorder[3], disorder[4]);
    EXPECT_EQ(audit_leaks(disorder, honest).error().code, ErrorCode::usage);
    const Producer growing = [](Bars some) { return market::Table(std::vector<std::string>(some.size(), "x")); };
    EXPECT_EQ(audit_leaks(bars, growing).error().code, ErrorCode::usage);
    EXPECT_TRUE(audit_leaks(Bars(bars).first(8), honest).value().passed());
}

TEST(AuditLeaks, StopsWhenAsked) {
    StopFlag stop;
    stop.request();
    const std::vector<market::Bar> bars = random_bars(100, 3);
    const auto report = audit_leaks(bars, beside_an_honest_column(closes), {.stream = {}, .stop = &stop});
    ASSERT_FALSE(report.has_value());
    EXPECT_EQ(report.error().code, ErrorCode::interrupted);
}

}  // namespace
}  // namespace sofia::features
