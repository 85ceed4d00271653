# sofia_chart_library: the chart library of the HTML report as bytes inside the binary, so that a report opens offline.
#
#   extern "C" const char sofia_chart_library_begin[];
#   extern "C" const char sofia_chart_library_end[];     // one past the last byte; a terminating NUL stands there
set(script ${PROJECT_SOURCE_DIR}/node_modules/lightweight-charts/dist/lightweight-charts.standalone.production.js)
set(SOFIA_CHARTS ${script} CACHE FILEPATH "JavaScript file of lightweight-charts, standalone production form")
if(EXISTS ${SOFIA_CHARTS})
  set(SofiaCharts_FOUND TRUE)
endif()
sofia_need(SofiaCharts_FOUND "The chart library (${SOFIA_CHARTS}, npm package lightweight-charts)")

enable_language(ASM)
configure_file(${CMAKE_CURRENT_LIST_DIR}/chart_library.S.in ${CMAKE_BINARY_DIR}/chart_library.S @ONLY)
set_source_files_properties(${CMAKE_BINARY_DIR}/chart_library.S PROPERTIES OBJECT_DEPENDS ${SOFIA_CHARTS})
add_library(sofia_chart_library STATIC ${CMAKE_BINARY_DIR}/chart_library.S)
