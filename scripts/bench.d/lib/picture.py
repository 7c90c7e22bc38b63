"""Bar charts as SVG, without a library."""

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
