# SPDX-License-Identifier: MIT
#
# cmake -DCMAKE_TOOLCHAIN_FILE=SDK/share/cordon/toolchain.cmake ...
#
# Programs for Cordon. pkg_check_modules finds the packages of the SDK (cordon-libvfio);
# find_library and find_path look into its sysroot only.

set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CORDON TRUE)

get_filename_component(CORDON_SDK "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
set(cordon_tool "${CORDON_SDK}/bin/x86_64-cordon-")

set(CMAKE_C_COMPILER "${cordon_tool}gcc")
set(CMAKE_CXX_COMPILER "${cordon_tool}g++")
set(CMAKE_ASM_COMPILER "${cordon_tool}gcc")
foreach(name AR NM OBJCOPY OBJDUMP RANLIB READELF STRIP)
	string(TOLOWER "${name}" lower)
	set(CMAKE_${name} "${cordon_tool}${lower}" CACHE FILEPATH "" FORCE)
endforeach()
set(PKG_CONFIG_EXECUTABLE "${cordon_tool}pkg-config" CACHE FILEPATH "" FORCE)

set(CMAKE_FIND_ROOT_PATH "${CORDON_SDK}/sysroot")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
