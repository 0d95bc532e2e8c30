"""What goes in and out over HTTP, in the words of the contract."""

import base64
import binascii
import math
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from bot.api.problems import TOO_LARGE
from orchestration.gates import Gates
from orchestration.types import Attachment

TEXT_LIMIT = 64 * 1024
BODY_LIMIT = 256 * 1024
# Who acts where a request does not say.
ADMIN = "admin"


def storable(text: str) -> str:
    """Return a text that every database takes; raises `ValueError` for any other."""
    if "\x00" in text:
        raise ValueError("contains a NUL character; leave it out")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("contains half a character (a lone surrogate)") from error
    return text


def _storable_json(value: Any) -> Any:
    match value:
        case str():
            storable(value)
        case float() if not math.isfinite(value):
            raise ValueError("contains a number that is not finite")
        case list():
            for item in value:
                _storable_json(item)
        case dict():
            for name, item in value.items():
                storable(name)
                _storable_json(item)
    return value


def _short_enough(text: str) -> str:
    if len(text.encode()) > TEXT_LIMIT:
        raise PydanticCustomError(TOO_LARGE, f"is longer than {TEXT_LIMIT // 1024} kB")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is blank; write something")
    return text


def _in_utc(moment: datetime) -> datetime:
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is outside the years 1 to 9999 in UTC") from error


Line = Annotated[
    str,
    Field(min_length=1, max_length=500),
    AfterValidator(storable),
    AfterValidator(_not_blank),
]
AgentName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120),
    AfterValidator(storable),
]
Email = Annotated[
    str, Field(max_length=320, pattern=r"^[^@\s]+@[^@\s]+$"), AfterValidator(storable)
]
Text = Annotated[str, AfterValidator(storable), AfterValidator(_short_enough)]
Url = Annotated[str, Field(max_length=2000), AfterValidator(storable)]
Metadata = Annotated[dict[str, Any], AfterValidator(_storable_json)]
Version = Annotated[int, Field(ge=0, le=2**31 - 1)]
# A time without a zone is one in UTC.
Moment = Annotated[datetime, AfterValidator(_in_utc)]


class Body(BaseModel):
    """A command; unknown fields are refused, and `true` is neither 1 nor a text."""

    model_config = ConfigDict(extra="forbid", strict=True)


class AttachmentIn(Body):
    """A file: where it is, or what is in it."""

    name: Line
    type: Line = "application/octet-stream"
    url: Url | None = None
    content_base64: str | None = None

    @model_validator(mode="after")
    def _has_one_of_both(self) -> "AttachmentIn":
        if (self.url is None) == (self.content_base64 is None):
            raise ValueError("needs either url or content_base64")
        self.content()
        return self

    def content(self) -> bytes | None:
        """Return the decoded content; raises `ValueError` where it is not base64."""
        if self.content_base64 is None:
            return None
        try:
            return base64.b64decode(self.content_base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError("content_base64 is not base64") from error

    def value(self) -> Attachment:
        """Return it as the rest of the product knows it."""
        return Attachment(name=self.name, type=self.type, url=self.url, content=self.content())


class CustomerIn(Body):
    """Who writes; vouched for by the sender of the request unless `verified` is false."""

    id: Line
    email: Email | None = None
    name: Line | None = None
    verified: bool = True


class MessageIn(Body):
    """A customer's message from another system."""

    conversation: Line | None = None
    message_id: Line | None = None
    customer: CustomerIn
    text: Text = ""
    attachments: Annotated[list[AttachmentIn], Field(max_length=20)] = []
    callback_url: Url | None = None
    metadata: Metadata = {}

    @model_validator(mode="after")
    def _says_something(self) -> "MessageIn":
        if not self.text.strip() and not self.attachments:
            raise ValueError("text is empty and there is no attachment; send at least one")
        return self


class ReceivedOut(BaseModel):
    """What became of a message."""

    conversation_id: str
    id: str
    duplicate: bool


class RatingIn(Body):
    """How content the customer is."""

    score: Annotated[int, Field(ge=1, le=5)]
    comment: Text | None = None


class CommandIn(Body):
    """An agent's command; `version` is that of the case as the agent saw it."""

    agent: Line
    version: Version


class ReassignIn(CommandIn):
    """To whom the case goes."""

    to: Line


class SnoozeIn(CommandIn):
    """Until when the case rests."""

    until: Annotated[datetime, Field(strict=False)]

    @model_validator(mode="after")
    def _names_a_zone(self) -> "SnoozeIn":
        if self.until.tzinfo is None:
            raise ValueError("until needs a time zone, such as 2030-01-31T09:00:00Z")
        return self


class WordsIn(CommandIn):
    """What the agent says, or notes."""

    text: Annotated[Text, Field(min_length=1)]


class EditIn(WordsIn):
    """Which reply is to say something else."""

    message_id: Line


class ResolveIn(CommandIn):
    """Why the case is over."""

    reason: Text = ""


class ReleaseIn(Body):
    """Release a draft, with another wording where `text` is given."""

    agent: Line
    text: Annotated[Text, Field(min_length=1)] | None = None


class RejectIn(Body):
    """Reject a draft."""

    agent: Line
    reason: Text = ""


class IntentsIn(Body):
    """The intents that take the place of all earlier ones."""

    items: Annotated[list[Any], AfterValidator(_storable_json)]
    author: Line = ADMIN


class CorrectionIn(Body):
    """What a message is really about, or that part of it where it asked for several things."""

    agent: Line
    intent: Line
    part: Annotated[int, Field(ge=0, le=100)] = 0


class AcceptIn(Body):
    """Take words as an example, of another intent where one is named."""

    agent: Line
    intent: Line | None = None


class DecisionIn(Body):
    """Who decides."""

    agent: Line


class ConsoleSessionIn(Body):
    """Who signs in to the console: by the admin key, or by a link that works once."""

    agent: AgentName
    key: Annotated[str, Field(max_length=500), AfterValidator(storable)] | None = None
    once: Annotated[str, Field(max_length=100), AfterValidator(storable)] | None = None

    @model_validator(mode="after")
    def _has_one_of_both(self) -> "ConsoleSessionIn":
        if (self.key is None) == (self.once is None):
            raise ValueError("needs either key or once")
        return self


class ConsoleSessionOut(BaseModel):
    """An open session of the console, and what its writes must bring along."""

    agent: str
    csrf: str
    expires_at: AwareDatetime


class ChatSessionIn(Body):
    """Who opens the chat; without an identity an unverified visitor."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    identity: Annotated[str, Field(max_length=10_000), AfterValidator(storable)] | None = None
    sample: Line | None = Field(default=None, alias="as")


class ChatMessageIn(Body):
    """What somebody writes on the chat page."""

    message_id: Line
    text: Text = ""
    attachments: Annotated[list[AttachmentIn], Field(max_length=10)] = []

    @model_validator(mode="after")
    def _says_something(self) -> "ChatMessageIn":
        if not self.text.strip() and not self.attachments:
            raise ValueError("text is empty and there is no attachment; send at least one")
        return self


class WorkflowRunIn(Body):
    """What a run of a workflow is given; its workflow's `input` says what that must be."""

    input: Metadata = {}


class BacktestIn(Body):
    """Which recorded turns a draft is tried on: the newest, none older than `since`."""

    last: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    since: Annotated[AwareDatetime, Field(strict=False), AfterValidator(_in_utc)] | None = None
    author: Line = ADMIN


class ShadowIn(Body):
    """Who starts or stops it, for the audit log."""

    author: Line = ADMIN


class DraftIn(Body):
    """A document, or its text with comments, and the number of the text it was changed from."""

    document: Metadata | None = None
    source: Annotated[str, Field(max_length=BODY_LIMIT), AfterValidator(storable)] | None = None
    base_version: Version
    author: Line = ADMIN

    @model_validator(mode="after")
    def _has_one_of_both(self) -> "DraftIn":
        if (self.document is None) == (self.source is None):
            raise ValueError("needs either document or source")
        return self


class PublishIn(Body):
    """How a draft is published; `version` asks that it is this one still."""

    note: Text = ""
    force: bool = False
    reason: Text = ""
    version: Version | None = None
    author: Line = ADMIN


class RollbackIn(Body):
    """The version to go back to."""

    version: Version
    note: Text = ""
    author: Line = ADMIN


class BindingIn(Body):
    """The workflow that a channel's conversations take."""

    workflow: Line
    author: Line = ADMIN


class GatesIn(Gates):
    """The bounds that a draft must keep; what is left out gets its default."""

    model_config = ConfigDict(strict=True)

    author: Line = ADMIN


class ReplayIn(Body):
    """By which version a run is walked again; by default its own."""

    version: Version | Literal["draft"] | None = None


class CaseIn(Body):
    """A run that every later version must decide alike; its words are redacted by default."""

    run_id: Line
    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(storable)]
    keep_words: bool = False
    author: Line = ADMIN


EscalationStatusIn = Literal["open", "claimed", "handed_back", "resolved"]
ConversationStatusIn = Literal["open", "escalated", "assigned", "resolved"]
RunStatusIn = Literal["running", "waiting", "done", "superseded", "failed"]
ApprovalStatusIn = Literal["open", "released", "rejected", "expired", "withdrawn"]
ExampleStatusIn = Literal["proposed", "accepted", "rejected", "erased"]
