#!/usr/bin/env python3
"""Plants faults in the executable specifications, one at a time, and requires each to be found by a check.

A specification that cannot fail proves nothing. Each fault changes one place of a copy of the source text (or of the
document's table of costs); the copy must then end with status 1 and name the check that was expected to find it.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

from support import documents  # also tells that numpy is missing

here = Path(__file__).resolve().parent
sources = 'support.py', 'beaver.py', 'blink_spec.py', 'securenn_spec.py', 'pond_spec.py'

# (specification, check that must find it, file, what stands there, what is put in its place)
FAULTS = (
    ('blink', 'linear', 'blink_spec.py', 'G = [op(a[p], F) + C[p] + bias[p]', 'G = [op(a[p], F) + C[0] + bias[p]'),
    ('blink', 'truncation', 'blink_spec.py', 'mod(-(mod(-z[1], K) >> U(f)).astype(np.int64), k)', 'mod(mod(z[1], K) >> U(f), k)'),
    ('blink', 'nonlinear', 'blink_spec.py', 'anf[0] if party == S0 else 0', 'anf[0]'),
    ('blink', 'nonlinear', 'blink_spec.py', 'product = product + mine * other', 'product = product + mine'),
    ('blink', 'network', 'blink_spec.py', 'return l.q + 1 + bool(l.max_pools or signed_lift)', 'return l.q + 1 + bool(signed_lift)'),
    ('blink', 'views', 'blink_spec.py', 'p] ^ top[p] ^ bit(sh_beta[p], 0)', 'p] ^ top[p]'),
    ('blink', 'views', 'blink_spec.py', 'return mod(y[S0] + zero, bits), mod(y[S1] - zero, bits)', 'return mod(y[S0], bits), mod(y[S1], bits)'),
    ('securenn', 'linear', 'beaver.py', '(F if p == S0 else 0)', 'F'),
    ('securenn', 'small_rings', 'securenn_spec.py', 'np.where(r == 0, 1 - eta2, eta2)', 'eta2'),
    ('securenn', 'full_ring', 'securenn_spec.py', 'c = np.where(edge, np.where(lowest, 0, j), c)', 'c = c + 0'),
    ('securenn', 'truncation', 'beaver.py', '-(signed(-z[1] % m, m) >> f) % m', '(signed(z[1], m) >> f) % m'),
    ('securenn', 'views', 'securenn_spec.py', "if 'no permutation' not in world.faults:", 'if False:'),
    ('securenn', 'attack', 'securenn_spec.py', "if 'no refresh' not in world.faults:", 'if False:'),
    ('pond', 'relu', 'pond_spec.py', '(p.even[3], times(open_y, open_y2))', '(p.even[3], times(open_y, open_y))'),
    ('pond', 'relu', 'pond_spec.py', '(constant << p.power_bits)', '(constant << p.in_bits)'),
    ('pond', 'views', 'pond_spec.py', 'open_y = opened(y)\n        y2', 'open_y = opened(y); world.received(S0, y[1 - S0], m)\n        y2'),
    ('blink', 'document', 'blink.md', '| 18 | 79 | 4 |', '| 18 | 78 | 4 |'),
    ('securenn', 'document', 'securenn.md', '| 640 | 1920 | 1280 | 3200 | 9 |', '| 640 | 1920 | 1280 | 3200 | 10 |'),
    ('pond', 'document', 'pond.md', '| 768 | 512 | 1792 | 3 |', '| 768 | 512 | 1792 | 4 |'),
)


def missed(spec, check, file, old, new, folder):
    """What is wrong with how a fault was met; nothing if it was found."""
    for name in sources:
        (folder / name).write_text((here / name).read_text(encoding='utf-8'), encoding='utf-8')
    document = folder / f'{spec}.md'
    document.write_text((documents / f'{spec}.md').read_text(encoding='utf-8'), encoding='utf-8')
    text = (folder / file).read_text(encoding='utf-8')
    if text.count(old) == 0 or (text.count(old) != 1 and file.endswith('.py')):
        return f'stands {text.count(old)} times in {file}: say where to plant it'
    (folder / file).write_text(text.replace(old, new, 1), encoding='utf-8')
    run = subprocess.run([sys.executable, folder / f'{spec}_spec.py', '--short', '--document', document, check],
                         capture_output=True, text=True, check=False)
    if run.returncode != 1 or f'{spec}: FAILED in {check}:' not in run.stderr:
        return f'status {run.returncode}: {(run.stderr or run.stdout).strip().splitlines()[-1]}'
    print(f'found, {spec} {check}: {run.stderr.strip().split(": ", 2)[-1][:110]}', flush=True)
    return None


failures = 0
for spec, check, file, old, new in FAULTS:
    with tempfile.TemporaryDirectory() as folder:
        if what := missed(spec, check, file, old, new, Path(folder)):
            failures += 1
            print(f'NOT FOUND, {spec} {check}: "{new}" in place of "{old}": {what}', file=sys.stderr)
print(f'planted faults: {len(FAULTS) - failures} of {len(FAULTS)} found')
sys.exit(1 if failures else 0)
