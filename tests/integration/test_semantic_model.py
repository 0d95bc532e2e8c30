"""A server with a sentence-embedding model learns with it, and does not start with a broken one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot import app, settings
from integrations.classifiers.local import LocalClassifier
from orchestration import store
from orchestration.catalog import ARTIFACT
from orchestration.types import Intent
from tests.fakes.tiny_bert import write_model

INTENTS = [
    Intent(name="status", examples=("where is my order", "where is the parcel", "is my order 12")),
    Intent(name="refund", examples=("i want a refund", "money back", "refund my money")),
]

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@sqlite_alone
async def test_the_catalog_learns_with_the_model_and_keeps_what_was_learnt(
    database_url: str, tmp_path: Path
) -> None:
    write_model(tmp_path / "tiny")
    read = settings.read(
        _env_file=None,
        frontdesk_database_url=database_url,
        frontdesk_semantic_model=tmp_path / "tiny",
    )
    built = app.build(read)
    try:
        await built.database.write(lambda c: store.replace_intents(c, INTENTS))

        await built.tools.catalog.refresh()
        reading = await built.tools.catalog.read("where is my parcel")

        learnt = LocalClassifier(semantic=tmp_path / "tiny")
        learnt.train(INTENTS)
        fingerprint = learnt.fingerprint
        kept = await built.database.read(lambda c: store.find_artifact(c, ARTIFACT, fingerprint))
        assert reading == learnt.read("where is my parcel")
        assert built.tools.catalog.fingerprint == fingerprint
        assert kept is not None
    finally:
        await built.close()


@pytest.mark.parametrize("command", ["doctor", "serve"])
def test_a_folder_that_is_not_whole_is_named_at_the_start(tmp_path: Path, command: str) -> None:
    write_model(tmp_path / "tiny")
    (tmp_path / "tiny" / "model.safetensors").unlink()
    own = {name: value for name, value in os.environ.items() if "FRONTDESK" not in name}

    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "bot", command],
        env={**own, "FRONTDESK_SEMANTIC_MODEL": str(tmp_path / "tiny")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
    )

    said = done.stdout + done.stderr
    assert done.returncode == 2
    assert "FRONTDESK_SEMANTIC_MODEL" in said
    assert "model.safetensors is missing" in said
