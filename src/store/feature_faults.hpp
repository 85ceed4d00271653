#pragma once

// Test doubles of the files below a feature store: in memory, and with a crash after any number of steps.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "store/feature_files.hpp"

namespace sofia::store::testing {

/// Files in memory. With `Locks::none` they behave as an object store.
class MemoryFiles final : public StoreFiles {
public:
    enum class Locks : std::uint8_t { kept, none };
    explicit MemoryFiles(Locks locks) : locks_(locks) {}

    const std::string& root() const override { return root_; }
    bool is_local() const override { return locks_ == Locks::kept; }

    Result<std::vector<StoredFile>> list(const std::string& folder) const override {
        const std::lock_guard guard(mutex_);
        std::vector<StoredFile> out;
        for (const auto& [path, bytes] : files_) {
            if (path.starts_with(folder + "/") && path.find('/', folder.size() + 1) == std::string::npos) {
                out.push_back({path.substr(folder.size() + 1), bytes.size(), wall_clock_now()});  // nobody is taken for dead
            }
        }
        return out;
    }
    Result<std::vector<std::string>> folders(const std::string& folder) const override {
        const std::lock_guard guard(mutex_);
        std::set<std::string> out;
        for (const auto& [path, bytes] : files_) {
            if (!path.starts_with(folder + "/")) continue;
            const std::string rest = path.substr(folder.size() + 1);
            if (const auto slash = rest.find('/'); slash != std::string::npos) out.insert(rest.substr(0, slash));
        }
        return std::vector<std::string>(out.begin(), out.end());
    }
    Result<std::optional<std::string>> get(const std::string& path) const override {
        const std::lock_guard guard(mutex_);
        const auto at = files_.find(path);
        if (at == files_.end()) return std::nullopt;
        return at->second;
    }
    Result<void> put(const std::string& path, std::string_view bytes) override {
        const std::lock_guard guard(mutex_);
        files_[path] = std::string(bytes);
        return {};
    }
    Result<void> stage(const std::string& path, std::string_view bytes) override { return put(path, bytes); }
    Result<void> flush(const std::vector<std::string>&) override { return {}; }
    Result<bool> move(const std::string& from, const std::string& to) override {
        const std::lock_guard guard(mutex_);
        const auto at = files_.find(from);
        if (at == files_.end()) return false;
        files_[to] = std::move(at->second);
        files_.erase(at);
        return true;
    }
    Result<void> remove(const std::string& path) override {
        const std::lock_guard guard(mutex_);
        files_.erase(path);
        return {};
    }
    void tidy(const std::string&) override {}
    Result<std::unique_ptr<StoreLock>> lock(const std::string& path, DurationNs) override {
        if (locks_ == Locks::none) return nullptr;
        struct Held final : StoreLock {
            explicit Held(std::mutex& mutex) : guard(mutex) {}
            std::lock_guard<std::mutex> guard;
        };
        mutex_.lock();
        std::mutex& mine = locked_[path];
        mutex_.unlock();
        return std::make_unique<Held>(mine);
    }

    /// What other readers of the folder would find.
    [[nodiscard]] std::vector<std::string> visible() const {
        const std::lock_guard guard(mutex_);
        std::vector<std::string> out;
        for (const auto& [path, bytes] : files_) {
            if (path.ends_with(".parquet")) out.push_back(path);
        }
        return out;
    }

    [[nodiscard]] std::map<std::string, std::string> copy() const {
        const std::lock_guard guard(mutex_);
        return files_;
    }
    void restore(std::map<std::string, std::string> files) {
        const std::lock_guard guard(mutex_);
        files_ = std::move(files);
    }

private:
    Locks locks_;
    std::string root_ = "memory";
    mutable std::mutex mutex_;
    std::map<std::string, std::mutex> locked_;
    std::map<std::string, std::string> files_;
};

/// What a crash or a full disk does: the first `steps` changes happen, the next one in part where it can, and none after it.
class FailingFiles final : public StoreFiles {
public:
    FailingFiles(std::shared_ptr<StoreFiles> files, std::int64_t steps) : files_(std::move(files)), left_(steps) {}

    [[nodiscard]] bool failed() const { return left_ < 0; }

    const std::string& root() const override { return files_->root(); }
    bool is_local() const override { return files_->is_local(); }
    Result<std::vector<StoredFile>> list(const std::string& folder) const override { return files_->list(folder); }
    Result<std::vector<std::string>> folders(const std::string& folder) const override { return files_->folders(folder); }
    Result<std::optional<std::string>> get(const std::string& path) const override { return files_->get(path); }
    Result<void> put(const std::string& path, std::string_view bytes) override {
        if (left_-- <= 0) return full(path);
        return files_->put(path, bytes);
    }
    Result<void> stage(const std::string& path, std::string_view bytes) override {
        const std::int64_t left = left_--;
        if (left > 0) return files_->stage(path, bytes);
        if (left == 0 && files_->is_local()) static_cast<void>(files_->stage(path, bytes.substr(0, bytes.size() / 2)));
        return full(path);
    }
    Result<void> flush(const std::vector<std::string>& paths) override {
        if (left_-- <= 0) return full(paths.empty() ? "" : paths.front());
        return files_->flush(paths);
    }
    Result<bool> move(const std::string& from, const std::string& to) override {
        const std::int64_t left = left_--;
        if (left > 0) return files_->move(from, to);
        // On object stores a move is a copy and a removal.
        if (left == 0 && !files_->is_local()) {
            if (const auto bytes = files_->get(from); bytes && *bytes) static_cast<void>(files_->put(to, **bytes));
        }
        return std::unexpected(full(to).error());
    }
    Result<void> remove(const std::string& path) override {
        if (left_-- <= 0) return full(path);
        return files_->remove(path);
    }
    void tidy(const std::string& folder) override {
        if (left_-- > 0) files_->tidy(folder);
    }
    Result<std::unique_ptr<StoreLock>> lock(const std::string& path, DurationNs wait) override { return files_->lock(path, wait); }

private:
    static Result<void> full(const std::string& path) { return fail(ErrorCode::io, "cannot write " + path + ": No space left on device"); }

    std::shared_ptr<StoreFiles> files_;
    std::atomic<std::int64_t> left_;
};

}  // namespace sofia::store::testing
