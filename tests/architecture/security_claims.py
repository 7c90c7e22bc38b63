"""Fails, and names them, where docs/SECURITY.md claims what no test holds: a named test that does not exist, a claim that is cited
and not listed, or listed and not cited, and a claim without a test that does not say so.

usage: security_claims.py ROOT
"""

import re
import sys
from pathlib import Path

PAGE = "docs/SECURITY.md"
UNTESTED = "*not tested*"
ROW = re.compile(r"^\| (C\d+) \| (.*) \| (.*) \|$", re.MULTILINE)
# `tests/FILE`: "name", "name"
CITATION = re.compile(r"`(tests/[\w./-]+)`((?:[:,] \"[^\"]*\")*)")
LITERAL = r"\"((?:[^\"\\]|\\.)*)\""
# In C++ a name is one or several string literals, which are put together.
CASES = re.compile(rf"TEST_CASE\w*\(\s*((?:{LITERAL}\s*)+)")
CTESTS = re.compile(rf"blindsight_test\(\s*{LITERAL}")


def tests_in(file):
    """Names of the tests that a file holds: doctest's, or in a CMakeLists.txt ctest's."""
    text = file.read_text(encoding="utf-8")
    return {"".join(re.findall(LITERAL, match[1])) for match in CASES.finditer(text)} | set(CTESTS.findall(text))


def complaints(root):
    text = (root / PAGE).read_text(encoding="utf-8")
    rows = {number: cell for number, _, cell in ROW.findall(text)}
    prose = ROW.sub("", text)
    cited = set(re.findall(r"\bC\d+\b", prose))
    for number in sorted(cited - rows.keys()):
        yield f"{number} is cited and not in the list of claims"
    for number in sorted(rows.keys() - cited):
        yield f"{number} is in the list of claims and cited nowhere"
    if len(rows) != len(ROW.findall(text)):
        yield "a number stands for two claims"
    for number, cell in rows.items():
        names = 0
        for path, quoted in CITATION.findall(cell):
            file = root / path
            if not file.is_file():
                yield f"{number}: there is no {path}"
                continue
            known = tests_in(file)
            for name in re.findall(r"\"([^\"]*)\"", quoted):
                names += 1
                if name not in known:
                    yield f'{number}: {path} has no test "{name}"'
        if names == 0 and UNTESTED not in cell:
            yield f"{number} names no test and does not say {UNTESTED}"
        if cell.count('"') != 2 * names:
            yield f"{number}: not every quoted name belongs to a file"


def main():
    root = Path(sys.argv[1])
    found = list(complaints(root))
    for complaint in found:
        print(complaint)
    if found:
        return 1
    print("every claim names tests that exist, or says that it is not tested")
    return 0


sys.exit(main())
