#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace sofia::config {

/// Inclusive limits of a number.
struct Range {
    double low;
    double high;   ///< an infinite end is open
};

/// One key of the configuration: what help, validation, docs and the parser know of it.
struct Key {
    std::string path;                  ///< `touch.ema_length`
    std::string type;                  ///< integer, number, text, choice, boolean, list, map
    std::string default_text;          ///< as YAML
    std::string allowed;               ///< `1..1000`, `flip, ignore, close` or empty
    std::string sentence;              ///< what it does, with its unit
    /// Reads a YAML value given as text. The error names neither the file nor the key: the caller knows them.
    std::function<Result<void>(const std::string& yaml)> set;
    std::function<std::string()> get;  ///< the current value as YAML
};

/// Collects the keys of the sections. Each config struct has `void describe(config::Keys& keys)` that registers its members with default
/// (their value at the time of the call), range and sentence; that one list generates parser, validation, help and manual.
///
///   struct TouchConfig {
///       std::int64_t ema_length = 20;
///       void describe(config::Keys& keys) { keys.integer("ema_length", ema_length, {1, 1000}, "Bars of the moving average."); }
///   };
///
/// A value must be finite. A number whose default is NaN may also be `null`, and NaN then means that it is not set. A list may be written with
/// commas alone (`--set timeframes=1m,5m`). A path registered twice is a bug (asserted). Registered members must outlive the Keys.
class Keys {
public:
    /// Keys registered by `describe` get the prefix `name.`; sections nest.
    template <class Section>
    void section(const std::string& name, Section& section) {
        const std::string outer = prefix_;
        prefix_ += name + ".";
        section.describe(*this);
        prefix_ = outer;
    }

    void boolean(const std::string& name, bool& target, std::string sentence);
    void integer(const std::string& name, std::int64_t& target, Range range, std::string sentence);
    void number(const std::string& name, double& target, Range range, std::string sentence);
    void text(const std::string& name, std::string& target, std::string sentence);
    void choice(const std::string& name, std::string& target, std::vector<std::string> choices, std::string sentence);
    void list(const std::string& name, std::vector<std::string>& target, std::string sentence);
    void list(const std::string& name, std::vector<std::int64_t>& target, Range range, std::string sentence);
    void list(const std::string& name, std::vector<double>& target, Range range, std::string sentence);

    /// Free keys under `name`, each value kept as YAML text (flow style): LightGBM parameters, a search space. A file's mapping replaces the
    /// whole map; `set` of one free key adds or changes that one.
    void map(const std::string& name, std::map<std::string, std::string>& target, std::string sentence);

    [[nodiscard]] const std::vector<Key>& all() const { return keys_; }
    [[nodiscard]] std::vector<Key>& all() { return keys_; }

private:
    void add(Key key);
    std::string prefix_;
    std::vector<Key> keys_;
};

/// Reads a YAML file into the registered members. Unknown key: error with file, line and the nearest known key. Wrong type or range: error
/// with file, line, value and what is allowed. A duplicate key, an alias and a second document are refused. Keys that are absent keep their
/// value. After an error the members hold a mixture and are not to be used. Errors: config, io.
[[nodiscard]] Result<void> load(const std::filesystem::path& file, Keys& keys);

/// The same from text; `name` stands for the file in messages.
[[nodiscard]] Result<void> load_text(std::string_view yaml, const std::string& name, Keys& keys);

/// One `key=value` from the command line (`--set`); the value is YAML. A free key of a map is set as `model.params.max_bin=63`. Errors: config.
[[nodiscard]] Result<void> set(const std::string& assignment, Keys& keys);

/// All keys with their current values as one YAML document that `load_text` reads back exactly: in the order of registration, in each section
/// its own keys before its sections.
[[nodiscard]] std::string show(const Keys& keys);

/// One key for people: type, default, current value, allowed values, sentence; for a section all of its keys. Error: config, with the
/// nearest known key.
[[nodiscard]] Result<std::string> explain(const std::string& path, const Keys& keys);

/// The manual of all keys as Markdown, one table a section.
[[nodiscard]] std::string manual(const Keys& keys);

}  // namespace sofia::config
