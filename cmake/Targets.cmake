# One function per kind of target, so that every folder states only its sources and what it may use.

add_custom_target(product)    # all that is installed: binaries and connectors
add_custom_target(unit_tests) # tests of the labels unit and property: those that also run under sanitizers

# Puts our warnings, sanitizers and include root on a target.
function(pm_configure target)
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR})
  target_compile_options(${target} PRIVATE ${PM_WARNINGS} ${PM_SANITIZE})
endfunction()

# pm_library(name SRCS a.cc b.cc DEPS x y): a static library, one per folder.
function(pm_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SRCS})
  pm_configure(${name})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
endfunction()

# pm_precompile(name PRIVATE <a.h> | REUSE_FROM other): headers that take long to compile, for all sources of a target.
function(pm_precompile name)
  target_precompile_headers(${name} ${ARGN})
  # So that ccache can look into precompiled headers.
  target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endfunction()

# pm_binary(name SRCS main.cc DEPS x): an executable that is installed.
function(pm_binary name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  pm_configure(${name})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  add_dependencies(product ${name})
  install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()

# pm_test(name SRCS a_test.cc DEPS x [TIMEOUT seconds] [LABELS unit|property|crash|end_to_end]): a GoogleTest program.
function(pm_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(PARTNERMETRICS_SANITIZER)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 4")
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_SRCS})
  pm_configure(${name})
  if("unit" IN_LIST ARG_LABELS OR "property" IN_LIST ARG_LABELS)
    add_dependencies(unit_tests ${name})
  endif()
  target_compile_definitions(${name} PRIVATE PM_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data"
                                             PM_BINARY_DIR="${CMAKE_BINARY_DIR}"
                                             PM_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest_main GTest::gmock)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()
