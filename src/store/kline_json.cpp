#include "store/kline_json.hpp"

#include <array>
#include <fstream>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "store/report.hpp"

namespace sofia::store {

namespace {

constexpr std::array<std::string_view, 6> names = {"ts", "open", "high", "low", "close", "volume"};

/// Under which names a candle's members stand.
constexpr std::array<std::array<std::string_view, 7>, 6> aliases = {{
    {"ts", "timestamp", "time", "t", "start", "open_time", "openTime"},
    {"o", "open"},
    {"h", "high"},
    {"l", "low"},
    {"c", "close"},
    {"v", "volume"},
}};

std::string without_blanks(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') out += c;
    }
    return out;
}

/// The list of candles in a document, or null.
const Json* candles_of(const Json& json) {
    if (json.is_array()) return &json;
    if (!json.is_object()) return nullptr;
    for (const char* name : {"result", "data", "list"}) {
        const auto found = json.find(name);
        if (found == json.end()) continue;
        if (const Json* list = candles_of(*found)) return list;
    }
    return nullptr;
}

/// Member `index` of a candle, or null.
const Json* member_of(const Json& candle, std::size_t index) {
    if (candle.is_array()) return index < candle.size() ? &candle[index] : nullptr;
    if (!candle.is_object()) return nullptr;
    for (const std::string_view alias : aliases[index]) {
        if (alias.empty()) break;
        if (const auto found = candle.find(alias); found != candle.end()) return &*found;
    }
    return nullptr;
}

/// A number as text, whether it stands in quotes or not. Empty: it is none.
std::string text_of(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_number_integer()) return value.dump();
    if (value.is_number_float()) return format_double(value.get<double>());
    return {};
}

Reason read_candle(const Json& candle, TimeUnit unit, market::Bar& out, std::uint64_t& widened) {
    if (!candle.is_array() && !candle.is_object()) return "it is neither an object nor a list";
    market::Bar bar;
    std::array<double*, 6> targets = {nullptr, &bar.open, &bar.high, &bar.low, &bar.close, &bar.volume};
    for (std::size_t i = 0; i < names.size(); ++i) {
        const Json* value = member_of(candle, i);
        if (value == nullptr) return std::string(names[i]) + " is missing";
        const std::string text = text_of(*value);
        if (text.empty()) return std::string(names[i]) + " " + shown(value->dump()) + " is not a number";
        if (Reason reason = i == 0 ? read_time(text, unit, bar.open_time) : read_number(text, names[i], *targets[i])) return reason;
    }
    if (Reason reason = complete_bar(bar, false, widened)) return reason;
    out = bar;
    return {};
}

TimeUnit unit_of_first(const Json& candles) {
    for (const Json& candle : candles) {
        const Json* time = member_of(candle, 0);
        if (time == nullptr) continue;
        if (const auto unit = unit_of(text_of(*time))) return *unit;
    }
    return TimeUnit::seconds;
}

}  // namespace

Result<bool> looks_like_klines(const std::filesystem::path& path) {
    constexpr std::streamsize head = 512;
    std::string text(head, '\0');
    std::ifstream file(path, std::ios::binary);
    if (!file.is_open()) return fail(ErrorCode::io, "cannot read " + path.string());
    file.read(text.data(), head);
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
    const std::string plain = without_blanks(text);
    return plain.starts_with("[{") || plain.starts_with("[[") || (plain.starts_with("{") && plain.find("\"list\":[[") != std::string::npos);
}

Result<BarBlock> read_kline_json(const std::filesystem::path& path, BadRows bad_rows, BarLayout& layout) {
    SOFIA_TRY(std::string text, read_file(path));
    if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
    SOFIA_TRY(const Json json, parse_json(text, path.string()));
    const Json* candles = candles_of(json);
    if (candles == nullptr) {
        return fail(ErrorCode::data, path.string() + ": there is no list of candles in it",
                    "it needs [{\"ts\": …, \"o\": …, \"h\": …, \"l\": …, \"c\": …, \"v\": …}, …]");
    }
    layout.unit = unit_of_first(*candles);
    BarBlock block;
    block.bars.reserve(candles->size());
    for (const Json& candle : *candles) {
        market::Bar bar;
        ++block.lines;
        const Reason reason = read_candle(candle, layout.unit, bar, block.widened);
        if (!reason) {
            block.bars.push_back(bar);
            continue;
        }
        ++block.bad_rows;
        const std::string what = "candle " + std::to_string(block.lines) + ": " + *reason;
        if (bad_rows == BadRows::refuse) return fail(ErrorCode::data, path.string() + " " + what, "--skip-bad-rows leaves such candles out");
        if (block.bad.size() < bad_listed_max) block.bad.push_back({0, what});
    }
    return block;
}

}  // namespace sofia::store
