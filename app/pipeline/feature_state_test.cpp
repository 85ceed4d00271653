#include "app/pipeline/feature_state.hpp"

#include <unistd.h>

#include <bit>
#include <cmath>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/history.hpp"
#include "app/pipeline/test_walk.hpp"
#include "base/files.hpp"
#include "base/hash.hpp"
#include "base/random.hpp"

// A process that goes on from a feature state against one that has seen everything from the first print: every row and every touch, to the last bit.
namespace sofia::pipeline {
namespace {

constexpr TimeNs start = 1'577'836'800 * ns_per_second;  // 2020-01-01, a Wednesday

class FeatureStateFile : public ::testing::Test {
protected:
    FeatureStateFile() : folder_(std::filesystem::temp_directory_path() / ("sofia-feature-state-" + std::to_string(::getpid()))) {
        std::filesystem::create_directories(folder_);
        file_ = folder_ / feature_state_file;
    }
    ~FeatureStateFile() override {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    std::filesystem::path folder_;
    std::filesystem::path file_;
};

/// Prints some seconds to an hour apart.
MarketData market_of(std::int64_t days, std::uint64_t seed, const std::string& session) {
    MarketData data;
    data.symbol = "WALK";
    data.kind = store::DataKind::trades;
    data.session = market::Session::parse(session).value();
    RandomStream random(seed);
    double price = 10'000.0;
    for (TimeNs time = start; time < start + days * ns_per_day;) {
        time += 1 + static_cast<TimeNs>(random.exponential() * (random.below(300) == 0 ? 3600.0 : 40.0) * static_cast<double>(ns_per_second));
        if (random.below(100) == 0) time = floor_time(time, ns_per_minute);
        if (!data.trades.empty()) time = std::max(time, data.trades.back().ts);
        price *= std::exp(0.0008 * random.normal());
        const auto tick = static_cast<market::TickDirection>(random.below(4));
        data.trades.push_back({time, std::round(2.0 * price) / 2.0, random.exponential(), static_cast<market::Side>(random.below(2)), tick});
    }
    return data;
}

/// Every column there is; rates every eight hours.
Settings whole_catalogue(const std::filesystem::path& funding, const std::string& session) {
    std::ofstream rates(funding);
    rates << "timestamp,funding_rate\n";
    for (TimeNs time = start + 4 * ns_per_hour; time < start + 40 * ns_per_day; time += 8 * ns_per_hour) {
        rates << time / ns_per_second << "," << 1e-6 * static_cast<double>((time / ns_per_hour) % 101) << "\n";
    }
    rates.close();
    return load_settings({.sets = {"bars.timeframes=1m,5m,15m,1h,4h", "touch.timeframes=5m,15m,1h", "touch.min_bars_away=1",
                                   "touch.min_slope_atr=0.001", "funding.file=" + funding.string(), "instrument.session=" + session}})
        .value();
}

Context quiet() { return Context{}; }

History history_of(MarketData data, const Settings& settings, const char* rows_at) {
    return build_history(std::move(data), settings, market::Timeframe::parse(rows_at).value(), quiet()).value();
}

/// What a stream tells after some moment.
struct Told {
    std::vector<TimeNs> known_at;
    std::vector<double> rows;
    std::vector<trading::Touch> touches;

    FeatureStream::Sinks sinks() {
        return {.row =
                    [this](TimeNs time, std::span<const double> row) {
                        known_at.push_back(time);
                        rows.insert(rows.end(), row.begin(), row.end());
                    },
                .touch = [this](const trading::Touch& touch) { touches.push_back(touch); }};
    }
};

/// Gives `stream` what `history` holds after `as_of`: as it comes, or in blocks.
Told go_on(FeatureStream stream, const History& history, TimeNs as_of, std::size_t block) {
    Told told;
    for (const trading::Funding& funding : history.funding) {
        if (funding.time > as_of) stream.on_funding(funding);
    }
    const std::vector<market::Trade>& trades = history.data.trades;
    for (std::span<const market::Trade> left(std::ranges::lower_bound(trades, as_of, {}, &market::Trade::ts), trades.end()); !left.empty();) {
        stream.on_trades(left.first(std::min(block, left.size())), told.sinks());
        left = left.subspan(std::min(block, left.size()));
    }
    if (trades.empty()) {
        for (const market::Bar& bar : history.bars.front()) {
            if (bar.close_time > as_of) stream.on_base_bar(bar, told.sinks());
        }
    }
    stream.flush(told.sinks());
    return told;
}

void expect_rest(const Told& told, const History& history, const std::vector<trading::Touch>& touches, TimeNs as_of) {
    const std::vector<TimeNs>& known = history.rows.known_at();
    const auto first = static_cast<std::size_t>(std::ranges::upper_bound(known, as_of) - known.begin());
    ASSERT_EQ(told.known_at, std::vector<TimeNs>(known.begin() + static_cast<std::ptrdiff_t>(first), known.end())) << format_time(as_of);
    const std::size_t width = history.rows.width();
    for (std::size_t i = 0; i < told.rows.size(); ++i) {
        const double expected = history.rows.row(first + i / width)[i % width];
        ASSERT_TRUE(std::bit_cast<std::uint64_t>(told.rows[i]) == std::bit_cast<std::uint64_t>(expected) ||
                    (std::isnan(told.rows[i]) && std::isnan(expected)))
            << history.rows.columns()[i % width] << " at " << format_time(told.known_at[i / width]) << ", state of " << format_time(as_of);
    }
    const auto later = std::ranges::upper_bound(touches, as_of, {}, &trading::Touch::known_at);
    ASSERT_EQ(told.touches, std::vector<trading::Touch>(later, touches.end())) << format_time(as_of);
}

/// Inside the warm-up of every timeframe and after it; inside a minute, at the close of one, of an hour, of a day, before the first print.
std::vector<TimeNs> moments(std::int64_t days) {
    std::vector<TimeNs> times = {start - ns_per_day, start, start + 1, start + ns_per_minute, start + ns_per_hour, start + 2 * ns_per_day};
    RandomStream random(5);
    for (int i = 0; i < 15; ++i) {
        times.push_back(start + static_cast<TimeNs>(random.uniform() * static_cast<double>(days * ns_per_day)));
        if (i % 3 == 1) times.back() = floor_time(times.back(), ns_per_minute);
        if (i % 3 == 2) times.back() = floor_time(times.back(), 4 * ns_per_hour);
    }
    return times;
}

class FeatureStateSession : public FeatureStateFile, public ::testing::WithParamInterface<const char*> {};

TEST_P(FeatureStateSession, EveryRowAndTouchAfterIsThatOfTheWholeHistory) {
    // Ten days and more are the warm-up of the largest timeframe.
    const std::int64_t days = std::string(GetParam()) == "24x7" ? 12 : 8;
    const Settings settings = whole_catalogue(folder_ / "funding.csv", GetParam());
    const History history = history_of(market_of(days, 1, GetParam()), settings, "1m");
    ASSERT_GT(history.columns.size(), 190U);
    const std::vector<trading::Touch> touches = find_candidates(history, settings.decision.touch).value().touches;
    ASSERT_GT(touches.size(), 10U);
    std::size_t block = 1;
    for (const TimeNs as_of : moments(days)) {
        const FeatureStream stream = stream_until(history, settings, as_of, quiet()).value();
        ASSERT_TRUE(write_feature_state(file_, {.symbol = "WALK", .as_of = as_of, .stream = stream}).has_value());
        const auto state = read_feature_state(file_, {0, 4});
        ASSERT_TRUE(state.has_value()) << state.error().message;
        EXPECT_EQ(state->as_of, as_of);
        expect_rest(go_on(state->stream, history, as_of, block), history, touches, as_of);
        block = block * 7 % 1009;
    }
}

INSTANTIATE_TEST_SUITE_P(Sessions, FeatureStateSession, ::testing::Values("24x7", "13:30-20:00", "22:00-21:00 sun-thu"),
                         [](const auto& one) { return "Session" + std::to_string(one.index); });

TEST_F(FeatureStateFile, BarsGoOnAsPrintsDo) {
    const Settings settings = whole_catalogue(folder_ / "funding.csv", "24x7");
    MarketData data = walk(4'000, 3, [](market::Bar& bar, RandomStream& random) {
        const double middle = bar.open * std::exp(0.001 * random.normal());
        set_path(bar, middle, middle * std::exp(0.001 * random.normal()));
        bar.volume = random.below(50) == 0 ? std::numeric_limits<double>::quiet_NaN() : random.exponential();
    });
    std::erase_if(data.bars, [](const market::Bar& bar) { return (bar.open_time / ns_per_minute) % 500 > 480; });
    const History history = history_of(std::move(data), settings, "5m");
    const auto touches = find_candidates(history, settings.decision.touch).value().touches;
    for (const std::int64_t minute : {0, 3, 14, 61, 485, 499, 500, 777, 1501, 3999}) {
        const TimeNs as_of = minute * ns_per_minute + (minute % 2) * 30 * ns_per_second;  // inside a bar, too
        const FeatureStream stream = stream_until(history, settings, as_of, quiet()).value();
        ASSERT_TRUE(write_feature_state(file_, {.symbol = "WALK", .as_of = as_of, .stream = stream}).has_value());
        expect_rest(go_on(read_feature_state(file_, {1, 4}).value().stream, history, as_of, 1), history, touches, as_of);
    }
}

// However the stream came to a moment, in one go, by way of a state, in pieces, its file is the same.
TEST_F(FeatureStateFile, EqualStatesAreEqualBytes) {
    const Settings settings = whole_catalogue(folder_ / "funding.csv", "24x7");
    const History history = history_of(market_of(3, 2, "24x7"), settings, "1m");
    const TimeNs early = start + 30 * ns_per_hour + 17;
    const TimeNs late = start + 55 * ns_per_hour + 12'345'678'901;
    const auto bytes = [&](const FeatureStream& stream, TimeNs as_of) {
        EXPECT_TRUE(write_feature_state(file_, {.symbol = "WALK", .as_of = as_of, .stream = stream}).has_value());
        return read_file(file_).value();
    };
    const std::string direct = bytes(stream_until(history, settings, late, quiet()).value(), late);
    bytes(stream_until(history, settings, early, quiet()).value(), early);
    FeatureStream stream = read_feature_state(file_).value().stream;
    for (const trading::Funding& funding : history.funding) {
        if (funding.time > early && funding.time <= late) stream.on_funding(funding);
    }
    for (const market::Trade& trade : history.data.trades) {
        if (trade.ts < early || trade.ts >= late) continue;
        stream.on_trades({&trade, 1}, {});
        if (trade.ts % 10 == 0) stream.advance_to(trade.ts, {});
    }
    stream.advance_to(late, {});
    EXPECT_EQ(bytes(stream, late), direct);
    EXPECT_EQ(bytes(read_feature_state(file_).value().stream, late), direct);
    EXPECT_LT(direct.size(), 300'000U);
}

std::string error_of(const std::filesystem::path& file) {
    const auto state = read_feature_state(file);
    return state ? "" : state.error().message;
}

class DamagedFeatureState : public FeatureStateFile {
protected:
    DamagedFeatureState()
        : settings_(whole_catalogue(folder_ / "funding.csv", "24x7")), history_(history_of(market_of(2, 4, "24x7"), settings_, "1m")) {
        const FeatureStream stream = stream_until(history_, settings_, as_of_, quiet()).value();
        EXPECT_TRUE(write_feature_state(file_, {.symbol = "WALK", .as_of = as_of_, .stream = stream}).has_value());
        text_ = read_file(file_).value();
        document_ = parse_json(text_, "state").value();
    }

    /// The error of the file with other content; where its checksum is right, `signed_document`.
    std::string error_with(std::string_view bytes) const {
        EXPECT_TRUE(write_file(file_, bytes).has_value());
        return error_of(file_);
    }
    [[nodiscard]] std::string signed_error(Json document) const {
        document.erase("sha256");
        document["sha256"] = sha256_hex(canonical_json(document));
        return error_with(canonical_json(document));
    }

    TimeNs as_of_ = start + 30 * ns_per_hour + 77;
    Settings settings_;
    History history_;
    std::string text_;
    Json document_;
};

TEST_F(DamagedFeatureState, IsRefusedWhereverItIsCut) {
    EXPECT_EQ(error_with(text_), "");
    for (std::size_t length = 0; length + 2 < text_.size(); length += 1 + length / 10) {
        const std::string error = error_with(std::string_view(text_).substr(0, length));
        ASSERT_TRUE(error.starts_with(file_.string())) << length << ": " << error;
    }
}

TEST_F(DamagedFeatureState, IsRefusedWhicheverByteIsChanged) {
    RandomStream random(9);
    for (int round = 0; round < 100; ++round) {
        std::string damaged = text_;
        const std::size_t at = random.below(damaged.size() - 2);
        damaged[at] = static_cast<char>(damaged[at] ^ static_cast<char>(1U << random.below(7)));
        // Another way to write the same is no damage.
        const auto document = parse_json(damaged, "state");
        if (document && *document == document_) continue;
        ASSERT_NE(error_with(damaged), "") << "byte " << at;
    }
}

TEST_F(DamagedFeatureState, SaysWhatIsWrong) {
    const auto with = [&](const char* name, const Json& value) {
        Json document = document_;
        document[name] = value;
        return signed_error(document);
    };
    const std::string file = file_.string();
    EXPECT_EQ(with("schema", 2), file + ": a feature state of schema 2, this program reads schema 1");
    EXPECT_EQ(with("as_of", "yesterday"), file + ": \"as_of\" is missing or of the wrong type");
    EXPECT_EQ(with("columns_hash", "00"), file + ": its columns are not those that this program makes of its configuration");
    EXPECT_EQ(with("state", 7), file + ": state: the state is no object");
    EXPECT_EQ(with("config", "features: {rsi_length: 0}"),
              file + ": \"config\" line 1: features.rsi_length: value \"0\" is out of range, allowed 1..10000");
    EXPECT_EQ(error_with("{}"), file + ": no feature state");
    EXPECT_EQ(error_with("[1]"), file + ": no feature state");
    Json document = document_;
    document["symbol"] = "OTHER";
    EXPECT_EQ(error_with(canonical_json(document)), file + ": differs from what was saved (its content has not the checksum in it)");
    document = document_;
    document["state"]["features"]["timeframes"]["2"]["rsi14"]["rsi"]["gain"].erase("seen");
    EXPECT_EQ(signed_error(document), file + ": state: features.timeframes.2.rsi14.rsi.gain.seen is missing");
    std::filesystem::remove(file_);
    EXPECT_NE(error_of(file_).find(file), std::string::npos);
    EXPECT_EQ(read_feature_state(file_).error().code, ErrorCode::io);
}

// Numbers that nobody wrote, with the checksum made to fit: refused, or taken as numbers; nothing crashes on what comes after.
TEST_F(DamagedFeatureState, AnyNumbersAreRefusedOrTaken) {
    const Json flat = document_["state"].flatten();
    std::vector<std::string> places;
    for (const auto& [place, value] : flat.items()) places.push_back(place);
    RandomStream random(3);
    std::size_t refused = 0;
    const std::vector<market::Trade>& trades = history_.data.trades;
    const auto first = std::ranges::lower_bound(trades, as_of_, {}, &market::Trade::ts);
    for (int round = 0; round < 60; ++round) {
        Json document = document_;
        const std::vector<Json> odd = {Json(0U), Json(-1), Json(1'000'000'000'000'000'000), Json(true), Json(nullptr), Json(1e300)};
        document["state"][Json::json_pointer(places[random.below(places.size())])] = odd[random.below(odd.size())];
        if (!signed_error(document).empty()) {
            ++refused;
            continue;
        }
        FeatureStream stream = read_feature_state(file_).value().stream;
        Told told;
        stream.on_trades({first, first + 300}, told.sinks());
    }
    EXPECT_GT(refused, 10U);
}

TEST_F(DamagedFeatureState, GoesOnWithItsOwnSettingsOnly) {
    ASSERT_EQ(error_with(text_), "");
    const FeatureState state = read_feature_state(file_).value();
    const auto problem = [&](const std::vector<std::string>& sets) {
        std::vector<std::string> all = {"funding.file=" + (folder_ / "funding.csv").string()};
        all.insert(all.end(), sets.begin(), sets.end());
        const Settings settings = load_settings({.resolved = show(state.stream.config()), .sets = all}).value();
        const auto checked = check_stream_config("S", state, stream_config(settings).value());
        return checked ? "" : checked.error().message;
    };
    EXPECT_EQ(problem({}), "");
    EXPECT_EQ(problem({"features.rsi_length=21"}), "S: features.rsi_length was 14 in training, it is 21 here");
    EXPECT_EQ(problem({"touch.ema_length=30"}), "S: touch.ema_length was 20 in training, it is 30 here");
    EXPECT_EQ(problem({"instrument.session=13:30-20:00"}), "S: instrument.session was 24x7 in training, it is 13:30-20:00 here");
    EXPECT_EQ(problem({"funding.file=\"\""}), "S: funding.file was set in training, it is empty here");
    EXPECT_EQ(problem({"barriers.stop_atr=3"}), "");  // no feature depends on it
}

}  // namespace
}  // namespace sofia::pipeline
