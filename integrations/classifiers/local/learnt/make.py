"""Makes `store.npz` anew, what is learnt from the shipped intents: `make learn`.

The classifier takes it over where just these intents are to be learnt. Where they have changed, or
the classifier's version or its word vectors have, it learns them like any others.
"""

import argparse
from pathlib import Path

from ruamel.yaml import YAML

from integrations.classifiers.local.classifier import SHIPPED, LocalClassifier
from orchestration.types import Intent


def main() -> None:
    """Learn the intents of a YAML file and write what was learnt beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    rows = YAML(typ="safe").load(parser.parse_args().file)
    classifier = LocalClassifier(shipped=None)
    classifier.train([Intent(name=row["name"], examples=tuple(row["examples"])) for row in rows])
    SHIPPED.write_bytes(classifier.dump())


if __name__ == "__main__":
    main()
