"""A Node.js and an npm that do what the build of the console asks, and note that they did."""

import sys
from pathlib import Path

from bot.console.building import Node

_NPM = """#!{python}
import os, pathlib, sys, time
here = pathlib.Path({folder!r})
with (here / "calls").open("a") as calls:
    calls.write(" ".join(["npm", *sys.argv[1:]]) + "\\n")
(here / "trusts").write_text(os.environ.get("NODE_EXTRA_CA_CERTS", ""))
if (here / "says").exists():
    print((here / "says").read_text())
    sys.exit(1)
if (here / "sleeps").exists():
    (here / "asleep").touch()
    time.sleep(60)
pathlib.Path("node_modules/vite/bin").mkdir(parents=True, exist_ok=True)
pathlib.Path("node_modules/vite/bin/vite.js").touch()
"""
_NODE = """#!{python}
import os, pathlib, sys, time
here = pathlib.Path({folder!r})
with (here / "calls").open("a") as calls:
    calls.write("vite " + os.environ["npm_config_audit"] + "\\n")
if (here / "breaks").exists():
    sys.exit("src/main.tsx: unexpected token")
time.sleep(0.2)
out = pathlib.Path(sys.argv[sys.argv.index("--outDir") + 1])
out.mkdir()
if not (here / "empty").exists():
    (out / "index.html").write_text(pathlib.Path("src/main.tsx").read_text())
"""


class FakeNode:
    """Node.js as two scripts in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        for name, script in (("npm", _NPM), ("node", _NODE)):
            file = folder / name
            file.write_text(script.format(python=sys.executable, folder=str(folder)))
            file.chmod(0o755)

    @property
    def node(self) -> Node:
        return Node(
            folder=self.folder, node=str(self.folder / "node"), npm=(str(self.folder / "npm"),)
        )

    @property
    def calls(self) -> list[str]:
        """Return what was run, in order."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def trusts(self) -> str:
        """Return the file of certificates that npm was told to trust beside its own."""
        return (self.folder / "trusts").read_text()

    def say(self, words: str) -> None:
        """Have npm fail with these words."""
        (self.folder / "says").write_text(words)

    def behave(self, how: str, *, so: bool = True) -> None:
        """Have npm be slow (`sleeps`), or the build fail (`breaks`) or make nothing (`empty`)."""
        file = self.folder / how
        if so:
            file.touch()
        else:
            file.unlink()

    @property
    def is_asleep(self) -> bool:
        return (self.folder / "asleep").exists()
