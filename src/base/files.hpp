#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sofia {

/// A file that appears whole or not at all: bytes go to a temporary name beside it; `commit` flushes to disk and renames. Destroyed without
/// `commit`, the temporary file is removed. Parent folders are made. Errors: io, with the path and the system's reason (a full disk too).
class AtomicFile {
public:
    [[nodiscard]] static Result<AtomicFile> create(const std::filesystem::path& path);
    ~AtomicFile();
    AtomicFile(AtomicFile&&) noexcept;
    AtomicFile& operator=(AtomicFile&&) noexcept;

    [[nodiscard]] Result<void> write(std::string_view bytes);
    [[nodiscard]] Result<void> commit();

    /// The temporary path, for a library that writes by name itself; then `write` is not used and `commit` still flushes and renames.
    [[nodiscard]] const std::filesystem::path& temporary() const;

private:
    struct State;
    explicit AtomicFile(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// Files of one folder that appear together: they are written into `path()`, a hidden folder beside it, and `commit` moves each into the folder,
/// by name, which needs no more room on the disk; other files of the folder stay. Destroyed without `commit`, everything written is removed.
/// What killed processes have left beside the folder is removed first. Errors: io.
class StagedFolder {
public:
    [[nodiscard]] static Result<StagedFolder> create(const std::filesystem::path& folder);
    ~StagedFolder();
    StagedFolder(StagedFolder&&) noexcept;
    StagedFolder& operator=(StagedFolder&&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return staging_; }

    /// Removes what was written so far.
    [[nodiscard]] Result<void> clear();

    /// Files only, no folders inside.
    [[nodiscard]] Result<void> commit();

    /// In place of `commit`: the folder itself appears, with folders inside. Error: io when there is one already that is not empty.
    [[nodiscard]] Result<void> commit_whole();

private:
    StagedFolder(std::filesystem::path folder, std::filesystem::path staging, int fd);
    void end();
    std::filesystem::path folder_;
    std::filesystem::path staging_;  // empty once moved away
    int fd_ = -1;                    // of the hidden folder, locked
};

/// Removes the temporary files and hidden folders that processes have left in `folder` that did not live to remove them themselves; those of
/// living processes are locked and stay. What cannot be removed stays too.
void remove_abandoned(const std::filesystem::path& folder);

/// Writes `bytes` as the whole file, atomically.
[[nodiscard]] Result<void> write_file(const std::filesystem::path& path, std::string_view bytes);

/// The whole file. Errors: io; data, as soon as it is found to be larger than `bytes_max` (a device may never end).
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max = std::size_t{1} << 31U);

/// The regular files of a folder, sorted by name; temporary files of AtomicFile are left out. Error: io when there is no such folder.
[[nodiscard]] Result<std::vector<std::filesystem::path>> list_files(const std::filesystem::path& folder);

/// Makes the folder and its parents. Error: io.
[[nodiscard]] Result<void> make_folder(const std::filesystem::path& folder);

}  // namespace sofia
