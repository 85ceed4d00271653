// What is left after a crash, and what writers and readers do to each other.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "store/feature_faults.hpp"
#include "store/feature_input.hpp"
#include "store/feature_store.hpp"
#include "store/feature_testing.hpp"
#include "store/parquet_file.hpp"
#include "store/test_files.hpp"

namespace sofia::store {
namespace {

using ::testing::AnyOf;
using testing::by_minute;
using testing::day0;
using ::testing::Each;
using ::testing::Eq;
using testing::FailingFiles;
using ::testing::HasSubstr;
using testing::MemoryFiles;
using testing::minute_rows;
using testing::must;
using testing::open_store;
using testing::TemporaryFolder;
using testing::visible_parts;

constexpr std::int64_t minutes_a_day = 1440;
constexpr int steps_max = 400;

// One thread, so that "after N steps" means one thing.
StoreOptions one_thread() {
    StoreOptions options;
    options.threads = 1;
    return options;
}

// A batch of three days in which every value is the batch's number.
FeatureRows batch(double number) { return minute_rows({0, minutes_a_day, 2 * minutes_a_day}, {number, number, number}); }

using Values = std::map<std::int64_t, double>;

struct Crash {
    const char* name;
    std::function<Result<void>(const FeatureStore&)> change;
};

std::vector<Crash> changes() {
    return {{"append",
             [](const FeatureStore& store) -> Result<void> {
                 SOFIA_CHECK(store.append("S", batch(9)));
                 return {};
             }},
            {"compact",
             [](const FeatureStore& store) -> Result<void> {
                 SOFIA_CHECK(store.compact("S"));
                 return {};
             }},
            {"retain", [](const FeatureStore& store) -> Result<void> {
                 SOFIA_CHECK(store.retain("S", day0 + ns_per_day));
                 return {};
             }}};
}

// Every change is cut off after every possible number of steps. What is read then is the old state or the new one; what other readers find are whole
// committed files; and the next writer leaves the store clean.
void cut_off_everywhere(MemoryFiles::Locks locks) {
    const auto files = std::make_shared<MemoryFiles>(locks);
    const FeatureStore plain(files, one_thread());
    for (int i = 0; i < 3; ++i) must(plain.append("S", batch(i)));
    const auto before = files->copy();
    const Values old_values = by_minute(must(plain.read("S")));
    for (const Crash& crash : changes()) {
        files->restore(before);
        ASSERT_TRUE(crash.change(plain));
        const Values new_values = by_minute(must(plain.read("S")));
        bool was_old = false;
        bool was_new = false;
        int steps = 0;
        for (bool failed = true; failed && steps < steps_max; ++steps) {
            files->restore(before);
            const auto failing = std::make_shared<FailingFiles>(files, steps);
            const auto done = crash.change(FeatureStore(failing, one_thread()));
            failed = failing->failed();
            const std::string where = std::string(crash.name) + " cut off after " + std::to_string(steps) + " steps";
            const Values left = by_minute(must(plain.read("S")));
            EXPECT_THAT(left, AnyOf(Eq(old_values), Eq(new_values))) << where;
            if (done) {
                EXPECT_EQ(left, new_values) << where;
            }
            was_old = was_old || left == old_values;
            was_new = was_new || left == new_values;
            for (const std::string& path : files->visible()) {
                EXPECT_TRUE(ParquetReader::from_bytes(**files->get(path), path)) << where;
            }
            must(plain.append("S", minute_rows({3 * minutes_a_day}, {1})));
            must(plain.compact("S"));
            EXPECT_TRUE(must(plain.check("S")).problems.empty()) << where;
            if (locks == MemoryFiles::Locks::kept) {
                EXPECT_TRUE(must(plain.check("S")).remarks.empty()) << where;
            }
        }
        EXPECT_TRUE(was_old && was_new) << crash.name;
        EXPECT_GT(steps, 5) << crash.name;
        EXPECT_LT(steps, steps_max) << crash.name;
    }
}

TEST(FeatureCrash, CutOffAfterAnyStepItIsTheOldStateOrTheNewOne) { cut_off_everywhere(MemoryFiles::Locks::kept); }

TEST(FeatureCrash, OnAnObjectStoreToo) { cut_off_everywhere(MemoryFiles::Locks::none); }

// Other readers see parts only after their commit: at no step of an append does a file lie there that the log does not have.
TEST(FeatureCrash, NothingIsSeenBeforeItsCommit) {
    for (const auto locks : {MemoryFiles::Locks::kept, MemoryFiles::Locks::none}) {
        const auto files = std::make_shared<MemoryFiles>(locks);
        const FeatureStore plain(files, one_thread());
        for (int steps = 0; steps < 12; ++steps) {
            files->restore({});
            static_cast<void>(FeatureStore(std::make_shared<FailingFiles>(files, steps), one_thread()).append("S", batch(1)));
            const auto committed = plain.parts("S");
            for (const std::string& path : files->visible()) {
                ASSERT_TRUE(committed);
                EXPECT_THAT(*committed, ::testing::Contains(path.substr(2)));
            }
        }
    }
}

// A child appends and compacts until it is killed at a random moment. Every append that it reported is there, and no part of another one.
TEST(FeatureCrash, AKilledWriterLeavesWholeBatches) {
    const TemporaryFolder files;
    RandomStream random(7);
    double first = 0;
    for (int round = 0; round < 20; ++round) {
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            const FeatureStore store = open_store(files.path());
            for (double number = first; number < first + 1000; ++number) {
                if (!store.append("S", batch(number))) ::_exit(1);
                if (::write(ends[1], &number, sizeof number) != sizeof number) ::_exit(1);
                if (static_cast<int>(number) % 3 == 2 && !store.compact("S")) ::_exit(1);
            }
            ::_exit(0);
        }
        ::close(ends[1]);
        double reported = first - 1;
        // Half of the rounds get somewhere first, however slow the machine is.
        if (round % 2 == 0) {
            ASSERT_EQ(::read(ends[0], &reported, sizeof reported), static_cast<ssize_t>(sizeof reported));
        }
        std::this_thread::sleep_for(std::chrono::microseconds(500 + random.below(40'000)));
        ::kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
        for (double number = 0; ::read(ends[0], &number, sizeof number) == sizeof number;) reported = number;
        ::close(ends[0]);
        const FeatureStore store = open_store(files.path());
        const auto rows = store.read("S");
        if (!rows && reported < 0) continue;  // killed before the first commit ever
        const Values values = by_minute(must(rows));
        ASSERT_EQ(values.size(), 3U);
        const double last = values.begin()->second;
        for (const auto& [minute, value] : values) EXPECT_EQ(value, last) << "round " << round;
        EXPECT_GE(last, reported);
        EXPECT_LE(last, reported + 1);
        for (const std::string& path : visible_parts(files.path())) {
            EXPECT_TRUE(ParquetReader::open(files.path() / path)) << path;
        }
        EXPECT_TRUE(must(store.check("S")).problems.empty());
        first = last + 1;
    }
    EXPECT_GE(first, 10);
}

// Four processes write, a fifth compacts all the while, and this one reads: no row is lost, no read fails or sees half an append.
TEST(FeatureCrash, ManyWritersLoseNothing) {
    const TemporaryFolder files;
    constexpr int writers = 4;
    constexpr int appends = 12;
    std::set<pid_t> children;
    for (int writer = 0; writer < writers + 1; ++writer) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            const FeatureStore store = open_store(files.path());
            for (int i = 0; i < appends; ++i) {
                if (writer == writers) {
                    static_cast<void>(store.compact("S"));
                    continue;
                }
                const std::int64_t minute = writer * appends + i;
                if (!store.append("S", minute_rows({minute, minutes_a_day + minute}, {1.0 * i, 1.0 * i}))) ::_exit(1);
            }
            ::_exit(0);
        }
        children.insert(child);
    }
    const FeatureStore store = open_store(files.path());
    std::size_t seen = 0;
    while (!children.empty()) {
        int status = 0;
        if (const pid_t ended = ::waitpid(-1, &status, WNOHANG); ended > 0) {
            EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            children.erase(ended);
        }
        const auto rows = store.read("S");
        if (!rows && seen == 0 && rows.error().message.find("has no rows") != std::string::npos) continue;
        const Values values = by_minute(must(rows));
        EXPECT_GE(values.size(), seen);
        EXPECT_EQ(values.size() % 2, 0U);
        seen = values.size();
    }
    EXPECT_EQ(must(store.read("S")).rows(), 2U * writers * appends);
    EXPECT_TRUE(must(store.check("S")).remarks.empty());
}

// Without locks, in threads on files that are an object store's: appends, compactions and drops at once.
TEST(FeatureCrash, WritersWithoutLocksLoseNothing) {
    const auto files = std::make_shared<MemoryFiles>(MemoryFiles::Locks::none);
    const FeatureStore store(files, one_thread());
    must(store.append("S", minute_rows({-minutes_a_day}, {0})));
    {
        std::vector<std::jthread> threads;
        for (int writer = 0; writer < 3; ++writer) {
            threads.emplace_back([&store, writer] {
                for (int i = 0; i < 40; ++i) must(store.append("S", minute_rows({writer * 40 + i, minutes_a_day + i}, {1.0 * i, 1.0 * writer})));
            });
        }
        for (int other = 0; other < 2; ++other) {
            threads.emplace_back([&store] {
                for (int i = 0; i < 20; ++i) {
                    static_cast<void>(store.compact("S"));  // two at once may find that the other one was faster
                    static_cast<void>(store.retain("S", day0));
                }
            });
        }
        threads.emplace_back([&store] {
            for (int i = 0; i < 60; ++i) {
                const auto rows = store.read("S");
                if (!rows) {
                    EXPECT_EQ(rows.error().code, ErrorCode::conflict) << rows.error().message;
                }
            }
        });
    }
    const Values values = by_minute(must(store.read("S")));
    for (int minute = 0; minute < 120; ++minute) EXPECT_EQ(values.count(minute), 1U) << minute;
    for (int i = 0; i < 40; ++i) EXPECT_EQ(values.count(minutes_a_day + i), 1U) << i;
    EXPECT_TRUE(must(store.check("S")).problems.empty());
}

TEST(FeatureCrash, AWriterWaitsAndSaysForWhom) {
    const TemporaryFolder files;
    must(open_store(files.path()).append("S", batch(0)));
    const auto held = local_files(files.path().string())->lock("_sofia/S/lock", 0);
    ASSERT_TRUE(held);
    StoreOptions options;
    options.lock_wait = 5 * ns_per_ms;
    const auto refused = open_store(files.path(), options).append("S", batch(1));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::conflict);
    EXPECT_THAT(refused.error().message, HasSubstr("another process is writing"));
    EXPECT_EQ(must(open_store(files.path()).read("S")).rows(), 3U);  // readers do not wait
}

// A limit on the size of a file stands for a full disk.
TEST(FeatureCrash, AFullDiskLosesNothing) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path());
    must(store.append("S", batch(0)));
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{1500, 1500};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        FeatureRows rows = minute_rows({}, {});
        for (std::int64_t i = 0; i < 1000; ++i) {
            rows.ts.push_back(day0 + i);
            rows.known_at.push_back(day0 + i);
            rows.columns[0].numbers.push_back(1.0 / static_cast<double>(i + 3));
        }
        const auto done = store.append("S", rows);
        ::_exit(done || done.error().code != ErrorCode::io || done.error().message.find("File too large") == std::string::npos ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_EQ(by_minute(must(store.read("S"))), by_minute(batch(0)));
    EXPECT_TRUE(must(store.check("S")).remarks.empty());
    must(store.append("S", batch(1)));
}

TEST(FeatureCrash, AFolderThatMayOnlyBeReadCanBeRead) {
    const TemporaryFolder files;
    must(open_store(files.path() / "s").append("S", batch(4)));
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(files.path() / "s")) {
            ::chmod(entry.path().c_str(), entry.is_directory() ? 0555 : 0444);
        }
        ::chmod((files.path() / "s").c_str(), 0555);
        if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
        const FeatureStore store = open_store(files.path() / "s");
        if (!store.read("S") || !store.describe("S") || !store.check("S")) ::_exit(3);
        const auto append = store.append("S", batch(5));
        if (append || append.error().code != ErrorCode::io) ::_exit(4);
        const auto other = store.append("T", batch(5));
        ::_exit(other || other.error().code != ErrorCode::io ? 5 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(FeatureCrash, DamageIsToldAndNamed) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path());
    must(store.append("S", batch(1)));
    const std::vector<std::string> parts = visible_parts(files.path());
    const std::filesystem::path first = files.path() / parts.at(0);
    const std::string good = read_file(first).value();
    const auto fails_with = [&](const std::string& why) {
        const auto rows = store.read("S");
        ASSERT_FALSE(rows);
        EXPECT_EQ(rows.error().code, ErrorCode::data);
        EXPECT_THAT(rows.error().message, ::testing::AllOf(HasSubstr(first.filename().string()), HasSubstr(why)));
        EXPECT_EQ(must(store.check("S")).problems.size(), 1U);
    };
    std::filesystem::resize_file(first, good.size() / 2);
    fails_with("not a readable Parquet file");
    std::filesystem::resize_file(first, 0);
    fails_with("empty");
    FeatureRows other = minute_rows({0, 1}, {1, 2});
    other.written_at = other.ts;
    ASSERT_TRUE(write_feature_file(files.path() / "other.parquet", other, WrittenAt::keep));
    std::filesystem::rename(files.path() / "other.parquet", first);
    fails_with("is not the part that was written");
    std::filesystem::remove(first);
    fails_with("is missing");
    ReadQuery elsewhere;
    elsewhere.from = day0 + ns_per_day;
    EXPECT_EQ(must(store.read("S", elsewhere)).rows(), 2U);
    ASSERT_TRUE(write_file(first, good));
    EXPECT_EQ(must(store.read("S")).rows(), 3U);
}

TEST(FeatureCrash, TruncatedPartsAreErrorsWhereverTheyEnd) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path());
    must(store.append("S", minute_rows({0, 1, 2}, {1, 2, 3})));
    const std::filesystem::path part = files.path() / visible_parts(files.path()).at(0);
    const std::string good = read_file(part).value();
    for (std::size_t size = 0; size < good.size(); size += 37) {
        std::ofstream(part, std::ios::binary) << good.substr(0, size);
        EXPECT_FALSE(store.read("S")) << size;
    }
    RandomStream random(3);
    for (int i = 0; i < 150; ++i) {
        std::string bytes = good;
        bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
        std::ofstream(part, std::ios::binary) << bytes;
        static_cast<void>(store.read("S"));  // right, other numbers, or an error, but no crash
        if (bytes != good) {
            EXPECT_EQ(must(store.check("S")).problems.size(), 1U);
        }
    }
}

TEST(FeatureCrash, ADamagedLogIsAnErrorThatNamesIt) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path());
    must(store.append("S", batch(1)));
    const std::filesystem::path object = list_files(files.path() / "_sofia" / "S" / "log").value().at(0);
    const std::string good = read_file(object).value();
    for (const std::string& bad :
         {std::string("{"), std::string("[]"), std::string("{\"format\":2}"), std::string("{\"format\":1}"), std::string("\0\0", 2),
          std::string(good).replace(good.find("date="), 5, "../.."), good.substr(0, good.size() / 2)}) {
        ASSERT_TRUE(write_file(object, bad));
        const auto rows = store.read("S");
        ASSERT_FALSE(rows) << bad;
        EXPECT_EQ(rows.error().code, ErrorCode::data);
        EXPECT_THAT(rows.error().message, HasSubstr(object.filename().string()));
        EXPECT_FALSE(store.append("S", batch(2)));
    }
    ASSERT_TRUE(write_file(object, good));
    EXPECT_EQ(must(store.read("S")).rows(), 3U);
}

TEST(FeatureCrash, FilesOfOthersAreLeftAloneAndTold) {
    const TemporaryFolder files;
    const FeatureStore store = open_store(files.path());
    must(store.append("S", batch(1)));
    ASSERT_TRUE(write_file(files.path() / "S" / "date=2024-01-01" / "mine.parquet", "junk"));
    ASSERT_TRUE(write_file(files.path() / "S" / "notes.txt", "x"));
    ASSERT_TRUE(write_file(files.path() / "README", "x"));
    std::filesystem::create_directories(files.path() / "_sofia" / "not%zz" / "log");
    EXPECT_EQ(must(store.read("S")).rows(), 3U);
    must(store.append("S", batch(2)));
    must(store.compact("S"));
    EXPECT_EQ(must(store.symbols()), std::vector<std::string>{"S"});
    const StoreCheck check = must(store.check("S"));
    EXPECT_TRUE(check.problems.empty());
    EXPECT_EQ(check.remarks.size(), 2U);
    must(store.retain("S", day0 + 10 * ns_per_day));
    EXPECT_TRUE(std::filesystem::exists(files.path() / "S" / "date=2024-01-01" / "mine.parquet"));
}

}  // namespace
}  // namespace sofia::store
