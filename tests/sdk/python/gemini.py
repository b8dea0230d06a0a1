"""Google's Gen AI SDK for Python: the Gemini API, in front of every kind of provider."""

import functools
import unittest

from google import genai
from google.genai import errors, types

import families
from families import FAMILIES, calls, came_back, case, each, fault, says

TOOL = types.Tool(function_declarations=[
    types.FunctionDeclaration(name="weather", description="Tells the weather.",
                              parameters_json_schema=families.WEATHER),
])
THINKING = types.ThinkingConfig(include_thoughts=True, thinking_budget=2048)
GEMINI_3 = types.ThinkingConfig(include_thoughts=True, thinking_level="LOW")


def thinking(family):
    return GEMINI_3 if family == "gemini" else THINKING


# The SDK closes a client that nobody holds.
@functools.cache
def client(key=families.KEY):
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=families.ROOT, timeout=30_000))


class Gemini(unittest.TestCase):
    @each
    def test_content_is_generated(self, family):
        told = case(says("Bonjour", usage={"input": 10, "cached": 5, "output": 9}))
        answer = client().models.generate_content(model=family, contents=told.prompt())
        self.assertEqual((answer.text, answer.model_version), ("Bonjour", family))
        usage = answer.usage_metadata
        self.assertEqual((usage.prompt_token_count, usage.cached_content_token_count), (15, 5))
        self.assertEqual(usage.candidates_token_count, 9)
        told.requests()

    @each
    def test_a_stream_has_all_of_the_text(self, family):
        told = case(says("One two three.", reasoning="Which city?"))
        config = types.GenerateContentConfig(thinking_config=thinking(family))
        chunks = list(client().models.generate_content_stream(model=family, contents=told.prompt(), config=config))
        parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts or []]
        said = "".join(part.text for part in parts if part.text and not part.thought)
        thought = "".join(part.text for part in parts if part.text and part.thought)
        self.assertEqual((said, thought), ("One two three.", "" if family == "openai" else "Which city?"))
        self.assertEqual(chunks[-1].candidates[0].finish_reason, "STOP")
        told.requests()

    def converse(self, family, stream):
        told = case(calls("Paris", "Rome"), says("{results}"))
        config = types.GenerateContentConfig(tools=[TOOL], thinking_config=thinking(family))
        chat = client().chats.create(model=family, config=config)
        send = chat.send_message_stream if stream else lambda message: [chat.send_message(message)]
        answers = list(send(told.prompt("How is the weather?")))
        asked = [call for answer in answers for call in answer.function_calls or []]
        self.assertEqual([call.args for call in asked], [{"city": "Paris"}, {"city": "Rome"}])
        results = [
            types.Part.from_function_response(name=call.name, response={"output": f"{call.args['city']}: 12 degrees"})
            for call in asked
        ]
        said = "".join(answer.text or "" for answer in send(results))
        for city in ("Paris", "Rome"):
            self.assertIn(f"{city}: 12 degrees", said)
        requests = told.requests()
        self.assertEqual(len(requests), 2)
        self.assertTrue(came_back(family, requests[1]), requests[1]["body"])

    @each
    def test_functions_are_called_and_their_results_come_back(self, family):
        self.converse(family, stream=False)

    @each
    def test_functions_are_called_in_streams(self, family):
        self.converse(family, stream=True)

    def test_functions_are_called_by_the_sdk_itself(self):
        def weather(city: str) -> str:
            """Tells the weather."""
            return f"{city}: 12 degrees"

        for family in FAMILIES:
            told = case(calls("Paris"), says("{results}"))
            config = types.GenerateContentConfig(tools=[weather])
            answer = client().models.generate_content(model=family, contents=told.prompt("Weather?"), config=config)
            self.assertIn("Paris: 12 degrees", answer.text)
            told.requests()

    @each
    def test_a_schema_is_followed(self, family):
        told = case(says('{"city": "Paris"}'))
        config = types.GenerateContentConfig(
            response_mime_type="application/json",
            response_schema=types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")}),
        )
        answer = client().models.generate_content(model=family, contents=told.prompt(), config=config)
        self.assertEqual(answer.parsed, {"city": "Paris"})
        told.requests()

    @each
    def test_a_stream_that_dies_is_an_error(self, family):
        told = case(says("Never complete, not at all."), faults=[{"fault": "cut", "after": 4, "how": "clean"}])
        with self.assertRaises(errors.APIError):
            list(client().models.generate_content_stream(model=family, contents=told.prompt()))

    def test_tokens_are_counted_and_models_listed(self):
        names = [model.name for model in client().models.list()]
        for family in FAMILIES:
            counted = client().models.count_tokens(model=family, contents="How many tokens are in this?")
            self.assertGreater(counted.total_tokens, 5)
            self.assertIn(f"models/{family}", names)

    def test_errors_are_of_their_class(self):
        for key, model, code in [("sk-unknown", "openai", 401), (families.KEY, "no-such-model", 400)]:
            with self.assertRaises(errors.ClientError) as raised:
                client(key).models.generate_content(model=model, contents="Hello")
            self.assertEqual(raised.exception.code, code)
        for family in FAMILIES:
            for status, kind, name in [(429, errors.ClientError, "RESOURCE_EXHAUSTED"),
                                       (503, errors.ServerError, "UNAVAILABLE")]:
                with self.assertRaises(kind) as raised:
                    client().models.generate_content(model=family, contents=fault(status).prompt())
                self.assertEqual((raised.exception.code, raised.exception.status), (status, name))


if __name__ == "__main__":
    unittest.main()
