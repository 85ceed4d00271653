#include "store/report.hpp"

#include "base/hash.hpp"

namespace sofia::store {

std::string BadRow::text() const { return path.string() + (line == 0 ? "" : " line " + std::to_string(line)) + ": " + reason; }

Result<void> hash_inputs(ReadReport& report) {
    for (FileReport& file : report.files) {
        SOFIA_TRY(file.sha256, sha256_file(file.path));
    }
    return {};
}

}  // namespace sofia::store
