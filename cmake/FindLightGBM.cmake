# LightGBM::LightGBM: the C API (LightGBM/c_api.h and the shared library).
#
# Header and library always come from the same place: an installation on CMake's search path, else the wheel in .venv, whose headers
# tools/setup takes from the source distribution of the same version.
set(names _lightgbm lib_lightgbm.so lightgbm)
find_path(LightGBM_INCLUDE_DIR LightGBM/c_api.h)
find_library(LightGBM_LIBRARY NAMES ${names})
if(NOT LightGBM_INCLUDE_DIR OR NOT LightGBM_LIBRARY)
  unset(LightGBM_INCLUDE_DIR CACHE)
  unset(LightGBM_LIBRARY CACHE)
  find_path(LightGBM_INCLUDE_DIR LightGBM/c_api.h PATHS ${SOFIA_VENV}/include NO_DEFAULT_PATH)
  find_library(LightGBM_LIBRARY NAMES ${names} PATHS ${SOFIA_WHEELS} PATH_SUFFIXES lightgbm/lib NO_DEFAULT_PATH)
endif()
mark_as_advanced(LightGBM_INCLUDE_DIR LightGBM_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LightGBM REQUIRED_VARS LightGBM_LIBRARY LightGBM_INCLUDE_DIR)
if(LightGBM_FOUND AND NOT TARGET LightGBM::LightGBM)
  add_library(LightGBM::LightGBM SHARED IMPORTED)
  set_target_properties(LightGBM::LightGBM PROPERTIES
    IMPORTED_LOCATION ${LightGBM_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${LightGBM_INCLUDE_DIR})
endif()
