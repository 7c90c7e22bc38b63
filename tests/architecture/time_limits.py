"""Fails, and names them, where tests of a build folder have no time limit: one that hangs would hold the whole run.

usage: time_limits.py CTEST FOLDER
"""

import json
import os
import subprocess
import sys
import tempfile


def time_limit(test):
    """A test's limit in seconds, or None. A program that was not built has one entry without any property: no test yet."""
    return next((p["value"] for p in test.get("properties", []) if p["name"] == "TIMEOUT"), None)


def tests_of(ctest, folder):
    """What ctest would run there. Asked from a folder of its own: ctest begins its log anew even when it only lists."""
    with tempfile.TemporaryDirectory() as asking:
        with open(os.path.join(asking, "CTestTestfile.cmake"), "w", encoding="utf-8") as file:
            file.write(f"subdirs([=[{os.path.abspath(folder)}]=])\n")
        listed = subprocess.run([ctest, "--test-dir", asking, "--show-only=json-v1"], capture_output=True, text=True, check=True)
    return [test for test in json.loads(listed.stdout)["tests"] if "command" in test]


def main(ctest, folder):
    tests = tests_of(ctest, folder)
    if not tests:
        sys.exit(f"no test is known in {folder}; build the tests first")
    unlimited = [test["name"] for test in tests if not time_limit(test)]
    if unlimited:
        sys.exit(f"{len(unlimited)} of {len(tests)} tests have no time limit (blindsight_tests and blindsight_test set it): "
                 + "; ".join(unlimited))
    print(f"{len(tests)} tests, each with a time limit")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
