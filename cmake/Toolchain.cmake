# Compiler-wide settings: the language, where outputs go, what makes builds fast, sanitizers.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(PARTNERMETRICS_CONNECTOR_DIR ${CMAKE_BINARY_DIR}/lib/partnermetrics/connectors)

find_program(CCACHE ccache)
if(CCACHE)
  # base_dir: clones in other folders share the cache. The sloppiness lets users of precompiled headers hit it.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=true
      CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
add_link_options(-Wl,--as-needed)

set(PM_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wno-unused-parameter)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND PM_WARNINGS -Wno-restrict)  # false alarms of GCC 12 on std::string (GCC bug 105651)
endif()
if(PARTNERMETRICS_WERROR)
  list(APPEND PM_WARNINGS -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  list(APPEND PM_WARNINGS -Wthread-safety -Wno-sign-conversion) # gcc's -Wconversion has none for C++ either
endif()

set(PM_SANITIZE)
if(PARTNERMETRICS_SANITIZER)
  set(PM_SANITIZE -fsanitize=${PARTNERMETRICS_SANITIZER} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${PARTNERMETRICS_SANITIZER})
endif()
if(PARTNERMETRICS_FUZZERS)
  list(APPEND PM_SANITIZE -fsanitize=fuzzer-no-link) # branches that libFuzzer sees
endif()
