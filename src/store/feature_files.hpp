#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace sofia::store {

struct StoredFile {
    std::string name;  ///< without its folder
    std::uint64_t bytes = 0;
    TimeNs modified = 0;
};

/// Held by a writer; given back when destroyed, also by the end of the process.
struct StoreLock {
    StoreLock() = default;
    StoreLock(const StoreLock&) = delete;
    StoreLock& operator=(const StoreLock&) = delete;
    virtual ~StoreLock() = default;
};

/// Where a feature store lies: whole files under one root. Paths are relative to it, with `/`. Thread-safe.
/// Errors: io, unavailable; messages name the file as it may be shown, never a key or a password.
class StoreFiles {
public:
    virtual ~StoreFiles() = default;

    [[nodiscard]] virtual const std::string& root() const = 0;  ///< as it may be shown
    [[nodiscard]] virtual bool is_local() const = 0;

    /// The files of a folder by name; none where there is no such folder.
    [[nodiscard]] virtual Result<std::vector<StoredFile>> list(const std::string& folder) const = 0;

    /// The folders inside a folder by name; none where there is none.
    [[nodiscard]] virtual Result<std::vector<std::string>> folders(const std::string& folder) const = 0;

    /// The bytes of a file; nothing when it is not there.
    [[nodiscard]] virtual Result<std::optional<std::string>> get(const std::string& path) const = 0;

    /// A new file that appears whole or not at all and is on the disk when this returns. Folders are made.
    [[nodiscard]] virtual Result<void> put(const std::string& path, std::string_view bytes) = 0;

    /// The same for a file that nobody looks for yet: after a crash it may be there in part, until `flush`.
    [[nodiscard]] virtual Result<void> stage(const std::string& path, std::string_view bytes) = 0;

    /// Staged files of one folder are on the disk when this returns. All at once: one after the other costs several times as much.
    [[nodiscard]] virtual Result<void> flush(const std::vector<std::string>& paths) = 0;

    /// Renames; false when there is no file `from`. Folders are made. On object stores a copy and a removal.
    [[nodiscard]] virtual Result<bool> move(const std::string& from, const std::string& to) = 0;

    /// A file that is not there is no error.
    [[nodiscard]] virtual Result<void> remove(const std::string& path) = 0;

    /// Removes a folder if it is empty.
    virtual void tidy(const std::string& folder) = 0;

    /// Keeps other writers out, where that can be done; null on object stores. Error conflict: somebody has it for longer than `wait`.
    [[nodiscard]] virtual Result<std::unique_ptr<StoreLock>> lock(const std::string& path, DurationNs wait) = 0;
};

/// A folder of this machine.
[[nodiscard]] std::shared_ptr<StoreFiles> local_files(const std::string& folder);

/// The file system behind a URL, by Arrow. Errors: usage, unavailable.
[[nodiscard]] Result<std::shared_ptr<StoreFiles>> object_files(const std::string& url);

/// Whether it has a scheme, as `s3://…`.
[[nodiscard]] bool is_url(std::string_view root);

/// `s3://bucket/prefix` of `s3://key:secret@bucket/prefix?region=…`; a path comes back as it is.
[[nodiscard]] std::string shown_url(std::string_view root);

}  // namespace sofia::store
