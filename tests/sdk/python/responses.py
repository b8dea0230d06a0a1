"""The official OpenAI SDK for Python against the Responses API of a running gateway that stores responses.

Needs BASE_URL (with /v1) and API_KEY. Run it by `cargo test -p switchboard-e2e stored`, which starts all that it needs.
"""

import os
import unittest

import openai
from pydantic import BaseModel

MODELS = ["gpt-4o", "claude"]


def client():
    return openai.OpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["API_KEY"], max_retries=0, timeout=30)


class Stored(unittest.TestCase):
    def test_a_response_is_found_by_its_id_until_it_is_deleted(self):
        for model in MODELS:
            with self.subTest(model):
                responses = client().responses
                made = responses.create(model=model, input="Hello", instructions="Be brief", metadata={"a": "b"})
                self.assertEqual((made.status, made.store), ("completed", True))
                found = responses.retrieve(made.id)
                self.assertEqual(found.model_dump(), made.model_dump())
                items = responses.input_items.list(made.id).data
                self.assertEqual([(item.type, item.role, item.content[0].text) for item in items], [("message", "user", "Hello")])
                with self.assertRaises(openai.BadRequestError):
                    responses.cancel(made.id)
                responses.delete(made.id)
                with self.assertRaises(openai.NotFoundError):
                    responses.retrieve(made.id)

    def test_a_conversation_goes_on_with_the_id_of_its_last_response(self):
        for model in MODELS:
            with self.subTest(model):
                responses = client().responses
                first = responses.create(model=model, input="One")
                second = responses.create(model=model, input="Two", previous_response_id=first.id)
                self.assertEqual(second.previous_response_id, first.id)
                self.assertGreater(second.usage.input_tokens, 0)
                with responses.stream(model=model, input="Three", previous_response_id=second.id) as stream:
                    third = stream.get_final_response()
                self.assertEqual((third.store, third.output_text), (True, "You said: Three"))
                again = responses.retrieve(third.id)
                self.assertEqual((again.previous_response_id, again.output_text), (second.id, third.output_text))
                responses.delete(second.id)
                with self.assertRaises(openai.BadRequestError) as raised:
                    responses.create(model=model, input="Four", previous_response_id=third.id)
                self.assertEqual(raised.exception.code, "previous_response_not_found")

    def test_items_of_a_turn_are_the_input_of_the_next(self):
        class Weather(BaseModel):
            """Tells the weather."""

            city: str

        for model in MODELS:
            with self.subTest(model):
                responses = client().responses
                tools = [{"type": "function", "name": "weather", "description": "Tells the weather.",
                          "parameters": Weather.model_json_schema(), "strict": False}]
                first = responses.create(model=model, input="How is the weather?", tools=tools)
                [call] = [item for item in first.output if item.type == "function_call"]
                result = {"type": "function_call_output", "call_id": call.call_id, "output": "12 degrees"}
                second = responses.create(model=model, input=[result], tools=tools, previous_response_id=first.id)
                self.assertEqual(second.output_text, "The tool says: 12 degrees")
                # The same with everything in the input, and with references to stored items.
                whole = [{"role": "user", "content": "How is the weather?"}, *first.output, result]
                self.assertEqual(responses.create(model=model, input=whole, tools=tools).output_text, second.output_text)
                referred = [{"role": "user", "content": "How is the weather?"},
                            *({"type": "item_reference", "id": item.id} for item in first.output), result]
                self.assertEqual(responses.create(model=model, input=referred, tools=tools).output_text, second.output_text)

    def test_a_conversation_is_counted_and_compacted(self):
        responses = client().responses
        first = responses.create(model="gpt-4o", input="A long question " * 50)
        alone = responses.input_tokens.count(model="gpt-4o", input="Two")
        whole = responses.input_tokens.count(model="gpt-4o", input="Two", previous_response_id=first.id)
        self.assertGreater(whole.input_tokens, alone.input_tokens + 100)
        compacted = responses.compact(model="gpt-4o", input="Two", previous_response_id=first.id)
        self.assertEqual([item.type for item in compacted.output], ["compaction"])
        next_one = responses.create(model="gpt-4o", input=[*compacted.output, {"role": "user", "content": "Go on"}])
        self.assertEqual(next_one.output_text, "You said: Go on")

    def test_what_is_not_to_be_stored_is_not(self):
        responses = client().responses
        made = responses.create(model="gpt-4o", input="Hello", store=False)
        self.assertFalse(made.store)
        with self.assertRaises(openai.NotFoundError):
            responses.retrieve(made.id)


if __name__ == "__main__":
    unittest.main()
