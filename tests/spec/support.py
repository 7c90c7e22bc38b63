"""What the executable specifications share: checks that count, the command line, and the comparison with a document's table.

A specification is a program of its own. It ends with 0 if every check holds, 1 at the first that does not (and says which),
2 on arguments that make no sense, 77 where numpy is missing (ctest then reports the test as skipped).
"""
import argparse
import sys
import time
from pathlib import Path

try:
    import numpy as np
except ModuleNotFoundError:
    print('numpy is not installed for this Python; install it with: apt-get install python3-numpy', file=sys.stderr)
    sys.exit(77)

documents = Path(__file__).resolve().parents[2] / 'docs' / 'protocols'
rng = np.random.default_rng(2026)
cases = 0                                               # compared values, over all checks so far


class Failed(Exception):
    """A check does not hold."""


def require(condition, what):
    """One statement that must hold. (Not `assert`, which Python leaves out when it is run with -O.)"""
    global cases
    cases += 1
    if not condition:
        raise Failed(what)


def same(actual, expected, what):
    """All elements must be equal; every one counts as a case."""
    global cases
    actual, expected = np.broadcast_arrays(actual, expected)
    cases += actual.size
    wrong = np.flatnonzero(np.ravel(actual != expected))
    if wrong.size:
        i = wrong[0]
        raise Failed(f'{what}: {wrong.size} of {actual.size} are wrong, the first {actual.flat[i]} instead of {expected.flat[i]}')


def all_of(*ranges):
    """Every combination of values 0 .. m - 1, or of the values of a given array: one flat array for each place."""
    values = [np.arange(r) if np.isscalar(r) else np.asarray(r) for r in ranges]
    return [v.ravel() for v in np.meshgrid(*values, indexing='ij')]


def read_table(document, heading):
    """The cells of the first table below `heading` in a Markdown document, its header among them."""
    try:
        lines = Path(document).read_text(encoding='utf-8').splitlines()
    except OSError as e:
        raise Failed(f'{document} cannot be read: {e.strerror}') from e
    try:
        at = lines.index(heading)
    except ValueError:
        raise Failed(f'{document} has no heading "{heading}"') from None
    rows = []
    for line in lines[at + 1:]:
        if line.startswith('|'):
            rows.append([cell.strip(' *') for cell in line.strip().strip('|').split('|')])
        elif rows or line.startswith('#'):
            break
    return [r for r in rows if set(''.join(r)) - set('-: ')]


def as_table(rows):
    return '\n'.join('| ' + ' | '.join(r) + ' |' for r in [rows[0], ['---'] * len(rows[0]), *rows[1:]])


def compare_table(document, counted):
    """The document's table of costs must have the counted rows: these, all of them, and nothing else."""
    written = read_table(document, '## Cost')
    missing = [r for r in counted if r not in written]
    surplus = [r for r in written if r not in counted]
    require(not missing and not surplus and len(written) == len(counted),
            f'{document}, "Cost": ' + '; '.join([f'counted but not written: {" | ".join(r)}' for r in missing] +
                                                [f'written but not counted: {" | ".join(r)}' for r in surplus]))
    return f'{document.name}: {len(counted) - 1} rows of costs as counted'


def main(name, description, checks, costs):
    """Runs checks(short) -> text, one line each, and compares costs() with the table in docs/protocols/NAME.md."""
    def document(short):
        return compare_table(arguments.document, costs())

    named = {c.__name__.removeprefix('check_'): c for c in checks} | {'document': document}
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checks', nargs='*', metavar='CHECK', help='run these alone: ' + ', '.join(named))
    parser.add_argument('--short', action='store_true', help='the same checks over fewer values: a few seconds')
    parser.add_argument('--costs', action='store_true', help='print the counted costs as a Markdown table and do nothing else')
    parser.add_argument('--document', type=Path, default=documents / f'{name}.md', metavar='FILE',
                        help='the document whose table of costs is compared (default: docs/protocols/%s.md)' % name)
    arguments = parser.parse_args()
    if unknown := set(arguments.checks) - set(named):
        parser.error(f'there is no check {", ".join(sorted(unknown))}; there are {", ".join(named)}')
    if arguments.costs:
        print(as_table(costs()))
        return
    chosen = arguments.checks or list(named)
    start = time.monotonic()
    for check in chosen:
        try:
            print(f'{check}: {named[check](arguments.short)}', flush=True)
        except Failed as e:
            print(f'{name}: FAILED in {check}: {e}', file=sys.stderr)
            sys.exit(1)
    print(f'{name}: {len(chosen)} checks passed ({", ".join(chosen)}), {cases:,} values and statements compared, '
          f'{"short" if arguments.short else "full"} form, {time.monotonic() - start:.1f} s')
