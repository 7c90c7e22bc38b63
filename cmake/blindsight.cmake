# Settings that every target shares, and the verbs the folders use: blindsight_library, blindsight_program, blindsight_tests
# and blindsight_test.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

option(BLINDSIGHT_TESTS "Build the tests" ON)
option(BLINDSIGHT_BENCH "Build the benchmarks" ON)
option(BLINDSIGHT_WERROR "Treat warnings as errors" ON)
option(BLINDSIGHT_UNITY "Compile several files at a time: half of the time for all of them, but more for one that changed" OFF)
option(BLINDSIGHT_FUZZ "Build the fuzz targets and what they need, nothing else; needs clang" OFF)
option(BLINDSIGHT_LEAVE_NOTHING_OUT "Stop where a test or benchmark would be left out because a tool is missing" OFF)
set(BLINDSIGHT_SANITIZER "" CACHE STRING "address, thread or empty")
set(BLINDSIGHT_TEST_TIMEOUT 240 CACHE STRING "Seconds after which ctest ends a test as failed; about ten times what the longest needs")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

if(BLINDSIGHT_SANITIZER STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(BLINDSIGHT_SANITIZER STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(BLINDSIGHT_SANITIZER)
  message(FATAL_ERROR "BLINDSIGHT_SANITIZER=${BLINDSIGHT_SANITIZER}: use address, thread or nothing")
endif()

if(BLINDSIGHT_FUZZ)
  # Casts of reals beyond an integer's range are no part of clang's `undefined`, and just what a strange file provokes.
  set(fuzz_sanitizers address,undefined,float-cast-overflow)
  add_compile_options(-fsanitize=fuzzer-no-link,${fuzz_sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # clang 14 cannot put the mark of `function` before a coroutine.
  add_compile_options(-fno-sanitize=function)
  add_link_options(-fsanitize=${fuzz_sanitizers})
endif()

if(BLINDSIGHT_SANITIZER)
  # With sanitizers g++ 12 takes the standard library's own code (std::regex) for uninitialized.
  add_compile_options(-Wno-maybe-uninitialized)
endif()

find_package(Threads REQUIRED)

# For find_package and its like, where what is missing only leaves something out.
set(blindsight_optional "")
if(BLINDSIGHT_LEAVE_NOTHING_OUT)
  set(blindsight_optional REQUIRED)
endif()

# blindsight_unity(TARGET): its files several at a time where BLINDSIGHT_UNITY says so. Names in unnamed namespaces then meet: give
# what is the same one place; a file that must stay alone has the property SKIP_UNITY_BUILD_INCLUSION.
function(blindsight_unity target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${BLINDSIGHT_UNITY} UNITY_BUILD_BATCH_SIZE 8)
  if(BLINDSIGHT_UNITY)
    # What GCC thinks of unnamed namespaces in included files holds for headers; here each file is still included once.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

function(blindsight_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wno-psabi)
  if(BLINDSIGHT_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()

# blindsight_library(NAME [SOURCES...]): every .cpp below the folder unless SOURCES are given; target blindsight_NAME.
function(blindsight_library name)
  set(sources ${ARGN})
  if(NOT sources)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  endif()
  add_library(blindsight_${name} STATIC ${sources})
  target_include_directories(blindsight_${name} PUBLIC "${PROJECT_SOURCE_DIR}")
  target_link_libraries(blindsight_${name} PUBLIC Threads::Threads)
  blindsight_unity(blindsight_${name})
  blindsight_warnings(blindsight_${name})
endfunction()

# blindsight_optimise(TARGET LEVEL): another level than -O3 in optimised builds, for what is called once a command or message and
# not once a word: the compiler needs up to half less time for it.
function(blindsight_optimise target level)
  target_compile_options(${target} PRIVATE "$<$<CONFIG:Release>:-O${level}>")
endfunction()

# blindsight_tests(NAME LIBRARIES...): one doctest executable of every .cpp below the folder; each test case is a ctest entry with
# the label NAME (ctest -L '^NAME$').
function(blindsight_tests name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  add_executable(test_${name} ${sources} "${PROJECT_SOURCE_DIR}/tests/main.cpp")
  target_link_libraries(test_${name} PRIVATE ${ARGN})
  blindsight_warnings(test_${name})
  doctest_discover_tests(test_${name} TEST_PREFIX "${name}: " DISCOVERY_TIMEOUT 60 WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    PROPERTIES TIMEOUT ${BLINDSIGHT_TEST_TIMEOUT} LABELS ${name})
endfunction()

# blindsight_test(NAME COMMAND...): a ctest entry that is a command; what stands before the colon of its name is its label.
function(blindsight_test name)
  string(REGEX REPLACE ":.*" "" label "${name}")
  add_test(NAME "${name}" COMMAND ${ARGN})
  set_tests_properties("${name}" PROPERTIES TIMEOUT ${BLINDSIGHT_TEST_TIMEOUT} LABELS "${label}")
endfunction()

# blindsight_program(NAME LIBRARIES...): the folder's main.cpp with libraries.
function(blindsight_program name)
  add_executable(${name} main.cpp)
  target_link_libraries(${name} PRIVATE ${ARGN})
  blindsight_warnings(${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
endfunction()
