"""What clients of Google's API get: `google-genai`'s types."""

import json
import pathlib

from google.genai import types

import typed

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "inbound/gemini"

# `google.rpc.Code` by HTTP status, as far as the gateway sends them.
STATUSES = {
    "ABORTED",
    "CANCELLED",
    "DEADLINE_EXCEEDED",
    "FAILED_PRECONDITION",
    "INTERNAL",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "UNAUTHENTICATED",
    "UNAVAILABLE",
    "UNIMPLEMENTED",
}


def faults():
    """What is wrong with the golden files, a line each, and how many were judged."""
    found, count = [], 0
    for file in sorted(FOLDER.glob("response/*/*.json")):
        count += 1
        said = json.loads(file.read_text(errors="surrogatepass"))
        found += [f"{file.parent.name}/{file.name}: {fault}" for fault in one(said)]
    for file in sorted(FOLDER.glob("error/*.json")):
        for case, told in json.loads(file.read_text()).items():
            count += 1
            found += [f"error/{file.name}: {case}: {fault}" for fault in one(told["body"])]
    for file in sorted(FOLDER.glob("stream/*/*.sse")):
        count += 1
        text = file.read_bytes().decode(errors="surrogatepass")
        for event in (event for event in text.split("\r\n\r\n") if event):
            said = json.loads(event.removeprefix("data: "))
            found += [f"{file.parent.name}/{file.name}: {fault}" for fault in one(said)]
    return found, count


def one(said):
    """Faults of a response, of an event, or of an error in its place."""
    if "error" not in said:
        found = typed.faults(said, types.GenerateContentResponse)
        return found + ([] if said.get("candidates") else ["there is no candidate"])
    found = [f"there is no {name}" for name in said if name != "error"]
    error = said["error"]
    if sorted(set(error) - {"details"}) != ["code", "message", "status"]:
        found.append(f"an error has other members: {sorted(error)}")
    if type(error.get("code")) is not int or not 400 <= error["code"] < 600:
        found.append(f"{error.get('code')!r} is no status of an error")
    if error.get("status") not in STATUSES:
        found.append(f"{error.get('status')!r} is no canonical code")
    return found if error.get("message") else [*found, "an error without a message"]
