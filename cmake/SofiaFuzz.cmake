# sofia_fuzz(NAME SOURCE file LINK target...): a program for libFuzzer from a file that defines LLVMFuzzerTestOneInput.
#
# Preset `fuzz` (clang, SOFIA_FUZZER=ON) makes bin/NAME_fuzz, which `make nightly` runs. Every other preset links the same file to a main that
# replays the corpus tests/fuzz/corpus/NAME, as the unit test NAME_corpus: an input that once broke something stays a test.
option(SOFIA_FUZZER "Build fuzz targets for libFuzzer (clang)" OFF)
if(SOFIA_FUZZER)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

function(sofia_fuzz name)
  cmake_parse_arguments(FUZZ "" "SOURCE" "LINK" ${ARGN})
  if(SOFIA_FUZZER)
    add_executable(${name}_fuzz ${FUZZ_SOURCE})
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${name}_fuzz PRIVATE ${FUZZ_LINK} sofia_flags)
  elseif(SOFIA_TESTS)
    add_executable(${name}_corpus_test ${FUZZ_SOURCE} ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.cpp)
    target_link_libraries(${name}_corpus_test PRIVATE ${FUZZ_LINK} sofia_flags)
    add_test(NAME ${name}_corpus COMMAND ${name}_corpus_test ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(${name}_corpus PROPERTIES LABELS "unit;fast" TIMEOUT 300)
        add_dependencies(unit_tests ${name}_corpus_test)
        add_dependencies(fast_tests ${name}_corpus_test)
  endif()
endfunction()
