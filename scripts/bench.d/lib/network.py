"""Shaped networks: each party, the client (this process) and a router in a network namespace of its own, bandwidth by
`tc tbf` at both ends of each party's cable, delay by a relay beside the router.

        server0 ──┐          ┌── crypto_producer
                  ├─ router ─┤
        server1 ──┘ (relay)  └── client
"""

import ctypes
import os
import shutil
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
    delay_ms: float


SHAPES = {"lan": Shape(1000, 0), "wan": Shape(100, 20)}
# How long a full queue in front of a cable takes to drain: a switch's buffer.
QUEUE_MS = 5


def _unshare():
    return ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]


def _run(arguments, prefix=()):
    done = subprocess.run([*prefix, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise Stop(77, f"skipped: shaped links are not possible here: {' '.join(arguments)}: {done.stderr.strip()}")


def enter(name):
    """This program again, in a namespace of its own; returns there. Exit status 77 where that is not permitted."""
    if os.environ.get(_INSIDE):
        return
    for tool, package in (("unshare", "util-linux"), ("ip", "iproute2"), ("tc", "iproute2")):
        if not shutil.which(tool):
            raise Stop(77, f"skipped: --network {name} needs {tool}; install it with: apt-get install {package}")
    _run([*_unshare(), "true"])
    os.environ[_INSIDE] = "1"
    os.execvp("unshare", [*_unshare(), sys.executable, *sys.argv])


def _end_with_parent():
    """Called in a child: SIGTERM when the parent dies."""
    ctypes.CDLL(None).prctl(1, 15)


class Loopback:
    """No shaping: all on 127.0.0.1."""

    def address(self, unused_party):
        return "127.0.0.1"

    def reach(self, unused_from, unused_to, port):
        return f"127.0.0.1:{port}"

    def prefix(self, unused_party):
        return []

    def close(self):
        pass


class Shaped:
    """To be made inside the namespace that enter() gave, which becomes the client's."""

    def __init__(self, shape, ports):
        self.shape = shape
        self._children = []
        self._holders = {}
        try:
            self._build(ports)
        except BaseException:
            self.close()
            raise

    def address(self, party):
        return f"10.77.{self._number(party)}.2"

    def reach(self, unused_from, to, port):
        """Where others find `to`: at its relay when there is a delay."""
        return f"{self._router_side('client')}:{port}" if self.shape.delay_ms else f"{self.address(to)}:{port}"

    def prefix(self, party):
        return self._inside(party)

    def close(self):
        for child in self._children:
            child.terminate()
            child.wait()
        self._children = []

    @staticmethod
    def _number(place):
        return (*PARTIES, "client").index(place) + 1

    def _router_side(self, place):
        return f"10.77.{self._number(place)}.1"

    def _inside(self, place):
        return ["nsenter", f"--net=/proc/{self._holders[place].pid}/ns/net"]

    def _hold(self, place):
        holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], preexec_fn=_end_with_parent)
        self._children.append(holder)
        self._holders[place] = holder
        own = os.readlink("/proc/self/ns/net")
        deadline = time.monotonic() + 10
        while os.readlink(f"/proc/{holder.pid}/ns/net") == own:
            if holder.poll() is not None or time.monotonic() > deadline:
                raise Stop(77, "skipped: shaped links are not possible here: unshare --net failed")
            time.sleep(0.01)
        _run(["ip", "link", "set", "lo", "up"], self._inside(place))

    def _build(self, ports):
        for place in ("router", *PARTIES):
            self._hold(place)
        router = self._inside("router")
        _run(["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"], router)
        _run(["ip", "link", "set", "lo", "up"])
        for place in (*PARTIES, "client"):
            near, here = f"r{self._number(place)}", [] if place == "client" else self._inside(place)
            peer = os.getpid() if place == "client" else self._holders[place].pid
            _run(["ip", "link", "add", near, "type", "veth", "peer", "name", "cable", "netns", str(peer)], router)
            for prefix, device, address in ((router, near, self._router_side(place)),
                                            (here, "cable", f"10.77.{self._number(place)}.2")):
                _run(["ip", "address", "add", f"{address}/24", "dev", device], prefix)
                _run(["ip", "link", "set", device, "up"], prefix)
                _run(["tc", "qdisc", "add", "dev", device, "root", "tbf", "rate", f"{self.shape.mbit}mbit",
                      "burst", "128kb", "latency", f"{QUEUE_MS}ms"], prefix)
            _run(["ip", "route", "add", "default", "via", self._router_side(place)], here)
        if self.shape.delay_ms:
            routes = [f"{ports[p]}={self.address(p)}:{ports[p]}" for p in PARTIES]
            relay = subprocess.Popen([*router, sys.executable, _RELAY, str(self.shape.delay_ms), *routes],
                                     stdout=subprocess.PIPE, text=True, preexec_fn=_end_with_parent)
            self._children.append(relay)
            if relay.stdout.readline().strip() != "ready":
                raise Stop(1, "the delaying relay does not start")
