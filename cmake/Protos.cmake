# Generated code stands in libraries of its own: without our warnings, at -O1 (a third faster to build), unsanitised;
# in Debug builds, which the sanitizers use, at -O0 and without debug information.

set(PM_PROTO_ROOT ${CMAKE_SOURCE_DIR}/proto)
set(PM_PROTO_OUT ${CMAKE_BINARY_DIR}/generated)

# pm_proto_library(name PROTOS a.proto … [GRPC] DEPS x): messages, or with GRPC the service stubs, of .proto files.
function(pm_proto_library name)
  cmake_parse_arguments(ARG "GRPC" "ROOT" "PROTOS;DEPS" ${ARGN})
  if(NOT ARG_ROOT)
    set(ARG_ROOT ${PM_PROTO_ROOT})
  endif()
  set(sources)
  foreach(proto ${ARG_PROTOS})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    if(ARG_GRPC)
      set(outputs ${PM_PROTO_OUT}/${stem}.grpc.pb.cc ${PM_PROTO_OUT}/${stem}.grpc.pb.h)
      set(flags --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin> --grpc_out=${PM_PROTO_OUT})
    else()
      set(outputs ${PM_PROTO_OUT}/${stem}.pb.cc ${PM_PROTO_OUT}/${stem}.pb.h)
      set(flags --cpp_out=${PM_PROTO_OUT})
    endif()
    add_custom_command(
      OUTPUT ${outputs}
      COMMAND protobuf::protoc -I${ARG_ROOT} -I${PM_PROTO_ROOT} ${flags} ${ARG_ROOT}/${proto}
      DEPENDS ${ARG_ROOT}/${proto}
      COMMENT "protoc ${proto}")
    list(APPEND sources ${outputs})
  endforeach()
  file(MAKE_DIRECTORY ${PM_PROTO_OUT})
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} SYSTEM PUBLIC $<BUILD_INTERFACE:${PM_PROTO_OUT}>
                                                   $<INSTALL_INTERFACE:include/partnermetrics>)
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1> $<$<CONFIG:RelWithDebInfo>:-O1>
                                         "$<$<CONFIG:Debug>:-O0;-g0>" -w)
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} protobuf::libprotobuf)
endfunction()
