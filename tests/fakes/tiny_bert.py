"""Writes a tiny sentence-embedding model with random weights, as model hubs keep them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

UNKNOWN = "[UNK]"
WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "where",
    "is",
    "my",
    "order",
    "parcel",
    "refund",
    "money",
    "back",
    "the",
    "a",
    "i",
    "want",
]
LETTERS = [
    mark + letter for letter in "abcdefghijklmnopqrstuvwxyz0123456789?" for mark in ("", "##")
]
VOCABULARY = {word: number for number, word in enumerate(dict.fromkeys([*WORDS, *LETTERS]))}
CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": 8,
    "intermediate_size": 12,
    "max_position_embeddings": 24,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "type_vocab_size": 2,
    "vocab_size": len(VOCABULARY),
    "layer_norm_eps": 1e-12,
}


def write_model(folder: Path, *, prefix: str = "", kind: Any = np.float32) -> dict[str, Any]:
    """Write the three files, and return the weights by their plain names."""
    folder.mkdir(exist_ok=True)
    weights = {name: value.astype(kind) for name, value in _weights().items()}
    (folder / "config.json").write_text(json.dumps(CONFIG))
    _tokenizer().save(str(folder / "tokenizer.json"))
    save_file({prefix + name: value for name, value in weights.items()}, folder / WEIGHTS)
    return weights


WEIGHTS = "model.safetensors"


def _weights() -> dict[str, Any]:
    chance = np.random.default_rng(7)
    wide, inner = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    sizes: dict[str, tuple[Any, ...]] = {
        "embeddings.word_embeddings.weight": (CONFIG["vocab_size"], wide),
        "embeddings.position_embeddings.weight": (CONFIG["max_position_embeddings"], wide),
        "embeddings.token_type_embeddings.weight": (CONFIG["type_vocab_size"], wide),
        "embeddings.LayerNorm.weight": (wide,),
        "embeddings.LayerNorm.bias": (wide,),
    }
    for number in range(2):
        layer = f"encoder.layer.{number}."
        for name, shape in {
            "attention.self.query": (wide, wide),
            "attention.self.key": (wide, wide),
            "attention.self.value": (wide, wide),
            "attention.output.dense": (wide, wide),
            "intermediate.dense": (inner, wide),
            "output.dense": (wide, inner),
        }.items():
            sizes[f"{layer}{name}.weight"] = shape
            sizes[f"{layer}{name}.bias"] = shape[:1]
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            sizes[f"{layer}{name}.weight"] = (wide,)
            sizes[f"{layer}{name}.bias"] = (wide,)
    return {name: chance.normal(size=size).astype(np.float32) for name, size in sizes.items()}


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(WordPiece(VOCABULARY, unk_token=UNKNOWN))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(word, VOCABULARY[word]) for word in ("[CLS]", "[SEP]")],
    )
    # As published models do, though a sentence model wants neither.
    tokenizer.enable_truncation(max_length=6)
    tokenizer.enable_padding(length=6)
    return tokenizer
