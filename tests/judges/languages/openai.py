"""`openai`: requests to those who speak its language fit its parameters, and everything that clients get its types."""

import json

import cohere
import httpx
import openai
from openai.lib.streaming._deltas import accumulate_delta
from openai.types import Completion, CreateEmbeddingResponse, ImagesResponse, ModerationCreateResponse
from openai.types.audio.speech_create_params import SpeechCreateParams
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParams as Chat
from openai.types.completion_create_params import CompletionCreateParams
from openai.types.embedding_create_params import EmbeddingCreateParams
from openai.types.image_generate_params import ImageGenerateParams
from openai.types.moderation_create_params import ModerationCreateParams

import typed

PROVIDERS = ("openai", "azure", "azure_ai")

REQUESTS = {"chat": Chat, "completions": CompletionCreateParams, "embeddings": EmbeddingCreateParams, "moderations": ModerationCreateParams}
ANSWERS = {"chat": ChatCompletion, "completions": Completion, "embeddings": CreateEmbeddingResponse, "moderations": ModerationCreateResponse}
# Of another API.
ANSWERS["rerank"] = cohere.RerankResponse
ANSWERS["images/generations"] = ImagesResponse
REQUESTS["images/generations"] = ImageGenerateParams
REQUESTS["audio/speech"] = SpeechCreateParams
CHUNKS = {"chat": ChatCompletionChunk, "completions": Completion}

EXCEPTIONS = {
    r"^voice: 'troy' is none of": "other models have other voices",
    r"^logprobs: 3 is no bool$": "one vendor counts them, and has no top_logprobs",
    r"^model: .* is none of": "who serves the language names its own models",
    r"^input\[\d+\]: \{.*\} is no str$": "one vendor embeds images, as objects beside those of texts",
    r"has no unknown$": "the client's own wish: what nobody knows goes on as it stands",
    r"ChatCompletionToolMessageParam has no name$": "it had one with functions, and it is the client's own wish",
    r"finish_reason: None is none of": "every chunk of a completion but the last says null, which the type forgets",
    r"ChatCompletionChunk lacks (created|id)$": "so the provider said, and it is relayed",
    r"embedding: '[^']*' is no list$": "asked for in base64, of which the package makes the list",
}

# What answers say beside OpenAI's words, as LiteLLM does; docs/providers.md tells of it.
EXTENSIONS = {
    "annotations",
    "cache_creation_input_tokens",
    "cache_creation_tokens",
    "cache_read_input_tokens",
    "images",
    "provider_specific_fields",
    "reasoning_content",
    "thinking_blocks",
}


def request(fixture):
    if fixture.operation not in REQUESTS:
        return None
    # Other vendors have members of their own; what has OpenAI's name is to have OpenAI's type.
    others = fixture.provider not in PROVIDERS
    return typed.faults(fixture.said, REQUESTS[fixture.operation], extras=lambda *_: others)


def told(fixture, said):
    """A whole answer, as the client gets it."""
    if "error" in said:
        return error(said, 400)
    if fixture.operation == "moderations" and fixture.provider not in PROVIDERS:
        # With categories of its own.
        return None
    found = typed.faults(said, ANSWERS[fixture.operation], extras=extras(fixture))
    if fixture.given.get("base64"):
        vectors = [one["embedding"] for one in said["data"]]
        found += [] if all(typed.is_base64(vector) for vector in vectors) else ["not base64"]
    return found + validated(ANSWERS[fixture.operation], said)


def chunk(fixture, said):
    """An event of a stream, as the client gets it."""
    if "error" in said:
        return error(said, 500)
    kind = CHUNKS[fixture.operation]
    return typed.faults(said, kind, extras=extras(fixture))


def together(fixture):
    """A stream, put together as the package's own `stream()` does."""
    choices = {}
    for data in fixture.events:
        for choice in json.loads(data).get("choices", []) if data != "[DONE]" else []:
            try:
                delta = choice.get("delta") or {}
                choices[choice["index"]] = accumulate_delta(choices.get(choice["index"], {}), delta)
            except (RuntimeError, TypeError) as failure:
                return [f"the package cannot put it together: {failure}"]
    return []


def error(said, status):
    """An error, as the client gets it; the package must understand it."""
    members = {"message": str, "type": str, "param": str | None, "code": str | None}
    found = [f"there is no {name}" for name in said if name != "error"]
    found += [f"error lacks {name}" for name in members if name not in said["error"]]
    for name, value in said["error"].items():
        if name != "provider_specific_fields":
            found += typed.faults(value, members.get(name, type(None)), f"error.{name}")
    response = httpx.Response(
        status, content=json.dumps(said), request=httpx.Request("POST", "https://example.com")
    )
    raised = openai.OpenAI(api_key="key")._make_status_error_from_response(response)
    if (raised.body or {}).get("message") != said["error"]["message"] or raised.code != said["error"]["code"]:
        found.append(f"the package reads {raised!r}")
    return found


def extras(fixture):
    """A vendor that speaks the language may say more; a translation may not, but for what is documented."""
    relayed = fixture.provider not in ("anthropic", "bedrock", "cohere", "gemini", "mock", "ollama")
    return lambda _, name: relayed or name in EXTENSIONS


def validated(kind, said):
    if kind is CreateEmbeddingResponse:
        return []
    try:
        kind.model_validate(said, strict=True)
    except ValueError as error:
        return [str(error)]
    return []
