"""The sentence-embedding model in NumPy, beside the same worked out number by number."""

import io
import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot import settings
from bot.settings import BadSetting
from integrations.classifiers.local import LocalClassifier, check_folder
from integrations.classifiers.local.encoder import Encoder
from orchestration.errors import BadInput
from orchestration.types import Intent
from tests.fakes.tiny_bert import CONFIG, VOCABULARY, write_model

TEXTS = ("where is my order?", "refund", "i want my money back i want the parcel", "")
INTENTS = (
    Intent(name="status", examples=("where is my order", "where is the parcel", "is my order 12")),
    Intent(name="refund", examples=("i want a refund", "money back", "refund my money")),
)

Row = list[float]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_model(folder)
    return folder


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return Encoder(folder)


def tokens_of(text: str) -> list[int]:
    words = text.replace("?", " ?").split()
    return [VOCABULARY[word] for word in ("[CLS]", *words, "[SEP]")]


def worked_out(tokens: Sequence[int], weights: dict[str, Any]) -> Row:
    """Return a text's vector by loops over plain numbers."""
    held = {name: value.tolist() for name, value in weights.items()}
    rows = [
        normal(
            [
                held["embeddings.word_embeddings.weight"][token][at]
                + held["embeddings.position_embeddings.weight"][place][at]
                + held["embeddings.token_type_embeddings.weight"][0][at]
                for at in range(8)
            ],
            held,
            "embeddings.LayerNorm",
        )
        for place, token in enumerate(tokens)
    ]
    for number in range(2):
        rows = one_layer(rows, held, f"encoder.layer.{number}")
    mean = [sum(row[at] for row in rows) / len(rows) for at in range(8)]
    length = math.sqrt(sum(value * value for value in mean))
    return [value / length for value in mean]


def one_layer(rows: list[Row], held: dict[str, Any], name: str) -> list[Row]:
    asked, keys, values = (
        [linear(row, held, f"{name}.attention.self.{part}") for row in rows]
        for part in ("query", "key", "value")
    )
    after = []
    for place, row in enumerate(rows):
        heard: Row = []
        for head in (range(4), range(4, 8)):
            scores = [sum(asked[place][at] * key[at] for at in head) / math.sqrt(4) for key in keys]
            raised = [math.exp(score) for score in scores]
            for at in head:
                parts = [power * value[at] for power, value in zip(raised, values, strict=True)]
                heard.append(sum(parts) / sum(raised))
        said = linear(heard, held, f"{name}.attention.output.dense")
        kept = normal(added(row, said), held, f"{name}.attention.output.LayerNorm")
        inner = [
            value * 0.5 * (1 + math.erf(value / math.sqrt(2)))
            for value in linear(kept, held, f"{name}.intermediate.dense")
        ]
        said = linear(inner, held, f"{name}.output.dense")
        after.append(normal(added(kept, said), held, f"{name}.output.LayerNorm"))
    return after


def linear(row: Row, held: dict[str, Any], name: str) -> Row:
    return [
        sum(one * other for one, other in zip(row, line, strict=True)) + start
        for line, start in zip(held[f"{name}.weight"], held[f"{name}.bias"], strict=True)
    ]


def normal(row: Row, held: dict[str, Any], name: str) -> Row:
    mean = sum(row) / len(row)
    spread = math.sqrt(sum((value - mean) ** 2 for value in row) / len(row) + 1e-12)
    return [
        (value - mean) / spread * weight + start
        for value, weight, start in zip(
            row, held[f"{name}.weight"], held[f"{name}.bias"], strict=True
        )
    ]


def added(one: Row, other: Row) -> Row:
    return [first + second for first, second in zip(one, other, strict=True)]


@pytest.mark.parametrize("kind", [np.float32, np.float16])
@pytest.mark.parametrize("prefix", ["", "bert."])
def test_the_vectors_are_those_worked_out_by_loops(tmp_path: Path, kind: Any, prefix: str) -> None:
    weights = write_model(tmp_path / "tiny", kind=kind, prefix=prefix)

    vectors = Encoder(tmp_path / "tiny").encode(TEXTS)

    golden = [worked_out(tokens_of(text), weights) for text in TEXTS]
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), 8)
    assert np.abs(vectors - np.array(golden)).max() < 2e-5
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5


def test_a_vector_does_not_depend_on_the_texts_beside_it(encoder: Encoder) -> None:
    many = [*TEXTS * 100, "i " * 15]

    together = encoder.encode(many)

    alone = np.vstack([encoder.encode([text]) for text in many[-5:]])
    assert np.abs(together[-5:] - alone).max() < 1e-5


def test_a_text_is_cut_where_the_model_has_no_more_positions(encoder: Encoder) -> None:
    long, whole = encoder.encode(["want " * 500, "want " * 22])

    assert CONFIG["max_position_embeddings"] == 24
    assert np.abs(long - whole).max() < 1e-5


def test_no_text_is_no_vector(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, 8)


def test_many_threads_share_one_model(folder: Path) -> None:
    shared = Encoder(folder)
    alone = Encoder(folder).encode(TEXTS)

    with ThreadPoolExecutor(8) as threads:
        vectors = list(threads.map(shared.encode, [TEXTS] * 40))

    assert all(np.array_equal(each, alone) for each in vectors)


def change_config(**fields: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **fields}))

    return change


def drop(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def put(name: str, content: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return write


def cut_off(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:53aa\nsize 90868376\n"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (drop("config.json"), "config.json is missing"),
        (drop("tokenizer.json"), "tokenizer.json is missing"),
        (drop("model.safetensors"), "model.safetensors is missing"),
        (put("config.json", b"{"), "config.json is not JSON"),
        (put("config.json", b"[]"), "config.json is no JSON object"),
        (put("tokenizer.json", b"\xff"), "tokenizer.json is not JSON"),
        (put("tokenizer.json", b"{}"), "tokenizer.json describes no tokenizer"),
        (put("model.safetensors", b""), "model.safetensors is no safetensors file"),
        (put("model.safetensors", POINTER), "model.safetensors is no safetensors file"),
        (cut_off, "model.safetensors is cut off; download it again"),
        (change_config(model_type="roberta"), "config.json: model_type is 'roberta', but only"),
        (change_config(hidden_act="relu"), "config.json: hidden_act is 'relu', but only 'gelu'"),
        (
            change_config(position_embedding_type="relative_key"),
            "config.json: position_embedding_type is 'relative_key'",
        ),
        (change_config(hidden_size="8"), "config.json: hidden_size is '8', but must be a whole"),
        (change_config(num_attention_heads=3), "config.json: hidden_size 8 is no multiple of 3"),
        (change_config(num_hidden_layers=3), "model.safetensors has no encoder.layer.2.attention"),
        (
            change_config(hidden_size=16),
            "model.safetensors: embeddings.word_embeddings.weight is .*x8, but config.json says",
        ),
    ],
)
def test_what_is_wrong_with_a_folder_names_the_file(
    tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    write_model(tmp_path / "tiny")
    spoil(tmp_path / "tiny")

    with pytest.raises(BadInput, match=words):
        check_folder(tmp_path / "tiny")
    with pytest.raises(BadSetting, match=f"FRONTDESK_SEMANTIC_MODEL: .*{words}.*for example"):
        settings.read(_env_file=None, frontdesk_semantic_model=tmp_path / "tiny")


def test_weights_of_a_type_that_numpy_has_not_are_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "tiny", kind=np.float64)

    with pytest.raises(BadInput, match=r"model\.safetensors: .* is of type F64; save it as F32"):
        check_folder(tmp_path / "tiny")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="none is no folder"):
        check_folder(tmp_path / "none")


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    weights = write_model(tmp_path / "tiny")
    tokenizer = json.loads((tmp_path / "tiny" / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["elephant"] = len(VOCABULARY)
    (tmp_path / "tiny" / "tokenizer.json").write_text(json.dumps(tokenizer))

    with pytest.raises(BadInput, match=r"tokenizer\.json has .* words, but config\.json says"):
        Encoder(tmp_path / "tiny").encode(["elephant"])

    assert len(weights["embeddings.word_embeddings.weight"]) == len(VOCABULARY)


@pytest.fixture(scope="module")
def trained(folder: Path) -> LocalClassifier:
    classifier = LocalClassifier(semantic=folder)
    classifier.train(INTENTS)
    return classifier


def test_a_classifier_learns_words_and_meaning_together(trained: LocalClassifier) -> None:
    plain = LocalClassifier()
    plain.train(INTENTS)

    reading = trained.read("where is my parcel")

    assert max(reading.probabilities, key=reading.probabilities.__getitem__) == "status"
    assert sum(reading.probabilities.values()) == pytest.approx(1)
    assert trained.score("where is my parcel") != plain.score("where is my parcel")
    assert trained.fingerprint != plain.fingerprint
    assert trained.fingerprint == trained.fingerprint_of(INTENTS)


def test_likeness_is_the_score_of_the_vector_and_twice_its_cosine_to_what_examples_mean(
    trained: LocalClassifier, encoder: Encoder
) -> None:
    with np.load(io.BytesIO(trained.dump())) as saved:
        words = json.loads(saved["words"].tobytes())
        dense = saved["weights"][len(words["vocabulary"]) :]
        bias = saved["bias"]
        centres = saved["centres"]

    # No gram of it stands in any example.
    vector = encoder.encode(["££"])[0]
    expected = 2 * vector @ dense + bias + 2 * centres @ vector

    assert trained.score("££") == pytest.approx(float(expected.max()), abs=1e-5)


def test_a_saved_classifier_reads_the_same(trained: LocalClassifier, folder: Path) -> None:
    loaded = LocalClassifier(semantic=folder)

    loaded.load(trained.dump())

    assert loaded.fingerprint == trained.fingerprint
    assert loaded.read("i want my refund") == trained.read("i want my refund")


def test_a_classifier_learnt_with_another_model_is_refused(
    trained: LocalClassifier, tmp_path: Path
) -> None:
    write_model(tmp_path / "other", kind=np.float16)

    for other in (LocalClassifier(), LocalClassifier(semantic=tmp_path / "other")):
        with pytest.raises(BadInput, match="learnt with another sentence-embedding model"):
            other.load(trained.dump())


def test_what_is_learnt_apart_is_the_same(trained: LocalClassifier, folder: Path) -> None:
    apart = LocalClassifier(apart=True, semantic=folder)

    apart.train(INTENTS)

    assert apart.read("refund the parcel") == trained.read("refund the parcel")


def test_without_the_folder_nothing_of_it_is_imported() -> None:
    program = """
import sys
from bot import app, settings
from integrations.classifiers.local import LocalClassifier
from orchestration.types import Intent
settings.read(_env_file=None)
classifier = LocalClassifier()
classifier.train([Intent(name="a", examples=("b",)), Intent(name="c", examples=("d",))])
classifier.read("b")
print(*sorted({"sklearn", "tokenizers", "safetensors"} & set(sys.modules)))
"""

    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == "sklearn\n"
