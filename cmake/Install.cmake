# What `cmake --install` puts where; the build folder has the same layout, so that partnerd finds its parts in both.
# Binaries install themselves (pm_binary).

# connectors/<name>/ builds the plugin <name>.
get_property(folders DIRECTORY ${CMAKE_SOURCE_DIR}/connectors PROPERTY SUBDIRECTORIES)
foreach(folder ${folders})
  get_filename_component(name ${folder} NAME)
  if(TARGET ${name})
    add_dependencies(product ${name})
    install(TARGETS ${name} LIBRARY DESTINATION lib/partnermetrics/connectors)
  endif()
endforeach()

file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/share/partnermetrics)
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/server/catalog/definitions ${CMAKE_BINARY_DIR}/share/partnermetrics/definitions
     SYMBOLIC)
install(DIRECTORY server/catalog/definitions DESTINATION share/partnermetrics FILES_MATCHING PATTERN "*.textproto")
install(DIRECTORY proto/partnermetrics DESTINATION share/partnermetrics/proto FILES_MATCHING PATTERN "*.proto")
install(DIRECTORY proto/google DESTINATION share/partnermetrics/proto FILES_MATCHING PATTERN "*.proto")
install(FILES LICENSE README.md CHANGELOG.md DESTINATION share/doc/partnermetrics)
install(DIRECTORY docs/ DESTINATION share/doc/partnermetrics FILES_MATCHING PATTERN "*.md")

# The configuration and the unit for systemd name the folders that they are installed in, which is known then only.
install(CODE "
  set(PM_SOURCE_DIR \"${CMAKE_SOURCE_DIR}\")
  include(\"${CMAKE_SOURCE_DIR}/cmake/InstallConfiguration.cmake\")")

# find_package(partnermetrics) gives other projects partnermetrics::proto, the messages, and partnermetrics::client, the
# stubs of the services. Their headers have a folder of their own: google/rpc is in other packages too.
set_target_properties(pm_proto PROPERTIES EXPORT_NAME proto OUTPUT_NAME partnermetrics_proto)
set_target_properties(pm_grpc PROPERTIES EXPORT_NAME client OUTPUT_NAME partnermetrics_client)
add_dependencies(product pm_proto pm_grpc)
install(TARGETS pm_proto pm_grpc EXPORT partnermetricsTargets ARCHIVE DESTINATION lib)
install(DIRECTORY ${PM_PROTO_OUT}/partnermetrics ${PM_PROTO_OUT}/google DESTINATION include/partnermetrics
        FILES_MATCHING PATTERN "*.pb.h")
install(EXPORT partnermetricsTargets NAMESPACE partnermetrics:: DESTINATION lib/cmake/partnermetrics)
include(CMakePackageConfigHelpers)
configure_package_config_file(cmake/partnermetricsConfig.cmake.in ${CMAKE_BINARY_DIR}/partnermetricsConfig.cmake
                              INSTALL_DESTINATION lib/cmake/partnermetrics)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/partnermetricsConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/partnermetricsConfig.cmake ${CMAKE_BINARY_DIR}/partnermetricsConfigVersion.cmake
        DESTINATION lib/cmake/partnermetrics)
