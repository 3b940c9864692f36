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
install(FILES config/partnerd.textproto DESTINATION share/partnermetrics/examples)
install(DIRECTORY proto/partnermetrics DESTINATION share/partnermetrics/proto FILES_MATCHING PATTERN "*.proto")
install(DIRECTORY proto/google DESTINATION share/partnermetrics/proto FILES_MATCHING PATTERN "*.proto")
install(FILES LICENSE README.md CHANGELOG.md DESTINATION share/doc/partnermetrics)
install(DIRECTORY docs/ DESTINATION share/doc/partnermetrics FILES_MATCHING PATTERN "*.md")
