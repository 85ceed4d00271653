#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "tune/storage.hpp"

namespace sofia::pipeline {

/// Where the study verbs look: `storage` as it is when it is given; else the file of that name in the current folder, `sqlite:///<study>.db`.
/// Error usage: neither is given, or the name cannot be a file's.
[[nodiscard]] Result<std::string> study_storage_url(const std::string& storage, const std::string& study);

/// Opens `study_storage_url(storage, study)`. Errors: those of `study_storage_url` and tune::open_storage.
[[nodiscard]] Result<std::shared_ptr<tune::Storage>> open_study_storage(const std::string& storage, const std::string& study);

/// A storage URL that may be shown, logged and written down: the password is left out (`postgresql://user:secret@host/db?password=x` is
/// `postgresql://user@host/db`). Of a server's URL nothing behind `?` is kept; a path or a text that is no URL comes back as it is.
[[nodiscard]] std::string without_password(const std::string& url);

}  // namespace sofia::pipeline
