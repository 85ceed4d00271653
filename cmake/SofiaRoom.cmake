# sofia_room(NAME [DEPENDS room...] [LINK target...] SOURCES file... [TESTS file...] [BENCHES file...])
#
# One folder is one room: library sofia_NAME, test program bin/NAME_test, benchmark program bin/NAME_bench.
# DEPENDS names the rooms it may include; tests/rooms checks them against docs/architecture.md.
# Labels of ctest: `unit` (make test runs it in release and in asan), `bench` (small sizes).
add_custom_target(unit_tests)  # every room's test program

function(sofia_room name)
  cmake_parse_arguments(ROOM "" "" "DEPENDS;LINK;SOURCES;TESTS;BENCHES" ${ARGN})
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
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 300)
    add_dependencies(unit_tests ${name}_test)
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
