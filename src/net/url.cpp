#include "net/url.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/text.hpp"

namespace sofia::net {

namespace {

std::unexpected<Error> refuse(std::string_view text, std::string_view why) {
    std::string shown;
    for (const char c : text.substr(0, 200)) shown += c < 0x20 || c == 0x7f ? '?' : c;
    return fail(ErrorCode::usage, fmt::format("address \"{}\" {}", shown, why), "write https://host/path");
}

// The path of `path` without `.` and `..` (RFC 3986, 5.2.4).
std::string remove_dots(std::string_view path) {
    std::vector<std::string> kept;
    const std::vector<std::string> parts = split(path, '/');
    for (std::size_t i = 1; i < parts.size(); ++i) {
        const bool last = i + 1 == parts.size();
        if (parts[i] == "." || parts[i] == "..") {
            if (parts[i] == ".." && !kept.empty()) kept.pop_back();
            if (last) kept.emplace_back();
        } else {
            kept.push_back(parts[i]);
        }
    }
    return "/" + join(kept, "/");
}

Result<void> read_authority(std::string_view text, std::string_view authority, Url& url) {
    if (authority.find('@') != std::string_view::npos) return refuse("...", "holds a user name, which is not supported");
    std::string_view port;
    std::string_view host = authority;
    if (host.starts_with('[')) {
        const std::size_t end = host.find(']');
        if (end == std::string_view::npos) return refuse(text, "has a [ without its ]");
        port = host.substr(end + 1);
        host = host.substr(1, end - 1);
        if (!port.empty() && !port.starts_with(':')) return refuse(text, "has no port after its ]");
    } else if (const std::size_t colon = host.find(':'); colon != std::string_view::npos) {
        port = host.substr(colon);
        host = host.substr(0, colon);
    }
    if (host.empty()) return refuse(text, "names no host");
    url.host = lower(host);
    url.port = url.scheme == "https" ? 443 : 80;
    if (port.size() <= 1) return {};
    const bool digits = port.substr(1).find_first_not_of("0123456789") == std::string_view::npos;
    const auto number = digits ? parse_int(port.substr(1)) : std::nullopt;
    if (!number || *number < 1 || *number > 65535) return refuse(text, "has a port outside 1..65535");
    url.port = static_cast<std::uint16_t>(*number);
    return {};
}

}  // namespace

std::string Url::authority() const {
    const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
    const bool own = port == (scheme == "https" ? 443 : 80);
    return own ? name : fmt::format("{}:{}", name, port);
}

std::string Url::text() const { return scheme + "://" + authority() + target; }

bool Url::same_origin(const Url& other) const { return scheme == other.scheme && host == other.host && port == other.port; }

Result<Url> parse_url(std::string_view text) {
    const auto odd = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f; };
    if (std::any_of(text.begin(), text.end(), odd)) return refuse(text, "holds a blank or a character that must be escaped");
    const std::size_t colon = text.find("://");
    Url url;
    url.scheme = lower(text.substr(0, colon == std::string_view::npos ? 0 : colon));
    if (url.scheme != "http" && url.scheme != "https") return refuse(text, "is neither http:// nor https://");
    const std::string_view rest = text.substr(colon + 3);
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
    SOFIA_CHECK(read_authority(text, authority, url));
    std::string_view target = rest.substr(authority.size());
    target = target.substr(0, target.find('#'));
    url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
    return url;
}

Result<Url> resolve_url(const Url& base, std::string_view location) {
    const std::size_t end = location.find_first_of("/?#");
    const std::size_t colon = location.find(':');
    if (colon != std::string_view::npos && (end == std::string_view::npos || colon < end)) return parse_url(location);
    if (location.starts_with("//")) return parse_url(base.scheme + ":" + std::string(location));

    const std::string_view reference = location.substr(0, location.find('#'));
    const std::string_view path = reference.substr(0, reference.find('?'));
    const std::string_view query = reference.substr(path.size());
    const std::string_view base_path = std::string_view(base.target).substr(0, base.target.find('?'));
    std::string target;
    if (path.empty()) {
        target = query.empty() ? base.target : std::string(base_path) + std::string(query);
    } else {
        const std::string_view folder = path.starts_with('/') ? "" : base_path.substr(0, base_path.rfind('/') + 1);
        target = remove_dots(std::string(folder) + std::string(path)) + std::string(query);
    }
    return parse_url(base.scheme + "://" + base.authority() + target);
}

std::string encode_query(std::string_view value) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    std::string out;
    for (const char c : value) {
        if (plain.find(c) != std::string_view::npos) {
            out += c;
        } else {
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return out;
}

}  // namespace sofia::net
