"""The official Anthropic SDK for Python: the Messages API, in front of every kind of provider."""

import unittest

import anthropic

import families
from families import FAMILIES, calls, came_back, case, each, fault, says

TOOL = {"name": "weather", "description": "Tells the weather.", "input_schema": families.WEATHER}
THINKING = {"type": "enabled", "budget_tokens": 2048}


def client(**options):
    options = {"base_url": families.ROOT, "api_key": families.KEY, "max_retries": 0, "timeout": 30} | options
    return anthropic.Anthropic(**options)


def ask(family, messages, **options):
    messages = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    return {"model": family, "max_tokens": 4096, "messages": messages} | options


def text(message):
    return "".join(block.text for block in message.content if block.type == "text")


class Messages(unittest.TestCase):
    @each
    def test_a_message_is_created(self, family):
        told = case(says("Bonjour", usage={"input": 10, "cached": 5, "output": 9}))
        message = client().messages.create(**ask(family, told.prompt()))
        self.assertEqual(text(message), "Bonjour")
        self.assertEqual((message.stop_reason, message.model), ("end_turn", family))
        self.assertEqual((message.usage.input_tokens, message.usage.cache_read_input_tokens), (10, 5))
        self.assertEqual(message.usage.output_tokens, 9)
        told.requests()

    @each
    def test_a_stream_accumulates_to_the_same_message(self, family):
        told = case(says("One two three.", reasoning="Which city?"))
        with client().messages.stream(**ask(family, told.prompt(), thinking=THINKING)) as stream:
            said = "".join(stream.text_stream)
            message = stream.get_final_message()
        self.assertEqual((said, text(message)), ("One two three.", "One two three."))
        self.assertEqual(message.stop_reason, "end_turn")
        thoughts = "".join(block.thinking for block in message.content if block.type == "thinking")
        self.assertEqual(thoughts, "" if family == "openai" else "Which city?")
        told.requests()

    def converse(self, family, stream):
        told = case(calls("Paris", "Rome"), says("{results}"))
        messages = [{"role": "user", "content": told.prompt("How is the weather?")}]
        for _ in range(2):
            asked = ask(family, messages, tools=[TOOL], thinking=THINKING)
            if stream:
                with client().messages.stream(**asked) as events:
                    message = events.get_final_message()
            else:
                message = client().messages.create(**asked)
            uses = [block for block in message.content if block.type == "tool_use"]
            # Through the SDK's own types: what they do not know is lost.
            messages.append({"role": "assistant", "content": message.content})
            results = [
                {"type": "tool_result", "tool_use_id": use.id, "content": f"{use.input['city']}: 12 degrees"}
                for use in uses
            ]
            messages.append({"role": "user", "content": results})
            if message.stop_reason != "tool_use":
                break
        self.assertEqual(text(message), "Paris: 12 degrees\nRome: 12 degrees")
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
    def test_a_stream_that_dies_is_an_error(self, family):
        told = case(says("Never complete, not at all."), faults=[{"fault": "cut", "after": 5, "how": "clean"}])
        with self.assertRaises(anthropic.APIStatusError):
            with client().messages.stream(**ask(family, told.prompt())) as stream:
                stream.get_final_message()

    @each
    def test_tokens_are_counted(self, family):
        counted = client().messages.count_tokens(
            model=family, messages=[{"role": "user", "content": "How many tokens are in this?"}], tools=[TOOL]
        )
        self.assertGreater(counted.input_tokens, 10)

    def test_models_are_listed(self):
        ids = [model.id for model in client().models.list()]
        for family in FAMILIES:
            self.assertIn(family, ids)

    def test_a_key_may_be_a_token(self):
        told = case(says("Bonjour"))
        bearer = client(api_key=None, auth_token=families.KEY)
        self.assertEqual(text(bearer.messages.create(**ask("openai", told.prompt()))), "Bonjour")

    def test_errors_are_of_their_class(self):
        with self.assertRaises(anthropic.AuthenticationError):
            client(api_key="sk-unknown").messages.create(**ask("openai", "Hello"))
        with self.assertRaises(anthropic.BadRequestError):
            client().messages.create(**ask("no-such-model", "Hello"))
        with self.assertRaises(anthropic.BadRequestError):
            client().messages.create(model="openai", max_tokens=9, messages=[])
        for family in FAMILIES:
            for status, kind in [(429, anthropic.RateLimitError), (500, anthropic.InternalServerError),
                                 (503, anthropic.InternalServerError)]:
                with self.assertRaises(kind) as raised:
                    client().messages.create(**ask(family, fault(status).prompt()))
                self.assertIn("out of sorts", str(raised.exception))
                self.assertTrue(raised.exception.body["request_id"])

    @each
    def test_the_sdk_retries_an_overload(self, family):
        told = families.Case({"faults": [{"fault": "status", "status": 503}]}, {"rounds": [says("At last")]})
        message = client(max_retries=2).messages.create(**ask(family, told.prompt()))
        self.assertEqual(text(message), "At last")


if __name__ == "__main__":
    unittest.main()
