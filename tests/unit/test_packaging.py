"""The files that install, build and check Frontdesk."""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hatch_build import NODE

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements.lock", "requirements-dev.lock", "requirements-web.lock"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# In parts, so that this file does not name them either.
REGISTRIES = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("pypi", "python", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
    ]
]
DOT_FOLDERS_OF_OURS = {".ci", ".github"}
FOLDERS_THAT_ARE_BUILT = {"node_modules", "__pycache__", "build", "dist", "htmlcov", "built"}


@pytest.mark.parametrize("host", REGISTRIES)
def test_no_file_names_a_package_registry(host: str) -> None:
    texts = texts_of_the_project()

    naming = [path for path, text in texts if host in text]

    assert naming == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_address_at_all(name: str) -> None:
    lock = (ROOT / name).read_text()

    addresses = re.findall(r"\S*://\S*|^--\S*index\S*.*$|^--find-links.*$", lock, re.MULTILINE)

    assert addresses == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_one_version_and_hashes(name: str) -> None:
    entries = locked(name)

    unpinned = [line for line in entries if not re.match(r"[\w.-]+==\S+ .*--hash=sha256:", line)]

    assert entries
    assert unpinned == []


def test_the_runtime_lock_holds_what_the_project_asks_for() -> None:
    wanted = PROJECT["project"]["dependencies"]

    missing = [text for text in wanted if not is_met(Requirement(text), "requirements.lock")]

    assert missing == []


def test_the_development_lock_holds_what_the_project_and_its_tests_ask_for() -> None:
    project = PROJECT["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]

    missing = [text for text in wanted if not is_met(Requirement(text), "requirements-dev.lock")]

    assert missing == []


def test_the_lock_for_the_console_holds_the_node_that_the_project_asks_for() -> None:
    wanted = PROJECT["dependency-groups"]["web"]

    missing = [text for text in wanted if not is_met(Requirement(text), "requirements-web.lock")]

    assert missing == []


def test_packages_are_built_with_that_node_too() -> None:
    assert PROJECT["dependency-groups"]["web"] == [NODE]


def test_the_consoles_lock_has_a_hash_of_every_package_and_no_address_of_one() -> None:
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}

    unsure = [name for name, one in packages.items() if "integrity" not in one]
    addressed = [name for name, one in packages.items() if "resolved" in one]

    assert packages
    assert (unsure, addressed) == ([], [])


def test_what_builds_the_console_runs_no_script_of_a_package() -> None:
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text())
    scripted = [name for name, one in lock["packages"].items() if one.get("hasInstallScript")]
    built_with = [name for name in scripted if not lock["packages"][name].get("optional")]

    assert built_with == []


def test_tests_run_on_the_versions_that_are_shipped() -> None:
    shipped = {line.split(" --hash")[0] for line in locked("requirements.lock")}
    tested = {line.split(" --hash")[0] for line in locked("requirements-dev.lock")}

    assert shipped <= tested


def test_the_wheel_holds_the_three_packages_and_no_tests() -> None:
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert packages == ["bot", "orchestration", "integrations"]


def test_the_makefile_has_the_promised_targets() -> None:
    promised = (
        "setup demo test test-browser test-chaos check lint types imports format migrate bench"
        " run lock web test-web"
    )

    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert set(promised.split()) <= set(targets)


def test_ci_runs_every_check_of_the_makefile() -> None:
    script = ROOT / ".ci/run"

    assert os.access(script, os.X_OK)
    assert "make check" in script.read_text().splitlines()


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")

    found = subprocess.run(  # noqa: S603
        [hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )

    assert found.stdout + found.stderr == ""
    assert found.returncode == 0


def test_the_image_runs_without_root_and_installs_by_hash() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()

    assert "\nUSER 10001" in dockerfile
    assert "--require-hashes --requirement requirements.lock" in dockerfile
    assert "requirements-dev" not in dockerfile


def test_the_image_has_the_console_and_no_node() -> None:
    stages = (ROOT / "Dockerfile").read_text().split("\nFROM ")
    console, packed, shipped = stages

    assert "--require-hashes --requirement requirements-web.lock" in console
    assert "FRONTDESK_CONSOLE_BUILD=require" in packed
    assert "COPY --from=console /build/bot/console/built" in packed
    assert "--from=console" not in shipped


def test_the_example_of_settings_sets_nothing() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()

    values = [line for line in lines if line and not line.startswith("#")]

    assert values == ["POSTGRES_PASSWORD="]


def texts_of_the_project() -> Iterator[tuple[str, str]]:
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if is_ours(name)]
        paths = [Path(folder, name) for name in files if name != ".env"]
        for path in paths:
            try:
                yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
            except (UnicodeDecodeError, OSError):  # a picture, or a socket of a test server
                continue


def is_ours(folder: str) -> bool:
    if folder.startswith("."):
        return folder in DOT_FOLDERS_OF_OURS
    return folder not in FOLDERS_THAT_ARE_BUILT


def locked(name: str) -> list[str]:
    text = (ROOT / name).read_text().replace("\\\n", " ")
    lines = [re.sub(r"\s+", " ", line) for line in text.splitlines()]
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def is_met(requirement: Requirement, lock: str) -> bool:
    versions = [
        found["version"]
        for found in (
            re.match(r"(?P<name>[\w.-]+)==(?P<version>\S+)", line) for line in locked(lock)
        )
        if found and canonicalize_name(found["name"]) == canonicalize_name(requirement.name)
    ]
    return bool(versions) and all(version in requirement.specifier for version in versions)
