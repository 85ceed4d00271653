# Language level, warnings, sanitizers, linker and compiler cache: what every target shares.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# -O2 like most distributions; no -march=native and no contraction of a*b+c, so that results do not depend on the CPU's extensions.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

add_library(sofia_flags INTERFACE)
# -Wrestrict of g++ 12 reports std::string concatenations that do not overlap (GCC bug 105651).
# A designated initializer names what differs from a struct's defaults; g++ 12 would warn of every member that it does not name.
target_compile_options(sofia_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wno-missing-field-initializers -Wno-restrict -ffp-contract=off)
if(SOFIA_DEVELOPMENT)
  target_compile_options(sofia_flags INTERFACE -Werror)
endif()
if(SOFIA_SANITIZE)
  # SOCI hides its typeinfo, which UBSan's vptr check needs.
  add_compile_options(-fsanitize=${SOFIA_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SOFIA_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # What g++ 12 sees in its own headers once they are instrumented: std::regex "uninitialised", Asio's fences unknown to tsan.
    add_compile_options(-Wno-maybe-uninitialized)
    if(SOFIA_SANITIZE MATCHES "thread")
      add_compile_options(-Wno-tsan)
    endif()
  endif()
  if(SOFIA_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=vptr)
  endif()
endif()

find_program(SOFIA_CCACHE ccache)
if(SOFIA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # What it has to be told of precompiled headers, which the test programs share.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${SOFIA_CCACHE})
endif()
find_program(SOFIA_MOLD mold)
if(SOFIA_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
