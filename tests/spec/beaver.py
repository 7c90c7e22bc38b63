"""What the specifications of SecureNN and Pond share: additive shares, dealing, triples, the linear layer, local truncation.

docs/protocols/README.md, "The linear part of SecureNN and Pond". Parties: servers S0 and S1, and the producer D (SecureNN's
P2). Values are taken mod m: Python integers in object arrays where m is large.
"""
from math import ceil, log2

from support import np, require, rng, same

U = np.uint64
S0, S1, D = 0, 1, 2
SERVERS = (S0, S1)                                      # who knows a drawn value: the servers' common randomness


def width(m):                                           # bits of one element on a link
    return ceil(log2(m))


def uniform(m, shape):                                  # without bias: a seed's expansion must reject where m is no power of two
    if m <= 1 << 64:
        x = rng.integers(0, m, shape, dtype=U)
        return x.astype(object) if m > 1 << 31 else x.astype(np.int64)
    require(m & (m - 1) == 0, 'moduli above 2^64 are powers of two')
    words = [rng.integers(0, 1 << 32, shape, dtype=U).astype(object) for _ in range(-(-width(m) // 32))]
    return sum(w << (32 * i) for i, w in enumerate(words)) % m


def signed(x, m):
    return np.where(x >= m // 2, x - m, x)


class World:
    """Draws every value at random; counts the bits of every link and, by the parties' logical clocks, the rounds.

    randomness: "sent": D sends both shares of all it deals. "seeded": share 0, and share 1 where the value may be random, are
    expanded from a pairwise key. "triples seeded": so for triples alone, which is what SecureNN's tables count.
    deals_ahead: what D sends depends on no input, leaves before the query and makes no round.
    """

    def __init__(self, randomness='seeded', deals_ahead=False, faults=()):
        self.randomness, self.deals_ahead, self.faults = randomness, deals_ahead, faults
        self.link = {(a, b): 0 for a in range(3) for b in range(3) if a != b}
        self.clock = [0, 0, 0]

    def draw(self, m, shape, known_to):                 # known_to: the parties that expand or choose it; overridden to enumerate
        return uniform(m, shape)

    def received(self, by, x, m):                       # overridden to record a party's view
        pass

    def send(self, *messages, early=False):
        """Messages (from, to, values, modulus) that leave together. `early`: they depend on nothing and travel in round 1."""
        arrival = list(self.clock)
        for a, b, x, m in messages:
            self.link[a, b] += x.size * width(m)
            self.received(b, x, m)
            if not (a == D and self.deals_ahead):
                arrival[b] = max(arrival[b], (0 if early else self.clock[a]) + 1)
        self.clock = arrival

    def seeded(self, triple):
        return self.randomness == 'seeded' or (triple and self.randomness == 'triples seeded')

    def deal(self, x, m, early=False, triple=False):
        """D shares a value that it knows: seeded one correction, to S1; otherwise two messages."""
        seeded = self.seeded(triple)
        s0 = self.draw(m, x.shape, (S0, D) if seeded else (D,))
        s1 = (x - s0) % m
        self.send(*([] if seeded else [(D, S0, s0, m)]), (D, S1, s1, m), early=early)
        return [s0, s1]

    def deal_random(self, m, shape, triple=False):
        """D shares a uniform value: seeded nothing is sent. Returns the shares and the value, which D alone knows."""
        seeded = self.seeded(triple)
        s = [self.draw(m, shape, (p, D) if seeded else (D,)) for p in SERVERS]
        if not seeded:
            self.send((D, S0, s[0], m), (D, S1, s[1], m), early=True)
        return s, (s[0] + s[1]) % m

    def zero(self, m, shape):                           # a fresh sharing of zero from the servers' common key
        u = self.draw(m, shape, SERVERS)
        return [u, -u % m]

    def open(self, m, *shared):                         # all in one round, S0 <-> S1
        self.send(*[(p, 1 - p, s[p], m) for s in shared for p in SERVERS])
        return [(s[0] + s[1]) % m for s in shared]

    def between_servers(self):
        return self.link[S0, S1] + self.link[S1, S0]

    def from_producer(self):
        return self.link[D, S0] + self.link[D, S1]

    def to_producer(self):
        return self.link[S0, D] + self.link[S1, D]


def open_masked(world, m, *values):
    """v - a is opened for each shared v, a fresh and D's, all in one round. Returns (v - a, shares of a, a) for each."""
    masks = [world.deal_random(m, v[0].shape, triple=True) for v in values]
    opened = world.open(m, *[[(v[p] - a[p]) % m for p in SERVERS] for v, (a, _) in zip(values, masks)])
    return [(e, *mask) for e, mask in zip(opened, masks)]


def linear(world, m, x, weights, bias, op=np.multiply):
    """Shares of op(X, W) + bias, op bilinear. x, weights: what open_masked() returned for X and W.

    Reused triples: `weights` is opened once a session. Fresh ones: anew for every product. Never for two different W.
    """
    (E, a, A), (F, b, B) = x, weights
    C = world.deal(op(A, B) % m, m, early=True, triple=True)
    weight = [(b[p] + (F if p == S0 else 0)) % m for p in SERVERS]                        # P7: the open F belongs to S0
    return [(op(E, weight[p]) + op(a[p], F) + C[p] + bias[p]) % m for p in SERVERS]


def multiply(world, m, x, y):
    """Shares of x y, element by element (SecureNN, algorithm 1; Beaver, CRYPTO 1991): both factors are masked and opened."""
    (E, a, A), (F, b, B) = open_masked(world, m, x, y)
    C = world.deal(A * B % m, m, early=True, triple=True)
    return [(x[p] * F + E * y[p] - (E * F if p == S1 else 0) + C[p]) % m for p in SERVERS]


def truncate(z, f, m):
    """floor(a / 2^f) + {0, 1}, local; with probability |a| / m over the sharing off by m / 2^f (SecureML, theorem 1). S1 rounds the other way."""
    return [(signed(z[0], m) >> f) % m, -(signed(-z[1] % m, m) >> f) % m]


# ------------------------------------------------------------------------------------------------ for the checks
def shares_of(x, m):
    s0 = uniform(m, np.shape(x))
    return [s0, (np.asarray(x, s0.dtype) - s0) % m]


def value(s, m):
    return signed((s[0] + s[1]) % m, m)


def convolve(x, k):                                     # bilinear; masks the image, not its rearrangement into a matrix
    return np.tensordot(np.lib.stride_tricks.sliding_window_view(x, k.shape), k, 2)


def check_linear_layer(m, world_of):
    """Products under all four ways of dealing: exact, and as many bits as declared."""
    X, Y, bias = uniform(1 << 20, (5, 7)) - (1 << 19), uniform(1 << 20, (7, 3)) - (1 << 19), uniform(1 << 30, 3)
    sx, sy, sb, bits = shares_of(X, m), shares_of(Y, m), shares_of(bias, m), width(m)
    for randomness in ('seeded', 'sent'):
        w = world_of(randomness)
        kept, = open_masked(w, m, sy)
        masks = w.from_producer()
        require(masks == (0 if randomness == 'seeded' else 2 * 7 * 3 * bits), 'a mask costs nothing when seeded')
        for triples in ('reused', 'reused', 'fresh'):
            before, dealt = w.between_servers(), w.from_producer()
            z = linear(w, m, *open_masked(w, m, sx), kept if triples == 'reused' else open_masked(w, m, sy)[0], sb, np.dot)
            same(value(z, m), X.dot(Y) + bias, f'linear layer, triples {triples}, randomness {randomness}')
            crossed = 2 * (5 * 7 + (7 * 3 if triples == 'fresh' else 0)) * bits
            require(w.between_servers() - before == crossed, 'E crosses, and F with fresh triples')
            require(w.from_producer() - dealt == (5 * 3 * bits if randomness == 'seeded' else crossed + 2 * 5 * 3 * bits), 'C is dealt')
        k = [s[:3] for s in sy]
        z = linear(w, m, *open_masked(w, m, sx), *open_masked(w, m, k), [0, 0], convolve)
        same(value(z, m), convolve(X, Y[:3]), 'convolution')


def check_truncation_failures(bits):
    """Over all values and all sharings of a small ring: floor + {0, 1}, unbiased, but for exactly |a| of the 2^bits sharings."""
    f, m = 4, 1 << bits
    a, a0 = [v.ravel() for v in np.meshgrid(np.arange(m) - m // 2, np.arange(m), indexing='ij')]
    error = signed((value(truncate([a0, (a - a0) % m], f, m), m) - (a >> f)) % m, m)
    failed = ~np.isin(error, (0, 1))
    same(failed.reshape(m, m).sum(1), abs(a.reshape(m, m)[:, 0]), 'sharings under which a truncation fails')
    same(abs(abs(error[failed]) - (m >> f)) <= 1, True, 'a failed truncation is off by 2^(bits - f)')
    small = abs(a) < 1 << f
    up = np.where(failed, 0, error)[small].reshape(-1, m).mean(1)
    require(abs(up - (a[small].reshape(-1, m)[:, 0] % (1 << f)) / (1 << f)).max() < 2 * (1 << f) / m, 'truncation is unbiased')


# ------------------------------------------------------------------------------------------------ views
class View(World):
    """Enumerates ALL values that one party does not know, and records all that it receives, as one number. For small moduli."""

    def __init__(self, viewer, own, n, **options):
        super().__init__(**options)
        self.viewer, self.own, self.index = viewer, iter(own), np.arange(n)
        self.used, self.view, self.size = 1, np.zeros(n, np.int64), 1

    def draw(self, m, shape, known_to):
        if len(shape) > 1:                              # one digit of the index for each column
            return np.stack([self.draw(m, shape[:1], known_to) for _ in range(shape[1])], 1)
        if self.viewer in known_to:
            return np.full(len(self.index), next(self.own) % m)
        self.used *= m
        return self.index // (self.used // m) % m

    def received(self, by, x, m):
        if by == self.viewer:
            for column in (x.T if x.ndim > 1 else [x]):
                self.view, self.size = self.view * m + column, self.size * m


def same_view(step, secrets, viewers, world=View, tries=1, **options):
    """Is each party's view, over all that it does not know, the same for every secret? step(world, secret, share, viewer)."""
    for viewer in viewers:
        for _ in range(tries):
            own = [int(v) for v in rng.integers(0, 1 << 40, 200)]

            def run(secret, n):
                w = world(viewer, own, n, **options)
                step(w, secret, own[-1], viewer)
                return w
            unknown, reference = run(secrets[0], 1).used, None
            for secret in secrets:
                w = run(secret, unknown)
                histogram = np.bincount(w.view, minlength=w.size)
                reference = histogram if reference is None else reference
                if not np.array_equal(histogram, reference):
                    return False
    return True


def input_shares(w, a, share, viewer, m):
    """The viewer's own share is fixed. D has none: one of both stands for all, since D's view must not depend on it."""
    mine = np.full(len(w.index), share % m)
    return [mine, (a - mine) % m] if viewer != S1 else [(a - mine) % m, mine]


class OneMaskForTwoInputs(View):
    """Planted leak: the mask that was dealt first serves again and again."""
    def deal_random(self, m, shape, triple=False):
        if not hasattr(self, 'kept'):
            self.kept = super().deal_random(m, shape, triple)
        return self.kept
