#include <algorithm>
#include <cctype>
#include <chrono>
#include <exception>
#include <filesystem>
#include <mutex>

#include <arrow/buffer.h>
#include <arrow/filesystem/filesystem.h>
#include <arrow/io/interfaces.h>
#include <dlfcn.h>

#include "store/feature_files.hpp"

namespace sofia::store {

namespace {

// Arrow asks that its S3 client is shut down before the process ends.
struct FileSystemsEnd {
    ~FileSystemsEnd() { arrow::fs::EnsureFinalized(); }
};

// In the wheels S3 is a library of its own beside libarrow, which is loaded when a URL first asks for it; elsewhere it may be part of libarrow.
arrow::Status load_s3() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<const void*>(&arrow::fs::EnsureFinalized), &info) == 0 || info.dli_fname == nullptr) return arrow::Status::OK();
    std::filesystem::path library = info.dli_fname;
    std::string name = library.filename().string();
    const std::string_view plain = "libarrow.so";
    if (!name.starts_with(plain)) return arrow::Status::OK();
    library.replace_filename("libarrow_s3.so" + name.substr(plain.size()));
    std::error_code error;
    if (!std::filesystem::exists(library, error)) return arrow::Status::OK();
    return arrow::fs::LoadFileSystemFactories(library.c_str());
}

arrow::Status initialize(std::string_view scheme) {
    if (scheme != "s3") return arrow::Status::OK();
    static std::mutex mutex;
    static bool loaded = false;
    const std::lock_guard guard(mutex);
    if (loaded) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(load_s3());
    loaded = true;
    // What is made last goes first at the end of the process. A client, which asks nobody for anything, brings everything about that the shutdown
    // needs; a first URL that is wrong would not.
    static_cast<void>(arrow::fs::FileSystemFromUri("s3://none:none@none?region=us-east-1&scheme=http&endpoint_override=127.0.0.1:1"));
    static const FileSystemsEnd end;
    return arrow::Status::OK();
}

// What must not be shown: the user's part of a URL in whole and in its parts, and the values of its options.
std::vector<std::string> secrets_of(std::string_view url) {
    std::vector<std::string> out;
    const std::size_t scheme = url.find("://") + 3;
    const std::string_view rest = url.substr(scheme);
    const auto add = [&](std::string_view text) {
        if (text.size() >= 4) out.emplace_back(text);
    };
    if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
        const std::string_view user = rest.substr(0, at);
        add(user);
        const auto colon = user.find(':');
        add(user.substr(0, colon));
        if (colon != std::string_view::npos) add(user.substr(colon + 1));
    }
    for (std::size_t i = 0, given = out.size(); i < given; ++i) {
        std::string plain;  // without the percent encoding
        for (std::size_t k = 0; k < out[i].size(); ++k) {
            if (out[i][k] == '%' && k + 2 < out[i].size() && std::isxdigit(static_cast<unsigned char>(out[i][k + 1])) != 0) {
                plain += static_cast<char>(std::stoi(out[i].substr(k + 1, 2), nullptr, 16));
                k += 2;
            } else {
                plain += out[i][k];
            }
        }
        if (plain != out[i]) out.push_back(plain);
    }
    return out;
}

class ObjectFiles final : public StoreFiles {
public:
    ObjectFiles(std::string shown, std::vector<std::string> secrets, std::shared_ptr<arrow::fs::FileSystem> files, std::string base)
        : shown_(std::move(shown)), secrets_(std::move(secrets)), files_(std::move(files)), base_(std::move(base)) {}

    const std::string& root() const override { return shown_; }
    bool is_local() const override { return false; }

    Result<std::vector<StoredFile>> list(const std::string& folder) const override {
        SOFIA_TRY(const arrow::fs::FileInfoVector found, entries(folder));
        std::vector<StoredFile> out;
        for (const arrow::fs::FileInfo& info : found) {
            if (!info.IsFile()) continue;
            out.push_back({info.base_name(), static_cast<std::uint64_t>(std::max<std::int64_t>(info.size(), 0)),
                           std::chrono::duration_cast<std::chrono::nanoseconds>(info.mtime().time_since_epoch()).count()});
        }
        std::ranges::sort(out, {}, &StoredFile::name);
        return out;
    }

    Result<std::vector<std::string>> folders(const std::string& folder) const override {
        SOFIA_TRY(const arrow::fs::FileInfoVector found, entries(folder));
        std::vector<std::string> out;
        for (const arrow::fs::FileInfo& info : found) {
            if (info.IsDirectory()) out.push_back(info.base_name());
        }
        std::ranges::sort(out);
        return out;
    }

    Result<std::optional<std::string>> get(const std::string& path) const override {
        const auto bytes = guarded<std::string>([&] { return load(path); });
        if (bytes.ok()) return *bytes;
        // What is missing is told apart from what cannot be read by asking for it.
        const auto info = guarded<arrow::fs::FileInfo>([&] { return files_->GetFileInfo(place(path)); });
        if (info.ok() && info->type() == arrow::fs::FileType::NotFound) return std::nullopt;
        return failed("read", path, bytes.status());
    }

    Result<void> put(const std::string& path, std::string_view bytes) override {
        const auto done = guarded<bool>([&]() -> arrow::Result<bool> {
            // Without the folder's marker an object store is fine; Arrow's local file system, which stands for one in tests, is not.
            if (files_->type_name() != "s3") ARROW_RETURN_NOT_OK(files_->CreateDir(parent(place(path))));
            ARROW_ASSIGN_OR_RAISE(const auto out, files_->OpenOutputStream(place(path)));
            ARROW_RETURN_NOT_OK(out->Write(bytes.data(), static_cast<std::int64_t>(bytes.size())));
            ARROW_RETURN_NOT_OK(out->Close());
            return true;
        });
        if (!done.ok()) return failed("write", path, done.status());
        return {};
    }

    Result<void> stage(const std::string& path, std::string_view bytes) override { return put(path, bytes); }

    Result<void> flush(const std::vector<std::string>&) override { return {}; }

    Result<bool> move(const std::string& from, const std::string& to) override {
        const auto done = guarded<bool>([&]() -> arrow::Result<bool> {
            if (files_->type_name() != "s3") ARROW_RETURN_NOT_OK(files_->CreateDir(parent(place(to))));
            ARROW_RETURN_NOT_OK(files_->CopyFile(place(from), place(to)));
            return true;
        });
        if (!done.ok()) {
            SOFIA_TRY(const bool there, exists(from));
            if (!there) return false;
            return failed("write", to, done.status());
        }
        SOFIA_CHECK(remove(from));
        return true;
    }

    Result<void> remove(const std::string& path) override {
        const auto done = guarded<bool>([&]() -> arrow::Result<bool> {
            ARROW_RETURN_NOT_OK(files_->DeleteFile(place(path)));
            return true;
        });
        if (done.ok()) return {};
        SOFIA_TRY(const bool there, exists(path));
        if (!there) return {};
        return failed("remove", path, done.status());
    }

    void tidy(const std::string& folder) override {
        const auto left = guarded<arrow::fs::FileInfoVector>([&] { return select(folder); });
        if (left.ok() && left->empty())
            static_cast<void>(guarded<bool>([&]() -> arrow::Result<bool> {
                ARROW_RETURN_NOT_OK(files_->DeleteDir(place(folder)));
                return true;
            }));
    }

    Result<std::unique_ptr<StoreLock>> lock(const std::string&, DurationNs) override { return nullptr; }

private:
    std::string place(const std::string& path) const { return path.empty() ? base_ : base_ + "/" + path; }
    static std::string parent(const std::string& path) { return path.substr(0, path.rfind('/')); }

    // Failures and exceptions of Arrow as a status.
    template <class T, class Call>
    static arrow::Result<T> guarded(Call call) {
        try {
            return call();
        } catch (const std::exception& thrown) {
            return arrow::Status::IOError(thrown.what());
        }
    }

    arrow::Result<std::string> load(const std::string& path) const {
        ARROW_ASSIGN_OR_RAISE(const auto file, files_->OpenInputFile(place(path)));
        ARROW_ASSIGN_OR_RAISE(const auto size, file->GetSize());
        ARROW_ASSIGN_OR_RAISE(const auto bytes, file->ReadAt(0, size));
        return bytes->ToString();
    }

    arrow::Result<arrow::fs::FileInfoVector> select(const std::string& folder) const {
        arrow::fs::FileSelector selector;
        selector.base_dir = place(folder);
        selector.allow_not_found = true;
        return files_->GetFileInfo(selector);
    }

    Result<arrow::fs::FileInfoVector> entries(const std::string& folder) const {
        auto found = guarded<arrow::fs::FileInfoVector>([&] { return select(folder); });
        if (!found.ok()) return failed("read", folder, found.status());
        return *std::move(found);
    }

    Result<bool> exists(const std::string& path) const {
        const auto info = guarded<arrow::fs::FileInfo>([&] { return files_->GetFileInfo(place(path)); });
        if (!info.ok()) return failed("read", path, info.status());
        return info->type() != arrow::fs::FileType::NotFound;
    }

    std::unexpected<Error> failed(std::string_view what, const std::string& path, const arrow::Status& status) const {
        std::string why = status.message().substr(0, status.message().find('\n'));
        for (const std::string& secret : secrets_) {
            for (auto at = why.find(secret); at != std::string::npos; at = why.find(secret, at)) why.replace(at, secret.size(), "...");
        }
        const std::string shown = path.empty() ? shown_ : shown_ + "/" + path;
        return fail(ErrorCode::unavailable, "cannot " + std::string(what) + " " + shown + ": " + why,
                    "check the bucket, the region, the endpoint and the credentials");
    }

    std::string shown_;
    std::vector<std::string> secrets_;
    std::shared_ptr<arrow::fs::FileSystem> files_;
    std::string base_;
};

}  // namespace

Result<std::shared_ptr<StoreFiles>> object_files(const std::string& url) {
    std::string shown = shown_url(url);
    const std::string scheme = url.substr(0, url.find("://"));
    while (shown.ends_with('/') && shown.size() > scheme.size() + 3) shown.pop_back();
    arrow::Result<std::shared_ptr<arrow::fs::FileSystem>> files = arrow::Status::Invalid("not opened");
    std::string base;
    try {
        if (const arrow::Status status = initialize(scheme); !status.ok()) {
            files = status;
        } else {
            files = arrow::fs::FileSystemFromUri(url, &base);
        }
    } catch (const std::exception& thrown) {
        files = arrow::Status::IOError(thrown.what());
    }
    while (base.ends_with('/')) base.pop_back();
    if (!files.ok()) {
        // Arrow quotes the whole URL in some of its reasons, so none of them is shown.
        return fail(ErrorCode::usage, shown + ": not a URL that a store can be opened with",
                    "for instance s3://bucket/prefix?region=eu-central-1, with the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    }
    if (base.empty()) return fail(ErrorCode::usage, shown + ": names no bucket");
    return std::make_shared<ObjectFiles>(std::move(shown), secrets_of(url), *std::move(files), std::move(base));
}

}  // namespace sofia::store
