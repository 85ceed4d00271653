#include "bars/repair.hpp"

namespace sofia::bars {

bool widen_open(market::Bar& bar) {
    if (bar.open > bar.high) {
        bar.high = bar.open;
        return true;
    }
    if (bar.open < bar.low) {
        bar.low = bar.open;
        return true;
    }
    return false;
}

}  // namespace sofia::bars
