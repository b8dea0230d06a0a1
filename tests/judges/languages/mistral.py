"""`mistralai`: requests are its `ChatCompletionRequest` and `EmbeddingRequest`, and fixtures answer as its types say."""

from mistralai.client import models

import typed

PROVIDERS = ("mistral", "codestral")

ANSWERS = {"embeddings": models.EmbeddingResponse, "moderations": models.ModerationResponse}

EXCEPTIONS = {
    r"'model_length' is none of": "an ending that the service's reference names, and its package does not",
}


def request(fixture):
    if fixture.operation == "embeddings":
        kind = models.EmbeddingRequest
    elif fixture.operation == "moderations":
        kind = models.ClassificationRequest
    elif fixture.said.get("stream"):
        kind = models.ChatCompletionStreamRequest
    else:
        kind = models.ChatCompletionRequest
    found = typed.faults(fixture.said, kind)
    try:
        kind.model_validate(fixture.said)
    except ValueError as error:
        found.append(str(error))
    return found


def answer(fixture, said):
    return typed.faults(said, ANSWERS.get(fixture.operation, models.ChatCompletionResponse))


def event(fixture, said):
    return typed.faults(said, models.CompletionChunk)
