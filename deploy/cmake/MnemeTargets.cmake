# The functions by which every folder declares its targets.

include(GNUInstallDirs)
include(GoogleTest)

# An installed mnemed finds LibTorch where it was built with it.
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)

find_program(MNEME_CCACHE ccache)
if(MNEME_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness is what ccache needs to cache files that use a precompiled
  # header; a header's time stamp is no part of what it means.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    ${MNEME_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${MNEME_CCACHE})
endif()

# LibTorch's headers take up to 2 GB a compiler: no more compilers than fit.
cmake_host_system_information(RESULT memory_mb QUERY TOTAL_PHYSICAL_MEMORY)
if(EXISTS /sys/fs/cgroup/memory.max)
  file(READ /sys/fs/cgroup/memory.max cgroup_bytes)
  if(cgroup_bytes MATCHES "^([0-9]+)")
    math(EXPR cgroup_mb "${CMAKE_MATCH_1} / 1048576")
    if(cgroup_mb LESS memory_mb)
      set(memory_mb ${cgroup_mb})
    endif()
  endif()
endif()
math(EXPR compile_jobs "${memory_mb} / 2048")
if(compile_jobs LESS 1)
  set(compile_jobs 1)
endif()
set_property(GLOBAL APPEND PROPERTY JOB_POOLS compile=${compile_jobs})
set(CMAKE_JOB_POOL_COMPILE compile)

add_library(mneme_warnings INTERFACE)
add_library(mneme::warnings ALIAS mneme_warnings)
target_compile_options(mneme_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Wconversion>
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wthread-safety>
  $<$<AND:$<BOOL:${MNEME_WERROR}>,$<COMPILE_LANGUAGE:CXX>>:-Werror>)

if(MNEME_SANITIZE)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${MNEME_SANITIZE}>
    $<$<COMPILE_LANGUAGE:CXX>:-fno-omit-frame-pointer>
    $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize-recover=all>)
  add_link_options(-fsanitize=${MNEME_SANITIZE})
endif()

# mneme_library(NAME mneme_store SRCS a.cc b.cc PUBLIC_DEPS ... PRIVATE_DEPS ...
#               [PRECOMPILE header ...])
# A static library (an interface library without SRCS) with includes from the
# root, and its alias mneme::store.
function(mneme_library)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME"
    "SRCS;PUBLIC_DEPS;PRIVATE_DEPS;PRECOMPILE")
  mneme_check_arguments_(mneme_library)
  string(REGEX REPLACE "^mneme_" "" short ${ARG_NAME})
  if(ARG_SRCS)
    add_library(${ARG_NAME} STATIC)
    target_sources(${ARG_NAME} PRIVATE ${ARG_SRCS})
    target_include_directories(${ARG_NAME} PUBLIC ${PROJECT_SOURCE_DIR})
    target_link_libraries(${ARG_NAME} PUBLIC ${ARG_PUBLIC_DEPS}
      PRIVATE ${ARG_PRIVATE_DEPS} mneme::warnings)
  else()
    add_library(${ARG_NAME} INTERFACE)
    target_include_directories(${ARG_NAME} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${ARG_NAME} INTERFACE ${ARG_PUBLIC_DEPS})
  endif()
  add_library(mneme::${short} ALIAS ${ARG_NAME})
  mneme_precompile_(${ARG_NAME} SRCS ${ARG_SRCS} DEPS ${ARG_PRIVATE_DEPS}
    HEADERS ${ARG_PRECOMPILE})
endfunction()

# mneme_executable(NAME mnemed SRCS main.cc DEPS mneme::rpc ...)
# Executables lie in the build folder's bin/.
function(mneme_executable)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME" "SRCS;DEPS")
  mneme_check_arguments_(mneme_executable)
  add_executable(${ARG_NAME})
  target_sources(${ARG_NAME} PRIVATE ${ARG_SRCS})
  target_include_directories(${ARG_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS} mneme::warnings)
  set_target_properties(${ARG_NAME} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  install(TARGETS ${ARG_NAME} RUNTIME)
endfunction()

# mneme_test(NAME store_tests SRCS x_test.cc DEPS mneme::store LABELS unit
#            [ONE_PROCESS] [TIMEOUT seconds] [PRECOMPILE header ...])
# One executable a folder, with GoogleTest's main. ctest knows each TEST; with
# ONE_PROCESS it knows the executable only, which starts once: for the folders
# that link LibTorch, whose start is slow. Tests run in the project's root. The
# target LABEL_tests builds all tests of a label. Test code is not optimised, which
# compiles in half the time of -O3.
function(mneme_test)
  cmake_parse_arguments(PARSE_ARGV 0 ARG "ONE_PROCESS" "NAME;TIMEOUT"
    "SRCS;DEPS;LABELS;PRECOMPILE")
  mneme_check_arguments_(mneme_test)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
    if(ARG_ONE_PROCESS)
      set(ARG_TIMEOUT 900)
    endif()
  endif()
  add_executable(${ARG_NAME})
  target_sources(${ARG_NAME} PRIVATE ${ARG_SRCS})
  if(TARGET mneme_suppressions)
    target_link_libraries(${ARG_NAME} PRIVATE mneme_suppressions)
  endif()
  target_include_directories(${ARG_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_DEPS}
    GTest::gmock GTest::gtest_main mneme::warnings)
  target_compile_options(${ARG_NAME} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-O0>)
  mneme_precompile_(${ARG_NAME} SRCS ${ARG_SRCS} DEPS ${ARG_DEPS}
    HEADERS gmock/gmock.h gtest/gtest.h ${ARG_PRECOMPILE})
  if(ARG_ONE_PROCESS)
    add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${ARG_NAME} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  else()
    gtest_discover_tests(${ARG_NAME} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
      DISCOVERY_TIMEOUT 120 PROPERTIES TIMEOUT ${ARG_TIMEOUT})
    # gtest_discover_tests takes one label only.
    set(labels_file ${CMAKE_CURRENT_BINARY_DIR}/${ARG_NAME}_labels.cmake)
    file(CONFIGURE OUTPUT ${labels_file} @ONLY CONTENT
      "foreach(test IN LISTS @ARG_NAME@_TESTS)
  set_tests_properties(\"\${test}\" PROPERTIES LABELS \"@ARG_LABELS@\")
endforeach()
")
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${labels_file})
  endif()
  foreach(label IN LISTS ARG_LABELS)
    if(NOT TARGET ${label}_tests)
      add_custom_target(${label}_tests)
    endif()
    add_dependencies(${label}_tests ${ARG_NAME})
  endforeach()
endfunction()

# Precompiles what most files of a target include: three times as fast to compile
# where that is LibTorch, gRPC or GoogleTest. Not worth it for a file or two.
function(mneme_precompile_ target)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SRCS;DEPS;HEADERS")
  if("LibTorch::LibTorch" IN_LIST ARG_DEPS)
    list(APPEND ARG_HEADERS ATen/ATen.h)
  endif()
  list(LENGTH ARG_SRCS files)
  if(NOT MNEME_PCH OR NOT ARG_HEADERS OR files LESS 3)
    return()
  endif()
  foreach(header memory string vector ${ARG_HEADERS})
    target_precompile_headers(${target} PRIVATE
      "$<$<COMPILE_LANGUAGE:CXX>:<${header}$<ANGLE-R>>")
  endforeach()
  # What ccache needs to find such files again.
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>
    "$<$<COMPILE_LANG_AND_ID:CXX,Clang>:SHELL:-Xclang -fno-pch-timestamp>")
endfunction()

macro(mneme_check_arguments_ function)
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${function}(${ARG_NAME}): unknown arguments ${ARG_UNPARSED_ARGUMENTS}")
  endif()
endmacro()
