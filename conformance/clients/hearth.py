"""A running hearth, and small words to talk to it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

TOOLS = os.environ["TOOLS"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(what, ask, limit=60.0):
    """Asks until there is a true answer; tells the last one seen if there never is."""
    end = time.monotonic() + limit
    last = None
    while time.monotonic() < end:
        try:
            last = ask()
            if last:
                return last
        except (OSError, urllib.error.URLError, AssertionError) as error:
            last = error
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {limit} s; last seen: {last!r}")


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def query(base, expr, **more):
    form = urllib.parse.urlencode({"query": expr, **more}).encode()
    path = "query_range" if "start" in more else "query"
    with urllib.request.urlopen(f"{base}/api/v1/{path}", data=form, timeout=30) as answer:
        return json.load(answer)["data"]


@contextlib.contextmanager
def process(*arguments, **options):
    """A process that ends with its block."""
    running = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, **options)
    try:
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(timeout=20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@contextlib.contextmanager
def store(*arguments):
    """`hearth store` on an empty folder; gives its URL."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [os.environ["HEARTH_BIN"], "store", "--data-dir", folder]
        command += ["--listen", f"127.0.0.1:{port}", "--log-level", "warn", *arguments]
        with process(*command):
            url = f"http://127.0.0.1:{port}"
            eventually("ready", lambda: urllib.request.urlopen(f"{url}/-/ready", timeout=5))
            yield url
