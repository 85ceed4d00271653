#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/config.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace sofia::market {

enum class ContractKind : std::uint8_t { linear, inverse };

/// When the market is open. Bars outside it do not exist.
/// `24x7`, or `HH:MM-HH:MM` in UTC on Monday to Friday (`13:30-20:00`), a range over midnight allowed (`22:00-21:00`); other days may follow
/// after a blank: `mon-fri`, `sun-thu`, `sat`, `mon,wed,fri`. A session belongs to the day on which it opens.
class Session {
public:
    /// Error: config, with what is allowed.
    [[nodiscard]] static Result<Session> parse(std::string_view text);
    Session();  ///< 24x7

    [[nodiscard]] bool always() const;

    /// Whether `time` is inside a session [open, close).
    [[nodiscard]] bool contains(TimeNs time) const;

    /// The first moment inside a session at or after `time`.
    [[nodiscard]] TimeNs next_open(TimeNs time) const;

    /// The end (exclusive) of the session that holds `time`, which is inside one (asserted); the last representable moment for 24x7.
    [[nodiscard]] TimeNs close_after(TimeNs time) const;

    /// The form that `parse` reads back to an equal session; days only when they are not mon-fri.
    [[nodiscard]] std::string text() const;

    friend bool operator==(const Session&, const Session&) = default;

private:
    [[nodiscard]] bool opens_on(std::int64_t day) const;  // days since 1970-01-01
    [[nodiscard]] TimeNs open_on(std::int64_t day) const;

    std::int64_t open_minute_ = 0;       // of the UTC day
    std::int64_t length_minutes_ = 1440;
    std::uint8_t weekdays_ = 0x7f;       // bit 0 = Monday
};

/// What is traded. Prices in quote currency. One contract of a linear instrument is `multiplier` units of the base asset and settles in
/// quote; of an inverse one it is `multiplier` units of quote and settles in base coin.
struct Instrument {
    std::string symbol{};
    double tick = 0.01;        ///< smallest price step, quote units
    double lot = 0.001;        ///< smallest quantity step, contracts
    double multiplier = 1.0;
    std::string kind_name = "linear";
    double taker_fee_percent = 0.075;  ///< per side, of notional
    double maker_fee_percent = 0.02;
    std::string session_text = "24x7";
    bool simulated = false;

    void describe(config::Keys& keys);
    [[nodiscard]] Result<void> validate() const;

    [[nodiscard]] ContractKind kind() const;
    [[nodiscard]] Result<Session> session() const;

    /// Profit of `contracts` (negative = short) bought at `in`, sold at `out`, in the settlement coin.
    /// linear: contracts * multiplier * (out - in); inverse: contracts * multiplier * (1/in - 1/out).
    [[nodiscard]] double profit(double contracts, double in, double out) const;

    /// Value of |contracts| at `price` in the settlement coin.
    [[nodiscard]] double notional(double contracts, double price) const;

    /// The nearest multiple of `tick`, half away from zero, as the double nearest to its decimal where 1/tick is whole (0.3, not 0.1 * 3).
    [[nodiscard]] double round_to_tick(double price) const;

    /// The multiple of `lot` next to `contracts` toward zero; what misses a multiple by less than 1e-9 of itself counts as that multiple,
    /// so that 0.3 stays three lots of 0.1.
    [[nodiscard]] double floor_to_lot(double contracts) const;
};

}  // namespace sofia::market
