"""The fake provider: what the model says in a task, and what it was asked."""

import json
import urllib.request
import uuid

# What every seal of the provider begins with: its opaque state, in base64.
SEAL = "c2VhbGVkIGJ5IHRoZSBmYWtlIHByb3ZpZGVyOi"


# A picture of one dot.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Failed(Exception):
    """What a client did is not what it should have done."""


def check(condition, why):
    if not condition:
        raise Failed(why() if callable(why) else str(why))


def equal(found, expected, what):
    check(found == expected, f"{what}: expected {expected!r}, found {found!r}")


def says(text, reasoning=None, **more):
    """The model answers; `{results}` is replaced by what the tools returned."""
    return {"text": text, "reasoning": reasoning, "finish": "end"} | more


def calls(*asked, reasoning="Which tool?", text=None):
    """The model calls tools: pairs of a name and arguments. If it is to think, it thinks before."""
    tool_calls = [{"name": name, "arguments": json.dumps(arguments)} for name, arguments in asked]
    return {"text": text, "reasoning": reasoning, "tool_calls": tool_calls, "finish": "tools"}


class Case:
    """What the provider does in one task, and the requests that it received."""

    def __init__(self, provider, steps):
        self.name = uuid.uuid4().hex[:12]
        self.url = f"{provider}/_control/cases/{self.name}"
        self._ask("PUT", json.dumps(steps).encode())

    def _ask(self, method, body=None):
        with urllib.request.urlopen(urllib.request.Request(self.url, body, method=method), timeout=60) as answer:
            return json.load(answer)

    def prompt(self, text):
        return f"{text} [case {self.name}]"

    def requests(self):
        """The requests for answers; those that only count tokens are left out."""
        return [request for request in self._ask("GET") if "count" not in request["target"]]

    def accepted(self):
        """The requests, none of which the provider may have refused."""
        requests = self.requests()
        for request in requests:
            check(not request["refused"], lambda: f"the provider refused: {request['refused']}")
        return requests


def seals(request):
    """Number of the provider's own seals in a request that it received."""
    return json.dumps(request["body"]).count(SEAL)


def thoughts(request):
    """The `reasoning_content` of a request that the provider received."""
    messages = request["body"].get("messages") or []
    return [message["reasoning_content"] for message in messages if message.get("reasoning_content")]


def returned(provider, requests, count):
    """The model's own state came back in the last request, whatever the client's API does not know of it."""
    last = requests[-1]
    if provider == "deepseek":
        equal(thoughts(last), ["Which tool?"] * count, "reasoning_content that came back")
    elif provider != "openai":
        equal(seals(last), count, "seals that came back")


def overflow(provider):
    """The step in which the prompt is too long, in the provider's words."""
    words = {
        "anthropic": "prompt is too long: 250000 tokens > 200000 maximum",
        "claude-4-5": "prompt is too long: 250000 tokens > 200000 maximum",
        "gemini": "The input token count (1250000) exceeds the maximum number of tokens allowed (1048576).",
        "bedrock": "Input is too long for requested model.",
    }.get(provider)
    fault = {"fault": "status", "status": 400, "message": words}
    if not words:
        fault["message"] = ("This model's maximum context length is 128000 tokens. However, your messages resulted in "
                            "250000 tokens.")
        fault["code"] = "context_length_exceeded"
    return {"faults": [fault]}


def overload(provider):
    """The step in which the provider is overloaded, in its words."""
    status = 529 if provider in ("anthropic", "claude-4-5") else 503
    return {"faults": [{"fault": "status", "status": status, "message": "Overloaded"}]}


def dying(how):
    """Steps of a stream that ends in the middle, and of one that is complete."""
    told = says("These words are never complete, because the stream dies before them.")
    cut = [{"fault": "cut", "after": 8, "how": how}]
    return [{"rounds": [told], "faults": cut}, {"rounds": [says("Complete.")]}]
