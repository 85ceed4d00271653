#include "base/config.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "base/files.hpp"
#include "base/text.hpp"
#include "base/yaml.hpp"

namespace sofia::config {

namespace {

constexpr std::string_view list_hint = "`sofia config show` lists all keys";

Key* find_key(Keys& keys, std::string_view path) {
    const auto found = std::find_if(keys.all().begin(), keys.all().end(), [&](const Key& key) { return key.path == path; });
    return found == keys.all().end() ? nullptr : &*found;
}

bool is_section(const Keys& keys, const std::string& path) {
    return std::any_of(keys.all().begin(), keys.all().end(), [&](const Key& key) { return key.path.starts_with(path + "."); });
}

// The map whose free key `path` is: `model.params` of `model.params.max_bin`.
Key* find_map(Keys& keys, std::string_view path) {
    const auto holds = [&](const Key& key) {
        return key.type == "map" && path.starts_with(key.path) && path.size() > key.path.size() + 1 && path[key.path.size()] == '.';
    };
    const auto found = std::find_if(keys.all().begin(), keys.all().end(), holds);
    return found == keys.all().end() ? nullptr : &*found;
}

// All keys and all sections, in the order of registration.
std::vector<std::string> known_paths(const Keys& keys) {
    std::vector<std::string> known;
    for (const Key& key : keys.all()) {
        for (std::size_t dot = key.path.find('.'); dot != std::string::npos; dot = key.path.find('.', dot + 1)) {
            const std::string section = key.path.substr(0, dot);
            if (std::find(known.begin(), known.end(), section) == known.end()) known.push_back(section);
        }
        known.push_back(key.path);
    }
    return known;
}

std::string unknown_key(const std::string& path, const Keys& keys) {
    const std::string message = "unknown key " + path;
    const auto suggest = [&](const std::string& other) { return fmt::format("{}, did you mean {}?", message, other); };
    const std::vector<std::string> known = known_paths(keys);
    const std::size_t dot = path.rfind('.');
    const std::string section = dot == std::string::npos ? "" : path.substr(0, dot + 1);
    const std::string name = path.substr(section.size());

    // In a section that exists, the section's own names: what the section shares with them proves nothing.
    std::vector<std::string> siblings;
    for (const std::string& other : known) {
        const bool inside = other.starts_with(section) && other.find('.', section.size()) == std::string::npos;
        if (inside) siblings.push_back(other.substr(section.size()));
    }
    if (const auto sibling = nearest(name, siblings)) return suggest(section + *sibling);
    for (const std::string& other : known) {
        if (!name.empty() && (other == name || other.ends_with("." + name))) return suggest(other);
    }
    for (const std::string& sibling : siblings) {
        if (name.size() >= 3 && sibling.starts_with(name)) return suggest(section + sibling);
    }
    return siblings.empty() ? with_suggestion(message, path, known) : message;
}

Result<void> set_free_key(Key& map, const std::string& name, const Yaml& value) {
    if (value.kind == Yaml::Kind::null) return fail(ErrorCode::config, "no value is given");
    SOFIA_TRY(Yaml all, parse_yaml_value(map.get()));
    const auto same = [&](const auto& entry) { return entry.first.text == name; };
    const auto found = std::find_if(all.entries.begin(), all.entries.end(), same);
    if (found != all.entries.end()) {
        found->second = value;
    } else {
        all.entries.emplace_back(Yaml{.kind = Yaml::Kind::scalar, .text = name}, value);
    }
    return map.set(format_yaml_flow(all));
}

// Walks the document and hands each value to its key.
class Assigner {
public:
    Assigner(const std::string& name, Keys& keys) : name_(name), keys_(keys) {}

    Result<void> assign(const Yaml& mapping, const std::string& prefix) {
        for (const auto& [key, value] : mapping.entries) {
            const std::string path = prefix + key.text;
            const auto [place, added] = lines_.try_emplace(path, key.line);
            if (!added) return error(key.line, fmt::format("key {} is given twice, first in line {}", path, place->second));
            SOFIA_CHECK(assign_one(path, key.line, value));
        }
        return {};
    }

private:
    Result<void> assign_one(const std::string& path, std::size_t line, const Yaml& value) {
        if (Key* key = find_key(keys_, path)) return placed(path, line, key->set(format_yaml(value)));
        if (Key* map = find_map(keys_, path)) return placed(path, line, set_free_key(*map, path.substr(map->path.size() + 1), value));
        if (!is_section(keys_, path)) return error(line, unknown_key(path, keys_), std::string(list_hint));
        if (value.kind == Yaml::Kind::null) return {};
        if (value.kind == Yaml::Kind::mapping) return assign(value, path + ".");
        return error(line, path + ": is a section, so its keys are expected under it", "see `sofia config explain " + path + "`");
    }

    std::unexpected<Error> error(std::size_t line, const std::string& what, std::string hint = {}) const {
        return fail(ErrorCode::config, fmt::format("{} line {}: {}", name_, line, what), std::move(hint));
    }

    Result<void> placed(const std::string& path, std::size_t line, Result<void> result) const {
        if (result) return result;
        return error(line, path + ": " + result.error().message, std::move(result.error().hint));
    }

    const std::string& name_;
    Keys& keys_;
    std::map<std::string, std::size_t> lines_;
};

// Sections in the order in which they first appear, each with its keys: YAML allows a mapping only once.
struct Section {
    std::string name;
    std::vector<std::pair<std::string, const Key*>> keys;
    std::vector<Section> sections;

    void add(std::string_view path, const Key& key) {
        const std::size_t dot = path.find('.');
        if (dot == std::string_view::npos) {
            keys.emplace_back(std::string(path), &key);
            return;
        }
        const std::string_view first = path.substr(0, dot);
        auto found = std::find_if(sections.begin(), sections.end(), [&](const Section& section) { return section.name == first; });
        if (found == sections.end()) found = sections.insert(found, Section{std::string(first), {}, {}});
        found->add(path.substr(dot + 1), key);
    }

    void show(std::string& out, const std::string& indent) const {
        for (const auto& [last, key] : keys) {
            const std::string value = key->get();
            const auto yaml = key->type == "map" ? parse_yaml_value(value) : Result<Yaml>(Yaml{});
            if (!yaml || yaml->entries.empty()) {
                out += fmt::format("{}{}: {}\n", indent, last, value);
                continue;
            }
            out += indent + last + ":\n";
            for (const auto& [free_key, entry] : yaml->entries) {
                out += fmt::format("{}  {}: {}\n", indent, yaml_scalar(free_key.text), format_yaml_flow(entry));
            }
        }
        for (const Section& section : sections) {
            out += indent + section.name + ":\n";
            section.show(out, indent + "  ");
        }
    }
};

Section tree(const Keys& keys) {
    Section root;
    for (const Key& key : keys.all()) root.add(key.path, key);
    return root;
}

std::string explain_one(const Key& key) {
    std::string out = fmt::format("{}\n  {}\n  type     {}\n", key.path, key.sentence, key.type);
    if (!key.allowed.empty()) out += fmt::format("  allowed  {}\n", key.allowed);
    return out + fmt::format("  default  {}\n  current  {}\n", key.default_text, key.get());
}

// A cell of a Markdown table; code when it is a value.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) out += c == '|' ? std::string("\\|") : c == '\n' ? std::string(" ") : std::string(1, c);
    return out;
}

std::string code_cell(std::string_view text) { return text.empty() ? "" : "`" + cell(text) + "`"; }

}  // namespace

Result<void> load(const std::filesystem::path& file, Keys& keys) {
    // Larger than any configuration, so that the parser's own limit speaks for regular files.
    SOFIA_TRY(const std::string text, read_file(file, std::size_t{1} << 28U));
    return load_text(text, file.string(), keys);
}

Result<void> load_text(std::string_view yaml, const std::string& name, Keys& keys) {
    SOFIA_TRY(const Yaml document, parse_yaml(yaml, name));
    if (document.kind == Yaml::Kind::null) return {};
    if (document.kind != Yaml::Kind::mapping) {
        return fail(ErrorCode::config, fmt::format("{} line {}: is not a mapping of keys to values", name, document.line),
                    "write `section:` and its keys indented below");
    }
    return Assigner(name, keys).assign(document, "");
}

Result<void> set(const std::string& assignment, Keys& keys) {
    const std::size_t equals = assignment.find('=');
    const auto error = [&](const std::string& what, std::string hint = {}) {
        return fail(ErrorCode::config, fmt::format("--set {}: {}", assignment, what), std::move(hint));
    };
    if (equals == std::string::npos) return error("there is no =", "write key=value");
    const std::string path(trim(std::string_view(assignment).substr(0, equals)));
    const auto value = parse_yaml_value(std::string_view(assignment).substr(equals + 1));
    if (!value) return error(value.error().message, value.error().hint);
    Key* const key = find_key(keys, path);
    Key* const map = key == nullptr ? find_map(keys, path) : nullptr;
    if (key == nullptr && map == nullptr) {
        if (is_section(keys, path)) return error(path + " is a section", "name one of its keys, as in " + path + ".KEY=VALUE");
        return error(unknown_key(path, keys), std::string(list_hint));
    }
    const auto done = key != nullptr ? key->set(format_yaml(*value)) : set_free_key(*map, path.substr(map->path.size() + 1), *value);
    if (!done) return error(done.error().message, done.error().hint);
    return {};
}

std::string show(const Keys& keys) {
    std::string out;
    tree(keys).show(out, "");
    return out;
}

Result<std::string> explain(const std::string& path, const Keys& keys) {
    std::string out;
    for (const Key& key : keys.all()) {
        if (key.path == path || key.path.starts_with(path + ".")) out += (out.empty() ? "" : "\n") + explain_one(key);
    }
    if (out.empty()) return fail(ErrorCode::config, unknown_key(path, keys), std::string(list_hint));
    return out;
}

std::string manual(const Keys& keys) {
    std::map<std::string, std::string> tables;
    std::vector<std::string> order;
    for (const Key& key : keys.all()) {
        const std::size_t dot = key.path.rfind('.');
        const std::string section = dot == std::string::npos ? "" : key.path.substr(0, dot);
        if (!tables.contains(section)) order.push_back(section);
        tables[section] += fmt::format("| {} | {} | {} | {} | {} |\n", code_cell(key.path.substr(dot == std::string::npos ? 0 : dot + 1)), key.type,
                                       code_cell(key.default_text), cell(key.allowed), cell(key.sentence));
    }
    std::string out;
    for (const std::string& section : order) {
        out += fmt::format("{}## {}\n\n| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n{}", out.empty() ? "" : "\n",
                           section.empty() ? "top level" : section, tables[section]);
    }
    return out;
}

}  // namespace sofia::config
