# SOCI::soci_core, SOCI::soci_sqlite3 and SOCI::soci_postgresql, the names of SOCI's own CMake package, which Debian leaves out.
find_package(SOCI CONFIG QUIET)
if(NOT TARGET SOCI::soci_core)
  find_path(SOCI_INCLUDE_DIR soci/soci.h)
  find_library(SOCI_CORE_LIBRARY soci_core)
  find_library(SOCI_SQLITE3_LIBRARY soci_sqlite3)
  find_library(SOCI_POSTGRESQL_LIBRARY soci_postgresql)
  mark_as_advanced(SOCI_INCLUDE_DIR SOCI_CORE_LIBRARY SOCI_SQLITE3_LIBRARY SOCI_POSTGRESQL_LIBRARY)

  include(FindPackageHandleStandardArgs)
  find_package_handle_standard_args(SOCI REQUIRED_VARS SOCI_CORE_LIBRARY SOCI_SQLITE3_LIBRARY SOCI_POSTGRESQL_LIBRARY
    SOCI_INCLUDE_DIR)
  if(SOCI_FOUND)
    add_library(SOCI::soci_core UNKNOWN IMPORTED)
    set_target_properties(SOCI::soci_core PROPERTIES
      IMPORTED_LOCATION ${SOCI_CORE_LIBRARY}
      # SOCI includes its own headers as "soci/x.h" and <soci-platform.h> alike.
      INTERFACE_INCLUDE_DIRECTORIES "${SOCI_INCLUDE_DIR};${SOCI_INCLUDE_DIR}/soci")
    add_library(SOCI::soci_sqlite3 UNKNOWN IMPORTED)
    set_target_properties(SOCI::soci_sqlite3 PROPERTIES
      IMPORTED_LOCATION ${SOCI_SQLITE3_LIBRARY}
      INTERFACE_LINK_LIBRARIES "SOCI::soci_core;SQLite::SQLite3")
    add_library(SOCI::soci_postgresql UNKNOWN IMPORTED)
    set_target_properties(SOCI::soci_postgresql PROPERTIES
      IMPORTED_LOCATION ${SOCI_POSTGRESQL_LIBRARY}
      INTERFACE_LINK_LIBRARIES "SOCI::soci_core;PostgreSQL::PostgreSQL")
  endif()
endif()
