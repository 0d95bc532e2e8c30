"""The shipped example workflows, from what a program gives to what it gets."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib.resources import files

import pytest

from orchestration.programs import problems
from orchestration.types import Json, ModelAnswer, ModelRequest
from tests.fakes.models import ScriptedModels
from tests.fakes.programs import Desk, by_properties, open_desk

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PRODUCT = (files("orchestration.presets") / "product-description.yaml").read_text("utf-8")
ARTICLE = (files("orchestration.presets") / "article.yaml").read_text("utf-8")

PASSED: Json = {"passed": True, "problems": []}
FAILED: Json = {"passed": False, "problems": ["the title shouts"]}
COPY: Json = {"title": "Oat biscuits", "text": "Crisp."}
BETTER: Json = {"title": "Biscuits of oat", "text": "Very crisp."}
OF_PRODUCT: Mapping[str, Sequence[Json]] = {
    "strengths audience": [{"strengths": ["crisp"], "audience": "everybody"}],
    "title text": [COPY, BETTER],
    "keywords": [{"keywords": ["oat", "biscuit", "snack"]}],
    "list": [{"list": ["source of fibre (6 g)"]}],
    "passed problems": [PASSED],
}
OF_ARTICLE: Mapping[str, Sequence[Json]] = {
    "facts outline": [{"facts": ["Linen shrinks above 60 °C."], "outline": ["Washing"]}],
    "title text": [{"title": "Linen", "text": "Wash it cold."}],
    "title description keywords": [{"title": "Linen", "description": "How.", "keywords": ["wash"]}],
    "passed problems": [FAILED, PASSED],
}
BISCUITS: Json = {"name": "Oat biscuits", "category": "food", "specs": {"fibre": "6 g per 100 g"}}
LINEN: Json = {"topic": "How to care for linen", "sources": ["Linen shrinks above 60 °C."]}


def playing(answers: Mapping[str, Sequence[Json]], **changes: Sequence[Json]) -> ScriptedModels:
    named = {name.replace("_", " "): each for name, each in changes.items()}
    return ScriptedModels(always=by_properties({**answers, **named}))


def prompt_of(request: ModelRequest) -> str:
    return str(request.messages[-1]["content"])


async def nodes_of(desk: Desk) -> list[str]:
    talk = await desk.see(desk.begun[-1])
    return [step.node for step in sorted(talk.steps, key=lambda each: each.position)]


@pytest.mark.parametrize("source", [PRODUCT, ARTICLE])
def test_an_example_has_no_problems(database_url: str, source: str) -> None:
    assert problems(source, []) == []


@pytest.mark.parametrize(
    ("category", "claims", "words"),
    [
        ("food", "nutrition", "nutritional claims"),
        ("electronics", "technical", "technical claims"),
        ("other", "general", "material, size and care"),
    ],
)
async def test_a_product_gets_the_claims_of_its_category(
    database_url: str, category: str, claims: str, words: str
) -> None:
    models = playing(OF_PRODUCT)

    async with open_desk(database_url, PRODUCT, models=models) as desk:
        run = await desk.ask("product-description", {**BISCUITS, "category": category})
        nodes = await nodes_of(desk)

    assert run.output == {
        "title": "Oat biscuits",
        "text": "Crisp.",
        "claims": ["source of fibre (6 g)"],
        "keywords": ["oat", "biscuit", "snack"],
        "passed": True,
        "problems": [],
    }
    assert {"copy", "keywords", claims} < set(nodes)
    assert not {"nutrition", "technical", "general"} - {claims} & set(nodes)
    assert any(words in prompt_of(request) for _, request in models.asked)
    assert len(models.asked) == 5


async def test_copy_keywords_and_claims_are_written_at_the_same_time(database_url: str) -> None:
    together = asyncio.Barrier(3)
    answer = by_properties(OF_PRODUCT)
    assert callable(answer)

    async def meet(request: ModelRequest) -> ModelAnswer:
        assert request.schema is not None
        if {"title", "keywords", "list"} & set(request.schema["properties"]):
            await together.wait()
        return await answer(request)

    async with open_desk(database_url, PRODUCT, models=ScriptedModels(always=meet)) as desk:
        run = await desk.ask("product-description", BISCUITS)

    assert run.status == "done"


@pytest.mark.parametrize(
    ("verdicts", "passed", "title"),
    [([FAILED, PASSED], True, "Biscuits of oat"), ([FAILED], False, "Biscuits of oat")],
)
async def test_a_description_with_faults_is_written_again_once(
    database_url: str, verdicts: Sequence[Json], passed: bool, title: str
) -> None:
    models = playing(OF_PRODUCT, passed_problems=verdicts)

    async with open_desk(database_url, PRODUCT, models=models) as desk:
        run = await desk.ask("product-description", BISCUITS)
        nodes = await nodes_of(desk)

    assert (run.output["passed"], run.output["title"]) == (passed, title)
    assert [nodes.count(node) for node in ("judge", "finished")] == [2, 1]
    assert len(models.asked) == 7
    revised = next(r for _, r in models.asked if "without these faults" in prompt_of(r))
    assert "the title shouts" in prompt_of(revised)


async def test_an_article_waits_for_a_human_and_is_given_as_they_released_it(
    database_url: str,
) -> None:
    models = playing(OF_ARTICLE)

    async with open_desk(database_url, ARTICLE, models=models) as desk:
        waiting = await desk.ask("article", LINEN)
        approval = (await desk.see(waiting)).approval
        await desk.floor.desk.decide(
            approval.id, agent="maria", status="released", text="Wash it at 30 °C.", reason=None
        )
        run = await desk.go_on(waiting)

    assert waiting.status == "waiting"
    assert approval.draft["text"] == "Wash it cold."
    assert run.output == {
        "title": "Linen",
        "text": "Wash it at 30 °C.",
        "seo": {"title": "Linen", "description": "How.", "keywords": ["wash"]},
        "problems": [],
    }
    assert len(models.asked) == 7


async def test_an_article_that_nobody_approves_is_given_to_nobody(database_url: str) -> None:
    async with open_desk(database_url, ARTICLE, models=playing(OF_ARTICLE)) as desk:
        waiting = await desk.ask("article", LINEN)
        desk.floor.clock.move(days=3, seconds=1)
        run = await desk.go_on(waiting)

    assert (run.status, run.outcome, run.output) == ("done", "close", None)
