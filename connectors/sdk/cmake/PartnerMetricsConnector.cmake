# partnermetrics_add_connector(name SRCS a.cc b.cc [DEPS x y]): a connector plugin, name.so, in
# ${PARTNERMETRICS_CONNECTOR_DIR}. It has the SDK, its readers and the events' classes in a private copy and exports
# `partnermetrics_connector` alone: plugins and the server share no C++ symbol, so they cannot disturb each other.
function(partnermetrics_add_connector name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  set(script ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/connector.map)
  add_library(${name} MODULE ${ARG_SRCS})
  set_target_properties(${name} PROPERTIES
    PREFIX ""
    SUFFIX ".so"
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY ${PARTNERMETRICS_CONNECTOR_DIR}
    LINK_DEPENDS ${script})
  if(COMMAND pm_configure)
    pm_configure(${name}) # in the tree: its warnings and sanitizers
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} partnermetrics::connector_sdk)
  target_link_options(${name} PRIVATE -Wl,--version-script=${script} -Wl,--exclude-libs,ALL)
  if(NOT PARTNERMETRICS_SANITIZER) # whose functions the process provides
    target_link_options(${name} PRIVATE -Wl,--no-undefined)
  endif()
endfunction()
