"""Ways to find the article that answers a question, each registered under its name."""

from orchestration.interfaces import KnowledgeIndex
from orchestration.registry import Registry

knowledge: Registry[type[KnowledgeIndex]] = Registry("knowledge index", "integrations.knowledge")
