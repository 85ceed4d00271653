#include "base/result.hpp"

namespace sofia {

int exit_code(ErrorCode code) {
    switch (code) {
        case ErrorCode::usage:
        case ErrorCode::config: return 2;
        case ErrorCode::data:
        case ErrorCode::io: return 3;
        case ErrorCode::blocked: return 4;
        case ErrorCode::interrupted: return 130;
        case ErrorCode::unavailable:
        case ErrorCode::conflict:
        case ErrorCode::internal: return 1;
    }
    return 1;
}

}  // namespace sofia
