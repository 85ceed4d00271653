#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "store/test_files.hpp"
#include "store/trades.hpp"

namespace sofia::store {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::read_all;
using testing::ReadAll;
using testing::TemporaryFolder;

const std::string header = "timestamp,price,size,side,tickDirection\n";
const std::string good = "1704067200,1,1,Buy,PlusTick\n";

// The message of the one error, without the folder's own path.
std::string message(const TemporaryFolder& files, const ReadAll& read) {
    if (read.report) return "no error";
    EXPECT_EQ(exit_code(read.report.error().code), 3);
    std::string text = read.report.error().message;
    const std::string folder = files.data().string();
    for (std::size_t at = text.find(folder); at != std::string::npos; at = text.find(folder)) text.replace(at, folder.size(), "X");
    return text;
}

std::string error_of(const std::string& name, const std::string& bytes) {
    const TemporaryFolder files;
    files.put(name, bytes);
    return message(files, read_all(files.data()));
}

std::string row_error(const std::string& row) { return error_of("a.csv", header + good + good + row + "\n" + good); }

TEST(BadInput, ARowIsRefusedWithFileLineAndReason) {
    EXPECT_EQ(row_error("1704067200,abc,1,Buy,PlusTick"), "X/a.csv line 4: price \"abc\" is not a number");
    EXPECT_EQ(row_error("1704067200,,1,Buy,PlusTick"), "X/a.csv line 4: price is empty");
    EXPECT_EQ(row_error("1704067200,-5,1,Buy,PlusTick"), "X/a.csv line 4: price \"-5\" is not above zero");
    EXPECT_EQ(row_error("1704067200,0,1,Buy,PlusTick"), "X/a.csv line 4: price \"0\" is not above zero");
    EXPECT_EQ(row_error("1704067200,0.0,1,Buy,PlusTick"), "X/a.csv line 4: price \"0.0\" is not above zero");
    EXPECT_EQ(row_error("1704067200,nan,1,Buy,PlusTick"), "X/a.csv line 4: price \"nan\" is not finite");
    EXPECT_EQ(row_error("1704067200,inf,1,Buy,PlusTick"), "X/a.csv line 4: price \"inf\" is not finite");
    EXPECT_EQ(row_error("1704067200,1e999,1,Buy,PlusTick"), "X/a.csv line 4: price \"1e999\" is beyond what a number can hold");
    EXPECT_EQ(row_error("1704067200,1,-1,Buy,PlusTick"), "X/a.csv line 4: size \"-1\" is negative");
    EXPECT_EQ(row_error("1704067200,1,1x,Buy,PlusTick"), "X/a.csv line 4: size \"1x\" is not a number");
    EXPECT_EQ(row_error("1704067200,1,NaN,Buy,PlusTick"), "X/a.csv line 4: size \"NaN\" is not finite");
    EXPECT_EQ(row_error("1704067200,1,1,Hold,PlusTick"), "X/a.csv line 4: side \"Hold\" is neither Buy nor Sell");
    EXPECT_EQ(row_error("1704067200,1,1,Buy,UpTick"),
              "X/a.csv line 4: tickDirection \"UpTick\" is none of PlusTick, ZeroPlusTick, MinusTick, ZeroMinusTick");
    EXPECT_EQ(row_error("1704067200,1,1"), "X/a.csv line 4: the row has 3 fields, the header has 5");
    EXPECT_EQ(row_error("1704067200"), "X/a.csv line 4: the row has 1 field, the header has 5");
    EXPECT_EQ(row_error("1704067200,1,1,Buy,PlusTick,more"), "X/a.csv line 4: the row has 6 fields, the header has 5");
    EXPECT_EQ(row_error("noon,1,1,Buy,PlusTick"), "X/a.csv line 4: timestamp \"noon\" is not a number");
    EXPECT_EQ(row_error("nan,1,1,Buy,PlusTick"), "X/a.csv line 4: timestamp \"nan\" is not a number");
    EXPECT_EQ(row_error("-1,1,1,Buy,PlusTick"), "X/a.csv line 4: timestamp \"-1\" is out of range: the file's times are unix seconds, 1970 to 2200");
    EXPECT_EQ(row_error("99999999999,1,1,Buy,PlusTick"),
              "X/a.csv line 4: timestamp \"99999999999\" is out of range: the file's times are unix seconds, 1970 to 2200");
    EXPECT_EQ(row_error("1704067200000,1,1,Buy,PlusTick"),
              "X/a.csv line 4: timestamp \"1704067200000\" is out of range: the file's times are unix seconds, 1970 to 2200");
    EXPECT_EQ(row_error("1704067200,1\xff,1,Buy,PlusTick"),
              "X/a.csv line 4: the row has bytes that are no UTF-8: \"1704067200,1\\xff,1,Buy,PlusTick\"");
    EXPECT_EQ(row_error("1704067200,\"1,1,Buy,PlusTick"), "X/a.csv line 4: a quoted field does not end on its line");
}

TEST(BadInput, BytesThatAreNoUtf8AreRefusedInIgnoredColumnsToo) {
    const std::string with_note = "timestamp,price,size,side,note\n";
    EXPECT_EQ(error_of("a.csv", with_note + "1704067200,1,1,Buy,caf\xe9\n"),
              "X/a.csv line 2: the row has bytes that are no UTF-8: \"1704067200,1,1,Buy,caf\\xe9\"");
    EXPECT_EQ(error_of("a.csv", with_note + "1704067200,1,1,Buy,café\n"), "no error");
    std::string utf16 = "\xff\xfe";
    for (const char letter : std::string("time\n")) {
        utf16 += letter;
        utf16 += '\0';
    }
    EXPECT_EQ(error_of("a.csv", utf16), "X/a.csv line 1: the header has bytes that are no UTF-8");
}

TEST(BadInput, AFileWithoutRowsIsRefused) {
    for (const char* name : {"a.csv", "a.csv.gz", "a.csv.zst"}) {
        EXPECT_EQ(error_of(name, ""), "X/" + std::string(name) + ": the file is empty: expected a header with timestamp, price, size, side");
    }
    EXPECT_EQ(error_of("a.csv.gz", testing::gzip("")), "X/a.csv.gz: the file is empty: expected a header with timestamp, price, size, side");
    EXPECT_EQ(error_of("a.csv", header), "X/a.csv line 1: no row follows the header");
    EXPECT_EQ(error_of("a.csv", "timestamp,price,size,side"), "X/a.csv line 1: no row follows the header");
    EXPECT_EQ(error_of("a.csv.zst", testing::zstd(header + "\n\r\n")), "X/a.csv.zst line 1: no row follows the header");
    EXPECT_EQ(error_of("a.parquet", ""), "X/a.parquet: the file is empty");
}

TEST(BadInput, AMissingColumnIsNamed) {
    EXPECT_EQ(error_of("a.csv", "timestamp,size,side\n1,1,Buy\n"),
              "X/a.csv line 1: column \"price\" is missing: the header has \"timestamp,size,side\"");
    EXPECT_EQ(error_of("a.csv", "timestamp,open,high,low,close\n1,1,1,1,1\n"),
              "X/a.csv line 1: column \"volume\" is missing: the header has \"timestamp,open,high,low,close\"");
    EXPECT_EQ(error_of("a.csv", "timestamp,price,price,size,side\n1,1,1,1,Buy\n"), "X/a.csv line 1: column \"price\" stands twice in the header");
}

TEST(BadInput, AFolderWithoutDataIsRefused) {
    const TemporaryFolder files;
    EXPECT_EQ(message(files, read_all(files.data())), "X: no data file in the folder");
    EXPECT_EQ(message(files, read_all(files.data() / "none")), "cannot read folder X/none: No such file or directory");
    files.put("notes.txt", "x");
    EXPECT_EQ(message(files, read_all(files.data())), "X: no data file in the folder");
    EXPECT_EQ(message(files, read_all(files.data() / "notes.txt")), "X/notes.txt is not a folder");
}

// Permissions do not bind root, so root asks in a child process that has become nobody.
std::string error_as_nobody(const TemporaryFolder& files) {
    if (geteuid() != 0) return message(files, read_all(files.data()));
    constexpr unsigned nobody = 65534;
    int ends[2] = {};
    if (::pipe(ends) != 0) return "no pipe";
    const pid_t child = ::fork();
    if (child == 0) {
        std::string text = "cannot become nobody";
        if (::setgid(nobody) == 0 && ::setuid(nobody) == 0) {
            ReadOptions options;
            options.threads = 1;
            text = message(files, read_all(files.data(), options));
        }
        const ssize_t written = ::write(ends[1], text.data(), text.size());
        ::_exit(written < 0 ? 1 : 0);
    }
    ::close(ends[1]);
    std::string text(1000, '\0');
    const ssize_t count = ::read(ends[0], text.data(), text.size());
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
}

TEST(BadInput, AFileThatNoOneMayReadIsRefused) {
    for (const std::string name : {"a.csv", "a.csv.gz", "a.parquet"}) {
        const TemporaryFolder files;
        files.put(name, header + good);
        ASSERT_EQ(::chmod((files.data() / name).c_str(), 0), 0);
        EXPECT_EQ(error_as_nobody(files), "cannot read X/" + name + ": Permission denied");
    }
    const TemporaryFolder files;
    files.put("a.csv", header + good);
    ASSERT_EQ(::chmod(files.data().c_str(), 0), 0);
    EXPECT_EQ(error_as_nobody(files), "cannot read folder X: Permission denied");
    ::chmod(files.data().c_str(), 0700);
}

std::string many_rows() {
    std::string text = header;
    for (int i = 0; i < 40'000; ++i)
        text += std::to_string(1704067200 + i) + "." + std::to_string(i * 37 % 1000 + 1000).substr(1) + ",1." + std::to_string(i * 31 % 97) +
                ",1,Buy,PlusTick\n";
    return text;
}

TEST(BadInput, ATruncatedArchiveIsRefusedAtTheLineItReaches) {
    const std::string text = many_rows();
    const std::string gz = testing::gzip(text);
    const std::string cut = error_of("a.csv.gz", gz.substr(0, gz.size() * 2 / 3));
    EXPECT_THAT(cut, EndsWith(": the gzip stream ends early: the file is cut off"));
    EXPECT_THAT(cut, ::testing::ContainsRegex("^X/a.csv.gz line [0-9]+: "));
    EXPECT_NE(cut.substr(0, 19), "X/a.csv.gz line 2: ");
    EXPECT_THAT(error_of("a.csv.gz", gz.substr(0, gz.size() - 4)), EndsWith("the gzip stream ends early: the file is cut off"));
    EXPECT_THAT(error_of("a.csv.gz", gz.substr(0, 5)), EndsWith("line 1: the gzip stream ends early: the file is cut off"));
    const std::string packed = testing::zstd(text);
    EXPECT_THAT(error_of("a.csv.zst", packed.substr(0, packed.size() / 2)), EndsWith("the zstd stream ends early: the file is cut off"));
}

TEST(BadInput, ADamagedArchiveIsRefused) {
    std::string gz = testing::gzip(many_rows());
    for (std::size_t i = gz.size() / 2; i < gz.size() / 2 + 50; ++i) gz[i] = static_cast<char>(~gz[i]);
    EXPECT_THAT(error_of("a.csv.gz", gz), ::testing::AnyOf(HasSubstr("the gzip stream is damaged"), HasSubstr("line")));
    EXPECT_EQ(error_of("a.csv.gz", header + good), "X/a.csv.gz line 1: the file is not in gzip format");
    EXPECT_THAT(error_of("a.csv.zst", header + good), HasSubstr("the zstd stream is damaged"));
    EXPECT_THAT(error_of("a.csv.gz", testing::gzip(header + good) + "rest"), HasSubstr("other bytes follow the gzip stream"));
    EXPECT_THAT(error_of("a.parquet", "PAR1 but no more"), HasSubstr("X/a.parquet: not a readable Parquet file"));
}

TEST(BadInput, ALineOfTenMegabytesIsOneBadRow) {
    const std::string huge(std::size_t{10} << 20U, 'x');
    EXPECT_EQ(row_error(huge), "X/a.csv line 4: the line is longer than 1 MiB");
    EXPECT_EQ(row_error("1704067200,1,1,Buy," + huge), "X/a.csv line 4: the line is longer than 1 MiB");
    EXPECT_EQ(error_of("a.csv", huge), "X/a.csv line 1: the line is longer than 1 MiB");
    EXPECT_EQ(error_of("a.csv", header + good + huge), "X/a.csv line 3: the line is longer than 1 MiB");
    // A row that would be good but for the length of a column that is not read.
    EXPECT_EQ(error_of("a.csv", "timestamp,price,size,side,note\n1704067200,1,1,Buy," + huge + "\n"),
              "X/a.csv line 2: the line is longer than 1 MiB");
    const TemporaryFolder files;
    files.put("a.csv", header + good + huge + "\n" + good + huge);
    ReadOptions options;
    options.bad_rows = BadRows::skip;
    const ReadAll read = read_all(files.data(), options);
    ASSERT_TRUE(read.report);
    EXPECT_EQ(read.trades.size(), 2U);
    ASSERT_EQ(read.report->bad.size(), 2U);
    EXPECT_EQ(read.report->bad[0].line, 3U);
    EXPECT_EQ(read.report->bad[1].line, 5U);
}

TEST(BadInput, SkippingCountsAllAndListsTheFirst) {
    const TemporaryFolder files;
    std::string text = header;
    for (int i = 0; i < 100; ++i) text += good + "1704067200,oops,1,Buy,PlusTick\n";
    files.put("a.csv", text);
    files.put("b.csv", header);
    ReadOptions options;
    options.bad_rows = BadRows::skip;
    const ReadAll read = read_all(files.data(), options);
    ASSERT_TRUE(read.report) << read.report.error().message;
    EXPECT_EQ(read.report->rows, 100U);
    EXPECT_EQ(read.report->bad_rows, 100U);
    EXPECT_EQ(read.report->files[0].bad_rows, 100U);
    ASSERT_EQ(read.report->bad.size(), bad_listed_max);
    EXPECT_EQ(read.report->bad[1].text(), (files.data() / "a.csv").string() + " line 5: price \"oops\" is not a number");
    EXPECT_THAT(read.report->notes, ::testing::ElementsAre(EndsWith("b.csv: no usable row")));
}

TEST(BadInput, SkippingEverythingIsStillAnError) {
    const TemporaryFolder files;
    files.put("a.csv", header + "x,x,x,x,x\n");
    ReadOptions options;
    options.bad_rows = BadRows::skip;
    EXPECT_EQ(message(files, read_all(files.data(), options)), "X: no usable trade in 1 file(s)");
}

// The first bad row is told, and its line is right, wherever it stands in a file of many chunks and however many threads read.
TEST(BadInput, TheLineIsRightFarInsideAFile) {
    for (const std::size_t line : {2U, 7001U, 39'999U}) {
        std::string text = many_rows();
        std::size_t at = 0;
        for (std::size_t i = 1; i < line; ++i) at = text.find('\n', at) + 1;
        text.insert(at, "1704067200,x,1,Buy,PlusTick\n");
        text += "y\n";
        const TemporaryFolder files;
        files.put("a.csv", text);
        for (const std::size_t threads : {1U, 3U}) {
            ReadOptions options;
            options.threads = threads;
            EXPECT_EQ(message(files, read_all(files.data(), options)), "X/a.csv line " + std::to_string(line) + ": price \"x\" is not a number");
        }
    }
}

// Whatever bytes a file holds, reading ends with a report or one error that names the file.
RC_GTEST_PROP(BadInput, AnyBytesEndInAReportOrAnErrorThatNamesTheFile, ()) {
    const auto bytes = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    const bool with_header = *rc::gen::arbitrary<bool>();
    const auto ending = *rc::gen::element<std::string>(".csv", ".csv.gz", ".csv.zst", ".parquet");
    const TemporaryFolder files;
    files.put("a" + ending, (with_header ? header + good : "") + bytes);
    for (const BadRows bad_rows : {BadRows::refuse, BadRows::skip}) {
        ReadOptions options;
        options.bad_rows = bad_rows;
        options.threads = 1;
        const ReadAll read = read_all(files.data(), options);
        if (read.report) continue;
        RC_ASSERT(read.report.error().message.find("/X") != std::string::npos);
        RC_ASSERT(exit_code(read.report.error().code) == 3);
    }
}

}  // namespace
}  // namespace sofia::store
