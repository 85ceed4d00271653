#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sofia::net {

/// An absolute http or https address in parts.
struct Url {
    std::string scheme;       ///< `http` or `https`
    std::string host;         ///< lower case, an IPv6 address without its brackets
    std::uint16_t port = 0;   ///< the scheme's own where the text names none
    std::string target;       ///< path and query as they go into the request line, never empty

    /// `host:port` as the Host header wants it: without the scheme's own port, an IPv6 address in brackets.
    [[nodiscard]] std::string authority() const;
    [[nodiscard]] std::string text() const;

    /// Same scheme, host and port: who may see what was meant for the first.
    [[nodiscard]] bool same_origin(const Url& other) const;
};

/// Reads `https://host[:port][/path][?query]`; a fragment is dropped. Refused: other schemes, user names and passwords, blanks, control
/// characters and bytes above ASCII (escape them), ports outside 1..65535. Error: usage.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

/// Where a redirect from `base` leads: `location` may be absolute, `//host/path`, `/path` or relative (RFC 3986, 5.2). Error: usage.
[[nodiscard]] Result<Url> resolve_url(const Url& base, std::string_view location);

/// Percent-encodes all but letters, digits and `-._~` (RFC 3986, 2.3), for values in a query.
[[nodiscard]] std::string encode_query(std::string_view value);

}  // namespace sofia::net
