#!/usr/bin/env python3
"""Executable specification of Pond as built (docs/protocols/pond.md): products of triples, a polynomial in ReLU's place, average pooling.

Servers S0 and S1 hold additive shares in Z_{2^128}; D, the crypto producer, deals triples ahead and receives nothing.
Semi-honest, no collusion. This is the algebra only: numpy, no network, no speed. It states what every party holds and
receives, counts rounds and the bits on every link, checks every result against plaintext and the stated bounds of error and
failure, and compares each server's view over all secrets of small rings. The table of costs in the document is compared
with what was counted. There is no comparison: max pooling and exact ReLU do not exist here.
"""
from dataclasses import dataclass

import beaver
from beaver import (S0, SERVERS, OneMaskForTwoInputs, input_shares, linear, multiply, open_masked, same_view, shares_of, truncate, uniform,
                    value)
from support import main, np, require, rng, same

M = 1 << 128
COEFFICIENT_BITS = 32                                   # fractional bits of the coefficients and, at least, of the powers


def World(randomness='seeded'):
    return beaver.World(randomness, deals_ahead=True)


# ------------------------------------------------------------------------------------------------ the polynomial
def divide(a, b):                                       # of integers, towards zero
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


@dataclass
class Polynomial:
    """p(t) = t/2 + even[0] + even[1] t^2 + even[2] t^4 + ... in fixed point: integers, the same ones at both servers.

    nested: (b, c, e, g) with a8 y^4 + a6 y^3 + a4 y^2 + a2 y + a0 = a8 (y^2 + b y + c)^2 + e y + g: a product less.
    """
    even: list
    in_bits: int                                        # fractional bits of t as it comes: f + A
    power_bits: int                                     # of its powers
    out_bits: int                                       # of the result: A
    coefficient_bits: int = COEFFICIENT_BITS
    nested: tuple = None

    degree = property(lambda self: 2 * (len(self.even) - 1))

    @staticmethod
    def of_layer(fit, f, A):
        bits = COEFFICIENT_BITS
        even = [int(round(v * 2.0**bits)) for v in fit]
        p = Polynomial(even, f + A, max(f + A, bits), A)
        if len(even) == 5 and even[4] and abs(even[3]) <= 8 * abs(even[4]) and abs(even[2]) <= 32 * abs(even[4]):
            times = lambda a, b: a * b >> bits
            b = divide(even[3] << (bits - 1), even[4])
            c = divide(divide(even[2] << bits, even[4]) - times(b, b), 2)
            ac = times(even[4], c)
            p.nested = (b, c, even[1] - 2 * times(ac, b), even[0] - times(ac, c))
        return p


def combination(p, constant, *terms):
    """constant + sum of coefficient * share, at power_bits + coefficient_bits fractional bits; P7: the constant belongs to S0."""
    out = [sum(c * s[j] for c, s in terms) for j in SERVERS]
    out[S0] = out[S0] + (constant << p.power_bits)
    return out


def relu(world, z, p, m=M):
    """Shares of Z (in_bits fractional bits as t) -> shares of p(t) 2^A. Degree 2, 4, 6, 8: 1, 2, 3, 3 openings and rounds.

    Z is read before its truncation, so that truncation costs nothing of its own. Every opened power serves for all its products.
    """
    def opened(v):
        return open_masked(world, m, v)[0]

    def times(x, y):                                    # E F + a F + E b + ab, truncated; dealt: ab
        (E, a, A), (F, b, B) = x, y
        ab = world.deal(A * B % m, m, early=True)
        return truncate([((E * F if j == S0 else 0) + a[j] * F + E * b[j] + ab[j]) % m for j in SERVERS], p.power_bits, m)

    to_result = p.power_bits + p.coefficient_bits - p.out_bits
    one = 1 << p.coefficient_bits
    cut = lambda terms, bits: truncate([t % m for t in terms], bits, m)
    u = [(s << (p.power_bits - p.in_bits)) % m for s in z]
    open_u = opened(u)
    y = times(open_u, open_u)
    if p.nested:
        b, c, e, g = p.nested
        open_y = opened(y)
        v = cut(combination(p, c, (b, y), (one, times(open_y, open_y))), p.coefficient_bits)
        open_v = opened(v)
        return cut(combination(p, g, (one // 2, u), (e, y), (p.even[4], times(open_v, open_v))), to_result)
    terms = [(one // 2, u), (p.even[1], y)]
    if p.degree >= 4:
        open_y = opened(y)
        y2 = times(open_y, open_y)
        terms.append((p.even[2], y2))
    if p.degree >= 6:
        open_y2 = opened(y2)
        terms.append((p.even[3], times(open_y, open_y2)))        # y's opening serves again: one value under one mask
    if p.degree >= 8:
        terms.append((p.even[4], times(open_y2, open_y2)))
    return cut(combination(p, p.even[0], *terms), to_result)


def sizes(p, span):
    """Largest |v| of the nested form for |t|^2 <= span."""
    b, c = (abs(v) / 2.0**p.coefficient_bits for v in p.nested[:2])
    return span * span + b * span + c


def failure(p, headroom_bits):
    """Probability, at most, that one element with |t| <= 2^M comes out wrong as a whole: one of its truncations fails."""
    y = 4.0**headroom_bits
    a = [abs(v) / 2.0**p.coefficient_bits for v in p.even]
    powers = sum(y**k for k in range(1, 3 if p.nested else len(a)))
    combinations = y**.5 / 2 + sum(v * y**k for k, v in enumerate(a))
    if p.nested:
        v = sizes(p, y)
        powers, combinations = powers + v * v, combinations + v
    return powers * 2.0**(2 * p.power_bits - 128) + combinations * 2.0**(p.power_bits + p.coefficient_bits - 128)


def error(p, span=1.0):
    """Otherwise: the largest |result - p(t) 2^A| for |t| <= span, in ulps of the result. One is the last truncation's."""
    y, unit, rounding = span * span, 2.0**-p.power_bits, 2.0**-p.coefficient_bits
    a = [abs(v) / 2.0**p.coefficient_bits for v in p.even] + [0] * 4
    e1 = unit
    e2 = (2 * y + e1) * e1 + unit
    total = a[1] * e1 + rounding
    if p.nested:
        b, c, e, _ = (abs(v) / 2.0**p.coefficient_bits for v in p.nested)
        v = sizes(p, y)
        ev = e2 + b * e1 + unit + rounding * (y + 1)
        total = a[4] * ((2 * v + ev) * ev + unit) + e * e1 + rounding * (v * v + (2 * b + c + 3) * (1 + y) * (1 + c))
    else:
        e3, e4 = (y + e1) * e2 + y * y * e1 + unit, (2 * y * y + e2) * e2 + unit
        total += a[2] * e2 + a[3] * e3 + a[4] * e4 + rounding * y * (1 + y * (1 + y * (1 + y)))
    return 1 + total * 2.0**p.out_bits


# ------------------------------------------------------------------------------------------------ fits
def uniform_fit(degree):
    """Least squares for max(t, 0) on [-1, 1], uniform weight: t/2 plus even Legendre terms. Coefficients of t^0, t^2, t^4, ...

    The odd part of ReLU is exactly t/2, so an odd degree adds nothing to the even one below it.
    """
    t, w = np.polynomial.legendre.leggauss(16)
    t, w = (t + 1) / 2, w / 2                           # on [0, 1]; exact for these degrees
    c = np.zeros(degree + 1)
    for k in range(0, degree + 1, 2):
        c[k] = (2 * k + 1) / 2 * (w * t * np.polynomial.legendre.legval(t, [0] * k + [1])).sum()
    return np.polynomial.legendre.leg2poly(c)[::2]


def evaluate(fit, t):
    return np.polynomial.polynomial.polyval(t * t, fit) + t / 2


BY_POWERS = [*uniform_fit(6), 1e-6]                     # degree 8 whose last coefficient is too small for the nested form


# =================================================================================================== the checks
def check_linear(short):
    beaver.check_linear_layer(M, World)
    layers, x = 2 if short else 6, uniform(1 << 11, 40) - (1 << 10)
    shared = shares_of(x, M)
    for i in range(layers):                             # linear layer, polynomial, window sums of 4: the value that the next layer reads
        w, f, fit = World('seeded' if i % 2 else 'sent'), int(rng.integers(8, 13)), uniform_fit((2, 4, 6, 8)[i % 4])
        W, bias = uniform(1 << 6, (40, len(x))) - (1 << 5), uniform(1 << 12, 40) - (1 << 11)
        Z = W.dot(x) + bias
        A = int(abs(Z).max()).bit_length() - f
        z = linear(w, M, *open_masked(w, M, shared), *open_masked(w, M, shares_of(W, M)), shares_of(bias, M), lambda v, m: m.dot(v))
        same(value(z, M), Z, 'linear layer')
        p = Polynomial.of_layer(fit, f, A)
        y = relu(w, z, p)
        result = value(y, M)
        off = abs(result.astype(float) - evaluate(fit, Z.astype(float) / 2.0**(f + A)) * 2.0**A)
        require(off.max() <= error(p), 'a layer\'s polynomial is within its stated error')
        shared, x = [s.reshape(-1, 4).sum(1) % M for s in y], result.reshape(-1, 4).sum(1)
        same(value(shared, M), x, 'window sums')
    return f'products under triples fresh and reused, randomness seeded and sent; {layers} layers with polynomials and average pools'


def check_truncation(short):
    beaver.check_truncation_failures(8 if short else 10)
    n = 30_000 if short else 200_000
    far = (abs(value(truncate(shares_of(np.full(n, 1 << 118, object), M), 24, M), M) - (1 << 94)) > 1).mean()
    require(abs(far - 2**-10) < 6 * (2**-10 / n) ** .5, 'a truncation at |a| = 2^118 fails as often as stated')
    a = uniform(1 << 64, n) - (1 << 63)
    off = value(truncate(shares_of(a, M), 24, M), M) - (a >> 24)
    same((off == 0) | (off == 1), True, 'floor or floor + 1')
    return f'floor + {{0, 1}}, unbiased; fails for exactly |a| of the 2^K sharings; K = 128, |a| = 2^118: {far:.1e} measured, {2**-10:.1e} stated'


def check_relu(short):
    n, tell = 200 if short else 3000, []
    fits = {str(degree): uniform_fit(degree) for degree in (2, 4, 6, 8)} | {'8 by powers': BY_POWERS}
    t = np.linspace(-1, 1, 200_001)
    for name, worst in (('2', .0938), ('4', .0586), ('6', .0427), ('8', .0336)):
        require(abs(abs(evaluate(fits[name], t) - np.maximum(t, 0)).max() - worst) < 1e-4, f'largest error of the fit of degree {name}')
        require(np.allclose(uniform_fit(int(name) + 1), fits[name]), 'an odd degree adds nothing')
    for name, fit in fits.items():
        most = 0
        for f, A in ((12, 10), (8, 4), (20, 16), (20, 4)):
            p = Polynomial.of_layer(fit, f, A)
            require(bool(p.nested) == (name == '8'), 'the nested form is taken for degree 8 with a moderate last coefficient')
            require(failure(p, 1) <= 2.0**-40, 'truncations fail with a probability of at most 2^-40')
            for span, spread in ((1, n), (2, n // 4)):  # the calibrated range, and all of the headroom M = 1
                x = rng.integers(-span << (f + A), (span << (f + A)) + 1, spread).astype(object)
                x[:3] = -span << (f + A), 0, span << (f + A)
                want = evaluate(fit, x.astype(float) / 2.0**(f + A)) * 2.0**A
                for randomness in ('seeded', 'sent'):
                    off = abs(value(relu(World(randomness), shares_of(x, M), p), M).astype(float) - want).max()
                    require(off <= error(p, span), f'degree {name}, f = {f}, A = {A}: {off} ulps off, stated {error(p, span)}')
                    most = max(most, off) if span == 1 else most
        tell.append(f'{name}: {most:.2f}')
    p = Polynomial.of_layer(fits['8'], 28, 12)
    require(failure(p, 1) > 2.0**-40, 'a polynomial whose powers do not fit the ring is refused')
    return 'largest distance from the polynomial, in ulps, by degree: ' + ', '.join(tell)


def check_views(short):
    m, pairs = 4, [(0, 0), (1, 2), (3, 1), (2, 2)]
    options = dict(deals_ahead=True)

    def two_queries(w, v, share, viewer):               # one weight, two inputs, the weight's mask kept
        kept, = open_masked(w, m, input_shares(w, v[2], share, viewer, m))
        for x in v[:2]:
            linear(w, m, *open_masked(w, m, input_shares(w, x, share + 1, viewer, m)), kept, [0, 0])

    def polynomial(*even, nested=None):                 # of integers, nothing truncated: p.power_bits = p.coefficient_bits = 0
        p = Polynomial([*even], 0, 0, 0, 0, nested)
        return lambda w, a, share, viewer: relu(w, input_shares(w, a, share, viewer, m), p, m)

    both = lambda w, v, share, viewer: multiply(w, m, *[input_shares(w, x, share, viewer, m) for x in v])
    degrees = [polynomial(1, 3), polynomial(1, 2, 3), polynomial(1, 2, 3, 1), polynomial(1, 2, 3, 1, 3, nested=(1, 2, 3, 1))]
    if not short:
        degrees.append(polynomial(1, 2, 3, 1, 3))
    for mode in ('seeded',) if short else ('seeded', 'sent'):
        require(same_view(both, pairs, SERVERS, randomness=mode, **options), f'product, {mode}: a view depends on the secrets')
        inputs = [(0, 0, 0), (1, 3, 2), (2, 2, 1)]
        require(same_view(two_queries, inputs, SERVERS, randomness=mode, **options), f'linear layer, {mode}: a view depends on the secrets')
        for i, step in enumerate(degrees):
            require(same_view(step, range(4), SERVERS, randomness=mode, **options), f'ReLU {i}, {mode}: a view depends on the secret')
    w = beaver.World(deals_ahead=True)
    for step in (lambda: linear(w, M, *open_masked(w, M, shares_of(np.arange(3), M), shares_of(np.arange(3), M)), [0, 0]),
                 lambda: relu(w, shares_of(np.arange(3), M), Polynomial.of_layer(BY_POWERS, 12, 10))):
        step()
    require(w.to_producer() == 0, 'the producer receives nothing')
    require(not same_view(degrees[1], range(4), SERVERS, world=OneMaskForTwoInputs, **options), 'a mask of two powers goes unnoticed')
    require(not same_view(two_queries, [(0, 0, 0), (1, 3, 2)], SERVERS, world=OneMaskForTwoInputs, **options), 'a mask of two inputs goes unnoticed')
    return 'the same for every secret, both servers: products, two queries of a linear layer, polynomials; a mask that hides two values is caught'


def costs():
    rows = [['step', 'S0 ↔ S1', 'dealt, seeded', 'dealt, sent', 'rounds']]
    one, n = shares_of(np.arange(10), M), 10

    def layer(w):
        kept, = open_masked(w, M, one)
        w.clock, w.link = [0, 0, 0], dict.fromkeys(w.link, 0)
        linear(w, M, *open_masked(w, M, one), kept, [0, 0])

    def polynomial(fit):
        return lambda w: relu(w, one, Polynomial.of_layer(fit, 12, 10))

    for name, step in (('set-up: F, per weight, once a session', lambda w: open_masked(w, M, one)),
                       ('opening of E, and C, per element', layer),
                       *((f'ReLU, degree {degree}', polynomial(uniform_fit(degree))) for degree in (2, 4, 6, 8)),
                       ('ReLU, degree 8 by powers', polynomial(BY_POWERS))):
        seeded, sent = World(), World('sent')
        step(seeded)
        step(sent)
        require(max(seeded.clock) == max(sent.clock) and seeded.between_servers() == sent.between_servers(), 'only dealing differs')
        rows.append([name, *[str(v // n) for v in (seeded.between_servers(), seeded.from_producer(), sent.from_producer())], str(max(seeded.clock))])
    return rows


if __name__ == '__main__':
    main('pond', __doc__, [check_linear, check_truncation, check_relu, check_views], costs)
