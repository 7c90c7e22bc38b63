#!/usr/bin/env python3
"""Executable specification of SecureNN as built (docs/protocols/securenn.md): exact ReLU and max pooling for three parties.

P0 and P1 hold additive shares; P2 has no input, deals triples and helps online. Semi-honest, one corruption, no collusion.
This is the algebra only: numpy, no network, no speed. It states what every party holds and receives, counts rounds and the
bits on every link, checks every result against plaintext, compares each party's view over all secrets of small rings, and
runs P2's attack on the published comparison. The table of costs in the document is compared with what was counted.

Rings: Z_L, L = 2^l (values, l = 64); Z_{L-1}, odd (input of ComputeMSB); the field Z_p, p > l + 1 prime (shares of bits, p = 67).
Algorithms are those of the paper (Wagh, Gupta, Chandran, PETS 2019), by its numbers.
"""
from collections import Counter
from itertools import permutations
from math import factorial

import beaver
from beaver import (SERVERS, OneMaskForTwoInputs, input_shares, linear, multiply, open_masked, same_view, shares_of, signed, truncate,
                    uniform, value, width)
from support import all_of, main, np, require, rng, same

U = np.uint64
P0, P1, P2 = 0, 1, 2


def flag(condition):
    return np.asarray(condition).astype(np.int64)


def bits_of(x, l):                                      # (...) -> (..., l), least significant first
    return (np.asarray(x).astype(U)[..., None] >> np.arange(l, dtype=U) & U(1)).astype(np.int64)


class Rings:
    """The moduli of a run, and the permutations, which the servers draw together."""

    def __init__(self, *arguments, l=64, p=67, **options):
        require(p > l + 1, 'c_i of PrivateCompare runs from 0 to l + 1 and must not wrap')
        self.l, self.L, self.odd, self.p = l, 1 << l, (1 << l) - 1, p
        super().__init__(*arguments, **options)

    def permutation(self, shape):                       # of the last axis: an own one for each element
        return np.argsort(rng.random(shape), axis=-1)


class World(Rings, beaver.World):
    pass


# --------------------------------------------------------------------------------------------------- comparison
def private_compare(world, xb, r, beta):
    """Algorithm 3, PrivateCompare: P2 alone learns beta ^ [x > r]. xb: shares in Z_p of x's bits (..., l); r, beta known to P0 and P1."""
    p, l, shape = world.p, world.l, xb[0].shape
    v = bits_of(np.where(beta == 1, (r + 1) % world.L, r), l)        # r, or t = r + 1: 1 ^ [x > r] = [x < t]
    sign = (1 - 2 * beta)[..., None]
    s = world.draw(p - 1, shape, SERVERS) + 1                         # s_i in Z_p without 0
    edge = ((beta == 1) & (flag(r == world.L - 1) == 1))[..., None]   # t does not exist and the answer is 1: c = (0, 1, 1, ...)
    lowest = np.arange(l) == 0
    d = []
    for j in SERVERS:                                                 # P7: in SecureNN's own steps P1 adds the public constants
        w = xb[j] + j * v - 2 * v * xb[j]                             # x[i] ^ r[i]
        above = w.sum(-1, keepdims=True) - np.cumsum(w, -1)           # sum of w_k, k > i
        c = sign * (j * v - xb[j]) + j + above                        # 0 at the first difference, if it goes the right way
        c = np.where(edge, np.where(lowest, 0, j), c)
        d.append(c % p if 'no blinding' in world.faults else s * c % p)
    if 'no refresh' not in world.faults:                              # not in the published text, which leaks without it
        z = world.zero(p, shape)
        d = [(d[j] + z[j]) % p for j in SERVERS]
    if 'no permutation' not in world.faults:
        pi = world.permutation(shape)
        d = [np.take_along_axis(d[j], pi, -1) for j in SERVERS]
    world.send((P0, P2, d[0], p), (P1, P2, d[1], p))
    return flag(((d[0] + d[1]) % p == 0).any(-1))


def share_convert(world, a):
    """Algorithm 4, ShareConvert: shares in Z_L of a != L - 1 -> shares in Z_{L-1} of the same a. Four rounds."""
    L, odd, shape = world.L, world.odd, a[0].shape
    rs = [world.draw(L, shape, SERVERS) for _ in SERVERS]
    r, alpha = (rs[0] + rs[1]) % L, flag(rs[0] + rs[1] >= L)
    eta2 = world.draw(2, shape, SERVERS)
    masked = [(a[j] + rs[j]) % L for j in SERVERS]
    beta = [flag(a[j] + rs[j] >= L) for j in SERVERS]
    world.send((P0, P2, masked[0], L), (P1, P2, masked[1], L))                            # round 1
    x, delta = (masked[0] + masked[1]) % L, flag(masked[0] + masked[1] >= L)              # P2
    xb, delta = world.deal(bits_of(x, world.l), world.p), world.deal(delta, odd)          # round 2
    # round 3. x > r - 1 always holds for r = 0: [x > L - 1] = 0 is asked with the other beta, which has the same view
    eta1 = private_compare(world, xb, (r - 1) % L, np.where(r == 0, 1 - eta2, eta2))
    eta1 = world.deal(eta1, odd)                                                          # round 4
    u, out = world.zero(odd, shape), []
    for j in SERVERS:                                   # theta = wrap of a's shares = beta0 + beta1 - alpha + delta + eta - 1
        eta = eta1[j] + (1 - j) * eta2 - 2 * eta2 * eta1[j]
        theta = beta[j] - (1 - j) * (alpha + 1) + delta[j] + eta
        out.append((a[j] - theta + u[j]) % odd)
    return out


def compute_msb(world, a):
    """Algorithm 5, ComputeMSB: shares in Z_{L-1} of a -> shares in Z_L of its top bit = LSB(2a mod L-1). Four rounds after P2's first message."""
    L, odd, shape = world.L, world.odd, a[0].shape
    beta = world.draw(2, shape, SERVERS)
    xs, x = world.deal_random(odd, shape)
    xb = world.deal(bits_of(x, world.l), world.p, early=True)
    x0 = world.deal(x & 1, L, early=True)
    r, = world.open(odd, [(2 * a[j] + xs[j]) % odd for j in SERVERS])                     # LSB(2a) = r[0] ^ x[0] ^ [x > r]
    beta1 = world.deal(private_compare(world, xb, r, beta), L)
    r0 = r & 1
    gamma = [(beta1[j] + j * beta - 2 * beta * beta1[j]) % L for j in SERVERS]
    delta = [(x0[j] + j * r0 - 2 * r0 * x0[j]) % L for j in SERVERS]
    theta = multiply(world, L, gamma, delta)
    return [(gamma[j] + delta[j] - 2 * theta[j]) % L for j in SERVERS]


def derivative(world, a):
    """Algorithm 6, DReLU: fresh shares of [a >= 0]. 2a is even, so it never is L - 1, which ShareConvert excludes: hence the range."""
    alpha = compute_msb(world, share_convert(world, [2 * a[j] % world.L for j in SERVERS]))
    u = world.zero(world.L, a[0].shape)
    return [(j - alpha[j] + u[j]) % world.L for j in SERVERS]


def relu(world, a):
    """Algorithm 7, ReLU: fresh shares of max(a, 0), -2^(l-2) <= a < 2^(l-2). Nine rounds."""
    y = multiply(world, world.L, derivative(world, a), a)
    u = world.zero(world.L, a[0].shape)
    return [(y[j] + u[j]) % world.L for j in SERVERS]


def max_pool(world, xs):
    """Algorithm 9, Maxpool, as a tree and without the index: max(a, b) = a + ReLU(b - a), all pairs of a level at once."""
    while len(xs) > 1:
        half = len(xs) // 2
        pairs = [(xs[2 * i], xs[2 * i + 1]) for i in range(half)]
        more = relu(world, [np.stack([(b[j] - a[j]) % world.L for a, b in pairs]) for j in SERVERS])
        xs = [[(a[j] + more[j][i]) % world.L for j in SERVERS] for i, (a, _) in enumerate(pairs)] + xs[2 * half:]
    return xs[0]


# =================================================================================================== the checks
def scripted(l, p, *script):                            # the first draws are given (to run through all of them), the rest is random
    w, script = World(l=l, p=p), list(script)
    w.draw = lambda m, shape, known_to: script.pop(0) % m if script else uniform(m, shape)
    return w


def plain(s, m):
    return (s[0] + s[1]) % m


def check_linear(short):
    beaver.check_linear_layer(1 << 64, World)
    L, layers = 1 << 64, 3 if short else 12
    x = uniform(1 << 10, 40) - (1 << 9)
    shared = shares_of(x, L)
    for i in range(layers):                             # linear layer, truncation, max pool of 2, ReLU, window sums of 2
        w, f = World('seeded' if i % 2 else 'sent'), int(rng.integers(8, 13))
        W, bias = uniform(1 << 8, (40, len(x))) - (1 << 7), uniform(1 << 15, 40) - (1 << 14)
        z = linear(w, L, *open_masked(w, L, shared), *open_masked(w, L, shares_of(W, L)), shares_of(bias, L), lambda v, m: m.dot(v))
        same(value(z, L), W.dot(x) + bias, 'linear layer')
        t = truncate(z, f, L)
        error = value(t, L) - ((W.dot(x) + bias) >> f)
        same((error == 0) | (error == 1), True, 'truncation of a linear result')
        pooled = np.maximum(value(t, L)[0::2], value(t, L)[1::2])
        y = relu(w, max_pool(w, [[s[i::2] for s in t] for i in (0, 1)]))
        shared, x = [s.reshape(-1, 2).sum(1) % L for s in y], np.maximum(pooled, 0).reshape(-1, 2).sum(1)
        same(value(shared, L), x, 'the value that the next layer reads')
    return f'products under triples fresh and reused, randomness seeded and sent; {layers} layers with pools, one after the other: exact'


def check_small_rings(short):
    for l, p in ((4, 7),) if short else ((4, 7), (5, 7), (6, 11)):
        L, odd = 1 << l, (1 << l) - 1
        x, r, beta = all_of(L, L, 2)
        for _ in range(3 if short else 8):              # every x, r and beta; fresh masks each time
            same(private_compare(World(l=l, p=p), shares_of(bits_of(x, l), p), r, beta), beta ^ (x > r), 'private compare')
        a, a0, r0, r1 = all_of(odd, L, L, L) if l < 6 else all_of(odd, L, 12, 12)     # every a != L - 1, every sharing, (every) r
        same(plain(share_convert(scripted(l, p, r0, r1), [a0, (a - a0) % L]), odd), a, 'share convert')
        a, a0, beta, x0, x1 = all_of(odd, odd, 2, odd, odd) if l < 5 and not short else all_of(odd, odd, 2, 5, 5)
        x0, x1 = (x0, x1) if l < 5 and not short else uniform(odd, (2, len(a)))       # every a, every sharing, (every) x
        same(plain(compute_msb(scripted(l, p, beta, x0, x1), [a0, (a - a0) % odd]), L), a >> (l - 1), 'most significant bit')
        a, a0, _ = all_of(L, L, 4 if short else 20)
        right = plain(relu(World(l=l, p=p), [a0, (a - a0) % L]), L) == np.maximum(signed(a, L), 0)
        same(right, np.abs(signed(a, L) + .5) < L // 4, 'ReLU is exact on [-2^(l-2), 2^(l-2)) and nowhere else')
    return 'private compare, share convert, MSB exact for every input and sharing; ReLU exact on [-2^(l-2), 2^(l-2)), wrong outside'


def check_full_ring(short):
    n, L, bound = 300 if short else 6000, 1 << 64, 1 << 62
    edge = np.array([0, 1, -1, 2, -2, bound - 1, -bound, 1 << 13, -(1 << 40)], object)
    a = np.concatenate([np.resize(edge, n // 3), uniform(bound, n // 3) - bound // 2, uniform(1 << 30, n // 3) - (1 << 29)])
    same(value(relu(World(), shares_of(a, L)), L), np.maximum(a, 0), 'ReLU, l = 64')
    xb, r, beta = shares_of(bits_of(np.array([0, 5, L - 1] * 2, object), 64), 67), np.full(6, L - 1, object), np.array([0] * 3 + [1] * 3)
    same(private_compare(World(), xb, r, beta), beta, 'private compare at r = 2^64 - 1')
    b = a[a != -1] % L
    for r0, r1 in ((0, 0), (5, L - 5)):                                                   # r = 0, without and with a wrap
        script = [np.full(b.shape, r, object) for r in (r0, r1)]
        same(plain(share_convert(scripted(64, 67, *script), shares_of(b, L)), L - 1), b, 'share convert at r = 0')
    xs = [rng.permutation(a) // 2 for _ in range(4)]
    for count in (2, 3, 4):
        same(value(max_pool(World(), [shares_of(x, L) for x in xs[:count]]), L), np.max(np.stack(xs[:count]), 0), f'max of {count}')
    return f'l = 64: ReLU of {n} values with all edges, comparisons at r = 0 and r = 2^64 - 1, max pools of 2, 3 and 4: exact'


def check_truncation(short):
    beaver.check_truncation_failures(8 if short else 10)
    L, n = 1 << 64, 60_000 if short else 400_000
    far = (np.abs(value(truncate(shares_of(np.full(n, 1 << 54, object), L), 13, L), L) - (1 << 41)) > 1).mean()
    require(abs(far - 2**-10) < 6 * (2**-10 / n) ** .5, 'a truncation at |a| = 2^54 fails as often as stated')
    return f'fails for exactly |a| of the 2^l sharings; l = 64, |a| = 2^54: {far:.2e} measured, {2**-10:.2e} stated'


class View(Rings, beaver.View):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, l=2, p=5, **options)

    def permutation(self, shape):
        return np.array(list(permutations(range(self.l))))[self.draw(factorial(self.l), shape[:1], SERVERS)]


class OneMask(Rings, OneMaskForTwoInputs):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, l=2, p=5, **options)


def check_views(short):
    convert = lambda w, a, share, viewer: share_convert(w, input_shares(w, a, share, viewer, w.L))
    msb = lambda w, a, share, viewer: compute_msb(w, input_shares(w, a, share, viewer, w.odd))
    product = lambda w, ab, share, viewer: multiply(w, w.L, *[input_shares(w, v, share, viewer, w.L) for v in ab])

    def compare(w, x_and_r, share, viewer):             # PrivateCompare alone: somebody else dealt the bits; beta is not P2's
        x0 = np.stack([w.draw(w.p, w.index.shape, SERVERS) for _ in range(w.l)], 1)
        xb = [x0, (bits_of(np.full(len(w.index), x_and_r[0]), w.l) - x0) % w.p]
        private_compare(w, xb, np.full(len(w.index), x_and_r[1]), w.draw(2, w.index.shape, SERVERS))

    def two_queries(w, v, share, viewer):               # one weight with its mask kept, two inputs
        kept, = open_masked(w, w.L, input_shares(w, v[2], share, viewer, w.L))
        for x in v[:2]:
            linear(w, w.L, *open_masked(w, w.L, input_shares(w, x, share + 1, viewer, w.L)), kept, [0, 0])

    everybody, tries = (P0, P1, P2), 1 if short else 2
    options = dict(world=View, tries=tries)
    pairs, cases = [(0, 0), (1, 3), (3, 2)], [(0, 0), (3, 1), (2, 2), (1, 3)]
    for mode in ('seeded',) if short else ('seeded', 'sent'):
        require(same_view(convert, range(3), everybody, randomness=mode, **options), f'share convert, {mode}: a view depends on the secret')
        viewers = everybody if mode == 'seeded' else (P2,)
        require(same_view(msb, range(3), viewers, randomness=mode, **options), f'MSB, {mode}: a view depends on the secret')
        require(same_view(product, pairs, everybody, randomness=mode, **options), f'product, {mode}: a view depends on the secrets')
    for mode in ('seeded', 'sent'):
        inputs = [(0, 0, 0), (1, 3, 2), (2, 2, 1)]
        require(same_view(two_queries, inputs, SERVERS, world=View, randomness=mode), f'linear layer, {mode}: a view depends on the secrets')
    require(not same_view(two_queries, inputs, SERVERS, world=OneMask), 'a mask that hides two values goes unnoticed')
    require(same_view(compare, cases, (P2,), world=View), 'private compare: P2\'s view depends on the secrets')
    require(not same_view(compare, cases, (P2,), world=View, faults=['no blinding']), 'a comparison that is not blinded goes unnoticed')
    for fault in ('no permutation', 'no blinding', 'no refresh'):
        require(not same_view(msb, range(3), (P2,), world=View, faults=[fault]), f'MSB with {fault} goes unnoticed')
    return ('l = 2, p = 5: the same for every secret and each party: share convert, MSB, product, two queries of a linear layer; caught on P2\'s '
            'side: no permutation, no blinding, no refresh; on the servers\': a mask of two values')


def logged(step, faults):
    """Runs a step; all messages by (receiver, modulus). With randomness = "sent" P2 knows those that it sent and those that it got."""
    w, log = World('sent', faults=faults), {}
    w.received = lambda by, x, m: log.setdefault((by, m), []).append(x)
    step(w)
    return log


def check_attack(short):
    """P2 against the published PrivateCompare: it knows <x[i]>_j, sees s_i <c_i>_j; <c_i>_0 : <c_i>_1 gives r bit by bit, then a."""
    n, l, p, limit = 4 if short else 20, 64, 67, 20_000

    def ratio(c0, c1):
        return c1 * pow(c0, -1, p) % p if c0 else p + (c1 == 0)

    def search(i, w0, w1, r):                           # depth first from the top bit; a wrong guess soon misses a ratio
        nonlocal steps
        steps += 1
        if i < 0:
            found.append(r)
        elif steps < limit:
            for v in (0, 1):
                b0, b1 = x0[i], x1[i]
                q = ratio((sign * -b0 + w0) % p, (sign * (v - b1) + 1 + w1) % p)
                if left[q]:
                    left[q] -= 1
                    search(i - 1, (w0 + b0 - 2 * v * b0) % p, (w1 + b1 + v - 2 * v * b1) % p, 2 * r + v)
                    left[q] += 1

    odd, outcome = (1 << l) - 1, {}
    for faults in (('no refresh',), ()):
        a = uniform(odd, n)
        log = logged(lambda w: compute_msb(w, shares_of(a, odd)), faults)
        x = (log[P0, odd][0] + log[P1, odd][0]) % odd
        right = 0
        for e in range(n):
            x0, x1, d0, d1 = [[int(v) for v in s[e]] for s in log[P0, p] + log[P1, p] + log[P2, p]]
            candidates = set()
            for beta in (0, 1):
                sign, left, found, steps = 1 - 2 * beta, Counter(map(ratio, d0, d1)), [], 0
                search(l - 1, 0, 0, 0)
                candidates |= {(r - beta - x[e]) % odd for r in found}            # 2a
            right += 2 * a[e] % odd in candidates
        outcome[faults] = right
    require(outcome['no refresh',] == n, 'P2 finds every input from the published comparison')
    require(outcome[()] == 0, 'P2 finds no input from the refreshed comparison')
    return f'P2 on ComputeMSB, l = {l}: {n} of {n} inputs found as published, 0 of {n} with the sharing of zero'


def check_zero_position(short):
    """What a statistical test sees at l = 64: the place of the zero in P2's d, for two very different inputs (chi-square, 63 degrees)."""
    n, out = 500 if short else 3000, {}
    for faults in ((), ('no permutation',)):
        counts = []
        for a in (3, 1 << 61):
            log = logged(lambda w: derivative(w, shares_of(np.full(n, a, object), 1 << 64)), faults)
            zero = sum(log[P2, 67][2:]) % 67 == 0                          # of the comparison in ComputeMSB
            counts.append(np.bincount(zero.argmax(1)[zero.any(1)], minlength=64) + .5)
        (g, h), total = counts, counts[0] + counts[1]
        out[faults] = ((g / g.sum() - h / h.sum()) ** 2 / total).sum() * g.sum() * h.sum()
    require(out[()] < 120, f'the place of the zero tells the input: chi-square {out[()]:.0f}')
    require(out['no permutation',] > n / 10, 'a comparison without permutation goes unnoticed')
    without = out['no permutation',]
    return f'place of the zero that P2 finds, two inputs: chi-square {out[()]:.0f} (63 expected), without the permutation {without:.0f}'


def costs():
    l, p, n = 64, 67, 10
    lp, a = l * width(p), [shares_of(np.arange(n) - 5, 1 << l) for _ in range(2)]
    odd, xb = shares_of(np.arange(n), (1 << l) - 1), shares_of(bits_of(np.arange(n), l), p)

    def layer(w):
        kept, = open_masked(w, 1 << l, a[1])
        w.clock, w.link = [0, 0, 0], dict.fromkeys(w.link, 0)
        linear(w, 1 << l, *open_masked(w, 1 << l, a[0]), kept, [0, 0])

    rows = [['step', 'P0 ↔ P1', 'to P2', 'from P2, seeded', 'from P2, sent', 'rounds']]
    # The paper's counts of its algorithms, A l log p + B l, when the triples alone are seeded; ours for the same.
    for name, step, published in (
            ('set-up: F, per weight, once a session', lambda w: open_masked(w, 1 << l, a[0]), None),
            ('opening of E, and C, per element', layer, None),
            ('product', lambda w: multiply(w, 1 << l, a[0], a[1]), (0, 5)),
            ('PrivateCompare', lambda w: private_compare(w, xb, a[0][0], np.zeros(n, int)), (2, 0)),
            ('ShareConvert', lambda w: share_convert(w, a[0]), (4, 6)),
            ('ComputeMSB', lambda w: compute_msb(w, odd), (4, 13)),
            ('DReLU', lambda w: derivative(w, a[0]), (8, 19)),
            ('ReLU', lambda w: relu(w, a[0]), (8, 24)),
            ('max of two', lambda w: max_pool(w, a), (8, 24))):
        worlds = {mode: World(mode) for mode in ('seeded', 'sent', 'triples seeded')}
        for w in worlds.values():
            step(w)
        if published:
            require(sum(worlds['triples seeded'].link.values()) == n * (published[0] * lp + published[1] * l), f'{name}: the paper\'s count')
        seeded, sent = worlds['seeded'], worlds['sent']
        require(seeded.between_servers() == sent.between_servers() and seeded.to_producer() == sent.to_producer(), 'only dealing differs')
        rounds = [max(w.clock) for w in (seeded, sent)]
        per_element = (seeded.between_servers(), seeded.to_producer(), seeded.from_producer(), sent.from_producer())
        rows.append([name, *[str(v // n) for v in per_element], str(rounds[0]) + (f' ({rounds[1]} sent)' if rounds[1] != rounds[0] else '')])
    return rows


if __name__ == '__main__':
    main('securenn', __doc__, [check_linear, check_small_rings, check_full_ring, check_truncation, check_views, check_attack,
                               check_zero_position], costs)
