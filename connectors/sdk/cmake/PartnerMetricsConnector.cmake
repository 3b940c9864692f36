# partnermetrics_add_connector(name SRCS a.cc b.cc [DEPS x y]): a connector plugin, name.so, in
# ${PARTNERMETRICS_CONNECTOR_DIR}, or in the present build folder. It has the SDK, its readers and the events' classes in
# a private copy and exports `partnermetrics_connector` alone: plugins and the server share no C++ symbol, so they cannot
# disturb each other.
function(partnermetrics_add_connector name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  set(script ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/connector.map)
  if(NOT PARTNERMETRICS_CONNECTOR_DIR)
    set(PARTNERMETRICS_CONNECTOR_DIR ${CMAKE_CURRENT_BINARY_DIR})
  endif()
  add_library(${name} MODULE ${ARG_SRCS})
  set_target_properties(${name} PROPERTIES
    PREFIX ""
    SUFFIX ".so"
    C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY ${PARTNERMETRICS_CONNECTOR_DIR}
    LINK_DEPENDS ${script})
  target_compile_features(${name} PRIVATE cxx_std_20)
  if(COMMAND pm_configure)
    pm_configure(${name}) # in the tree: its warnings and sanitizers
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} partnermetrics::connector_sdk)
  target_link_options(${name} PRIVATE -Wl,--version-script=${script} -Wl,--exclude-libs,ALL)
  if(NOT PARTNERMETRICS_SANITIZER) # whose functions the process provides
    target_link_options(${name} PRIVATE -Wl,--no-undefined)
  endif()
endfunction()

# partnermetrics_test_connector(name DATA folder [SETTINGS a=b …] [GOLDEN file]): a ctest entry, kit.name, in which the
# plugin must pass the acceptance checks on the recorded files of the folder.
function(partnermetrics_test_connector name)
  cmake_parse_arguments(ARG "" "DATA;GOLDEN" "SETTINGS" ${ARGN})
  set(arguments --data ${ARG_DATA})
  foreach(setting ${ARG_SETTINGS})
    list(APPEND arguments --settings ${setting})
  endforeach()
  if(ARG_GOLDEN)
    list(APPEND arguments --golden ${ARG_GOLDEN})
  endif()
  add_test(NAME kit.${name} COMMAND partnermetrics::connector_test $<TARGET_FILE:${name}> ${arguments}
           WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
endfunction()
