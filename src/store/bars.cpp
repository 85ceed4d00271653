#include "store/bars.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "base/threads.hpp"
#include "store/csv_bars.hpp"
#include "store/csv_file.hpp"
#include "store/kline_json.hpp"
#include "store/ordered_chunks.hpp"

namespace sofia::store {

namespace {

using market::Bar;

constexpr std::size_t chunk_bytes = std::size_t{1} << 18U;
constexpr std::size_t plan_bytes = std::size_t{1} << 14U;

Result<TimeUnit> find_unit(const std::filesystem::path& path, const BarLayout& layout) {
    SOFIA_TRY(CsvFile file, open_csv(path, plan_bytes));
    TextChunk chunk;
    const auto more = file.lines.next(chunk);
    if (!more) return std::unexpected(at_line(path, 2, more.error()));
    RowFields fields;
    std::string_view text = chunk.text();
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        if (line.size() > line_bytes_max || fields.split(line) || fields.size() != layout.columns) continue;
        if (const auto unit = unit_of(fields[layout.start])) return *unit;
    }
    return TimeUnit::seconds;
}

class BarRead {
public:
    BarRead(const DataFolder& folder, const ReadOptions& options)
        : folder_(folder), options_(options), threads_(options.threads > 0 ? options.threads : ThreadPool(0).size()) {}

    Result<BarData> run() {
        for (const std::filesystem::path& path : folder_.files()) SOFIA_CHECK(read_file(path));
        if (data_.bars.empty()) {
            return fail(ErrorCode::data, folder_.path().string() + ": no usable bar in " + std::to_string(folder_.files().size()) + " file(s)");
        }
        sort();
        SOFIA_CHECK(find_timeframe());
        SOFIA_CHECK(find_gaps());
        count_carried();
        finish();
        return std::move(data_);
    }

private:
    ReadReport& report() { return data_.report; }

    Result<void> read_file(const std::filesystem::path& path) {
        FileReport file;
        file.path = path;
        BarLayout layout;
        report().files.push_back(file);
        file_begins_.push_back(data_.bars.size());
        if (path.extension() == ".parquet") {
            SOFIA_TRY(BarBlock block, read_parquet_bars(path, options_.bad_rows, layout));
            SOFIA_CHECK(take(block));
        } else if (lower(path.extension().string()) == ".json") {
            SOFIA_TRY(BarBlock block, read_kline_json(path, options_.bad_rows, layout));
            report().files.back().time_unit = unit_name(layout.unit);
            SOFIA_CHECK(take(block));
        } else {
            SOFIA_CHECK(read_csv(path, layout));
        }
        for (std::size_t i = 0; i < flow_names.size(); ++i) has_flow_[i] = has_flow_[i] || layout.flow[i] != no_column;
        const FileReport& now = report().files.back();
        if (now.rows == 0 && now.bad_rows == 0 && options_.bad_rows == BadRows::refuse) return std::unexpected(no_row(path));
        if (now.rows == 0) report().notes.push_back(path.string() + ": no usable row");
        return {};
    }

    Result<void> read_csv(const std::filesystem::path& path, BarLayout& layout) {
        SOFIA_TRY(CsvFile csv, open_csv(path, chunk_bytes));
        auto found = bar_layout(csv.header);
        if (!found) return std::unexpected(at_line(path, 1, std::move(found).error()));
        layout = *found;
        SOFIA_TRY(layout.unit, find_unit(path, layout));
        report().files.back().time_unit = unit_name(layout.unit);
        if (layout.unit != TimeUnit::seconds) {
            report().notes.push_back("timestamps in " + std::string(unit_name(layout.unit)) + " in " + path.string());
        }
        const auto parse = [layout, bad_rows = options_.bad_rows](const TextChunk& chunk, RowFields& fields, BarBlock& out) {
            parse_bars(chunk, layout, bad_rows, fields, out);
        };
        OrderedChunks<BarBlock, RowFields> chunks(std::move(csv.lines), parse, threads_);
        std::uint64_t lines_before = 1;  // the header
        while (true) {
            if (options_.stop != nullptr && options_.stop->requested()) return fail(ErrorCode::interrupted, "interrupted while reading bars");
            auto block = chunks.next();
            if (!block) return std::unexpected(at_line(path, lines_before + 1, std::move(block).error()));
            if (*block == nullptr) return {};
            for (LocalBadRow& bad : (*block)->bad) bad.line += lines_before + 1;
            SOFIA_CHECK(take(**block));
            lines_before += (*block)->lines;
        }
    }

    // Books a block into the last file. Their lines already count from the begin of the file.
    Result<void> take(BarBlock& block) {
        FileReport& file = report().files.back();
        if (options_.bad_rows == BadRows::refuse && !block.bad.empty()) {
            return std::unexpected(
                at_line(file.path, block.bad.front().line, {ErrorCode::data, block.bad.front().reason, "--skip-bad-rows leaves such rows out"}));
        }
        file.bad_rows += block.bad_rows;
        report().bad_rows += block.bad_rows;
        for (LocalBadRow& bad : block.bad) {
            if (report().bad.size() < bad_listed_max) report().bad.push_back({file.path, bad.line, std::move(bad.reason)});
        }
        report().opens_widened += block.widened;
        for (const Bar& bar : block.bars) {
            if (file.rows == 0) file.first = file.last = bar.open_time;
            file.out_of_order += bar.open_time < file.last ? 1U : 0U;
            file.newest_first = file.rows == 0 || (file.newest_first && bar.open_time <= last_start_);
            file.first = std::min(file.first, bar.open_time);
            file.last = std::max(file.last, bar.open_time);
            last_start_ = bar.open_time;
            ++file.rows;
        }
        if (data_.bars.empty()) {
            data_.bars = std::move(block.bars);
        } else {
            data_.bars.insert(data_.bars.end(), block.bars.begin(), block.bars.end());
        }
        return {};
    }

    void sort() {
        for (FileReport& file : report().files) {
            file.newest_first = file.newest_first && file.last > file.first;
            if (file.newest_first) file.out_of_order = 0;
            report().out_of_order += file.out_of_order;
            if (file.newest_first) report().notes.push_back("newest first in " + file.path.string() + ": read backward");
            if (file.out_of_order > 0) report().notes.push_back("rows out of order in " + file.path.string() + ": sorted by time");
        }
        const auto not_before = [](const Bar& a, const Bar& b) { return a.open_time >= b.open_time; };
        if (std::ranges::adjacent_find(data_.bars, not_before) != data_.bars.end()) sort_and_drop_duplicates();
    }

    // Bars still stand in the order of files and rows: so of equal starts the first one goes first.
    void sort_and_drop_duplicates() {
        std::vector<Bar> unsorted = std::move(data_.bars);
        std::vector<std::size_t> order(unsorted.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::ranges::stable_sort(order, {}, [&](std::size_t i) { return unsorted[i].open_time; });
        std::uint64_t different = 0;
        data_.bars = {};
        data_.bars.reserve(unsorted.size());
        for (const std::size_t i : order) {
            if (data_.bars.empty() || data_.bars.back().open_time != unsorted[i].open_time) {
                data_.bars.push_back(unsorted[i]);
                continue;
            }
            const auto file = std::ranges::upper_bound(file_begins_, i) - file_begins_.begin() - 1;
            ++report().files[static_cast<std::size_t>(file)].duplicates;
            ++report().duplicates;
            different += same_bits(data_.bars.back(), unsorted[i]) ? 0U : 1U;
        }
        if (different > 0) {
            report().notes.push_back(std::to_string(different) + " of " + std::to_string(report().duplicates) +
                                     " doubled bars differ from the one that stays, the first by file name");
        }
    }

    // The commonest distance, of equally common ones the shortest.
    Result<void> find_timeframe() {
        std::map<DurationNs, std::uint64_t> distances;
        for (std::size_t i = 1; i < data_.bars.size(); ++i) ++distances[data_.bars[i].open_time - data_.bars[i - 1].open_time];
        DurationNs length = ns_per_minute;
        std::uint64_t most = 0;
        for (const auto& [distance, count] : distances) {
            if (count <= most) continue;
            most = count;
            length = distance;
        }
        if (distances.empty()) report().notes.push_back("a single bar: taken as 1m");
        const std::string text = length % ns_per_second == 0 ? std::to_string(length / ns_per_second) + "s" : "";
        const auto timeframe = market::Timeframe::parse(text);
        if (!timeframe) {
            return fail(ErrorCode::data,
                        folder_.path().string() + ": bars are " + std::to_string(length / ns_per_ms) + " ms apart, which does not divide a day");
        }
        data_.timeframe = *timeframe;
        for (Bar& bar : data_.bars) {
            if (timeframe->open_of(bar.open_time) != bar.open_time) {
                return fail(ErrorCode::data, folder_.path().string() + ": the bar of " + format_time(bar.open_time) +
                                                 " does not start on the grid of " + timeframe->name() + " bars");
            }
            bar.close_time = bar.open_time + timeframe->length();
        }
        return {};
    }

    Result<void> find_gaps() {
        SOFIA_TRY(const market::Session session, folder_.instrument().session());
        const DurationNs step = data_.timeframe.length();
        for (std::size_t i = 1; i < data_.bars.size(); ++i) {
            const TimeNs from = data_.bars[i - 1].close_time;
            const TimeNs to = data_.bars[i].open_time;
            if (from == to) continue;
            if (session.always()) {
                report().gaps.push_back({from, to});
            } else {
                session_gaps(session, from, to, step);
            }
        }
        return {};
    }

    // The stretches of [from, to) whose bars would lie inside the session.
    void session_gaps(const market::Session& session, TimeNs from, TimeNs to, DurationNs step) {
        TimeNs at = from;
        while (at < to) {
            const TimeNs open = session.next_open(at);
            const TimeNs begin = std::max(at, floor_time(open + step - 1, step));
            if (begin >= to) return;
            TimeNs end = begin;
            while (end < to && session.contains(end)) end += step;
            if (end > begin) report().gaps.push_back({begin, end});
            at = std::max(end, begin + step);
        }
    }

    void count_carried() {
        std::uint64_t pairs = 0;
        std::uint64_t carried = 0;
        for (std::size_t i = 1; i < data_.bars.size(); ++i) {
            // A bar without a print opens at the close before by construction and says nothing.
            if (data_.bars[i].filled || data_.bars[i].open_time != data_.bars[i - 1].close_time) continue;
            ++pairs;
            carried += data_.bars[i].open == data_.bars[i - 1].close ? 1U : 0U;
        }
        if (pairs > 0) report().carried_open_share = static_cast<double>(carried) / static_cast<double>(pairs);
        report().carried_opens = report().carried_open_share > 0.5;
    }

    void finish() {
        report().rows = data_.bars.size();
        report().first = data_.bars.front().open_time;
        report().last = data_.bars.back().open_time;
        for (std::size_t i = 0; i < flow_names.size(); ++i) {
            const bool derived = (flow_names[i] == "sell_volume" && has_flow_[2]) || (flow_names[i] == "buy_volume" && has_flow_[3]);
            if (!has_flow_[i] && !derived) report().missing_columns.emplace_back(flow_names[i]);
        }
        if (report().opens_widened > 0) {
            report().notes.push_back(std::to_string(report().opens_widened) + " bars widened to hold an open outside low to high");
        }
        if (report().carried_opens) report().notes.push_back("opens are the close before, not a print");
    }

    const DataFolder& folder_;
    const ReadOptions& options_;
    std::size_t threads_;
    BarData data_;
    std::vector<std::size_t> file_begins_;  // where each file's bars begin in data_.bars, before sorting
    std::array<bool, flow_names.size()> has_flow_{};
    TimeNs last_start_ = 0;
};

}  // namespace

Result<BarData> read_bars(const DataFolder& folder, const ReadOptions& options) {
    if (folder.kind() != DataKind::bars) {
        return fail(ErrorCode::usage, fmt::format("{} holds {}, not bars", folder.path().string(), kind_name(folder.kind())));
    }
    return BarRead(folder, options).run();
}

}  // namespace sofia::store
