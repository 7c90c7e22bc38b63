# Writes the commit of SOURCE_DIR into the header OUTPUT: cmake -DSOURCE_DIR=... -DOUTPUT=... -P commit.cmake
execute_process(COMMAND git -C "${SOURCE_DIR}" rev-parse --short=12 HEAD OUTPUT_VARIABLE commit
  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed OR NOT commit)
  set(commit "unknown")
endif()
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "#pragma once\n#define BLINDSIGHT_COMMIT \"@commit@\"\n" @ONLY)
