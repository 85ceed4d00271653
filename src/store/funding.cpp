#include "store/funding.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "store/columns.hpp"
#include "store/csv_fields.hpp"
#include "store/csv_file.hpp"

namespace sofia::store {

namespace {

constexpr std::size_t chunk_bytes = std::size_t{1} << 16U;

// One of the two columns that choose rows: what is asked for and what was there.
struct Choice {
    std::string_view title;
    std::string wanted;  // lower case; empty: whatever the file's only value is
    std::optional<std::size_t> column;
    std::set<std::string> values;

    bool matches(const RowFields& fields) {
        if (!column) return true;
        const std::string value(trim(fields[*column]));
        values.insert(value);
        return wanted.empty() || lower(value) == wanted;
    }

    [[nodiscard]] std::string values_text() const {
        const std::vector<std::string> list(values.begin(), values.end());
        return join(list, ", ");
    }
};

struct Columns {
    std::size_t count = 0;
    std::size_t timestamp = 0;
    std::size_t rate = 0;
};

Result<Columns> find_columns(const std::vector<std::string>& header, Choice& symbol, Choice& exchange) {
    SOFIA_TRY(const auto timestamp, find_column(header, "timestamp"));
    SOFIA_TRY(auto rate, find_column(header, "funding_rate"));
    if (!rate) {
        SOFIA_TRY(rate, find_column(header, "rate"));
    }
    if (!timestamp || !rate) {
        return fail(
            ErrorCode::data,
            std::string("column \"") + (timestamp ? "funding_rate" : "timestamp") + "\" is missing: the header has " + shown(join(header, ",")),
            "funding files need timestamp, funding_rate and may have symbol, exchange");
    }
    SOFIA_TRY(symbol.column, find_column(header, "symbol"));
    SOFIA_TRY(exchange.column, find_column(header, "exchange"));
    return Columns{header.size(), *timestamp, *rate};
}

class FundingRead {
public:
    FundingRead(const std::filesystem::path& path, const std::string& symbol, const std::string& exchange)
        : path_(path), symbol_{"symbol", lower(trim(symbol)), {}, {}}, exchange_{"exchange", lower(trim(exchange)), {}, {}} {}

    Result<std::vector<FundingRate>> run() {
        SOFIA_TRY(CsvFile file, open_csv(path_, chunk_bytes));
        auto columns = find_columns(file.header, symbol_, exchange_);
        if (!columns) return std::unexpected(at_line(path_, 1, std::move(columns).error()));
        TextChunk chunk;
        std::uint64_t line = 2;
        while (true) {
            auto more = file.lines.next(chunk);
            if (!more) return std::unexpected(at_line(path_, line, std::move(more).error()));
            if (!*more) break;
            for (std::string_view text = chunk.text(); !text.empty(); ++line) {
                const std::size_t end = text.find('\n');
                std::string_view row = text.substr(0, end);
                text.remove_prefix(end + 1);
                if (row.ends_with('\r')) row.remove_suffix(1);
                if (row.empty()) continue;
                if (Reason reason = take(row, *columns)) return std::unexpected(at_line(path_, line, {ErrorCode::data, *reason, {}}));
            }
        }
        if (line == 2) return std::unexpected(no_row(path_));
        SOFIA_CHECK(judge_choice(symbol_));
        SOFIA_CHECK(judge_choice(exchange_));
        return finish();
    }

private:
    Reason take(std::string_view row, const Columns& columns) {
        if (row.size() > line_bytes_max) return "the line is longer than 1 MiB";
        if (!is_utf8(row)) return "the row has bytes that are no UTF-8: " + shown(row);
        if (Reason reason = fields_.split(row)) return reason;
        if (fields_.size() != columns.count) {
            return "the row has " + std::to_string(fields_.size()) + " fields, the header has " + std::to_string(columns.count);
        }
        if (!unit_) unit_ = unit_of(fields_[columns.timestamp]);
        FundingRate rate;
        if (Reason reason = read_time(fields_[columns.timestamp], unit_.value_or(TimeUnit::seconds), rate.ts)) return reason;
        if (Reason reason = read_number(fields_[columns.rate], "funding_rate", rate.rate)) return reason;
        if (std::fabs(rate.rate) > 1.0) return "funding_rate " + shown(fields_[columns.rate]) + " is not in -1..1: 0.0001 is 0.01 % of the position";
        const bool symbol = symbol_.matches(fields_);
        const bool exchange = exchange_.matches(fields_);
        if (symbol && exchange) rates_.push_back(rate);
        return {};
    }

    Result<void> judge_choice(const Choice& choice) const {
        if (!choice.column || (choice.wanted.empty() && choice.values.size() <= 1)) return {};
        const std::string title(choice.title);
        if (choice.wanted.empty()) {
            return fail(ErrorCode::data, path_.string() + " holds more than one " + title + ": " + choice.values_text(), "set funding." + title);
        }
        if (std::ranges::any_of(choice.values, [&](const std::string& value) { return lower(value) == choice.wanted; })) return {};
        return fail(ErrorCode::data, path_.string() + ": no row with " + title + " " + choice.wanted + "; it holds " + choice.values_text(),
                    "set funding." + title);
    }

    Result<std::vector<FundingRate>> finish() {
        if (rates_.empty()) {
            return fail(ErrorCode::data, path_.string() + ": no row with symbol " + symbol_.wanted + " and exchange " + exchange_.wanted);
        }
        std::ranges::stable_sort(rates_, {}, &FundingRate::ts);
        const auto doubled = std::ranges::adjacent_find(rates_, {}, &FundingRate::ts);
        if (doubled != rates_.end()) {
            return fail(ErrorCode::data, path_.string() + ": two funding rates at " + format_time(doubled->ts));
        }
        return std::move(rates_);
    }

    const std::filesystem::path& path_;
    Choice symbol_;
    Choice exchange_;
    RowFields fields_;
    std::optional<TimeUnit> unit_;
    std::vector<FundingRate> rates_;
};

}  // namespace

Result<std::vector<FundingRate>> read_funding(const std::filesystem::path& path, const std::string& symbol, const std::string& exchange) {
    return FundingRead(path, symbol, exchange).run();
}

}  // namespace sofia::store
