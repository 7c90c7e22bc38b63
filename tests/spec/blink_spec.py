#!/usr/bin/env python3
"""Executable specification of Blink (docs/protocols/blink.md): every step, its exactness, its privacy and its cost.

Servers S0 and S1 compute; D, the crypto producer, deals correlated randomness and receives nothing. This is the algebra
only: numpy, no network, no speed. It states what every party holds and receives at every step, counts the bits that cross,
checks every result against plaintext, and enumerates for small rings all randomness that a party does not know: its view
must be uniform and the same for every secret. The table of costs in the document is compared with what was counted.
"""
from dataclasses import dataclass, field
from itertools import combinations

from support import all_of, main, np, require, rng, same

U = np.uint64
S0, S1, D = 0, 1, 2
DIGIT = 4                                               # bits of a digit in comparisons: nibbles cost least


def mod(x, bits):
    return np.asarray(x).astype(U) & U((1 << bits) - 1)


def signed(x, bits):
    x = mod(x, bits).astype(np.int64)
    return np.where(x >> (bits - 1) & 1, x - (1 << bits), x)


def bit(x, i):
    return (x >> U(i)) & U(1)


# --------------------------------------------------------------------------------------- where randomness comes from
class World:
    """Draws every mask at random and counts what crosses, in bits per element. `receiver` of corrections: S0 or S1."""

    def __init__(self, shape, receiver=S1):
        self.shape, self.receiver = shape, receiver
        self.opened = self.rounds = self.dealt = 0      # bits each way S0-S1 | rounds | bits that D sends

    def draw(self, bits, shape, known_to):              # known_to: the parties that expand or choose it; overridden to enumerate
        return rng.integers(0, 1 << bits, shape, dtype=U)

    def received(self, by, x, bits):                    # a message arrives; overridden to record a view
        pass

    def seed(self, party, bits, shape=None):            # both expand it from their pairwise key: nothing is sent
        return self.draw(bits, self.shape if shape is None else shape, (party, D))

    def secret(self, bits):                             # D's own choice
        return self.draw(bits, self.shape, (D,))

    def deal(self, x, bits):
        """Shares of a value that D knows: one share is expanded, the other one is sent as the correction."""
        self.dealt += bits
        expanded = self.seed(1 - self.receiver, bits, np.shape(x))
        correction = mod(x - expanded, bits)
        self.received(self.receiver, correction, bits)
        return (expanded, correction) if self.receiver == S1 else (correction, expanded)

    def deal_bit(self, b):                              # the same with XOR
        self.dealt += 1
        expanded = self.seed(1 - self.receiver, 1)
        correction = b ^ expanded
        self.received(self.receiver, correction, 1)
        return (expanded, correction) if self.receiver == S1 else (correction, expanded)

    def free(self, bits, shape=None):                   # a uniform value, shared for nothing; D knows it
        s = self.seed(S0, bits, shape), self.seed(S1, bits, shape)
        return s, mod(s[0] + s[1], bits)

    def free_bit(self):
        s = self.seed(S0, 1), self.seed(S1, 1)
        return s, s[0] ^ s[1]

    def exchange(self, messages, bits, per_element):    # both servers send at once: one round
        self.opened += per_element
        self.rounds += 1
        for to_other in messages:
            self.received(S1, to_other[0], bits)
            self.received(S0, to_other[1], bits)

    def open_ring(self, s0, s1, bits):                  # P6: cut to the mask's width BEFORE it leaves; higher bits would leak
        s0, s1 = mod(s0, bits), mod(s1, bits)
        self.exchange([(s0, s1)], bits, bits)
        return mod(s0 + s1, bits)

    def open_bits(self, pairs):
        self.exchange(pairs, 1, len(pairs))
        return [a ^ b for a, b in pairs]


# ------------------------------------------------------------------------------------------------ the linear layer
def mask_weights(world, W, K):
    """Set-up, once a session: F = W - B is opened. Returns F and B, which D alone knows."""
    b, B = world.free(K, np.shape(W[0]))
    return world.open_ring(W[0] - b[0], W[1] - b[1], K), B


def open_masked(world, x, K):
    """E = x - A is opened. Returns E, the shares of A, and A, which D alone knows."""
    a, A = world.free(K, np.shape(x[0]))
    return world.open_ring(x[0] - a[0], x[1] - a[1], K), a, A


def linear(world, opened, W, weights, bias, K, op):
    """Shares mod 2^K of op(X, W) + bias, op bilinear. Online nothing is sent: C, A_i*F and the bias are there ahead of time."""
    (E, a, A), (F, B) = opened, weights
    C = world.deal(mod(op(A, B), K), K)
    G = [op(a[p], F) + C[p] + bias[p] for p in (S0, S1)]
    return [mod(op(E, W[p]) + G[p], K) for p in (S0, S1)]


# ------------------------------------------------------------------------------------------------ truncation: local
def truncate(z, f, K):
    """Shares mod 2^K of Z -> shares mod 2^(K-f) of floor(Z/2^f) + [Z mod 2^f > z0 mod 2^f]: no message, no rare large error.

    S1 rounds the other way. The top f bits of the ring fall off: that makes it exact, and is why a lift follows.
    A multiple of 2^f never gets the +1: hence the range's upper end 2^q - 2^f (P1).
    """
    k = K - f
    return [mod(z[0] >> U(f), k), mod(-(mod(-z[1], K) >> U(f)).astype(np.int64), k)]


# ------------------------------------------------------------- comparison of a public c with a dealt secret r
def truth_to_anf(table, digit):
    """Algebraic normal form of a truth table over the bits of one digit (Moebius transform)."""
    a = list(table)
    for i in range(digit):
        for j in range(1 << digit):
            if j >> i & 1:
                a[j] ^= a[j ^ (1 << i)]
    return a


def evaluate(anf_by_c, c_digit, mono, party, digit):
    """A party's XOR share of the predicate [c < r] or [c = r] of one digit: local, no message."""
    acc = np.zeros_like(c_digit)
    for c, anf in enumerate(anf_by_c):
        v = np.full_like(c_digit, anf[0] if party == S0 else 0)     # P7: public constants belong to S0 alone
        for i in range(1, 1 << digit):
            subset = tuple(j for j in range(digit) if i >> j & 1)
            if anf[i] and subset in mono:
                v = v ^ mono[subset][party]
        acc = np.where(c_digit == c, v, acc)
    return acc


def less_than(world, c, r, width, digit):
    """XOR shares of [c < r] on `width` bits: one round, 2(n-1) bits each way for n digits; none for one digit."""
    n = (width + digit - 1) // digit
    tables = {'<': [truth_to_anf([int(x < y) for y in range(1 << digit)], digit) for x in range(1 << digit)],
              '=': [truth_to_anf([int(x == y) for y in range(1 << digit)], digit) for x in range(1 << digit)]}
    part = lambda v, j: (v >> U(digit * j)) & U((1 << digit) - 1)
    lt, eq = [], []
    for j in range(n):
        live = min(digit, width - digit * j)
        mono = {}                                                    # shares of the monomials of r's digit
        for size in range(1, live + 1):
            for subset in combinations(range(live), size):
                p = np.ones_like(r)
                for i in subset:
                    p = p & bit(part(r, j), i)
                mono[subset] = world.deal_bit(p)
        lt.append([evaluate(tables['<'], part(c, j), mono, p, digit) for p in (S0, S1)])
        eq.append([evaluate(tables['='], part(c, j), mono, p, digit) for p in (S0, S1)])
    out = [lt[n - 1][S0].copy(), lt[n - 1][S1].copy()]
    if n == 1:
        return out
    # lt = lt[n-1] ^ eq[n-1] lt[n-2] ^ eq[n-1] eq[n-2] lt[n-3] ^ ...: multi-fan-in ANDs, all opened in one round
    wires = {('=', j): eq[j] for j in range(1, n)} | {('<', j): lt[j] for j in range(n - 1)}
    terms = [[('=', i) for i in range(j + 1, n)] + [('<', j)] for j in range(n - 1)]
    masks = {w: world.free_bit() for w in wires}                     # one mask a wire: sharing one is caught by the views
    opened = dict(zip(wires, world.open_bits([(wires[w][S0] ^ masks[w][0][S0], wires[w][S1] ^ masks[w][0][S1]) for w in wires])))
    products = {}
    for t in terms:
        for size in range(2, len(t) + 1):
            for s in combinations(t, size):
                if s not in products:
                    p = np.ones_like(c)
                    for w in s:
                        p = p & masks[w][1]
                    products[s] = world.deal_bit(p)
    for t in terms:                                                  # product over w of (opened_w ^ mask_w)
        for size in range(0, len(t) + 1):
            for s in combinations(t, size):
                coefficient = np.ones_like(c)
                for w in t:
                    if w not in s:
                        coefficient = coefficient & opened[w]
                if size == 0:
                    out[S0] = out[S0] ^ coefficient
                else:
                    share = masks[s[0]][0] if size == 1 else products[s]
                    for p in (S0, S1):
                        out[p] = out[p] ^ (coefficient & share[p])
    return out


def positive_part(world, x, width, summed, digit=DIGIT):
    """Shares mod 2^width of x in [-2^(width-1), 2^(width-1)) -> shares mod 2^summed of max(x, 0). Exact. Three rounds, or two."""
    extra = summed - width
    rho_s, rho = world.free(width)
    carry = bit(rho_s[S0] + rho_s[S1], width)           # rho = rho0 + rho1 - carry 2^width over the integers
    msb = bit(rho, width - 1)
    beta = world.secret(1)
    sh_beta, sh_beta_rho = world.deal(beta, summed), world.deal(mod(beta * rho, summed), summed)
    if extra:                                           # a bit times 2^width, mod 2^summed, needs `extra` bits
        sh_carry, sh_msb, sh_beta_msb = world.deal(carry, extra), world.deal(msb, extra), world.deal(beta * msb, extra)
    c = world.open_ring(x[S0] + rho_s[S0], x[S1] + rho_s[S1], width)                      # round 1
    low = U((1 << (width - 1)) - 1)
    s = less_than(world, c & low, rho & low, width - 1, digit)                            # round 2
    top = world.deal_bit(msb)
    for p in (S0, S1):                                  # x >= 0 is NOT(c_msb ^ rho_msb ^ [c' < rho']); hidden by beta's lowest share bit
        s[p] = s[p] ^ top[p] ^ bit(sh_beta[p], 0)
    s[S0] = s[S0] ^ bit(c, width - 1) ^ U(1)
    d = world.open_bits([(s[S0], s[S1])])[0]                                              # round 3
    out = []
    for p in (S0, S1):                                  # b = d + (1 - 2d) beta, y = b x; where b = 1: x = c - rho + 2^width msb (1 - c_msb)
        v = mod((c if p == S0 else np.zeros_like(c)) - rho_s[p], summed)
        bv = mod(c * sh_beta[p] - sh_beta_rho[p], summed)
        if extra:
            not_c = U(1) - bit(c, width - 1)
            v = mod(v + ((sh_carry[p] + not_c * sh_msb[p]) << U(width)), summed)
            bv = mod(bv + ((not_c * sh_beta_msb[p]) << U(width)), summed)
        out.append(mod(np.where(d == 1, v - bv, bv), summed))
    return out


# -------------------------------------------------------------------------------------------------- lift and max
def lift(world, y, width, to):
    """Shares mod 2^width of 0 <= y < 2^(width-1) -> shares mod 2^to of y. One round, one bit each way.

    y's top bit is 0, so its shares wrap iff one of their top bits is set: wrap = m0 OR m1 (SIRNN's known-sign extension).
    """
    h = to - width
    m, mu = [bit(y[p], width - 1) for p in (S0, S1)], [world.seed(p, 1) for p in (S0, S1)]   # mu_p: server p and D know it
    sh_product = world.deal(mu[S0] * mu[S1], h)
    o = m[S0] ^ mu[S0], m[S1] ^ mu[S1]                  # each shows the other one bit
    world.exchange([o], 1, 1)
    out = []
    for p in (S0, S1):                                  # m0 + m1 - m0 m1 with m_p = o_p + (1 - 2 o_p) mu_p, mod 2^h
        mine, other = o[p], o[1 - p]
        product = (U(1) - U(2) * mine) * (U(1) - U(2) * other) * sh_product[p] + other * (U(1) - U(2) * mine) * mu[p]
        if p == S0:
            product = product + mine * other
        out.append(mod(y[p] - (mod(m[p] - product, h) << U(width)), to))
    return out


def lift_signed(world, t, width, to):
    """The same for -2^(width-2) <= t < 2^(width-2): moved up by 2^(width-2) and, after the lift, down again. (width = k + 1.)"""
    offset = U(1 << (width - 2))
    y = lift(world, [mod(t[S0] + offset, width), t[S1]], width, to)
    return [mod(y[S0] - offset, to), y[S1]]


def maximum(world, a, b, width, digit=DIGIT):
    """Shares mod 2^width of max(a, b) = b + max(a - b, 0); a - b must fit `width` bits, hence one bit more than ReLU's."""
    positive = positive_part(world, [mod(a[p] - b[p], width) for p in (S0, S1)], width, width, digit)
    return [mod(b[p] + positive[p], width) for p in (S0, S1)]


def max_pool(world, candidates, width):
    """A tree: in each level all pairs at once. candidates: shares of shape (window, ...)."""
    while len(candidates[S0]) > 1:
        n = len(candidates[S0]) // 2
        level = World(np.shape(candidates[S0][:n]), world.receiver)
        first, second, rest = ([c[s] for c in candidates] for s in (slice(0, n), slice(n, 2 * n), slice(2 * n, None)))
        winners = maximum(level, first, second, width)
        world.rounds += level.rounds
        candidates = [np.concatenate([winners[p], rest[p]]) for p in (S0, S1)]
    return [c[0] for c in candidates]


def reveal_to_client(world, y, bits):
    """What the data owner receives: shares cut to the output's width under a sharing of zero that D does not know."""
    zero = world.draw(64, np.shape(y[S0]), (S0, S1))
    return mod(y[S0] + zero, bits), mod(y[S1] - zero, bits)


# ------------------------------------------------------------------------------------------------- a whole network
@dataclass
class Layer:
    """One layer of a plan over a map that is a vector; pools take that many neighbours."""
    f: int
    A: int
    M: int
    max_pools: list = field(default_factory=list)
    relu: bool = True
    average_pools: list = field(default_factory=list)

    q = property(lambda self: self.f + self.A + self.M)
    window = property(lambda self: int(np.prod(self.average_pools)))


@dataclass
class Widths:
    K: int              # the linear ring
    truncated: int      # K - f
    k: int              # ReLU's ring, A + M + 1
    summed: int         # what ReLU multiplexes into
    sum_before_lift: bool
    lifted: bool
    out: int            # K' of the consumer, or what the data owner receives


def widths(layers, i):
    """The rings of layer i: docs/protocols/blink.md, "Rings of a layer"; protocol/blink/widths in code."""
    def linear_ring(j):
        last, l = j + 1 == len(layers), layers[j]
        signed_lift = not l.relu and not (last and not l.average_pools)
        return l.q + 1 + bool(l.max_pools or signed_lift)
    l, last = layers[i], i + 1 == len(layers)
    K, k = linear_ring(i), l.A + l.M + 1
    e = (l.window - 1).bit_length()
    before = l.relu and bool(l.average_pools) and k + e <= 16
    summed = k + e * before
    lifted = not last or (bool(l.average_pools) and not before)
    out = linear_ring(i + 1) if not last else k + e + 1 if lifted else summed
    w = Widths(K, K - l.f, k, summed, before, lifted, out)
    require(K <= 32 and w.truncated <= 16 and k >= 2, 'P2: the widths fit the words')
    require(not lifted or out > (summed if l.relu else w.truncated), 'P4: a lift leads to a wider ring')
    return w


def windows(y, pools):
    for n in pools:
        y = y.reshape(-1, n)
    return y


def run_layer(world, t, l, w, last):
    """From the truncated shares to those of the layer's value: max pools, ReLU, window sums, lift."""
    for n in l.max_pools:
        t = max_pool(world, [s.reshape(-1, n).T for s in t], w.truncated)
    world.shape = np.shape(t[S0])
    if l.relu:
        y, ring = positive_part(world, [mod(s, w.k) for s in t], w.k, w.summed), w.summed
    else:
        y, ring = t, w.truncated
    total = lambda y, bits: [mod(s.reshape(-1, l.window).sum(1), bits) for s in y]
    if w.sum_before_lift:
        y = total(y, w.summed)
    world.shape = np.shape(y[S0])
    if not w.lifted:
        return y
    y = lift(world, y, ring, w.out) if l.relu else lift_signed(world, y, ring, w.out)
    return y if w.sum_before_lift else total(y, w.out)


def run_network(layers, parameters, x, receiver):
    """One query through the whole protocol, and beside it the integers that plaintext predicts from S0's shares: they must be equal."""
    setup = World((), receiver)
    rings = [widths(layers, i) for i in range(len(layers))]
    shared = [[shares_of(v, w.K) for v in p] for p, w in zip(parameters, rings)]
    weights = [mask_weights(setup, W, w.K) for (W, _), w in zip(shared, rings)]
    value = shares_of(x, rings[0].K)
    for i, (l, w) in enumerate(zip(layers, rings)):
        world, (weight, bias) = World((), receiver), parameters[i]
        Z = weight @ x + bias
        require(((-(1 << l.q) <= Z) & (Z <= (1 << l.q) - (1 << l.f))).all(), 'P1: the linear result is in its range')
        z = linear(world, open_masked(world, value, w.K), shared[i][0], weights[i], shared[i][1], w.K, lambda v, m: m @ v)
        same(signed(z[S0] + z[S1], w.K), Z, f'layer {i}: the linear result')
        t = (Z >> l.f) + ((Z & ((1 << l.f) - 1)).astype(U) > (z[S0] & U((1 << l.f) - 1)))
        for n in l.max_pools:
            t = t.reshape(-1, n).max(1)
        x = (np.maximum(t, 0) if l.relu else t).reshape(-1, l.window).sum(1)
        value = run_layer(world, truncate(z, l.f, w.K), l, w, i + 1 == len(layers))
        same(signed(value[S0] + value[S1], w.out), x, f'layer {i}: the value that its consumer reads')
    answer = reveal_to_client(World(np.shape(value[S0]), receiver), value, rings[-1].out)
    same(signed(answer[0] + answer[1], rings[-1].out), x, 'the answer')


# =================================================================================================== the checks
def shares_of(x, bits):                                 # a fresh sharing of signed x
    s0 = rng.integers(0, 1 << bits, np.shape(x), dtype=U)
    return [s0, mod(np.asarray(x, np.int64).view(U) - s0, bits)]


def value(s, bits):
    return signed(s[S0] + s[S1], bits)


def every_sharing(low, high, bits):
    """Every signed value in [low, high) under every sharing."""
    x, s0 = all_of(np.arange(low, high), 1 << bits)
    return x, [s0.astype(U), mod(x.view(U) - s0.astype(U), bits)]


def check_linear(short):
    K, n = 24, 40 if short else 400
    for receiver in (S0, S1):
        w = World((), receiver)
        X, W, bias = rng.integers(-1000, 1000, (n, 6)), rng.integers(-300, 300, (6, 5)), rng.integers(-5000, 5000, 5)
        sx, sw, sb = shares_of(X, K), shares_of(W, K), shares_of(bias, K)
        weights = mask_weights(w, sw, K)
        for _ in range(2):                              # the weights' mask serves every query
            before = w.opened
            z = linear(w, open_masked(w, sx, K), sw, weights, sb, K, np.matmul)
            same(value(z, K), X @ W + bias, 'linear layer')
            require(w.opened - before == K, 'a query opens E alone')
    for bits, spent, A, G, B in winograd_forms():       # 1-D transforms twice; G times 2 or 8
        image = rng.integers(0, 1 << 32, (n, len(B), len(B)), dtype=U)
        kernel = rng.integers(0, 1 << 32, (n, 3, 3), dtype=U)
        product = mod(A @ ((G @ kernel @ G.T) * (B @ image @ B.T)) @ A.T, 32)
        m = len(A)
        direct = sum(image[:, i:i + m, j:j + m] * kernel[:, i:i + 1, j:j + 1] for i in range(3) for j in range(3))
        same(product & U((1 << spent) - 1), 0, 'a Winograd product is a multiple of 4 or 64')
        same(product >> U(spent), mod(direct, 32 - spent), f'Winograd F({m}x{m}), shifted, mod 2^{32 - spent}')
        s = shares_of((direct << U(spent)).view(np.int64), 32)       # shifting after sharing loses a carry nearly always
        require((mod((s[S0] >> U(spent)) + (s[S1] >> U(spent)), bits) != mod(direct, bits)).mean() > .7, 'D shifts before it shares')
    return f'{n} products exact with the weights\' mask kept, both receivers; Winograd F(2x2), F(4x4) exact on arbitrary ring words'


def winograd_forms():
    third = U(pow(3, -1, 1 << 64))
    ring = lambda m: np.array(m, np.int64).astype(U)
    yield (30, 2, ring([[1, 1, 1, 0], [0, 1, -1, -1]]), ring([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]]),
           ring([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]))
    yield (26, 6, ring([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]),
           ring([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) * third,
           ring([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0],
                 [0, 4, 0, -5, 0, 1]]))


def check_truncation(short):
    for f, q in ((3, 5), (1, 4)) if short else ((3, 5), (3, 7), (1, 4), (4, 8)):
        for K in (q + 1, q + 2):
            Z, z = every_sharing(-(1 << q), (1 << q) - (1 << f) + 1, K)
            plus = ((Z & ((1 << f) - 1)).astype(U) > (z[S0] & U((1 << f) - 1))).astype(np.int64)
            same(value(truncate(z, f, K), K - f), (Z >> f) + plus, f'truncation, f = {f}, K = {K}')
            same(plus.reshape(-1, 1 << K).sum(1), (Z.reshape(-1, 1 << K)[:, 0] & ((1 << f) - 1)) << (K - f), 'exactly unbiased')
    Z = np.full(1000, (1 << 23) - 1)                    # above the range the largest activation may become the most negative
    require((value(truncate(shares_of(Z, 24), 12, 24), 12) == -2048).any(), 'why P1 ends at 2^q - 2^f')
    return 'every Z in [-2^q, 2^q - 2^f] and every sharing: floor, and + 1 where predicted from z0; unbiased; above P1 it breaks'


def check_nonlinear(short):
    for receiver in (S0, S1):
        for k in range(2, 8 if short else 11):          # one, two and three digits, each width of the last one
            x, s = every_sharing(-(1 << (k - 1)), 1 << (k - 1), k)
            for summed in {k, k + 2, k + 9}:
                same(value(positive_part(World(len(x), receiver), s, k, summed), summed), np.maximum(x, 0), f'max(x, 0), {k} -> {summed}')
        for k, to in ((4, 9), (7, 9)) if short else ((4, 9), (7, 9), (9, 14), (9, 10)):
            y, s = every_sharing(0, 1 << (k - 1), k)
            same(value(lift(World(len(y), receiver), s, k, to), to), y, f'lift {k} -> {to}')
            t, s = every_sharing(-(1 << (k - 2)), 1 << (k - 2), k)
            same(value(lift_signed(World(len(t), receiver), s, k, to), to), t, f'signed lift {k} -> {to}')
        for k in (4,) if short else (4, 5):
            a, b, a0, b0 = all_of(np.arange(-(1 << (k - 1)), 1 << (k - 1)), np.arange(-(1 << (k - 1)), 1 << (k - 1)), 1 << (k + 1), 8)
            sa, sb = ([x0.astype(U), mod(x.view(U) - x0.astype(U), k + 1)] for x, x0 in ((a, a0), (b, b0)))
            same(value(maximum(World(len(a), receiver), sa, sb, k + 1), k + 1), np.maximum(a, b), f'max on {k + 1} bits')
    wrong = value(maximum(World(len(a)), [mod(s, k) for s in sa], [mod(s, k) for s in sb], k), k) != np.maximum(a, b)
    require(wrong.any(), 'why a max needs one bit more than ReLU')
    return 'positive part, lift, signed lift and max: exact for every value and sharing of small rings, both receivers of corrections'


def check_network(short):
    networks = 4 if short else 40
    for _ in range(networks):
        layers, parameters, x = random_network()
        run_network(layers, parameters, x, receiver=int(rng.integers(2)))
    # Both ends of the range meet in one window: a - b then needs the bit that K and the ring of the max have more.
    x = np.array([-2048, 2032, 2032, -2048, 0, 1, -1, 5])
    layers = [Layer(4, 6, 1, max_pools=[2]), Layer(8, 6, 1, relu=False)]
    run_network(layers, [(np.eye(8, dtype=np.int64), np.zeros(8, np.int64)), (rng.integers(-20, 21, (2, 4)), rng.integers(-50, 51, 2))], x, S1)
    # A window sum that does not fit 16 bits is lifted element by element.
    layers = [Layer(4, 11, 1, average_pools=[8, 4]), Layer(6, 12, 1, relu=False)]
    require(not widths(layers, 0).sum_before_lift and widths(layers, 0).out == 20, 'a large window is summed after the lift')
    x = rng.integers(-60, 61, 12)
    weights, more = rng.integers(-9, 10, (64, 12)), rng.integers(-9, 10, (2, 2))
    run_network(layers, [(weights, rng.integers(-50, 51, 64)), (more, rng.integers(-50, 51, 2))], x, S0)
    return (f'{networks + 2} networks of several layers, whose f, A and M differ both ways, with pools and signed values: every value and '
            'answer as predicted')


def random_network():
    """Layers whose A is the smallest that holds whatever their weights can make of their inputs; then P1 holds for every x."""
    size, largest = int(rng.integers(8, 17)), 200
    layers, parameters = [], []
    x = rng.integers(-largest, largest + 1, size)
    kinds = [dict(max_pools=[2, 2]), dict(max_pools=[3], average_pools=[2]), dict(average_pools=[4]), dict(relu=False),
             dict(relu=False, average_pools=[2]), dict()]
    count = int(rng.integers(2, 5))
    for i in range(count):
        last = i + 1 == count
        kind = dict(relu=bool(rng.integers(2))) if last else kinds[int(rng.integers(len(kinds)))]
        pools = kind.get('max_pools', []) + kind.get('average_pools', [])
        outputs = int(np.prod(pools)) * int(rng.integers(2, 4))
        W, bias = rng.integers(-31, 32, (outputs, size)), rng.integers(-500, 501, outputs)
        bound = int((abs(W).sum(1) * largest + abs(bias)).max())
        M = int(rng.integers(1, 3))
        f = int(rng.integers(max(2, (bound + 1).bit_length() - 12), 14))
        A = next(A for A in range(1, 14) if bound <= (1 << (f + A + M)) - (1 << f))
        layers.append(Layer(f, A, M, **kind))
        parameters.append((W, bias))
        size = outputs // int(np.prod(pools))
        largest = (1 + (bound >> f)) * layers[-1].window
    # P4 and P2 need a consumer of a wide enough ring; where a draw misses that, another one is made.
    rings = [l.q + 1 for l in layers]
    small = [max(l.A + l.M + 1 + 1, min(16, l.A + l.M + 1 + (l.window - 1).bit_length())) for l in layers]
    fits = all(small[i] < rings[i + 1] for i in range(count - 1)) and max(rings) < 32 and max(small) <= 16
    return (layers, parameters, x) if fits else random_network()


class View(World):
    """Enumerates ALL randomness that one party does not know, and records all that it receives, as one number."""

    def __init__(self, viewer, own, unknown, receiver):
        super().__init__(1 << unknown, receiver)
        self.viewer, self.own, self.index = viewer, iter(own), np.arange(1 << unknown, dtype=U)
        self.used, self.view, self.width = 0, np.zeros(1 << unknown, U), 0

    def draw(self, bits, shape, known_to):
        if self.viewer in known_to:
            return mod(np.full(len(self.index), next(self.own), U), bits)
        self.used += bits
        return mod(self.index >> U(self.used - bits), bits)

    def received(self, by, x, bits):
        if by == self.viewer:
            self.view |= mod(x, bits) << U(self.width)
            self.width += bits


class OneMaskForTwoWires(View):
    """Planted leak."""
    def free_bit(self):
        if not hasattr(self, 'kept'):
            self.kept = super().free_bit()
        return self.kept


class OneMaskForTwoInputs(View):
    """Planted leak: the mask of the first input hides the second one, too."""
    def free(self, bits, shape=None):                   # first the weight's, then the inputs'
        masks = self.__dict__.setdefault('masks', [])
        masks.append(masks[1] if len(masks) > 1 else super().free(bits, shape))
        return masks[-1]


def same_view(step, secrets, bits, world=View, tries=1):
    """Is each server's view, over all that it does not know, uniform and the same for every secret? Its own shares are fixed."""
    for server in (S0, S1):
        for receiver in (S0, S1):
            for _ in range(tries):
                own = rng.integers(0, 1 << 20, 200)

                def run(secret, unknown):
                    w = world(server, own, unknown, receiver)
                    n, shares = len(w.index), []
                    for v, mine in zip(secret, own[::-1]):
                        mine = mod(np.full(n, mine), bits)
                        shares.append([mine, mod(np.full(n, v) - mine, bits)][::1 - 2 * server])
                    step(w, shares)
                    return w
                unknown = run(secrets[0], 0).used
                reference = None
                for secret in secrets:
                    w = run(secret, unknown)
                    histogram = np.bincount(w.view.astype(np.int64), minlength=1 << w.width)
                    reference = histogram if reference is None else reference
                    if not np.array_equal(histogram, reference) or histogram.min() != histogram.max():
                        return False
    return True


def check_views(short):
    k, to = 3, 4
    every = [(t,) for t in range(1 << k)]
    few = every[::3] if short else every

    def two_queries(w, v):                              # one weight and its mask, two inputs
        kept = mask_weights(w, v[2], 2)
        for x in v[:2]:
            linear(w, open_masked(w, x, 2), v[2], kept, (U(0), U(0)), 2, np.multiply)

    steps = {'comparison': lambda w, v: positive_part(w, v[0], k, k, digit=1),
             'ReLU and lift': lambda w, v: lift(w, positive_part(w, v[0], k, k, digit=1), k, to)}
    if not short:
        steps |= {'positive part into a wider ring': lambda w, v: positive_part(w, v[0], k, to, digit=1),
                  'comparison of one digit': lambda w, v: positive_part(w, v[0], k, k, digit=4)}
    for name, step in steps.items():
        require(same_view(step, few, k), f'{name}: a view that depends on the secret')
    require(same_view(lambda w, v: lift(w, v[0], k, to), [(y,) for y in range(1 << (k - 1))], k), 'lift: a view that depends on the secret')
    pairs = [(0, 0), (7, 1), (3, 3), (2, 6)]
    require(same_view(lambda w, v: maximum(w, *v, k, digit=1), pairs[:2] if short else pairs, k), 'max: a view that depends on the secrets')
    inputs = [(0, 0, 0), (1, 3, 2), (2, 2, 1), (3, 0, 3)]
    require(same_view(two_queries, inputs, 2, tries=2), 'linear layer, two queries: a view that depends on inputs or weights')
    require(not same_view(steps['comparison'], every, k, OneMaskForTwoWires), 'a mask of two wires goes unnoticed')
    require(not same_view(two_queries, inputs, 2, OneMaskForTwoInputs), 'a mask of two inputs goes unnoticed')

    y0, y1, zero = all_of(32, 32, 32)                   # the data owner: words of 5 bits, an output of 3
    class Zero(World):
        def draw(self, bits, shape, known_to):
            require(known_to == (S0, S1), 'the sharing of zero is the servers\' own')
            return zero.astype(U)
    seen = reveal_to_client(Zero(len(zero)), [y0.astype(U), y1.astype(U)], 3)
    by_sum = {}
    for total in range(8):
        of_this_sum = (y0 + y1) % 8 == total
        pairs = (seen[0] * U(8) + seen[1])[of_this_sum].reshape(-1, 32)
        by_sum[total] = {tuple(sorted(row)) for row in pairs}
    require(all(len(v) == 1 for v in by_sum.values()), 'the data owner sees more than the sum of the shares')
    return ('uniform and the same for every secret, both servers, both receivers: comparison, ReLU, lift, max, two queries of a linear '
            'layer; the data owner sees the sum alone; a mask of two wires and one of two inputs are caught')


PROFILES = ((12, 11, 24), (12, 11, 27), (10, 9, 20), (14, 11, 22))      # f, A + M, K' of the consumer


def costs():
    rows = [['step', 'rings', 'opened, bits each way', 'dealt, bits', 'rounds']]

    def row(step, rings, *worlds):
        total = lambda name: str(sum(getattr(w, name) for w in worlds))
        rows.append([step, rings, total('opened'), total('dealt'), total('rounds')])

    def world_of(step, bits, *shares):
        w = World(1)
        step(w, *[shares_of([1], bits) for _ in range(shares[0] if shares else 1)])
        return w
    for f, T, out in PROFILES:
        k = T + 1
        relu, up = world_of(lambda w, x: positive_part(w, x, k, k), k), world_of(lambda w, y: lift(w, y, k, out), k)
        row('ReLU with lift', f'k = {k}, K\' = {out}', relu, up)
    for k in (12, 10):
        row('max of two', f'k + 1 = {k + 1}', world_of(lambda w, a, b: maximum(w, a, b, k + 1), k + 1, 2))
    row('ReLU before an average pool 2×2, per element', 'k = 12, summed on 14', world_of(lambda w, x: positive_part(w, x, 12, 14), 12))
    row('lift after an average pool 2×2, per output', '14, K\' = 24', world_of(lambda w, y: lift(w, y, 14, 24), 14))
    row('no activation: signed lift', 'k + 1 = 13, K\' = 24', world_of(lambda w, t: lift_signed(w, t, 13, 24), 13))
    row('early lift (not built: decision 2)', 'k = 12, K\' = 24', world_of(lambda w, x: positive_part(w, x, 12, 24), 12))
    row('opening of E', 'K = 24', world_of(lambda w, x: open_masked(w, x, 24), 24))
    w = World(1)
    opened, masked, one = open_masked(w, shares_of([1], 24), 24), mask_weights(w, shares_of([1], 24), 24), shares_of([1], 24)
    before = w.opened, w.dealt, w.rounds
    linear(w, opened, one, masked, one, 24, np.multiply)
    w.opened, w.dealt, w.rounds = w.opened - before[0], w.dealt - before[1], w.rounds - before[2]
    row('linear layer, per element of its result', 'K = 24', w)
    row('set-up: F, per weight, once a session', 'K = 24', world_of(lambda w, x: mask_weights(w, x, 24), 24))
    return rows


if __name__ == '__main__':
    main('blink', __doc__, [check_linear, check_truncation, check_nonlinear, check_network, check_views], costs)
