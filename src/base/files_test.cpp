#include "base/files.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sofia {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Files : public testing::Test {
protected:
    Files() {
        std::string pattern = (fs::temp_directory_path() / "sofia_files_XXXXXX").string();
        folder_ = mkdtemp(pattern.data());
    }
    ~Files() override { fs::remove_all(folder_); }

    std::vector<std::string> names() const {
        std::vector<std::string> out;
        for (const auto& entry : fs::directory_iterator(folder_)) out.push_back(entry.path().filename().string());
        return out;
    }

    fs::path folder_;
};

// Runs `body` in a child process, so that limits, users and mounts end with it. What it returns is the child's last words.
std::string in_child(const std::function<std::string()>& body) {
    int ends[2] = {-1, -1};
    if (pipe(ends) != 0) return "no pipe";
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        const std::string words = body();
        const ssize_t written = write(ends[1], words.data(), words.size());
        _exit(written < 0 ? 1 : 0);
    }
    close(ends[1]);
    std::string out;
    char buffer[4096];
    for (ssize_t count = 0; (count = read(ends[0], buffer, sizeof buffer)) > 0;) out.append(buffer, static_cast<std::size_t>(count));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return out;
}

std::string message(const Result<void>& result) { return result ? "written" : result.error().message; }

TEST_F(Files, AppearWholeAndOnlyOnCommit) {
    const fs::path path = folder_ / "deep" / "er" / "a.txt";
    const std::string big(600'000, 'b');
    {
        AtomicFile file = AtomicFile::create(path).value();
        ASSERT_TRUE(file.write("one\n"));
        ASSERT_TRUE(file.write(big));
        ASSERT_TRUE(file.write("two\n"));
        EXPECT_FALSE(fs::exists(path));
        EXPECT_EQ(file.temporary().parent_path(), path.parent_path());
        EXPECT_THAT(file.temporary().filename().string(), testing::StartsWith(".a.txt.tmp-" + std::to_string(getpid()) + "-"));
        ASSERT_TRUE(file.commit());
    }
    EXPECT_EQ(read_file(path).value(), "one\n" + big + "two\n");
    EXPECT_EQ(std::distance(fs::directory_iterator(path.parent_path()), fs::directory_iterator()), 1);
}

TEST_F(Files, WithoutCommitLeaveTheOldOneAndNothingElse) {
    const fs::path path = folder_ / "a.txt";
    ASSERT_TRUE(write_file(path, "old"));
    {
        AtomicFile file = AtomicFile::create(path).value();
        ASSERT_TRUE(file.write("new"));
    }
    EXPECT_EQ(read_file(path).value(), "old");
    EXPECT_THAT(names(), ElementsAre("a.txt"));
}

TEST_F(Files, TwoWritersOfOneFileDoNotMix) {
    const fs::path path = folder_ / "a.txt";
    AtomicFile first = AtomicFile::create(path).value();
    AtomicFile second = AtomicFile::create(path).value();
    EXPECT_NE(first.temporary(), second.temporary());
    ASSERT_TRUE(first.write("first"));
    ASSERT_TRUE(second.write("second"));
    ASSERT_TRUE(second.commit());
    ASSERT_TRUE(first.commit());
    EXPECT_EQ(read_file(path).value(), "first");
}

TEST_F(Files, ALibraryMayWriteTheTemporaryByName) {
    AtomicFile file = AtomicFile::create(folder_ / "a.txt").value();
    fs::remove(file.temporary());  // as a library does that makes its own file
    std::ofstream(file.temporary()) << "by name";
    ASSERT_TRUE(file.commit());
    EXPECT_EQ(read_file(folder_ / "a.txt").value(), "by name");
    EXPECT_THAT(names(), ElementsAre("a.txt"));
}

TEST_F(Files, ALinkIsFollowedAndStays) {
    ASSERT_TRUE(write_file(folder_ / "a.txt", "old"));
    fs::create_symlink("a.txt", folder_ / "link");
    ASSERT_TRUE(write_file(folder_ / "link", "new"));
    EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
    EXPECT_EQ(read_file(folder_ / "a.txt").value(), "new");
}

TEST_F(Files, WhatIsNoRegularFileIsNeverReplaced) {
    EXPECT_EQ(message(write_file("/dev/null", "x")), "cannot write /dev/null: it is not a regular file");
    EXPECT_EQ(message(write_file("/dev/full", "x")), "cannot write /dev/full: it is not a regular file");
    EXPECT_THAT(message(write_file(folder_, "x")), HasSubstr("Is a directory"));
    EXPECT_THAT(message(write_file(folder_.string() + "/", "x")), HasSubstr("it names no file"));
    ASSERT_TRUE(write_file(folder_ / "a", "x"));
    EXPECT_THAT(message(write_file(folder_ / "a" / "b", "x")), HasSubstr("cannot make folder"));
}

TEST_F(Files, AFullDiskIsAnErrorWithItsReasonAndLeavesNothing) {
    const fs::path disk = folder_ / "disk";
    fs::create_directory(disk);
    const std::string words = in_child([&]() -> std::string {
        if (unshare(CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0) return "no mount";
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
        if (mount("none", disk.c_str(), "tmpfs", 0, "size=64k") != 0) return "no mount";
        std::string out = message(write_file(disk / "a.txt", std::string(1'000'000, 'x')));
        out += fs::is_empty(disk) ? ", nothing left" : ", something left";
        return out;
    });
    if (words == "no mount") GTEST_SKIP() << "this machine lets nobody mount a small disk";
    EXPECT_EQ(words, "cannot write " + (disk / "a.txt").string() + ": No space left on device, nothing left");
}

TEST_F(Files, ALimitOnTheFileSizeIsAnErrorAtTheEndToo) {
    const std::string words = in_child([&]() -> std::string {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{1000, 1000};
        setrlimit(RLIMIT_FSIZE, &limit);
        // Small enough to wait in the buffer until the commit.
        return message(write_file(folder_ / "a.txt", std::string(5000, 'x')));
    });
    EXPECT_EQ(words, "cannot write " + (folder_ / "a.txt").string() + ": File too large");
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(Files, AFolderNobodyMayWriteIsAnError) {
    ASSERT_TRUE(write_file(folder_ / "secret", "x"));
    fs::permissions(folder_ / "secret", fs::perms::none);
    fs::permissions(folder_, fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_exec | fs::perms::others_read);
    const std::string words = in_child([&]() -> std::string {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return "no other user";
        return message(write_file(folder_ / "a.txt", "x")) + "; " + read_file(folder_ / "secret").error().message;
    });
    fs::permissions(folder_, fs::perms::owner_all);
    EXPECT_EQ(words, "cannot write " + (folder_ / "a.txt").string() + ": Permission denied; cannot read " + (folder_ / "secret").string() +
                         ": Permission denied");
}

TEST_F(Files, OfAStagedFolderAppearTogetherAndOthersStay) {
    const fs::path out = folder_ / "out";
    ASSERT_TRUE(write_file(out / "a.txt", "old").has_value());
    ASSERT_TRUE(write_file(out / "mine.txt", "mine").has_value());
    {
        auto abandoned = StagedFolder::create(out).value();
        ASSERT_TRUE(write_file(abandoned.path() / "a.txt", "new").has_value());
    }
    EXPECT_THAT(names(), ElementsAre("out"));
    EXPECT_EQ(read_file(out / "a.txt"), "old");

    auto staged = StagedFolder::create(out / "").value();
    ASSERT_TRUE(write_file(staged.path() / "a.txt", "new").has_value());
    ASSERT_TRUE(write_file(staged.path() / "b.txt", "new").has_value());
    EXPECT_FALSE(fs::exists(out / "b.txt"));
    ASSERT_TRUE(staged.commit().has_value());
    EXPECT_THAT(names(), ElementsAre("out"));
    EXPECT_EQ(read_file(out / "a.txt"), "new");
    EXPECT_EQ(read_file(out / "b.txt"), "new");
    EXPECT_EQ(read_file(out / "mine.txt"), "mine");
    EXPECT_FALSE(StagedFolder::create(out / "a.txt").has_value());
}

// What a killed process leaves goes when it is asked for, and what somebody still writes stays; so does a download that is to be continued.
TEST_F(Files, WhatKilledProcessesLeftIsRemoved) {
    const std::string words = in_child([&]() -> std::string {
        AtomicFile file = AtomicFile::create(folder_ / "a.txt").value();
        StagedFolder staged = StagedFolder::create(folder_ / "out").value();
        if (!write_file(staged.path() / "date=1" / "b.txt", "b")) return "not written";
        _exit(0);  // as a kill does: nothing is tidied up
    });
    ASSERT_EQ(words, "");
    ASSERT_EQ(names().size(), 2U);
    ASSERT_TRUE(write_file(folder_ / ".c.txt.tmp-part", "a download"));
    AtomicFile file = AtomicFile::create(folder_ / "a.txt").value();
    ASSERT_TRUE(file.write("new"));
    remove_abandoned(folder_);
    EXPECT_THAT(names(), testing::UnorderedElementsAre(".c.txt.tmp-part", file.temporary().filename().string()));
    {
        const StagedFolder mine = StagedFolder::create(folder_ / "out").value();
        const StagedFolder others = StagedFolder::create(folder_ / "out").value();
        EXPECT_TRUE(fs::exists(mine.path()));
    }
    ASSERT_TRUE(file.commit());
    EXPECT_EQ(read_file(folder_ / "a.txt").value(), "new");
    EXPECT_THAT(names(), testing::UnorderedElementsAre(".c.txt.tmp-part", "a.txt"));
}

// Each removes what is abandoned beside it, and none takes away what another is just making.
TEST_F(Files, FoldersAreStagedBesideEachOtherAtTheSameTime) {
    std::atomic<int> failed = 0;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                for (int i = 0; i < 300; ++i) {
                    const auto staged = StagedFolder::create(folder_ / ("out" + std::to_string(t)));
                    if (!staged || !fs::is_directory(staged->path())) ++failed;
                }
            });
        }
    }
    EXPECT_EQ(failed, 0);
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(Files, AStagedFolderMayAppearWithFoldersInside) {
    auto staged = StagedFolder::create(folder_ / "out").value();
    ASSERT_TRUE(write_file(staged.path() / "date=1" / "a.txt", "old"));
    ASSERT_TRUE(staged.clear());
    ASSERT_TRUE(write_file(staged.path() / "date=2" / "a.txt", "a"));
    EXPECT_FALSE(fs::exists(folder_ / "out"));
    ASSERT_TRUE(staged.commit_whole());
    EXPECT_THAT(names(), ElementsAre("out"));
    EXPECT_FALSE(fs::exists(folder_ / "out" / "date=1"));
    EXPECT_EQ(read_file(folder_ / "out" / "date=2" / "a.txt").value(), "a");
    auto again = StagedFolder::create(folder_ / "out").value();
    EXPECT_FALSE(again.commit_whole());
}

TEST_F(Files, ReadFileReadsWholeOrSaysWhyNot) {
    std::string bytes(300'000, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
    ASSERT_TRUE(write_file(folder_ / "a.bin", bytes));
    EXPECT_EQ(read_file(folder_ / "a.bin").value(), bytes);
    EXPECT_FALSE(read_file("/proc/self/status").value().empty());  // a file that says it has no size
    EXPECT_EQ(read_file(folder_ / "none").error().message, "cannot read " + (folder_ / "none").string() + ": No such file or directory");
    EXPECT_EQ(read_file(folder_ / "none").error().code, ErrorCode::io);
    EXPECT_THAT(read_file(folder_).error().message, HasSubstr("Is a directory"));
}

TEST_F(Files, ListFilesIsSortedAndLeavesOutFoldersAndTemporaries) {
    for (const auto* name : {"b.csv", "a.csv", "B.csv", ".hidden"}) ASSERT_TRUE(write_file(folder_ / name, "x"));
    ASSERT_TRUE(make_folder(folder_ / "folder"));
    const AtomicFile unfinished = AtomicFile::create(folder_ / "c.csv").value();
    EXPECT_THAT(list_files(folder_).value(), ElementsAre(folder_ / ".hidden", folder_ / "B.csv", folder_ / "a.csv", folder_ / "b.csv"));
    EXPECT_EQ(list_files(folder_ / "none").error().message, "cannot read folder " + (folder_ / "none").string() + ": No such file or directory");
    EXPECT_FALSE(list_files(folder_ / "a.csv"));
}

}  // namespace
}  // namespace sofia
