"""The official OpenAI SDK for Python: the Responses API, in front of every kind of provider."""

import json
import os
import unittest

import openai
from pydantic import BaseModel

import families
from families import WITH_RESPONSES as FAMILIES, calls, came_back, case, fault, says

each = families.each_of(FAMILIES)

TOOL = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather.",
    "parameters": families.WEATHER,
    "strict": True,
}
REASONING = {"effort": "medium", "summary": "auto"}


class Place(BaseModel):
    city: str


def client(**options):
    options = {"base_url": os.environ["BASE_URL"], "api_key": families.KEY, "max_retries": 0, "timeout": 30} | options
    return openai.OpenAI(**options)


def answer(stream=False, **asked):
    """A response, whole or as the SDK accumulates it from a stream."""
    # OpenAI's models without reasoning take no effort.
    asked |= {} if asked["model"] == "openai" else {"reasoning": REASONING}
    if not stream:
        return client().responses.create(**asked)
    with client().responses.stream(**asked) as events:
        return events.get_final_response()


class Responses(unittest.TestCase):
    @each
    def test_a_response_is_created(self, family):
        told = case(says("Bonjour", usage={"input": 10, "cached": 5, "output": 9}))
        response = client().responses.create(model=family, input=told.prompt())
        self.assertEqual((response.output_text, response.status, response.model), ("Bonjour", "completed", family))
        usage = response.usage
        self.assertEqual((usage.input_tokens, usage.input_tokens_details.cached_tokens), (15, 5))
        self.assertEqual((usage.output_tokens, usage.total_tokens), (9, 24))
        told.requests()

    @each
    def test_a_stream_accumulates_to_the_same_response(self, family):
        told = case(says("One two three.", reasoning="Which city?"))
        response = answer(stream=True, model=family, input=told.prompt())
        self.assertEqual((response.output_text, response.status), ("One two three.", "completed"))
        summaries = [part.text for item in response.output if item.type == "reasoning" for part in item.summary]
        self.assertEqual(summaries, [] if family == "openai" else ["Which city?"])
        told.requests()

    def converse(self, family, stream):
        told = case(calls("Paris", "Rome"), says("{results}"))
        items = [{"role": "user", "content": told.prompt("How is the weather?")}]
        asked = {"model": family, "tools": [TOOL], "include": ["reasoning.encrypted_content"], "store": False}
        response = answer(stream, input=items, **asked)
        # Through the SDK's own types: what they do not know is lost.
        items += response.output
        wanted = [item for item in response.output if item.type == "function_call"]
        self.assertEqual([json.loads(item.arguments)["city"] for item in wanted], ["Paris", "Rome"])
        items += [
            {"type": "function_call_output", "call_id": item.call_id, "output": f"{city}: 12 degrees"}
            for item, city in zip(wanted, ["Paris", "Rome"])
        ]
        response = answer(stream, input=items, **asked)
        self.assertEqual(response.output_text, "Paris: 12 degrees\nRome: 12 degrees")
        requests = told.requests()
        self.assertEqual(len(requests), 2)
        self.assertTrue(came_back(family, requests[1]), requests[1]["body"])

    @each
    def test_tools_are_called_and_their_results_come_back(self, family):
        self.converse(family, stream=False)

    @each
    def test_tools_are_called_in_streams(self, family):
        self.converse(family, stream=True)

    @each
    def test_a_schema_is_followed(self, family):
        told = case(says('{"city": "Paris"}'))
        response = client().responses.parse(model=family, input=told.prompt(), text_format=Place)
        self.assertEqual(response.output_parsed, Place(city="Paris"))
        told.requests()

    @each
    def test_a_stream_that_dies_is_no_response(self, family):
        told = case(says("Never complete, not at all."), faults=[{"fault": "cut", "after": 5, "how": "clean"}])
        with client().responses.stream(model=family, input=told.prompt()) as events:
            kinds = [event.type for event in events]
        self.assertEqual(kinds[-1], "response.failed")

    @each
    def test_tokens_are_counted(self, family):
        counted = client().responses.input_tokens.count(model=family, input="How many tokens are in this?")
        self.assertGreater(counted.input_tokens, 5)

    def test_what_is_not_stored_is_not_found(self):
        with self.assertRaises(openai.NotFoundError):
            client().responses.retrieve("resp_unknown")

    def test_errors_are_of_their_class(self):
        with self.assertRaises(openai.AuthenticationError):
            client(api_key="sk-unknown").responses.create(model="openai", input="Hello")
        with self.assertRaises(openai.BadRequestError):
            client().responses.create(model="no-such-model", input="Hello")
        for family in FAMILIES:
            for status, kind in [(429, openai.RateLimitError), (500, openai.InternalServerError),
                                 (503, openai.InternalServerError)]:
                with self.assertRaises(kind) as raised:
                    client().responses.create(model=family, input=fault(status).prompt())
                self.assertIn("out of sorts", str(raised.exception))

    @each
    def test_the_sdk_retries_an_overload(self, family):
        told = families.Case({"faults": [{"fault": "status", "status": 503}]}, {"rounds": [says("At last")]})
        response = client(max_retries=2).responses.create(model=family, input=told.prompt())
        self.assertEqual(response.output_text, "At last")


if __name__ == "__main__":
    unittest.main()
