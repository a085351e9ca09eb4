"""How soon the bridge is there, and how much memory it takes.

python benchmarks/start.py

`bridge --help` as a person waits for it; `bridge rate quote` with a deck of 200,000 prefixes that was read before, and
without a deck; `bridge serve` from the start of its process until it answers, on an embedded database that is set up
already; and its resident memory then, with four workers. Modules are compiled, as where the bridge is installed.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROUNDS = 7
HELP_SECONDS_MAX = 0.4
QUOTE_SECONDS_MAX = 0.5
PREFIXES = 200_000
READY_SECONDS_MAX = 2.0
RESIDENT_MIB_MAX = 120
BRIDGE = [sys.executable, "-m", "bridge"]
PACKAGE = """
[package]
name = "Benchmark"
product_id = 1
type = "metered"
currency = "USD"
country = "US"
markup_percent = "25"
outbound = { per_minute = "0.10" }
"""
QUOTE = [*BRIDGE, "rate", "quote", "--package", "p.toml", "--to", "442079460000", "--seconds", "61"]


def a_deck() -> str:
    """Prefixes of seven digits, and prices of every step that carriers sell in."""
    steps = ("60/60", "30/6", "6/6", "1/1")
    rows = (
        f"{4_400_000 + 7 * place},Somewhere {place % 300},0.{place % 997 + 1:04d},{steps[place % 4]}"
        for place in range(PREFIXES)
    )
    return "\n".join(["Prefix,Description,RateValue,Increment", *rows, ""])


def seconds_of(command: list[str], environment: dict[str, str], folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(
        command, env=environment, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - began


def served(environment: dict[str, str], folder: Path) -> tuple[float, float]:
    """Seconds until it answers, and MiB resident a moment later."""
    port = free_port()
    began = time.perf_counter()
    process = subprocess.Popen(
        [*BRIDGE, "serve"],
        env=environment | {"BRIDGE_LISTEN": f"127.0.0.1:{port}"},
        cwd=folder,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not answers(f"http://127.0.0.1:{port}/live"):
            time.sleep(0.005)
        ready = time.perf_counter() - began
        for _ in range(50):
            answers(f"http://127.0.0.1:{port}/ready")
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    finally:
        process.terminate()
        process.wait(30)
    return ready, resident / 1024


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        json.loads(error.read())
        return True  # /ready answers 503 and names what is missing: WHMCS's settings
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def told(what: str, values: list[float], limit: float, unit: str) -> None:
    middle = statistics.median(values)
    print(f"{what:16} median {middle:6.2f} {unit}   worst {max(values):6.2f} {unit}   goal under {limit:g} {unit}")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compiled = {"PYTHONPATH": str(Path(__file__).parent.parent), "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
        environment = {**os.environ, **compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        seconds_of([*BRIDGE, "keys", "list"], environment, folder)  # sets the embedded database up
        told(
            "bridge --help",
            [seconds_of([*BRIDGE, "--help"], environment, folder) for _ in range(ROUNDS)],
            HELP_SECONDS_MAX,
            "s",
        )
        (folder / "p.toml").write_text(PACKAGE, encoding="ascii")
        (folder / "deck.csv").write_text(a_deck(), encoding="ascii")
        with_deck = [*QUOTE, "--tariff", "deck.csv"]
        for what, command in (("rate quote, deck", with_deck), ("rate quote, none", QUOTE)):
            seconds_of(command, environment, folder)  # compiles what it needs, reads the list and keeps it
            told(what, [seconds_of(command, environment, folder) for _ in range(ROUNDS)], QUOTE_SECONDS_MAX, "s")
        rounds = [served(environment, folder) for _ in range(ROUNDS)]
        told("serve ready", [ready for ready, _ in rounds], READY_SECONDS_MAX, "s")
        told("serve resident", [resident for _, resident in rounds], RESIDENT_MIB_MAX, "MiB")


if __name__ == "__main__":
    main()
