#include "store/input_stream.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "store/line_chunks.hpp"
#include "store/test_files.hpp"

namespace sofia::store {
namespace {

using testing::TemporaryFolder;

Result<std::string> read_whole(const std::filesystem::path& path, std::size_t piece) {
    SOFIA_TRY(InputStream stream, InputStream::open(path));
    std::string out;
    std::vector<char> buffer(piece);
    while (true) {
        SOFIA_TRY(const std::size_t count, stream.read(buffer.data(), piece));
        if (count == 0) return out;
        out.append(buffer.data(), count);
    }
}

RC_GTEST_PROP(InputStream, UnpacksWhatWasPacked, (const std::string& text)) {
    const TemporaryFolder files;
    const auto repeat = *rc::gen::inRange(1, 200);
    std::string whole;
    for (int i = 0; i < repeat; ++i) whole += text;
    const auto cut = *rc::gen::inRange<std::size_t>(0, whole.size() + 1);
    files.put("a", whole);
    files.put("a.gz", testing::gzip(whole));
    files.put("two.gz", testing::gzip(whole.substr(0, cut)) + testing::gzip(whole.substr(cut)) + std::string(7, '\0'));
    files.put("two.zst", testing::zstd(whole.substr(0, cut)) + testing::zstd(whole.substr(cut)));
    const auto piece = *rc::gen::inRange<std::size_t>(1, 5000);
    for (const char* name : {"a", "a.gz", "two.gz", "two.zst"}) {
        const auto got = read_whole(files.data() / name, piece);
        RC_ASSERT(got.has_value());
        RC_ASSERT(*got == whole);
    }
}

TEST(InputStream, NamesTheFileItCannotOpen) {
    EXPECT_EQ(InputStream::open("/no/such.csv").error().message, "cannot read /no/such.csv: No such file or directory");
}

// Chunks of any size hold whole lines and together the text, with a last line feed.
RC_GTEST_PROP(LineChunks, CutsAtLineEndsAndLosesNothing, ()) {
    const auto text = *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab\n\nc,d"))));
    const TemporaryFolder files;
    files.put("a", text);
    LineChunks chunks(InputStream::open(files.data() / "a").value(), *rc::gen::inRange<std::size_t>(1, 64));
    std::string got;
    if (*rc::gen::arbitrary<bool>()) got = chunks.take_line().value().value() + "\n";
    TextChunk chunk;
    while (true) {
        const auto more = chunks.next(chunk);
        RC_ASSERT(more.has_value());
        if (!*more) break;
        RC_ASSERT(!chunk.text().empty());
        RC_ASSERT(chunk.text().back() == '\n');
        RC_ASSERT(!chunk.has_overlong);
        got += chunk.text();
    }
    RC_ASSERT(got == (text.ends_with('\n') ? text : text + "\n"));
}

}  // namespace
}  // namespace sofia::store
