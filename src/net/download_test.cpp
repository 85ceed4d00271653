#include <unistd.h>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.hpp"
#include "base/hash.hpp"
#include "net/http.hpp"
#include "net/test_server.hpp"

namespace sofia::net {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Reply = TestServer::Reply;
using Request = TestServer::Request;

const StopFlag never{};

class Downloads : public testing::Test {
protected:
    Downloads() {
        std::string pattern = (fs::temp_directory_path() / "sofia_download_XXXXXX").string();
        folder_ = mkdtemp(pattern.data());
        path_ = folder_ / "trades" / "a.bin";
        options_.retry_wait = "1ms";
        for (std::size_t i = 0; i < 200'000; ++i) file_ += static_cast<char>(i * 31 + i / 256);
    }
    ~Downloads() override { fs::remove_all(folder_); }

    // The first `keep` bytes of a well-formed answer's body, and then the end of the connection.
    static Reply cut(const std::string& answer, std::size_t keep) {
        return Reply{answer.substr(0, answer.find("\r\n\r\n") + 4 + keep), Reply::Then::close};
    }

    std::vector<std::string> names() const {
        std::vector<std::string> out;
        for (const auto& entry : fs::directory_iterator(path_.parent_path())) out.push_back(entry.path().filename().string());
        return out;
    }

    void expect_whole(const Download& done) const {
        EXPECT_TRUE(done.found);
        EXPECT_EQ(done.bytes, file_.size());
        EXPECT_EQ(done.sha256, sha256_hex(file_));
        EXPECT_EQ(read_file(path_).value(), file_);
        EXPECT_THAT(names(), ElementsAre("a.bin"));
    }

    fs::path folder_;
    fs::path path_;
    HttpOptions options_;
    std::string file_;
};

TEST_F(Downloads, WriteTheWholeFile) {
    const TestServer server([&](const Request& request) { return Reply{TestServer::file_answer(request, file_, "\"v1\"")}; });
    const Download done = download(server.url("/a"), path_, options_, never).value();
    expect_whole(done);
    EXPECT_EQ(done.resumed_from, 0U);
    EXPECT_EQ(server.requests().at(0).header("range"), "");
}

TEST_F(Downloads, AMissingFileLeavesNothing) {
    const TestServer server([](const Request&) { return Reply{TestServer::answer(404, "no")}; });
    EXPECT_FALSE(download(server.url("/a"), path_, options_, never).value().found);
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(Downloads, ACutConnectionGoesOnWhereItStopped) {
    const TestServer server([&](const Request& request) {
        const std::string answer = TestServer::file_answer(request, file_, "\"v1\"");
        return cut(answer, 30'000);
    });
    options_.retries = 1;  // seven pieces: each that brings something starts the count anew
    expect_whole(download(server.url("/a"), path_, options_, never).value());
    const auto requests = server.requests();
    ASSERT_EQ(requests.size(), 7U);
    EXPECT_EQ(requests[1].header("range"), "bytes=30000-");
    EXPECT_EQ(requests[1].header("if-range"), "\"v1\"");
    EXPECT_EQ(requests[6].header("range"), "bytes=180000-");
}

TEST_F(Downloads, ALaterCallGoesOnWhereTheFirstStopped) {
    std::atomic<bool> broken{true};
    const TestServer server([&](const Request& request) {
        if (broken && !request.header("range").empty()) return Reply{"", Reply::Then::reset};
        const std::string answer = TestServer::file_answer(request, file_, "\"v1\"");
        return broken ? cut(answer, 50'000) : Reply{answer};
    });
    options_.retries = 0;
    const auto first = download(server.url("/a"), path_, options_, never);
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().code, ErrorCode::unavailable);
    EXPECT_FALSE(fs::exists(path_));
    EXPECT_THAT(list_files(path_.parent_path()).value(), IsEmpty());  // the partial file is no data file

    broken = false;
    const Download done = download(server.url("/a"), path_, options_, never).value();
    expect_whole(done);
    EXPECT_EQ(done.resumed_from, 50'000U);
    EXPECT_EQ(server.requests().back().header("range"), "bytes=50000-");
}

TEST_F(Downloads, AServerWithoutRangesIsReadFromTheBeginning) {
    std::atomic<int> count{0};
    const TestServer server([&](const Request&) {
        const std::string answer = TestServer::answer(200, file_);
        return count++ == 0 ? cut(answer, 50'000) : Reply{answer};
    });
    const Download done = download(server.url("/a"), path_, options_, never).value();
    expect_whole(done);
    EXPECT_EQ(done.resumed_from, 0U);
    EXPECT_EQ(server.requests().at(1).header("range"), "bytes=50000-");
}

TEST_F(Downloads, AFileThatChangedMeanwhileIsNeverMixed) {
    const std::string old(file_.size(), 'o');
    for (const std::string etag : {"\"v1\"", ""}) {
        std::atomic<int> count{0};
        const TestServer server([&](const Request& request) {
            if (count++ == 0) return cut(TestServer::file_answer(request, old + "longer", etag.empty() ? "" : "\"v0\""), 50'000);
            return Reply{TestServer::file_answer(request, file_, etag)};
        });
        expect_whole(download(server.url("/a"), path_, options_, never).value());
    }
}

TEST_F(Downloads, ARangeThatWasNotAskedForIsNotTaken) {
    std::atomic<int> count{0};
    const TestServer server([&](const Request& request) {
        const std::string whole = TestServer::file_answer(request, file_, "\"v1\"");
        if (count++ == 0) return cut(whole, 50'000);
        if (request.header("range").empty()) return Reply{whole};
        return Reply{TestServer::answer(206, file_.substr(40'000), "Content-Range: bytes 40000-199999/200000\r\n")};
    });
    expect_whole(download(server.url("/a"), path_, options_, never).value());
    EXPECT_EQ(server.requests().size(), 3U);
}

TEST_F(Downloads, APartOfAnotherAddressIsNotContinued) {
    const TestServer server([&](const Request& request) {
        if (request.target == "/old") return cut(TestServer::answer(200, std::string(1000, 'o')), 500);
        return Reply{TestServer::file_answer(request, file_, "")};
    });
    options_.retries = 0;
    ASSERT_FALSE(download(server.url("/old"), path_, options_, never));
    expect_whole(download(server.url("/new"), path_, options_, never).value());
    EXPECT_EQ(server.requests().back().header("range"), "");
}

// All had come, but the process died before the rename: the server has nothing left to send and says 416.
TEST_F(Downloads, APartThatIsAlreadyWholeIsFinished) {
    const TestServer server([&](const Request& request) { return Reply{TestServer::file_answer(request, file_, "\"v1\"")}; });
    ASSERT_TRUE(write_file(path_.parent_path() / ".a.bin.tmp-part", file_));
    ASSERT_TRUE(write_file(path_.parent_path() / ".a.bin.tmp-part-origin", server.url("/a") + "\n\"v1\"\n200000\n"));
    const Download done = download(server.url("/a"), path_, options_, never).value();
    expect_whole(done);
    EXPECT_EQ(done.resumed_from, file_.size());
}

TEST_F(Downloads, AContentLengthThatIsNeverReachedIsAnError) {
    const TestServer server([](const Request&) { return Reply{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789"}; });
    options_.retries = 2;
    const auto done = download(server.url("/a"), path_, options_, never);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::unavailable);
    EXPECT_THAT(done.error().message, HasSubstr("the connection was cut"));
    EXPECT_FALSE(fs::exists(path_));
    EXPECT_EQ(server.requests().size(), 4U);  // the first brought something, so the count began anew
}

TEST_F(Downloads, ASilentServerIsGivenUpAndItsPartKept) {
    std::atomic<bool> slow{true};
    const TestServer server([&](const Request& request) {
        const std::string answer = TestServer::file_answer(request, file_, "\"v1\"");
        // An attempt that brings something is not counted against the retries, so only the first one brings anything.
        const std::size_t sent = request.header("range").empty() ? 1000 : 0;
        return slow ? Reply{answer.substr(0, answer.find("\r\n\r\n") + 4 + sent), Reply::Then::hang} : Reply{answer};
    });
    options_.retries = 0;
    options_.idle_timeout = "1s";
    options_.total_timeout = "5s";
    EXPECT_EQ(download(server.url("/a"), path_, options_, never).error().code, ErrorCode::unavailable);
    slow = false;
    options_.total_timeout = "1h";
    options_.idle_timeout = "30s";
    EXPECT_GE(download(server.url("/a"), path_, options_, never).value().resumed_from, 1000U);
}

TEST_F(Downloads, AStopKeepsThePart) {
    StopFlag stop;
    const TestServer server([&](const Request& request) {
        const std::string answer = TestServer::file_answer(request, file_, "\"v1\"");
        return Reply{answer.substr(0, answer.find("\r\n\r\n") + 4 + 1000), Reply::Then::hang};
    });
    std::jthread stopper([&] {
        const fs::path part = path_.parent_path() / ".a.bin.tmp-part";
        std::error_code ignored;
        while (fs::file_size(part, ignored) != 1000) std::this_thread::yield();
        stop.request();
    });
    EXPECT_EQ(download(server.url("/a"), path_, options_, stop).error().code, ErrorCode::interrupted);
    EXPECT_EQ(fs::file_size(path_.parent_path() / ".a.bin.tmp-part"), 1000U);
}

TEST_F(Downloads, AnotherStatusIsAnErrorAndTooLargeIsToo) {
    const TestServer server([&](const Request& request) {
        return Reply{request.target == "/forbidden" ? TestServer::answer(403, "no") : "HTTP/1.1 200 OK\r\n\r\n" + file_};
    });
    EXPECT_EQ(download(server.url("/forbidden"), path_, options_, never).error().message,
              "GET " + server.url("/forbidden") + ": the server answered with status 403");
    options_.size_max = 1000;
    EXPECT_EQ(download(server.url("/big"), path_, options_, never).error().code, ErrorCode::data);
    EXPECT_FALSE(fs::exists(path_));
}

TEST_F(Downloads, TwoAtATimeDoNotMeetInOneFile) {
    std::atomic<bool> second_done{false};
    std::atomic<bool> asked{false};
    const TestServer server([&](const Request& request) {
        asked = true;
        while (!second_done) std::this_thread::yield();
        return Reply{TestServer::file_answer(request, file_, "")};
    });
    std::jthread first([&] { expect_whole(download(server.url("/a"), path_, options_, never).value()); });
    while (!asked) std::this_thread::yield();
    EXPECT_EQ(download(server.url("/a"), path_, options_, never).error().code, ErrorCode::conflict);
    second_done = true;
}

TEST_F(Downloads, AFolderThatCannotBeMadeIsAnError) {
    ASSERT_TRUE(write_file(folder_ / "file", "x"));
    EXPECT_EQ(download("http://127.0.0.1:1/", folder_ / "file" / "a", options_, never).error().code, ErrorCode::io);
}

}  // namespace
}  // namespace sofia::net
