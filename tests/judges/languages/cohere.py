"""`cohere`: requests fit the parameters of `v2.chat`, `v2.embed` and `rerank`, and what the fixtures answer its types."""

import inspect
import typing

from cohere import EmbedByTypeResponse, RerankResponse, V2ChatResponse
from cohere.raw_base_client import RawBaseCohere
from cohere.v2.raw_client import RawV2Client
from cohere.v2.types import V2ChatStreamResponse

import typed

PROVIDERS = ("cohere",)

# The type of the first version has the documents, too.
ANSWERS = {"embeddings": EmbedByTypeResponse, "rerank": RerankResponse}

EXCEPTIONS = {
    r"ChatMessageStartEventDeltaMessage has no (content|tool_plan|tool_calls|citations)$": (
        "the service sends all members of the message, empty, at the start"
    ),
    r"'ERROR_TOXIC' is none of": "of the first version's answers, and seen in those of the second",
}


def request(fixture):
    if fixture.operation == "embeddings":
        return arguments(RawV2Client.embed, fixture.said)
    if fixture.operation == "rerank":
        older = fixture.head[":path"].startswith("/v1")
        return arguments((RawBaseCohere if older else RawV2Client).rerank, fixture.said)
    # The package has a method for each, and writes `stream` itself.
    stream = fixture.said.get("stream", False)
    said = {name: value for name, value in fixture.said.items() if name != "stream"}
    method = RawV2Client.chat_stream if stream else RawV2Client.chat
    return typed.faults(stream, bool, "stream") + arguments(method, said)


def answer(fixture, said):
    return typed.faults(said, ANSWERS.get(fixture.operation, V2ChatResponse))


def event(fixture, said):
    return typed.faults(said, V2ChatStreamResponse)


def arguments(method, said):
    """A body against a method's parameters, each member by its own type."""
    hints = typing.get_type_hints(method, include_extras=True)
    parameters = dict(inspect.signature(method).parameters)
    del parameters["self"], parameters["request_options"]
    found = []
    for name, value in said.items():
        found += typed.faults(value, hints[name], name) if name in parameters else [f"there is no {name}"]
    for name, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and name not in said:
            found.append(f"{name} is missing")
    return found
