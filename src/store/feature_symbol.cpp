#include <algorithm>
#include <cctype>
#include <optional>

#include <fmt/format.h>

#include "store/csv_fields.hpp"
#include "store/feature_log.hpp"
#include "store/feature_store.hpp"

namespace sofia::store {

namespace {

constexpr std::size_t symbol_bytes_max = 100;

bool is_plain(unsigned char c, bool first) {
    return std::isalnum(c) != 0 || c == '-' || (!first && (c == '.' || c == '_'));  // in front they hide a folder from other readers
}

// Nothing for a folder that `symbol_folder` does not give.
std::optional<std::string> symbol_of_folder(const std::string& folder) {
    std::string symbol;
    for (std::size_t i = 0; i < folder.size(); ++i) {
        if (folder[i] != '%') {
            symbol += folder[i];
            continue;
        }
        const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
        if (i + 2 >= folder.size() || digit(folder[i + 1]) < 0 || digit(folder[i + 2]) < 0) return std::nullopt;
        symbol += static_cast<char>(digit(folder[i + 1]) * 16 + digit(folder[i + 2]));
        i += 2;
    }
    const auto again = symbol_folder(symbol);
    if (!again || *again != folder) return std::nullopt;
    return symbol;
}

}  // namespace

Result<std::string> symbol_folder(const std::string& symbol) {
    const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    if (symbol.empty()) return fail(ErrorCode::usage, "the symbol is empty");
    if (symbol.size() > symbol_bytes_max)
        return fail(ErrorCode::usage, fmt::format("symbol {} is longer than {} bytes", shown(symbol), symbol_bytes_max));
    if (!is_utf8(symbol) || std::ranges::any_of(symbol, is_control)) {
        return fail(ErrorCode::usage, fmt::format("symbol {} has characters that no name has", shown(symbol)));
    }
    std::string folder;
    for (const char c : symbol) {
        const auto byte = static_cast<unsigned char>(c);
        folder += byte < 0x80 && is_plain(byte, folder.empty()) ? std::string(1, c) : fmt::format("%{:02X}", byte);
    }
    return folder;
}

Result<std::vector<std::string>> FeatureStore::symbols() const {
    SOFIA_TRY(const std::vector<std::string> folders, files_->folders("_sofia"));
    std::vector<std::string> out;
    for (const std::string& folder : folders) {
        const std::optional<std::string> symbol = symbol_of_folder(folder);
        if (!symbol) continue;
        SOFIA_TRY(const std::vector<StoredFile> objects, files_->list(SymbolPaths{folder}.log()));
        if (!objects.empty()) out.push_back(*symbol);
    }
    std::ranges::sort(out);
    return out;
}

}  // namespace sofia::store
