# Finds what the project builds with; the packages are Debian 12's. Whatever is
# missing, deploy/setup installs.

find_package(Threads REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
if(BUILD_TESTING)
  find_package(GTest CONFIG REQUIRED)
endif()

if(MNEME_CUDA)
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80 90)
  endif()
  # Another host compiler may link another C++ library, and two in one process
  # crash (seen).
  if(NOT CMAKE_CUDA_HOST_COMPILER)
    set(CMAKE_CUDA_HOST_COMPILER ${CMAKE_CXX_COMPILER})
  endif()
  # LibTorch brings the shared CUDA runtime; a second, static one beside it
  # breaks both.
  set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
  enable_language(CUDA)
  # CMake 3.25 does not know that nvcc 12 and later compile C++20.
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()
  set(CMAKE_CUDA_STANDARD 20)
endif()
find_package(LibTorch 2.11 REQUIRED)

# OpenSSL's configuration header lies in the multiarch folder, which a compiler
# knows under /usr only.
set(multiarch ${OPENSSL_INCLUDE_DIR}/${CMAKE_LIBRARY_ARCHITECTURE})
if(EXISTS ${multiarch}/openssl)
  set_property(TARGET OpenSSL::Crypto APPEND PROPERTY INTERFACE_INCLUDE_DIRECTORIES ${multiarch})
endif()

# A shared library with one header, as an imported target.
function(mneme_imported target library header)
  string(MAKE_C_IDENTIFIER ${library} id)
  find_library(${id}_LIBRARY ${library} REQUIRED)
  find_path(${id}_INCLUDE_DIR ${header} REQUIRED)
  mark_as_advanced(${id}_LIBRARY ${id}_INCLUDE_DIR)
  add_library(${target} UNKNOWN IMPORTED)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${${id}_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${${id}_INCLUDE_DIR})
endfunction()

if(MNEME_SERVER)
  find_package(Protobuf REQUIRED)
  find_package(gRPC CONFIG REQUIRED)
  find_package(prometheus-cpp CONFIG REQUIRED)
  find_package(spdlog CONFIG REQUIRED)
  # Debian's own RocksDBConfig.cmake names the static library and the -dev
  # packages of all its compressors.
  mneme_imported(RocksDB::rocksdb rocksdb rocksdb/db.h)
  mneme_imported(xxhash::xxhash xxhash xxhash.h)
  mneme_imported(hiredis::hiredis hiredis hiredis/hiredis.h)
  # Debian's library is built with these, and its header must agree.
  mneme_imported(cpp-httplib::cpp-httplib cpp-httplib httplib.h)
  set_property(TARGET cpp-httplib::cpp-httplib PROPERTY INTERFACE_COMPILE_DEFINITIONS
    CPPHTTPLIB_OPENSSL_SUPPORT CPPHTTPLIB_ZLIB_SUPPORT CPPHTTPLIB_BROTLI_SUPPORT)
endif()
