#include "features/batch.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <string>
#include <utility>

namespace sofia::features {

namespace {

/// An engine and how far it has read into the input.
class Feed {
public:
    Feed(Engine& engine, const Input& input) : engine_(engine), input_(input), next_(input.bars.size(), 0) {}

    /// Takes all that is known when base bar `index` has closed, and reads the row.
    void step(std::size_t index, std::span<double> row) {
        const market::Bar& bar = input_.bars[0][index];
        const TimeNs known_at = bar.known_at();
        engine_.update(0, bar);
        for (std::size_t k = 1; k < input_.bars.size(); ++k) {
            const std::vector<market::Bar>& larger = input_.bars[k];
            while (next_[k] < larger.size() && larger[next_[k]].known_at() <= known_at) engine_.update(k, larger[next_[k]++]);
        }
        while (next_funding_ < input_.funding.size() && input_.funding[next_funding_].ts <= known_at) {
            const FundingRate& funding = input_.funding[next_funding_++];
            engine_.on_funding(funding.ts, funding.rate);
        }
        engine_.read(known_at, row);
    }

private:
    Engine& engine_;
    Input input_;
    std::vector<std::size_t> next_;
    std::size_t next_funding_ = 0;
};

/// Neighbouring columns, and an engine that makes them.
struct Share {
    Engine engine;
    std::size_t first;
};

Result<void> check_series(const Input& input, std::size_t timeframes) {
    if (input.bars.size() == timeframes) return {};
    return fail(ErrorCode::usage, std::to_string(input.bars.size()) + " series of bars for " + std::to_string(timeframes) + " timeframes",
                "give one series a timeframe");
}

// What writing a value costs beside making one: with it two shares of the catalogue take equally long, as measured.
constexpr double copy_cost = 0.1;

/// What a row costs in each column, in values to make: a column of a larger timeframe is seldom made and only copied otherwise.
std::vector<double> costs_of(const std::vector<FeatureSpec>& columns, const std::vector<market::Timeframe>& timeframes) {
    std::vector<double> costs;
    for (const FeatureSpec& column : columns) {
        double made = 0.0;
        for (const market::Timeframe timeframe : timeframes) {
            if (!column.name.starts_with(timeframe.prefix() + ".")) continue;
            made = static_cast<double>(timeframes[0].length()) / static_cast<double>(timeframe.length());
        }
        costs.push_back(made + copy_cost);
    }
    return costs;
}

/// Cuts the columns into `count` neighbouring pieces of about the same cost. In one piece, a share writes its part of a row at once and shares no
/// cache line with another but at its ends.
Result<std::vector<Share>> share_out(const std::vector<FeatureSpec>& columns, std::size_t count, FeaturesConfig config,
                                     const std::vector<market::Timeframe>& timeframes, const market::Session& session) {
    const std::vector<double> costs = costs_of(columns, timeframes);
    const double total = std::accumulate(costs.begin(), costs.end(), 0.0);
    std::vector<Share> shares;
    config.exclude.clear();
    double done = 0.0;
    for (std::size_t first = 0; first < columns.size();) {
        const double end = total * static_cast<double>(shares.size() + 1) / static_cast<double>(count);
        config.columns.clear();
        std::size_t last = first;
        while (last < columns.size() && (last == first || shares.size() + 1 == count || done + 0.5 * costs[last] < end)) {
            config.columns.push_back(columns[last].name);
            done += costs[last++];
        }
        SOFIA_TRY(Engine engine, Engine::make(config, timeframes, session));
        shares.push_back({.engine = std::move(engine), .first = first});
        first = last;
    }
    return shares;
}

}  // namespace

void for_each_row(Engine& engine, const Input& input, const std::function<void(TimeNs, std::span<const double>)>& sink) {
    assert(!input.bars.empty());
    Feed feed(engine, input);
    std::vector<double> row(engine.columns().size());
    for (std::size_t i = 0; i < input.bars[0].size(); ++i) {
        feed.step(i, row);
        sink(input.bars[0][i].known_at(), row);
    }
}

Result<market::Table> compute(const FeaturesConfig& config, const std::vector<market::Timeframe>& timeframes, const Input& input,
                              const market::Session& session) {
    SOFIA_CHECK(check_series(input, timeframes.size()));
    SOFIA_TRY(Engine engine, Engine::make(config, timeframes, session));
    std::vector<std::string> names;
    for (const FeatureSpec& column : engine.columns()) names.push_back(column.name);
    market::Table table(std::move(names));
    table.reserve(input.bars[0].size());
    for_each_row(engine, input, [&](TimeNs known_at, std::span<const double> row) { table.append(known_at, row); });
    return table;
}

Result<std::vector<FeatureSpec>> compute_groups(const FeaturesConfig& config, const std::vector<market::Timeframe>& timeframes, const Input& input,
                                                ThreadPool& pool, const std::function<Result<void>(const RowGroup&)>& sink,
                                                const market::Session& session, std::size_t group_rows) {
    assert(group_rows > 0);
    SOFIA_CHECK(check_series(input, timeframes.size()));
    SOFIA_TRY(Engine whole, Engine::make(config, timeframes, session));
    const std::size_t width = whole.columns().size();
    SOFIA_TRY(std::vector<Share> shares, share_out(whole.columns(), std::min(pool.size(), width), config, timeframes, session));
    std::vector<Feed> feeds;
    for (Share& share : shares) feeds.emplace_back(share.engine, input);

    const std::vector<market::Bar>& base = input.bars[0];
    std::vector<double> values(std::min(group_rows, base.size()) * width);
    std::vector<TimeNs> known_at;
    for (std::size_t first = 0; first < base.size(); first += group_rows) {
        const std::size_t rows = std::min(group_rows, base.size() - first);
        pool.for_each(shares.size(), [&](std::size_t s) {
            const std::size_t count = shares[s].engine.columns().size();
            for (std::size_t i = 0; i < rows; ++i) feeds[s].step(first + i, std::span(values).subspan(i * width + shares[s].first, count));
        });
        known_at.clear();
        for (std::size_t i = 0; i < rows; ++i) known_at.push_back(base[first + i].known_at());
        SOFIA_CHECK(sink({.known_at = known_at, .values = std::span(values).first(rows * width)}));
    }
    return whole.columns();
}

}  // namespace sofia::features
