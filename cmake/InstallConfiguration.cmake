# Run by `cmake --install`: writes the commented configuration and the unit for systemd with the folders of the prefix.
# A configuration that is there already stays as it is; the new one stands beside it in share/partnermetrics/examples.
set(prefix "${CMAKE_INSTALL_PREFIX}")
if(prefix STREQUAL "/usr")
  set(etc /etc/partnermetrics)
else()
  set(etc "${prefix}/etc/partnermetrics")
endif()

file(READ "${PM_SOURCE_DIR}/config/partnerd.textproto" text)
string(REPLACE "`make run` copies this example to var/partnerd.textproto on first use and starts with it."
               "The unit partnerd.service starts it with this file." text "${text}")
string(REPLACE "data_dir: \"data\"" "data_dir: \"/var/lib/partnermetrics/data\"" text "${text}")
string(REPLACE "../server/catalog/definitions" "${prefix}/share/partnermetrics/definitions" text "${text}")
string(REPLACE "../demo/exports" "/var/lib/partnermetrics/exports" text "${text}")
set(example "$ENV{DESTDIR}${prefix}/share/partnermetrics/examples/partnerd.textproto")
message(STATUS "Installing: ${example}")
file(WRITE "${example}" "${text}")
if(NOT EXISTS "$ENV{DESTDIR}${etc}/partnerd.textproto")
  message(STATUS "Installing: $ENV{DESTDIR}${etc}/partnerd.textproto")
  file(WRITE "$ENV{DESTDIR}${etc}/partnerd.textproto" "${text}")
endif()

set(unit "$ENV{DESTDIR}${prefix}/lib/systemd/system/partnerd.service")
message(STATUS "Installing: ${unit}")
configure_file("${PM_SOURCE_DIR}/config/partnerd.service.in" "${unit}" @ONLY)
