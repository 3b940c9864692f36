# find_package(PartnerMetricsConnector): what a connector of another project needs.
#   partnermetrics_add_connector(), partnermetrics_test_connector()   PartnerMetricsConnector.cmake
#   partnermetrics::connector_sdk    the C++ wrapper, the readers and the events' classes
#   partnermetrics::connector_abi    the C header alone
#   partnermetrics::connector_test   the acceptance tests
include(CMakeFindDependencyMacro)
find_dependency(Protobuf)
find_dependency(ZLIB)
find_dependency(simdjson CONFIG)
find_dependency(absl CONFIG)
get_filename_component(prefix ${CMAKE_CURRENT_LIST_DIR}/../../.. ABSOLUTE)

if(NOT TARGET partnermetrics::connector_sdk)
  add_library(partnermetrics::connector_abi INTERFACE IMPORTED)
  target_include_directories(partnermetrics::connector_abi INTERFACE ${prefix}/include/partnermetrics-connector)
  foreach(part sdk sdk_readers sdk_protos)
    add_library(partnermetrics::connector_${part} STATIC IMPORTED)
    set_target_properties(partnermetrics::connector_${part} PROPERTIES
      IMPORTED_LOCATION ${prefix}/lib/partnermetrics/sdk/libpartnermetrics_${part}.a)
  endforeach()
  target_link_libraries(partnermetrics::connector_sdk_protos
    INTERFACE partnermetrics::connector_abi protobuf::libprotobuf-lite)
  target_link_libraries(partnermetrics::connector_sdk_readers
    INTERFACE partnermetrics::connector_sdk ZLIB::ZLIB simdjson::simdjson absl::time)
  target_link_libraries(partnermetrics::connector_sdk
    INTERFACE partnermetrics::connector_sdk_readers partnermetrics::connector_sdk_protos)
  add_executable(partnermetrics::connector_test IMPORTED)
  set_target_properties(partnermetrics::connector_test PROPERTIES
    IMPORTED_LOCATION ${prefix}/bin/partner-connector-test)
endif()
include(${CMAKE_CURRENT_LIST_DIR}/PartnerMetricsConnector.cmake)
