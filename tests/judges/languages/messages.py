"""What clients of the Messages API get, and what Claude gets of their own requests: `anthropic`'s types, and its way of putting a
stream together."""

import json
import pathlib

import anthropic
import httpx
import pydantic
from anthropic import BaseModel
from anthropic._models import construct_type
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.beta.message_create_params import MessageCreateParams
from anthropic.types.shared import ErrorResponse

import typed

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "inbound/messages"

# Where the package is not to be followed.
KNOWN = (
    # Clients name any model.
    "model: 'the-model' is none of",
    # The API sends it; the type lacks it.
    "MessageDeltaUsage has no cache_creation",
    # The package speaks a version without sampling; clients of an older one have it.
    "has no temperature",
    "has no top_p",
    "has no top_k",
    # A beta's field that the package does not have, and models that are retired or new.
    "BetaCacheControlEphemeralParam has no scope",
    "model: 'claude-next' is none of",
    "model: 'claude-3-5-haiku-20241022' is none of",
    # Invented: what becomes of what nobody knows.
    "has no an_unknown_field",
    "'tool_search' is none of",
    "'new_block' is none of",
    "BetaTextBlockParam has no x",
    "BetaRequestToolRemovalBlockParam has no name",
    "clear_at: 'next' is none of",
    "'something_new' is none of",
    "RawMessageStopEvent has no field",
    "'delta_of_tomorrow' is none of",
    "delta.text: {'not': 'a string'} is no str",
    "RefusalStopDetails has no recommended_model",
)


def faults():
    """What is wrong with the golden files, a line each, and how many were judged."""
    found, count = [], 0
    for file in sorted(FOLDER.glob("response/*/*.json")):
        count += 1
        said = json.loads(file.read_text(errors="surrogatepass"))
        kind = ErrorResponse if said["type"] == "error" else Message
        found += [f"{file.parent.name}/{file.name}: {fault}" for fault in typed.faults(said, kind)]
    for file in sorted(FOLDER.glob("relayed/*.out.json")):
        count += 1
        found += [f"relayed/{file.name}: {fault}" for fault in request(file)]
    for file in sorted(FOLDER.glob("error/*.json")):
        for case, told in json.loads(file.read_text()).items():
            count += 1
            wrong = typed.faults(told["body"], ErrorResponse) + understood(told["body"], told["status"])
            found += [f"error/{file.name}: {case}: {fault}" for fault in wrong]
    for file in sorted([*FOLDER.glob("stream/*/*.sse"), *FOLDER.glob("relayed/stream/*.sse")]):
        count += 1
        found += [f"{file.parent.name}/{file.name}: {fault}" for fault in stream(file.read_text())]
    return [fault for fault in found if not any(known in fault for known in KNOWN)], count


def understood(said, status):
    """Faults of an error, as the package reads it."""
    response = httpx.Response(status, json=said, request=httpx.Request("POST", "https://example.com"))
    raised = anthropic.Anthropic(api_key="key")._make_status_error_from_response(response)
    read = (raised.body or {}).get("error") == said["error"] and type(raised) is not anthropic.APIStatusError
    return [] if read or status == 402 else [f"the package reads {raised!r}"]


def request(file):
    """Faults of a request that passes as it is: by the beta's types, which have every field."""
    said = json.loads(file.read_text())
    # Clouds have the version, and some the features, in the body; the path names the model there.
    said.pop("anthropic_version", None)
    said.pop("anthropic_beta", None)
    said.setdefault("model", "claude-opus-4-6")
    return typed.faults(said, MessageCreateParams)


def stream(text):
    """Faults of a stream's events, alone and together."""
    found, together, arguments = [], None, {}
    for event in (event for event in text.split("\n\n") if event):
        name, data = event.split("\n")
        said = json.loads(data.removeprefix("data: "))
        if name != f"event: {said['type']}":
            found.append(f"the event {said['type']} is named {name!r}")
        if said["type"] == "ping":
            # The package skips it, and has no type for it.
            continue
        if said["type"] == "error":
            return found + typed.faults(said, ErrorResponse)
        found += typed.faults(said, RawMessageStreamEvent)
        try:
            together = accumulate_event(
                event=construct_type(type_=RawMessageStreamEvent, value=said),
                current_snapshot=together,
                json_bufs=arguments,
            )
        except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as failure:
            return found + [f"the package cannot put it together: {failure!r}"]
    if together is None:
        return found + ["there is neither a message nor an error"]
    return found + whole(together)


def whole(message: BaseModel):
    """Faults of the message that the events lead to."""
    try:
        said = message.to_dict(mode="json", exclude_unset=True)
    except (pydantic.ValidationError, UnicodeError, ValueError):
        # Half a surrogate pair is no text.
        return []
    found = [] if said.get("stop_reason") else ["the message has no stop_reason"]
    return found + typed.faults(said, Message)
