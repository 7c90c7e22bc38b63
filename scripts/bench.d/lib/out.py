"""What the benchmarks share in speaking to people: progress on stderr, tables on stdout, and how they end."""

import json
import math
import signal
import sys


class Stop(Exception):
    """Ends a benchmark with a message; status 2: the user can mend it, 77: skipped, 1: anything else."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def progress(text):
    print(text, file=sys.stderr, flush=True)


def quantile(values, part):
    """The value below which `part` of them lie, between neighbors in proportion."""
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def median(values):
    return quantile(values, 0.5)


def seconds(value):
    if value is None:
        return "-"
    if value < 1e-3:
        return f"{1e6 * value:.0f} µs"
    return f"{value:.3f} s" if value >= 1 else f"{1e3 * value:.1f} ms"


def megabytes(count):
    return "-" if count is None else f"{count / 1e6:.2f} MB"


def table(heads, rows):
    """The first column to the left, the others to the right."""
    cells = [heads] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    for number, row in enumerate(cells):
        first, rest = row[0].ljust(widths[0]), [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        print("  ".join([first] + rest).rstrip())
        if number == 0:
            print("  ".join("-" * w for w in widths))
    print(flush=True)


def rounded(value, digits=6):
    if isinstance(value, float):
        return round(value, digits)
    if isinstance(value, dict):
        return {key: rounded(v, digits) for key, v in value.items()}
    if isinstance(value, list):
        return [rounded(v, digits) for v in value]
    return value


def json_line(value):
    print(json.dumps(rounded(value)), flush=True)


def end(main):
    """Runs main() and turns what stops it into a message and an exit status."""
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(143))  # by way of what must be undone
    try:
        sys.exit(main())
    except Stop as stop:
        print(f"bench: {stop}", file=sys.stderr)
        sys.exit(stop.status)
    except KeyboardInterrupt:
        sys.exit(130)
