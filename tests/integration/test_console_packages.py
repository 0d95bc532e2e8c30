"""What is packed has the console in it, or says that it has not."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bot.console.building import Builder
from hatch_build import ConsoleHook
from tests.fakes.node import FakeNode

ROOT = Path(__file__).parents[2]
NEEDED = ["pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a small tree that is packed as the project is; it has no sources of a console."""
    folder = tmp_path / "tree"
    for name in [*NEEDED, "bot/console/building.py"]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for package in ("bot", "orchestration", "integrations"):
        (folder / package).mkdir(exist_ok=True)
        (folder / package / "__init__.py").touch()
    return folder


@pytest.fixture
def built(tree: Path, tmp_path: Path) -> Path:
    """Return that tree with a console's sources, and the console as they say it is."""
    sources = tree / "web"
    (sources / "src").mkdir(parents=True)
    (sources / "node_modules").mkdir()
    (sources / "node_modules" / "leftpad.js").touch()
    for name in ("package.json", "package-lock.json", ".npmrc", "src/main.tsx"):
        (sources / name).touch()
    console = tree / "bot" / "console" / "built"
    Builder(sources=sources, built=console, node=FakeNode(tmp_path / "node").node).build()
    return tree


def pack(tree: Path, target: str, how: str, *, code: int = 0) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", "packed"],
        cwd=tree,
        # No Node.js to be found: what is not built already cannot be.
        env={**os.environ, "FRONTDESK_CONSOLE_BUILD": how, "PATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def names_in(tree: Path) -> list[str]:
    """Return what the one package holds that was made."""
    [file] = (tree / "packed").iterdir()
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as wheel:
            return wheel.namelist()
    with tarfile.open(file) as archive:
        return [name.partition("/")[2] for name in archive.getnames()]


def test_a_wheel_holds_the_console_and_none_of_its_sources(built: Path) -> None:
    pack(built, "wheel", "require")

    names = names_in(built)
    assert {"bot/console/built/index.html", "bot/console/built/build.json"} <= set(names)
    assert [name for name in names if name.startswith("web/")] == []


def test_a_source_package_holds_the_console_and_what_it_is_built_from(built: Path) -> None:
    pack(built, "sdist", "require")

    names = names_in(built)
    wanted = {"bot/console/built/index.html", "web/package-lock.json", "web/.npmrc"}
    assert wanted | {"web/src/main.tsx", "hatch_build.py"} <= set(names)
    assert [name for name in names if "node_modules" in name] == []


def test_a_wheel_of_the_source_package_needs_no_node(built: Path) -> None:
    pack(built, "sdist", "require")
    [archive] = (built / "packed").iterdir()
    shutil.unpack_archive(archive, built / "unpacked", filter="data")
    [unpacked] = (built / "unpacked").iterdir()

    pack(unpacked, "wheel", "require")

    assert "bot/console/built/index.html" in names_in(unpacked)


@pytest.mark.parametrize("target", ["wheel", "sdist"])
def test_where_the_console_is_required_nothing_is_packed_without_it(
    tree: Path, target: str
) -> None:
    failed = pack(tree, target, "require", code=1)

    assert "nor sources to build one from" in failed.stderr


def test_where_it_is_not_required_what_is_packed_says_that_it_is_missing(tree: Path) -> None:
    done = pack(tree, "wheel", "auto")

    assert "without the console: there is no console here" in done.stdout + done.stderr
    assert [name for name in names_in(tree) if "built" in name] == []


def test_who_skips_it_is_told_nothing(tree: Path) -> None:
    done = pack(tree, "wheel", "skip")

    assert "console" not in done.stderr


def test_an_editable_install_builds_nothing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_CONSOLE_BUILD", "require")
    nothing: Any = None
    hook = ConsoleHook(str(tree), {}, nothing, nothing, str(tree / "packed"), "wheel")

    with pytest.raises(Exception, match="nor sources"):
        hook.initialize("standard", {})
    hook.initialize("editable", {})

    assert not (tree / "bot" / "console" / "built").exists()
