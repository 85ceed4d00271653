#pragma once

// Internal to the room: pieces of HTML that pages have in common. All text is escaped here.

#include <span>
#include <string>

#include "report/report.hpp"

namespace sofia::report {

[[nodiscard]] std::string unit_text(const std::string& unit);
[[nodiscard]] std::string value_text(const Figure& figure);

/// A framed box; `body` is HTML.
[[nodiscard]] std::string panel(const std::string& title, const std::string& body);

/// Nothing when `body` is empty.
[[nodiscard]] std::string section(const std::string& title, const std::string& body);

/// The large figures above everything else.
[[nodiscard]] std::string cards(std::span<const Figure> figures);

[[nodiscard]] std::string notes_section(std::span<const std::string> notes);
[[nodiscard]] std::string provenance_list(std::span<const Figure> figures);

}  // namespace sofia::report
