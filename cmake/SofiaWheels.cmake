# Where the wheels lie. A Find module looks for a normal installation first (system, CMAKE_PREFIX_PATH, conda, vcpkg) and here last.
set(SOFIA_VENV ${PROJECT_SOURCE_DIR}/.venv CACHE PATH "Python environment whose wheels carry C++ libraries")
file(GLOB SOFIA_WHEELS LIST_DIRECTORIES true ${SOFIA_VENV}/lib/python3*/site-packages)

# sofia_need(FOUND what): stops with the way out when a library is missing.
function(sofia_need found what)
  if(NOT ${found})
    message(FATAL_ERROR "${what} was not found, neither installed nor in ${SOFIA_VENV}. Run tools/setup, which installs all that Sofia "
      "needs, or install it yourself and name its place in CMAKE_PREFIX_PATH.")
  endif()
endfunction()
