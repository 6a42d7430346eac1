"""The mnemed that deploy/demo starts, kills and starts again."""

import os
import random
import re
import select
import signal
import socket
import subprocess

START_SECONDS = 60


class DemoError(Exception):
    """Something did not work; the text says what."""


def free_port():
    """A free loopback port that the system gives to no client: while the server is
    away, a client that tries to reach it could be given the port as its own."""
    while True:
        port = random.randrange(10000, 32768)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


class Server:
    """One mnemed: starts it, kills it, starts it again on the same ports."""

    READY = re.compile(
        r"mnemed: serving grpc on (127\.0\.0\.1:\d+), metrics on (127\.0\.0\.1:\d+)")

    def __init__(self, binary, model, folder):
        self.binary = binary
        self.model = model
        self.store = os.path.join(folder, "store")
        self.log = os.path.join(folder, "mnemed.log")
        self.grpc = f"127.0.0.1:{free_port()}"
        self.metrics = "127.0.0.1:0"
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "--model", self.model, "--listen", self.grpc,
                 "--metrics", self.metrics, "--store", f"rocksdb:{self.store}"],
                stdout=subprocess.PIPE, stderr=log, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline() if ready else "no word from it\n"
        ready = self.READY.search(line)
        if not ready:
            self.stop()
            with open(self.log, encoding="utf-8", errors="replace") as log:
                last = "".join(log.readlines()[-15:])
            raise DemoError(f"mnemed did not start: {line}{last}")
        self.grpc, self.metrics = ready.groups()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        """Ends it with SIGTERM; its exit status, None if there is none."""
        if self.process is None or self.process.poll() is not None:
            return None
        self.process.terminate()
        try:
            status = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process.stdout.close()
        return status

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        return 0
