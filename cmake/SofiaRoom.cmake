# sofia_room(NAME [SLOW] [DEPENDS room...] [LINK target...] SOURCES file... [TESTS file...] [BENCHES file...])
#
# One folder is one room: library sofia_NAME, test program bin/NAME_test, benchmark program bin/NAME_bench.
# DEPENDS names the rooms it may include; tests/rooms checks them against docs/architecture.md.
# Labels of ctest: `unit` (make test runs it in release), `fast` (also in asan), `bench` (small sizes).
# SLOW: takes long to compile with sanitizers or to run; asan then waits for make nightly.
add_custom_target(unit_tests)  # every room's test program
add_custom_target(fast_tests)  # those that are not SLOW

# What most test programs begin with, parsed once. Tests only: a library's sources name all that they include.
if(SOFIA_TESTS)
  add_library(sofia_test_flags INTERFACE)
  target_link_libraries(sofia_test_flags INTERFACE sofia_flags GTest::gmock GTest::gtest rapidcheck)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    # The tests' own code need not be fast, and half of the build is tests: what they test stays optimised.
    target_compile_options(sofia_test_flags INTERFACE -O0)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(sofia_test_flags INTERFACE -fpch-preprocess)  # so that ccache can tell one header from another
  endif()
  add_executable(sofia_test_headers EXCLUDE_FROM_ALL ${CMAKE_CURRENT_LIST_DIR}/test_headers.cpp)
  target_link_libraries(sofia_test_headers PRIVATE sofia_test_flags)
  target_precompile_headers(sofia_test_headers PRIVATE <gmock/gmock.h> <gtest/gtest.h> <algorithm> <expected> <filesystem> <fstream> <functional>
    <map> <memory> <optional> <random> <ranges> <span> <string> <variant> <vector>)
endif()

function(sofia_room name)
  cmake_parse_arguments(ROOM "SLOW" "" "DEPENDS;LINK;SOURCES;TESTS;BENCHES" ${ARGN})
  if(ROOM_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "sofia_room(${name}): unknown arguments ${ROOM_UNPARSED_ARGUMENTS}")
  endif()
  set(rooms ${ROOM_DEPENDS})
  list(TRANSFORM rooms PREPEND sofia_)

  add_library(sofia_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(sofia_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(sofia_${name} PUBLIC ${rooms} PRIVATE sofia_flags ${ROOM_LINK})

  if(SOFIA_TESTS AND ROOM_TESTS)
    add_executable(${name}_test ${ROOM_TESTS})
    target_link_libraries(${name}_test PRIVATE sofia_${name} ${ROOM_LINK} sofia_test_flags GTest::gtest_main)
    target_precompile_headers(${name}_test REUSE_FROM sofia_test_headers)
    add_test(NAME ${name} COMMAND ${name}_test WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set(labels unit)
    add_dependencies(unit_tests ${name}_test)
    if(NOT ROOM_SLOW)
      list(APPEND labels fast)
      add_dependencies(fast_tests ${name}_test)
    endif()
    set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT 300)
  endif()
  if(SOFIA_TESTS AND ROOM_BENCHES)
    add_executable(${name}_bench ${ROOM_BENCHES})
    target_link_libraries(${name}_bench PRIVATE sofia_${name} sofia_flags ${ROOM_LINK} benchmark::benchmark_main)
    # At its small size only: the first argument of each benchmark is the small one by convention.
    add_test(NAME ${name}_bench_small COMMAND ${name}_bench --benchmark_filter=/small --benchmark_min_time=0.001
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${name}_bench_small PROPERTIES LABELS bench TIMEOUT 300 FAIL_REGULAR_EXPRESSION "Failed to match any benchmarks")
  endif()
endfunction()
