"""`google-genai`: requests are made of its types, under the names that they have on the wire.

The package has no type for a whole body, which it writes from a `GenerateContentConfig`: the members of a body are those
of the service's reference.
"""

import json

import pydantic
from google.genai import types

import typed

PROVIDERS = ("gemini",)

GENERATE = {
    "contents": list[types.Content],
    "systemInstruction": types.Content,
    "tools": list[types.Tool],
    "toolConfig": types.ToolConfig,
    "safetySettings": list[types.SafetySetting],
    "generationConfig": types.GenerationConfig,
    "cachedContent": str,
    "labels": dict[str, str],
    "serviceTier": types.ServiceTier,
}
# Written into `generationConfig` by the package, and no members of its type.
GENERATION = {"thinkingConfig": types.ThinkingConfig, "imageConfig": types.ImageConfig}
EMBEDDING = {"content": types.Content, "taskType": str, "title": str, "outputDimensionality": int}
INSTANCE = {"content": str, "task_type": str, "title": str}
IMAGES = {"sampleCount": int, "aspectRatio": str, "personGeneration": str}
PARAMETERS = {"outputDimensionality": int, "autoTruncate": bool}

EXCEPTIONS = {
    r"there is no (text|image|video|dimension)$": "of a model that is older than the package's embeddings, with a format of its own",
    r"Invalid JSON: unexpected end of hex escape": "half a surrogate pair, which is what the client wrote",
    r"Tool has no code_execution": "JSON of protocol buffers may name a field as its description does, too",
}


def request(fixture):
    said = fixture.said
    if fixture.operation == "embeddings":
        if "requests" in said:
            return batch(said)
        if "instances" in said:
            return prediction(said)
        return shaped(said, {"content": types.Content, "embedContentConfig": types.EmbedContentConfig})
    if "instances" in said:
        instances = [fault for one in said["instances"] for fault in shaped(one, {"prompt": str})]
        return instances + shaped(said["parameters"], IMAGES)
    said = dict(said)
    found = ["contents are missing"] if "contents" not in said else []
    config = said.pop("generationConfig", {})
    known = {name: value for name, value in config.items() if name not in GENERATION}
    found += shaped({name: value for name, value in config.items() if name in GENERATION}, GENERATION)
    return found + shaped({**said, "generationConfig": known}, GENERATE)


def answer(fixture, said):
    if fixture.operation == "embeddings" or "predictions" in said:
        return []
    return typed.faults(said, types.GenerateContentResponse)


def event(fixture, said):
    return typed.faults(said, types.GenerateContentResponse)


def batch(said):
    found = [f"there is no {name}" for name in said if name != "requests"]
    for at, one in enumerate(said["requests"]):
        one = dict(one)
        if not str(one.pop("model", "")).startswith("models/"):
            found.append(f"requests[{at}]: the model is named in full, in each")
        found += shaped(one, EMBEDDING)
    return found


def prediction(said):
    found = [f"there is no {name}" for name in said if name not in ("instances", "parameters")]
    for one in said["instances"]:
        found += shaped(one, INSTANCE)
    return found + shaped(said.get("parameters", {}), PARAMETERS)


def shaped(said, members):
    """An object with no other members than these; what the package can read is read by it."""
    found = []
    for name, value in said.items():
        if name not in members:
            found.append(f"there is no {name}")
            continue
        found += typed.faults(value, members[name], name)
        try:
            pydantic.TypeAdapter(members[name]).validate_json(json.dumps(value))
        except ValueError as error:
            found.append(f"{name}: {error}")
    return found
