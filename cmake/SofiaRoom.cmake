# sofia_room(NAME [SLOW] [DEPENDS room...] [LINK target...] SOURCES file... [TESTS file...] [BENCHES file...])
#
# One folder is one room: library sofia_NAME, test program bin/NAME_test, benchmark program bin/NAME_bench.
# DEPENDS names the rooms it may include; tests/rooms checks them against docs/architecture.md.
# Labels of ctest: `unit` (make test runs it in release), `fast` (also in asan), `bench` (small sizes).
# SLOW: takes long to compile with sanitizers or to run; asan then waits for make nightly.
add_custom_target(unit_tests)  # every room's test program
add_custom_target(fast_tests)  # those that are not SLOW

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
    target_link_libraries(${name}_test PRIVATE sofia_${name} sofia_flags ${ROOM_LINK}
      GTest::gmock GTest::gtest_main rapidcheck)
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
