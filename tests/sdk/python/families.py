"""What the tests of the SDKs have in common: the groups of the gateway, and what the model behind them says.

Needs BASE_URL (with /v1), API_KEY, and PROVIDER_URL: the fake provider behind the gateway, which a control API scripts.
`cargo test -p switchboard-e2e sdk` starts both.
"""

import functools
import json
import os
import urllib.request
import uuid

# One group for each kind of provider.
FAMILIES = ["openai", "deepseek", "anthropic", "gemini", "bedrock"]
# Those and a provider with the Responses API, whose clients are relayed to it.
WITH_RESPONSES = [*FAMILIES, "responses"]
KEY = os.environ["API_KEY"]
# Without /v1.
ROOT = os.environ["BASE_URL"].removesuffix("/v1")
# What every seal of the provider begins with: its opaque state, in base64.
SEAL = "c2VhbGVkIGJ5IHRoZSBmYWtlIHByb3ZpZGVyOi"

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


class Case:
    """What the provider does in one test, and the requests that it received."""

    def __init__(self, *steps):
        self.name = uuid.uuid4().hex
        self.url = f"{os.environ['PROVIDER_URL']}/_control/cases/{self.name}"
        self._ask("PUT", json.dumps(steps).encode())

    def _ask(self, method, body=None):
        with urllib.request.urlopen(urllib.request.Request(self.url, body, method=method), timeout=30) as answer:
            return json.load(answer)

    def prompt(self, text="Hello"):
        return f"{text} [case {self.name}]"

    def requests(self):
        """The requests, none of which the provider may have refused."""
        requests = self._ask("GET")
        refused = [request["refused"] for request in requests if request["refused"]]
        assert not refused, refused
        return requests


def says(text, reasoning=None, **more):
    """The model answers; `{results}` is replaced by what the tools returned."""
    return {"text": text, "reasoning": reasoning, "finish": "end"} | more


def calls(*cities, reasoning="Which city?"):
    """The model asks for the weather of these cities."""
    asked = [{"name": "weather", "arguments": json.dumps({"city": city})} for city in cities]
    return {"reasoning": reasoning, "tool_calls": asked, "finish": "tools"}


def case(*rounds, faults=()):
    """A conversation in which the model says these things, one in each round of tools."""
    return Case({"rounds": rounds, "faults": list(faults)})


def fault(status, message="The provider is out of sorts.", **more):
    return Case({"faults": [{"fault": "status", "status": status, "message": message} | more]})


def each_of(families):
    """Runs a test once for each of these groups."""
    def decorate(test):
        @functools.wraps(test)
        def run(self):
            for family in families:
                with self.subTest(family):
                    test(self, family)
        return run
    return decorate


each = each_of(FAMILIES)


def came_back(family, request):
    """Whether the model's own state is in a request that the provider received."""
    body = request["body"]
    if family == "openai":
        return True
    if family == "deepseek":
        return any(message.get("reasoning_content") == "Which city?" for message in body["messages"])
    return SEAL in json.dumps(body)
