"""Files and servers that mean harm or are broken, each as the command line meets it, in a process of its own.

`benchmarks/cases.py` runs them. Each function gives what is otherwise than it should be, a sentence each.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from assets.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
MEGABYTES, SECONDS = (
    600,
    15,
)  # what a picture may take besides the program itself, and how long a bad Hub may hold us up
MEASURED = """
import resource, sys, time, warnings
warnings.simplefilter("ignore")
import dfine, dfine.data.pictures, dfine.weights.checkpoints
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
try:
    print("read", {call})
except (ValueError, OSError) as error:
    print(error)
print(round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000), time.perf_counter() - start)
"""


def _measured(call: str, **environment: str) -> tuple[str, float, float]:
    """What a call says in a process of its own; the megabytes and the seconds that it took."""
    done = _python("-c", MEASURED.format(call=call), **environment)
    *said, numbers = done.stdout.strip().splitlines() or [f"{done.stderr[-200:]}", "0 0"]
    megabytes, seconds = map(float, numbers.split())
    return "\n".join(said), megabytes, seconds


def _python(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = os.environ | {"PYTHONPATH": paths, "HF_HUB_DISABLE_TELEMETRY": "1"} | environment
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=env, timeout=120)


def bomb(path: Path) -> list[str]:
    """A picture of a few bytes that takes gigabytes when it is decoded: one sentence, before it is decoded."""
    said, megabytes, seconds = _measured(f"dfine.data.pictures.read({str(path)!r})")
    wrong = [] if "more than the 120 MB allowed" in said and "\n" not in said else [f"reading says {said!r}"]
    wrong += [f"it takes {megabytes:.0f} MB"] if megabytes > MEGABYTES else []
    return wrong + ([f"it takes {seconds:.1f} s"] if seconds > 3 else [])


def half(server: Path) -> list[str]:
    """A Hub that hangs up halfway: one sentence soon, and the next try goes on from what has come."""
    port = free_port()
    running = subprocess.Popen([sys.executable, str(server), str(port)], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        with tempfile.TemporaryDirectory() as home:
            hub = {"HF_ENDPOINT": f"http://127.0.0.1:{port}", "HF_HOME": home, "HF_HUB_OFFLINE": "0"}
            said, _, seconds = _measured("dfine.load('nano-coco', device='cpu')", **hub)
            kept = max((p.stat().st_size for p in Path(home).rglob("*") if p.is_file()), default=0)
    finally:
        running.terminate()
        running.wait()
    wrong = [] if "\n" not in said and "Traceback" not in said and "nano-coco" in said else [f"loading says {said!r}"]
    wrong += [f"it takes {seconds:.1f} s"] if seconds > SECONDS else []
    return wrong + ([] if kept >= 7_000_000 else [f"{kept} bytes of 7,000,000 that came are kept"])


def _wait_for(port: int) -> None:
    for _ in range(100):
        with socket.socket() as asking:
            if not asking.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)


def sound(path: Path) -> list[str]:
    """A film with uncompressed sound, which MP4 cannot hold: a film with sound comes out all the same."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out.mp4"
        done = _python("-m", "dfine", "detect", str(path), "--save", str(out), "-m", "demo", "--device", "cpu")
        if done.returncode or not out.is_file():
            return [f"the command ends with {done.returncode} and says {done.stderr[-300:]!r}"]
        try:
            import av
        except ImportError:
            return []
        with av.open(str(out)) as film:
            return [] if len(film.streams.audio) == 1 else ["its sound is gone"]


HOSTILE = {"bomb_119M_rgba.webp": bomb, "half_server.py": half, "pcm_sound.mkv": sound}


def hostile(folder: Path) -> dict[str, list[str]]:
    """Case -> what differs; those of the folder of which nothing is expected yet are named, too."""
    found = {f"hostile/{name}": judged(folder / name) for name, judged in HOSTILE.items() if (folder / name).is_file()}
    others = {path.name for path in folder.iterdir() if path.is_file()} - set(HOSTILE)
    return found | {f"hostile/{name}": ["nothing is expected of it yet"] for name in sorted(others)}
