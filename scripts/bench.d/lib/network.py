"""Shaped networks: each party and the client (this process) in a network namespace of its own, bandwidth by `tc tbf` at
both ends of each cable, delay by relays.

    lan, wan     a cable between any two             lan-shared   one cable for each, to a router

        server0 ───── crypto_producer                    server0 ──┐          ┌── crypto_producer
           │  ╲     ╱   │                                          ├─ router ─┤
           │    ╲ ╱     │                                server1 ──┘          └── client
           │    ╱ ╲     │
           │  ╱     ╲   │                            there, what a server receives from both others and from clients
        server1 ───── client                         shares its one cable, and no sender can know of the other
"""

import ctypes
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from out import Stop

PARTIES = ("server0", "server1", "crypto_producer")
_INSIDE = "BLINDSIGHT_BENCH_NAMESPACE"
_RELAY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "relay.py")


@dataclass
class Shape:
    mbit: int
    delay_ms: float = 0
    shared: bool = False


SHAPES = {"lan": Shape(1000), "lan-shared": Shape(1000, shared=True), "wan": Shape(100, 20)}
# How long a full queue in front of a cable takes to drain: a switch's buffer.
QUEUE_MS = 5


def _unshare(*also):
    return ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--net", *also]


def _run(arguments, prefix=()):
    done = subprocess.run([*prefix, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise Stop(77, f"skipped: shaped links are not possible here: {' '.join(arguments)}: {done.stderr.strip()}")


def enter(name, *also):
    """This program again, in a network namespace of its own and others that `also` names as unshare(1) does; returns
    there. Exit status 77 where that is not permitted."""
    if os.environ.get(_INSIDE):
        return
    for tool, package in (("unshare", "util-linux"), ("ip", "iproute2"), ("tc", "iproute2")):
        if not shutil.which(tool):
            raise Stop(77, f"skipped: {name} needs {tool}; install it with: apt-get install {package}")
    _run([*_unshare(*also), "true"])
    os.environ[_INSIDE] = "1"
    os.execvp("unshare", [*_unshare(*also), sys.executable, *sys.argv])


def prctl(option, value):
    ctypes.CDLL(None).prctl(option, value)


def end_with_parent():
    """Called in a child: SIGTERM when the parent dies; Ctrl-C is for the parent alone, which ends its children."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prctl(1, 15)


class Loopback:
    """No shaping: all on 127.0.0.1."""

    def listen(self, unused_party):
        return "127.0.0.1"

    def reach(self, unused_from, unused_to, port):
        return f"127.0.0.1:{port}"

    def address(self, unused_party):
        """Of a party, for this process."""
        return "127.0.0.1"

    def prefix(self, unused_party):
        """What to put before a command to run it where the party is."""
        return []

    def close(self):
        pass


class Shaped:
    """To be made inside the namespace that enter() gave, which becomes the client's. `ports`: of each party, those that
    others connect to."""

    def __init__(self, shape, ports):
        self.shape, self.ports = shape, ports
        self._children = []
        self._holders = {}
        self._cables = []  # devices in this namespace, which outlives the others
        self._addresses = {}  # of a place, as another place sees it: (from, to)
        try:
            _run(["ip", "link", "set", "lo", "up"])
            for place in (*PARTIES, *(["router"] if shape.shared else [])):
                self._hold(place)
            if shape.shared:
                self._join_by_router()
            else:
                self._join_by_pairs()
        except BaseException:
            self.close()
            raise

    def listen(self, unused_party):
        return "0.0.0.0"

    def reach(self, source, target, port):
        return f"127.0.0.1:{port}" if self.shape.delay_ms else f"{self._addresses[source, target]}:{port}"

    def address(self, party):
        return self._addresses["client", party]

    def prefix(self, party):
        return self._inside(party)

    def close(self):
        for device in self._cables:
            subprocess.run(["ip", "link", "delete", device], capture_output=True)
        self._cables = []
        for child in self._children:
            child.terminate()
            child.wait()
        self._children = []

    def _inside(self, place):
        return [] if place == "client" else ["nsenter", f"--net=/proc/{self._holders[place].pid}/ns/net"]

    def _hold(self, place):
        holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], preexec_fn=end_with_parent)
        self._children.append(holder)
        self._holders[place] = holder
        own = os.readlink("/proc/self/ns/net")
        deadline = time.monotonic() + 10
        while os.readlink(f"/proc/{holder.pid}/ns/net") == own:
            if holder.poll() is not None or time.monotonic() > deadline:
                raise Stop(77, "skipped: shaped links are not possible here: unshare --net failed")
            time.sleep(0.01)
        _run(["ip", "link", "set", "lo", "up"], self._inside(place))

    def _lay_cable(self, number, one, other):
        """Gives `one` 10.77.NUMBER.1 and `other` 10.77.NUMBER.2."""
        device = f"cable{number}"
        pid = os.getpid() if other == "client" else self._holders[other].pid
        _run(["ip", "link", "add", device, "type", "veth", "peer", "name", device, "netns", str(pid)],
             self._inside(one))
        if "client" in (one, other):
            self._cables.append(device)
        for place, last in ((one, 1), (other, 2)):
            inside = self._inside(place)
            _run(["ip", "address", "add", f"10.77.{number}.{last}/24", "dev", device], inside)
            _run(["ip", "link", "set", device, "up"], inside)
            _run(["tc", "qdisc", "add", "dev", device, "root", "tbf", "rate", f"{self.shape.mbit}mbit", "burst",
                  "128kb", "latency", f"{QUEUE_MS}ms"], inside)

    def _join_by_pairs(self):
        for number, (one, other) in enumerate(itertools.combinations((*PARTIES, "client"), 2), 1):
            self._lay_cable(number, one, other)
            self._addresses[other, one] = f"10.77.{number}.1"
            self._addresses[one, other] = f"10.77.{number}.2"
        if self.shape.delay_ms:
            for place in (*PARTIES, "client"):
                self._start_relay(place)

    def _join_by_router(self):
        _run(["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"], self._inside("router"))
        for number, place in enumerate((*PARTIES, "client"), 1):
            self._lay_cable(number, "router", place)
            _run(["ip", "route", "add", "default", "via", f"10.77.{number}.1"], self._inside(place))
            for source in (*PARTIES, "client"):
                self._addresses[source, place] = f"10.77.{number}.2"

    def _start_relay(self, place):
        """What `place` sends to a party goes there by way of a relay on its own loopback."""
        routes = [f"{port}={self._addresses[place, p]}:{port}" for p in PARTIES if p != place for port in self.ports[p]]
        relay = subprocess.Popen([*self._inside(place), sys.executable, _RELAY, str(self.shape.delay_ms), *routes],
                                 stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent)
        self._children.append(relay)
        if relay.stdout.readline().strip() != "ready":
            raise Stop(1, "a delaying relay does not start")
