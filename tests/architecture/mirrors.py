"""Fails, and names them, where sources have no test of their own: X/Y.cpp is tested by tests/X/Y_test.cpp.

usage: mirrors.py ROOT
"""

import sys
from pathlib import Path

FOLDERS = ["actors", "apps", "client", "config", "model", "monitoring", "net", "protocol", "tensor", "wire"]

# Sources that need no test of their own, and why.
EXCEPTIONS = {}


def sources_in(root):
    """The sources that need a test, as paths below the root."""
    found = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.cpp"))]
    return [path.relative_to(root).as_posix() for path in found]


def test_of(source):
    return "tests/" + source.removesuffix(".cpp") + "_test.cpp"


def complaint(root, source):
    """What is wrong with a source's test, or None."""
    test = root / test_of(source)
    if source in EXCEPTIONS:
        return f"{source} is an exception in mirrors.py, and has {test_of(source)}" if test.exists() else None
    if not test.exists():
        return f"{source} has no {test_of(source)}"
    return None if "TEST_CASE" in test.read_text(encoding="utf-8") else f"{test_of(source)} has no test case"


def main(root):
    sources = sources_in(root)
    if not sources:
        sys.exit(f"no source is known in {root}")
    complaints = [text for source in sources if (text := complaint(root, source))]
    complaints += [f"{source} is an exception in mirrors.py, and does not exist" for source in EXCEPTIONS if source not in sources]
    if complaints:
        sys.exit("\n".join(complaints))
    print(f"{len(sources)} sources, each with a test of its own but for {len(EXCEPTIONS)}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
