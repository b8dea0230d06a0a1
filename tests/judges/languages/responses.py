"""What clients of the Responses API get, and what a provider gets of their own requests: `openai`'s types, and its way of
putting a stream together."""

import json
import pathlib
import warnings

import openai
from openai._models import construct_type
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParams

import typed
from languages import openai as chat

# A tool that the package does not know is a warning for each kind that it does know.
warnings.filterwarnings("ignore", module="pydantic")

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "inbound/responses"

# Where the package is not to be followed.
KNOWN = (
    # Clients name any model.
    "model: 'the-model' is none of",
    # The API returns it; the type lacks it.
    "Response has no store",
    # A tool of a kind that is newer than the package is repeated as it came.
    "tools[6]",
)


def faults():
    """What is wrong with the golden files, a line each, and how many were judged."""
    found, count = [], 0
    for file in sorted(FOLDER.glob("response/*/*.json")):
        said = json.loads(file.read_text(errors="surrogatepass"))
        if "error" in said and "object" not in said:
            continue
        count += 1
        found += [f"{file.name}: {fault}" for fault in typed.faults(said, Response)]
    for file in sorted(FOLDER.glob("error/*.json")):
        for case, told in json.loads(file.read_text()).items():
            count += 1
            found += [f"error/{file.name}: {case}: {fault}" for fault in chat.error(told["body"], told["status"])]
    count += 2
    request = json.loads((FOLDER / "relayed/full.out.json").read_text())
    found += [f"relayed/full: {fault}" for fault in typed.faults(request, ResponseCreateParams)]
    answer = json.loads((FOLDER / "relayed/answer.out.json").read_text())
    found += [f"relayed/answer: {fault}" for fault in typed.faults(answer, Response)]
    streams = [*FOLDER.glob("stream/*/*.sse"), *FOLDER.glob("calls/*.out.sse"), *FOLDER.glob("relayed/*.sse")]
    for file in sorted(streams):
        count += 1
        events = [json.loads(event.split("\ndata: ")[1]) for event in file.read_text().split("\n\n") if event]
        for event in events:
            found += [f"{file.name}: {fault}" for fault in typed.faults(event, ResponseStreamEvent)]
        found += [f"{file.name}: {fault}" for fault in together(events)]
    return [fault for fault in found if not any(known in fault for known in KNOWN)], count


def together(events):
    """The events, put together as the package's own `stream()` does."""
    state = ResponseStreamState(input_tools=[], text_format=openai.omit)
    try:
        for event in events:
            if event["type"] != "response.failed":
                state.handle_event(construct_type(type_=ResponseStreamEvent, value=event))
    except (RuntimeError, TypeError, ValueError, AssertionError, IndexError, AttributeError) as failure:
        return [f"the package cannot put it together: {failure!r}"]
    return []
