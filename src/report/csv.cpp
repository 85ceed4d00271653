#include "report/csv.hpp"

#include <cmath>

#include "base/text.hpp"

namespace sofia::report {

namespace {

constexpr std::size_t buffer_size = std::size_t{1} << 16U;

std::string quoted(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    return out + '"';
}

}  // namespace

std::string csv_field(const CsvValue& value) {
    if (const auto* text = std::get_if<std::string>(&value)) return quoted(*text);
    if (const auto* number = std::get_if<double>(&value)) return std::isnan(*number) ? "" : format_double(*number);
    if (const auto* time = std::get_if<CsvTime>(&value)) return format_time(time->time);
    return std::to_string(std::get<std::int64_t>(value));
}

std::string csv_line(const std::vector<CsvValue>& values) {
    std::string line;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i > 0) line += ',';
        line += csv_field(values[i]);
    }
    return line + '\n';
}

CsvWriter::CsvWriter(AtomicFile file, std::size_t width) : file_(std::move(file)), width_(width) {}

Result<CsvWriter> CsvWriter::create(const std::filesystem::path& path, std::vector<std::string> header) {
    SOFIA_TRY(AtomicFile file, AtomicFile::create(path));
    CsvWriter writer(std::move(file), header.size());
    const std::vector<CsvValue> names(header.begin(), header.end());
    SOFIA_CHECK(writer.row(names));
    writer.rows_ = 0;
    return writer;
}

Result<void> CsvWriter::row(const std::vector<CsvValue>& values) {
    if (values.size() != width_) {
        return fail(ErrorCode::usage, "CSV row " + std::to_string(rows_) + " has " + std::to_string(values.size()) + " values for " +
                                          std::to_string(width_) + " columns");
    }
    buffer_ += csv_line(values);
    ++rows_;
    if (buffer_.size() < buffer_size) return {};
    SOFIA_CHECK(file_.write(buffer_));
    buffer_.clear();
    return {};
}

Result<void> CsvWriter::commit() {
    SOFIA_CHECK(file_.write(buffer_));
    buffer_.clear();
    return file_.commit();
}

Result<void> write_csv(const std::filesystem::path& path, const std::vector<std::string>& header, const std::vector<std::vector<CsvValue>>& rows) {
    SOFIA_TRY(CsvWriter writer, CsvWriter::create(path, header));
    for (const auto& row : rows) SOFIA_CHECK(writer.row(row));
    return writer.commit();
}

}  // namespace sofia::report
