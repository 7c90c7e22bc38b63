"""Bar charts as SVG, without a library."""

import math
from html import escape

from out import seconds

_SERIES = (("plaintext_s", "plaintext, float32", "#9aa5b1"), ("online_s", "encrypted, online", "#2f7ed8"),
           ("total_s", "encrypted, nothing prepared", "#1b3a5c"))
_LEFT, _WIDTH, _BAR, _GAP, _TOP = 150, 620, 18, 22, 64


def bars(path, results):
    """The three times of each workload of `scripts/bench e2e`."""
    longest = max(r[key] for r in results for key, _, _ in _SERIES if r[key])
    height = _TOP + len(results) * (len(_SERIES) * _BAR + _GAP) + 10
    first = results[0]
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 100}" height="{height}" '
             'font-family="sans-serif" font-size="13">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="{_LEFT}" y="22" font-size="15">One image, {first["cores"]} cores, network: '
             f'{escape(first["network"])}, median of {first["runs"]}</text>']
    x = _LEFT
    for _, words, color in _SERIES:
        parts.append(f'<rect x="{x}" y="34" width="12" height="12" fill="{color}"/>'
                     f'<text x="{x + 17}" y="45">{words}</text>')
        x += 35 + 8 * len(words)
    y = _TOP
    for r in results:
        parts.append(f'<text x="{_LEFT - 10}" y="{y + 1.5 * _BAR + 5}" text-anchor="end">{escape(r["workload"])}</text>')
        for key, _, color in _SERIES:
            if r[key]:
                width = max(1.0, _WIDTH * r[key] / longest)
                parts.append(f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR - 2}" fill="{color}"/>'
                             f'<text x="{_LEFT + width + 6:.1f}" y="{y + _BAR - 5}">{seconds(r[key])}</text>')
            y += _BAR
        y += _GAP
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([*parts, "</svg>", ""]))


_LADDER_LEFT = 360
_FIRST_POND_S = 24 * 3600


def _spoken(value):
    for unit, size in (("h", 3600), ("min", 60)):
        if value >= 2 * size:
            return f"{value / size:.0f} {unit}"
    return f"{value:.0f} s" if value >= 10 else f"{value:.2g} s"


def ladder(path, results):
    """The bar chart of the TF Encrypted article of 2019: seconds a prediction on a logarithmic axis, the article's beside
    those of `scripts/bench ladder`."""
    rows = [("Pond, first version (Go)", _FIRST_POND_S, None, None)]
    rows += [(f'{r["words"]} ({r["labels_agree"]} of {r["images"]} labels)', r["seed_s"], r["total_s"], r["online_s"])
             for r in results]
    low = 10 ** math.floor(math.log10(min(v for row in rows for v in row[1:] if v)))
    high = _FIRST_POND_S * 1.5
    at = lambda v: _WIDTH * math.log(max(v, low) / low) / math.log(high / low)
    series = (("TF Encrypted, 2019", "#9aa5b1"), (f"here, {results[0]['cores']} cores, nothing prepared", "#1b3a5c"),
              ("of it online", "#2f7ed8"))
    height = _TOP + len(rows) * (len(series) * _BAR + _GAP) + 40
    bottom = height - 34
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LADDER_LEFT + _WIDTH + 100}" height="{height}" '
             'font-family="sans-serif" font-size="13">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="{_LADDER_LEFT}" y="22" font-size="15">One encrypted prediction, the model of that article; seconds, '
             f'logarithmic; network: {escape(results[0]["network"])}; labels as in float</text>']
    x = _LADDER_LEFT
    for words, color in series:
        parts.append(f'<rect x="{x}" y="34" width="12" height="12" fill="{color}"/>'
                     f'<text x="{x + 17}" y="45">{escape(words)}</text>')
        x += 35 + 7 * len(words)
    decade = low
    while decade <= high:
        line = _LADDER_LEFT + at(decade)
        parts.append(f'<line x1="{line:.1f}" y1="{_TOP - 8}" x2="{line:.1f}" y2="{bottom}" stroke="#dde2e8"/>'
                     f'<text x="{line:.1f}" y="{bottom + 18}" text-anchor="middle">{_spoken(decade)}</text>')
        decade *= 10
    y = _TOP
    for words, *values in rows:
        parts.append(f'<text x="{_LADDER_LEFT - 10}" y="{y + 1.5 * _BAR + 5}" text-anchor="end">{escape(words)}</text>')
        for value, (_, color) in zip(values, series):
            if value:
                width = max(1.0, at(value))
                parts.append(f'<rect x="{_LADDER_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR - 2}" fill="{color}"/>'
                             f'<text x="{_LADDER_LEFT + width + 6:.1f}" y="{y + _BAR - 5}">{_spoken(value)}</text>')
            y += _BAR
        y += _GAP
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([*parts, "</svg>", ""]))
