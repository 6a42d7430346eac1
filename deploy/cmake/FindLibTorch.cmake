# Finds LibTorch in a folder with include/ and lib/: the torch folder of a
# Python wheel, or an unpacked LibTorch archive. Its own TorchConfig.cmake is not
# used: that of a CUDA wheel stops where there is no CUDA toolkit.
#
# Searched: MNEME_TORCH_DIR (a variable of CMake or of the environment) and
# nothing else if it is set; otherwise CMAKE_PREFIX_PATH, then the wheel in the
# project's .venv. Never the system's folders, whose LibTorch is older.
# Target: LibTorch::LibTorch. The build for the CPU links c10, torch_cpu and
# torch, whichever wheel they are from; with MNEME_CUDA also c10_cuda,
# torch_cuda and the toolkit's cudart.

set(MNEME_TORCH_DIR "$ENV{MNEME_TORCH_DIR}" CACHE PATH
  "LibTorch: the torch folder of a Python wheel or an unpacked archive")
file(GLOB LibTorch_venv ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch)

if(MNEME_TORCH_DIR)
  set(LibTorch_candidates ${MNEME_TORCH_DIR})
  set(LibTorch_where "MNEME_TORCH_DIR ('${MNEME_TORCH_DIR}')")
else()
  set(LibTorch_candidates)
  foreach(prefix IN LISTS CMAKE_PREFIX_PATH)
    # `torch.utils.cmake_prefix_path` is share/cmake in the torch folder.
    list(APPEND LibTorch_candidates ${prefix} ${prefix}/../..)
  endforeach()
  list(APPEND LibTorch_candidates ${LibTorch_venv})
  set(LibTorch_where "CMAKE_PREFIX_PATH or .venv")
endif()
find_path(LibTorch_ROOT include/torch/csrc/api/include/torch/torch.h
  PATHS ${LibTorch_candidates} NO_DEFAULT_PATH NO_CACHE)
if(NOT LibTorch_ROOT)
  set(LibTorch_REASON "no include/torch/csrc/api/include/torch/torch.h under ${LibTorch_where}. \
Run deploy/setup, or set MNEME_TORCH_DIR to the torch folder of a Python wheel or to an unpacked \
LibTorch archive")
else()
  cmake_path(NORMAL_PATH LibTorch_ROOT)
endif()

foreach(header include/torch/headeronly/version.h include/torch/csrc/api/include/torch/version.h)
  if(LibTorch_ROOT AND NOT LibTorch_VERSION AND EXISTS ${LibTorch_ROOT}/${header})
    file(STRINGS ${LibTorch_ROOT}/${header} lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
    string(REGEX REPLACE "[^;]*TORCH_VERSION_[A-Z]+ ([0-9]+)[^;]*" "\\1" numbers "${lines}")
    list(JOIN numbers "." LibTorch_VERSION)
  endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch REQUIRED_VARS LibTorch_ROOT
  VERSION_VAR LibTorch_VERSION REASON_FAILURE_MESSAGE "${LibTorch_REASON}")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  set(libraries c10 torch_cpu torch)
  if(MNEME_CUDA)
    find_package(CUDAToolkit REQUIRED)
    list(APPEND libraries c10_cuda torch_cuda)
  endif()
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  set_target_properties(LibTorch::LibTorch PROPERTIES INTERFACE_SYSTEM_INCLUDE_DIRECTORIES
    "${LibTorch_ROOT}/include;${LibTorch_ROOT}/include/torch/csrc/api/include"
    INTERFACE_INCLUDE_DIRECTORIES
    "${LibTorch_ROOT}/include;${LibTorch_ROOT}/include/torch/csrc/api/include")
  foreach(library IN LISTS libraries)
    find_library(LibTorch_${library} ${library} PATHS ${LibTorch_ROOT}/lib NO_DEFAULT_PATH NO_CACHE)
    if(NOT LibTorch_${library})
      message(FATAL_ERROR "LibTorch: no lib${library}.so in ${LibTorch_ROOT}/lib"
        " (MNEME_CUDA=${MNEME_CUDA}; a build for CUDA needs a CUDA LibTorch)")
    endif()
    add_library(LibTorch::${library} SHARED IMPORTED)
    set_target_properties(LibTorch::${library} PROPERTIES
      IMPORTED_LOCATION ${LibTorch_${library}})
    set_property(TARGET LibTorch::LibTorch APPEND PROPERTY INTERFACE_LINK_LIBRARIES LibTorch::${library})
  endforeach()
  # libtorch_cuda.so registers operators when it is loaded and nothing in it is
  # called by name, so it is named to the linker as needed. The CPU build must not
  # need libtorch.so: that of a CUDA wheel loads all of CUDA. What a CUDA wheel
  # needs itself (cudart, cublas, ...) is found when the program starts.
  set_property(TARGET LibTorch::LibTorch APPEND PROPERTY INTERFACE_LINK_OPTIONS
    LINKER:$<IF:$<BOOL:${MNEME_CUDA}>,--no-as-needed,--as-needed> LINKER:--allow-shlib-undefined)
  if(MNEME_CUDA)
    set_property(TARGET LibTorch::LibTorch APPEND PROPERTY INTERFACE_LINK_LIBRARIES CUDA::cudart)
    set_property(TARGET LibTorch::LibTorch APPEND PROPERTY INTERFACE_COMPILE_DEFINITIONS MNEME_CUDA)
  endif()
endif()
