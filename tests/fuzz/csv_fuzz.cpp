// libFuzzer: bytes as a CSV file of trades or bars. The fast parser must agree with the plain one, and nothing impossible may come out.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "store/csv_fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string wrong = sofia::store::fuzz_csv({reinterpret_cast<const char*>(data), size});
    if (!wrong.empty()) {
        std::fprintf(stderr, "%s\n", wrong.c_str());
        std::abort();
    }
    return 0;
}
