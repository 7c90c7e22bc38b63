"""Fails, and names them, where a document links to a file or heading that is not there. Links that leave the repository are
counted, not followed.

usage: links.py FILE.md...
"""

import pathlib
import re
import sys
import tempfile

FENCE = re.compile(r"^ *(```|~~~)")
CODE = re.compile(r"(`+).+?\1")
INLINE = re.compile(r"\]\(\s*<?([^()<>\s]*(?:\([^()\s]*\)[^()<>\s]*)*)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)")
HTML = re.compile(r"<(?:a|img)\b[^>]*?\b(?:href|src)=\"([^\"]+)\"", re.IGNORECASE)
NAMED = re.compile(r"<[^>]*\b(?:id|name)=\"([^\"]+)\"", re.IGNORECASE)
HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$")
ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def prose(path):
    """The numbered lines of a document, those of code blocks left out."""
    in_code = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if FENCE.match(line):
            in_code = not in_code
        elif not in_code:
            yield number, line


def anchors(path):
    """What a link to this document may name after #: its headings, lowered, words joined by hyphens, repeated ones numbered."""
    found, seen = set(), {}
    for _, line in prose(path):
        found.update(NAMED.findall(line))
        heading = HEADING.match(line)
        if heading:
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if slug in seen else slug)
            seen[slug] = seen.get(slug, 0) + 1
    return found


def links(path):
    for number, line in prose(path):
        line = CODE.sub("", line)
        for pattern in (INLINE, REFERENCE, HTML):
            for target in pattern.findall(line):
                yield number, target


def fault(document, target):
    """What is wrong with a link that stays in the repository, or None."""
    name, _, anchor = target.partition("#")
    file = document.parent / name if name else document
    if not file.exists():
        return "there is no such file"
    if anchor and file.suffix == ".md" and anchor not in anchors(file):
        return f"{file.name} has no heading #{anchor}"
    return None


def check(documents):
    """(faults, links within the repository, links that leave it)"""
    faults, inside, outside = [], 0, 0
    for document in documents:
        for number, target in links(document):
            if ELSEWHERE.match(target):
                outside += 1
                continue
            inside += 1
            wrong = fault(document, target)
            if wrong:
                faults.append(f"{document}:{number}: {target}: {wrong}")
    return faults, inside, outside


def check_itself():
    """A check that cannot fail holds nothing: of these links, two are wrong."""
    with tempfile.TemporaryDirectory() as folder:
        page = pathlib.Path(folder) / "page.md"
        page.write_text("# A heading\n[right](#a-heading) [right](page.md) `[code](none)`\n"
                        "```\n[code](none)\n```\n[wrong](none.md)\n[wrong](page.md#none)\n", encoding="utf-8")
        faults, inside, _ = check([page])
        if len(faults) != 2 or inside != 4:
            sys.exit(f"the link check itself is broken: {faults} of {inside}")


def main(names):
    if not names:
        sys.exit(__doc__)
    check_itself()
    faults, inside, outside = check([pathlib.Path(name) for name in names])
    if faults:
        sys.exit("\n".join(faults))
    print(f"{len(names)} documents: {inside} links within the repository are right; {outside} that leave it were not followed")


if __name__ == "__main__":
    main(sys.argv[1:])
