"""The console's build: when it is due, that it is done once, and what is told when it fails."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.console import building
from bot.console.background import Build
from bot.console.building import Builder, NotBuilt
from tests.fakes.node import FakeNode

INSTALLS = "npm ci --ignore-scripts --prefer-offline --omit=dev"
INSTALLS_ALL = "npm ci --ignore-scripts --prefer-offline"
BUILDS = "vite false"


@pytest.fixture
def node(tmp_path: Path) -> FakeNode:
    return FakeNode(tmp_path / "node")


@pytest.fixture
def builder(tmp_path: Path, node: FakeNode) -> Builder:
    """Return the builder of a console that has never been built."""
    sources = tmp_path / "web"
    (sources / "src").mkdir(parents=True)
    for name in ("package.json", "package-lock.json", "index.html", "vite.config.ts"):
        (sources / name).write_text("{}")
    (sources / "src" / "main.tsx").write_text("first")
    return Builder(sources=sources, built=tmp_path / "built", node=node.node)


def page(builder: Builder) -> str:
    return (builder.built / "index.html").read_text()


def wait_for(look: Callable[[], object]) -> None:
    ends = time.monotonic() + 20
    while not look():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_what_was_never_built_is_built(builder: Builder, node: FakeNode) -> None:
    was_stale = builder.is_stale()

    assert builder.build()

    assert was_stale
    assert not builder.is_stale()
    assert page(builder) == "first"
    assert node.calls == [INSTALLS, BUILDS]


def test_what_is_built_already_is_left_alone(builder: Builder, node: FakeNode) -> None:
    builder.build()

    assert not builder.build()

    assert node.calls == [INSTALLS, BUILDS]


@pytest.mark.parametrize(
    "name", ["src/main.tsx", "src/deep/new.ts", "index.html", "vite.config.ts", "public/icon.svg"]
)
def test_after_a_change_it_is_built_again_and_nothing_installed(
    builder: Builder, node: FakeNode, name: str
) -> None:
    builder.build()
    file = builder.sources / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("second")

    assert builder.build()

    assert node.calls == [INSTALLS, BUILDS, BUILDS]


def test_after_a_change_of_the_lock_all_is_installed_anew(builder: Builder, node: FakeNode) -> None:
    builder.build()
    (builder.sources / "package-lock.json").write_text('{"packages": {}}')

    builder.build()

    assert node.calls == [INSTALLS, BUILDS] * 2


@pytest.mark.parametrize("name", ["src/main.test.tsx", "src/testing/server.ts", "README.md"])
def test_what_does_not_end_up_in_the_console_makes_it_no_older(builder: Builder, name: str) -> None:
    builder.build()
    file = builder.sources / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("changed")

    assert not builder.is_stale()


def test_a_file_that_moves_makes_it_older(builder: Builder) -> None:
    builder.build()
    (builder.sources / "src" / "main.tsx").rename(builder.sources / "src" / "index.tsx")

    assert builder.is_stale()


@pytest.mark.parametrize("stamp", ["", "nonsense", "[]", "{}"])
def test_a_build_whose_origin_is_unknown_is_taken_for_old(builder: Builder, stamp: str) -> None:
    builder.build()
    (builder.built / "build.json").write_text(stamp)

    assert builder.is_stale()


def test_where_there_are_no_sources_there_is_nothing_to_do(
    tmp_path: Path, builder: Builder, node: FakeNode
) -> None:
    installed = Builder(sources=tmp_path / "nowhere", built=builder.built, node=node.node)

    assert not installed.is_stale()
    assert not installed.build()
    assert node.calls == []


def test_what_the_tests_need_is_not_taken_away_by_a_build(builder: Builder, node: FakeNode) -> None:
    builder.prepare_tests()
    builder.build()
    builder.prepare_tests()

    assert node.calls == [INSTALLS_ALL, BUILDS]


def test_what_the_tests_need_is_added_to_what_a_build_has_installed(
    builder: Builder, node: FakeNode
) -> None:
    builder.build()
    builder.prepare_tests()

    assert node.calls == [INSTALLS, BUILDS, INSTALLS_ALL]


def test_of_two_builds_at_once_one_does_the_work(builder: Builder, node: FakeNode) -> None:
    other = Builder(sources=builder.sources, built=builder.built, node=node.node)
    outcomes: list[bool] = []
    both = [
        threading.Thread(target=lambda one=one: outcomes.append(one.build()))
        for one in (builder, other)
    ]

    for each in both:
        each.start()
    for each in both:
        each.join()

    assert sorted(outcomes) == [False, True]
    assert node.calls == [INSTALLS, BUILDS]


def test_npm_trusts_whom_the_system_trusts(
    builder: Builder, node: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "authorities.pem").touch()
    monkeypatch.delenv("NODE_EXTRA_CA_CERTS", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))

    builder.build()

    assert node.trusts == str(tmp_path / "authorities.pem")


def test_whom_npm_is_told_to_trust_stays(
    builder: Builder, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", "ours.pem")

    builder.build()

    assert node.trusts == "ours.pem"


@pytest.mark.parametrize("how", ["breaks", "empty"])
def test_a_build_that_fails_leaves_the_one_before_it(
    builder: Builder, node: FakeNode, how: str
) -> None:
    builder.build()
    (builder.sources / "src" / "main.tsx").write_text("second")
    node.behave(how)

    with pytest.raises(NotBuilt):
        builder.build()

    assert page(builder) == "first"
    assert builder.is_stale()
    assert [each.name for each in builder.built.parent.glob(".built-*")] == []


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("npm error code ENOTFOUND", "cannot be found"),
        ("npm error code EAI_AGAIN", "cannot be found"),
        ("npm error code ECONNREFUSED", "refuses the connection"),
        ("npm error code ETIMEDOUT", "does not answer"),
        ("npm error code ENOTCACHED", "is offline"),
        ("npm error code EINTEGRITY", "another package"),
        ("npm error code EUSAGE", "does not fit"),
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN", "certificate"),
        ("npm error something nobody has seen", "npm cannot install"),
    ],
)
def test_why_npm_failed_is_told_in_one_sentence_and_its_words_are_kept(
    builder: Builder, node: FakeNode, written: str, told: str
) -> None:
    node.say(f"npm error\n{written}\nnpm error A complete log of this run can be found in …")

    with pytest.raises(NotBuilt) as failed:
        builder.build()

    assert told in str(failed.value)
    assert "\n" not in str(failed.value)
    assert written in failed.value.details


def test_a_node_that_is_gone_is_told_in_one_sentence(builder: Builder, node: FakeNode) -> None:
    (node.folder / "npm").unlink()

    with pytest.raises(NotBuilt, match="cannot be started: No such file"):
        builder.build()


@pytest.mark.parametrize(
    ("version", "is_taken"), [("v20.20.2", False), ("v22.11.0", False), ("v22.12.0", True)]
)
def test_the_machines_own_node_is_taken_where_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, is_taken: bool
) -> None:
    for name in ("node", "npm"):
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\necho {version}\n")
        file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    found = building.find_node()

    assert (found is not None and found.node == str(tmp_path / "node")) == is_taken


def test_beside_what_is_served_a_build_begins_and_ends(builder: Builder) -> None:
    told: list[str] = []
    build = Build(builder, told.append)
    with build.going():
        while_building = build.why_missing()
        wait_for(lambda: len(told) == 2)
        after = build.why_missing()

    assert "being built" in str(while_building)
    assert after is None
    assert told == [
        "The console is being built; the rest works meanwhile.",
        "The console is built.",
    ]


def test_a_build_that_failed_is_told_on_the_page_and_ends_nothing(
    builder: Builder, node: FakeNode
) -> None:
    node.say("npm error code ENOTFOUND")

    build = Build(builder, lambda words: None)
    with build.going():
        wait_for(lambda: "could not be built" in str(build.why_missing()))
        why = build.why_missing()

    assert why == (
        "It could not be built: npm's registry cannot be found (is the network there?)."
        " The next start tries again."
    )


def test_what_is_fresh_is_not_built_beside_what_is_served(builder: Builder, node: FakeNode) -> None:
    builder.build()
    told: list[str] = []
    build = Build(builder, told.append)

    with build.going():
        why = build.why_missing()

    assert (why, told) == (None, [])
    assert node.calls == [INSTALLS, BUILDS]


def test_what_is_required_and_cannot_be_had_is_told(tmp_path: Path) -> None:
    nothing = Builder(sources=tmp_path / "web", built=tmp_path / "built")

    with pytest.raises(NotBuilt, match="nor sources to build one from"):
        nothing.require()


def test_what_is_required_may_have_come_without_its_sources(builder: Builder) -> None:
    builder.build()
    packed = Builder(sources=builder.sources / "nowhere", built=builder.built)

    assert not packed.require()


def test_what_a_killed_build_has_left_is_dropped(builder: Builder) -> None:
    (builder.built.parent / ".built-x").mkdir()

    builder.build()

    assert not (builder.built.parent / ".built-x").exists()


def test_who_stops_while_it_is_being_built_waits_for_nobody(
    builder: Builder, node: FakeNode
) -> None:
    node.behave("sleeps")
    with Build(builder, lambda words: None).going():
        wait_for(lambda: node.is_asleep)
        begun = time.monotonic()

    assert time.monotonic() - begun < 5
    assert not builder.is_built()


def test_the_builder_runs_by_itself_without_the_packages_of_the_product(tmp_path: Path) -> None:
    alone = tmp_path / "bot" / "console" / "building.py"
    alone.parent.mkdir(parents=True)
    alone.write_bytes(Path(building.__file__).read_bytes())
    bare = {"PATH": os.environ["PATH"]}

    done = subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-S", alone], env=bare, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "console: nothing to build\n")
    assert json.dumps(done.stderr) == '""'
