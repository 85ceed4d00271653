#include "math/length.hpp"

namespace sofia::math {

Result<Length> Length::make(std::int64_t count) {
    if (count < 1 || count > max) {
        return fail(ErrorCode::config, "length " + std::to_string(count) + " is not in 1.." + std::to_string(max));
    }
    return Length(static_cast<std::size_t>(count));
}

}  // namespace sofia::math
