"""`ollama`: requests are its `ChatRequest` and `EmbedRequest`, and what the fixtures answer its types."""

from ollama import _types as types

import typed

PROVIDERS = ("ollama",)

# An image is base64 on the wire.
WIRE = {types.Image: bytes}

EXCEPTIONS = {
    r"^tools\[\d+\].function.parameters": "the package reads a few words of JSON Schema, the server gives all to the model",
    r"ToolCall has no id$|Function has no index$|ogprob has no bytes$": "the server says more than its package reads",
    r"function.arguments: '.*' is no object$": "some servers and models write a text, and a client must read it",
    r"EmbedResponse (lacks embeddings|has no embedding)$": "an older server, asked at its newer address",
}


def request(fixture):
    kind = types.EmbedRequest if fixture.operation == "embeddings" else types.ChatRequest
    found = typed.faults(fixture.said, kind, wire=WIRE)
    try:
        kind.model_validate(fixture.said)
    except ValueError as error:
        found.append(str(error))
    return found


def answer(fixture, said):
    kind = types.EmbedResponse if fixture.operation == "embeddings" else types.ChatResponse
    return typed.faults(said, kind, wire=WIRE)


def event(fixture, said):
    return typed.faults(said, types.ChatResponse, wire=WIRE)
