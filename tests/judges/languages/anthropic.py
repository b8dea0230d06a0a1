"""`anthropic`: every Messages request fits the parameters of `messages.create`, and the answers in fixtures its types."""

import functools
import warnings

import pydantic
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent
from anthropic.types.beta.message_create_params import MessageCreateParams as Beta
from anthropic.types.message_create_params import MessageCreateParams

import typed

PROVIDERS = ("anthropic",)

EXCEPTIONS = {
    r"has no (temperature|top_p|top_k)$|^(temperature|top_p|top_k): Extra inputs": (
        "the package speaks version 2026-10-21, which has no sampling; the gateway speaks 2023-06-01, which has"
    ),
    r"^model: 'claude-3-5-sonnet-20241022' is none of": "retired, and still served on clouds",
    r"'(something_new|delta_of_tomorrow)' is none of|has no field$|{'not': 'a string'}": (
        "invented: what becomes of what nobody knows"
    ),
}


def request(fixture):
    said = dict(fixture.said)
    # A cloud names the model in the path, and the version in the body.
    if "anthropic_version" in said:
        found = typed.faults(said.pop("anthropic_version"), str, "anthropic_version")
        found += ["the path names the model, and so does the body"] if "model" in said else []
        betas = said.pop("anthropic_beta", [])
        found += typed.faults(betas, list[str], "anthropic_beta")
        said["model"] = "claude-opus-4-6"
    else:
        found = []
        betas = fixture.head.get("anthropic-beta")
    # What a beta adds is in its types only; so a request without its beta is found out.
    kind = Beta if betas else MessageCreateParams
    return found + typed.faults(said, kind) + validated(kind, said)


def answer(fixture, said):
    return either(said, Message, BetaMessage)


def event(fixture, said):
    # The package reads these two itself, and has no types for them.
    if said["type"] in ("ping", "error"):
        return []
    return either(said, RawMessageStreamEvent, BetaRawMessageStreamEvent)


def either(said, kind, beta):
    """Faults by the type that fits better: an answer does not tell which betas it was asked with."""
    return min((typed.faults(said, one) for one in (kind, beta)), key=len)


def validated(kind, said):
    """What pydantic finds, which the package itself uses."""
    # `stream` tells which of the two types it is; the other's complaints are beside the point.
    meant = kind.__args__[bool(said.get("stream"))].__name__
    try:
        adapter(kind).validate_python(said)
    except pydantic.ValidationError as error:
        faults = [(fault["loc"][1:], fault["msg"]) for fault in error.errors() if fault["loc"][0] == meant]
        return [f"{'.'.join(map(str, place))}: {message}" for place, message in faults]
    return []


@functools.cache
def adapter(kind):
    with warnings.catch_warnings():
        # Some types say themselves whether they take more members.
        warnings.simplefilter("ignore")
        return pydantic.TypeAdapter(kind, config=pydantic.ConfigDict(extra="forbid", strict=True))
