# Arrow::arrow and Parquet::parquet: Arrow C++ from an installation with CMake packages, else from the pyarrow wheel in .venv.
#
# The wheel names its libraries libarrow.so.<ABI> and keeps no unversioned link, so they are found by pattern and linked by their full path;
# CMake writes their folder into the RPATH of what links them.
find_package(Arrow CONFIG QUIET)
find_package(Parquet CONFIG QUIET)
if(Arrow_FOUND AND Parquet_FOUND)
  if(NOT TARGET Arrow::arrow)
    add_library(Arrow::arrow INTERFACE IMPORTED)
    set_target_properties(Arrow::arrow PROPERTIES INTERFACE_LINK_LIBRARIES Arrow::arrow_shared)
    add_library(Parquet::parquet INTERFACE IMPORTED)
    set_target_properties(Parquet::parquet PROPERTIES INTERFACE_LINK_LIBRARIES Parquet::parquet_shared)
  endif()
  set(SofiaArrow_VERSION ${Arrow_VERSION})
  set(SofiaArrow_LIBRARY Arrow::arrow)
  set(SofiaArrow_PARQUET_LIBRARY Parquet::parquet)
else()
  # The newest wheel wins should two environments lie in .venv; the pattern leaves out libarrow.so.2600.1.0 and the like.
  foreach(wheel IN LISTS SOFIA_WHEELS)
    file(GLOB arrow ${wheel}/pyarrow/libarrow.so.*)
    file(GLOB parquet ${wheel}/pyarrow/libparquet.so.*)
    list(FILTER arrow INCLUDE REGEX "\\.so\\.[0-9]+$")
    list(FILTER parquet INCLUDE REGEX "\\.so\\.[0-9]+$")
    if(arrow AND parquet AND EXISTS ${wheel}/pyarrow/include/arrow/api.h)
      list(GET arrow 0 SofiaArrow_LIBRARY)
      list(GET parquet 0 SofiaArrow_PARQUET_LIBRARY)
      set(SofiaArrow_INCLUDE_DIR ${wheel}/pyarrow/include)
    endif()
  endforeach()
  if(SofiaArrow_INCLUDE_DIR)
    file(STRINGS ${SofiaArrow_INCLUDE_DIR}/arrow/util/config.h line REGEX "ARROW_VERSION_STRING")
    string(REGEX REPLACE ".*\"(.*)\".*" "\\1" SofiaArrow_VERSION "${line}")
    if(NOT TARGET Arrow::arrow)
      add_library(Arrow::arrow SHARED IMPORTED)
      set_target_properties(Arrow::arrow PROPERTIES
        IMPORTED_LOCATION ${SofiaArrow_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${SofiaArrow_INCLUDE_DIR})
      add_library(Parquet::parquet SHARED IMPORTED)
      set_target_properties(Parquet::parquet PROPERTIES
        IMPORTED_LOCATION ${SofiaArrow_PARQUET_LIBRARY}
        INTERFACE_LINK_LIBRARIES Arrow::arrow)
    endif()
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(SofiaArrow
  REQUIRED_VARS SofiaArrow_LIBRARY SofiaArrow_PARQUET_LIBRARY VERSION_VAR SofiaArrow_VERSION)
