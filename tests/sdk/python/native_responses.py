"""The official OpenAI SDK for Python, with a provider that has the Responses API and keeps responses itself."""

import os
import unittest

import openai

import families
from families import calls, case, says

MODEL = "responses"
TOOL = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather.",
    "parameters": families.WEATHER,
    "strict": True,
}


def responses(**options):
    options = {"base_url": os.environ["BASE_URL"], "api_key": families.KEY, "max_retries": 0, "timeout": 30} | options
    return openai.OpenAI(**options).responses


def result_of(response):
    [call] = [item for item in response.output if item.type == "function_call"]
    return {"type": "function_call_output", "call_id": call.call_id, "output": "12 degrees"}


class Kept(unittest.TestCase):
    def test_a_response_is_found_by_its_id_until_it_is_deleted(self):
        told = case(says("Bonjour", reasoning="Hm."))
        prompt = told.prompt()
        made = responses().create(model=MODEL, input=prompt, instructions="Be brief", metadata={"a": "b"})
        self.assertEqual((made.status, made.store, made.model), ("completed", True, MODEL))
        found = responses().retrieve(made.id)
        self.assertEqual(found.model_dump(), made.model_dump())
        page = responses().input_items.list(made.id, limit=1)
        self.assertEqual([item.content[0].text for item in page.data], [prompt])
        self.assertEqual(responses().input_items.list(made.id, after=page.data[0].id).data, [])
        with self.assertRaises(openai.BadRequestError) as raised:
            responses().cancel(made.id)
        self.assertIn("synchronous", str(raised.exception))
        responses().delete(made.id)
        with self.assertRaises(openai.NotFoundError):
            responses().retrieve(made.id)
        with self.assertRaises(openai.BadRequestError) as raised:
            responses().create(model=MODEL, input=prompt, previous_response_id=made.id)
        self.assertEqual(raised.exception.code, "previous_response_not_found")

    def test_a_conversation_goes_on_with_the_id_of_its_last_response(self):
        for stream in [False, True]:
            told = case(calls("Paris"), says("{results}"))
            # Every request has the instructions, and with them the name of the case.
            asked = {"model": MODEL, "tools": [TOOL], "reasoning": {"effort": "medium"}, "instructions": told.prompt("Be brief")}

            def answer(**more):
                if not stream:
                    return responses().create(**asked, **more)
                with responses().stream(**asked, **more) as events:
                    return events.get_final_response()

            first = answer(input=told.prompt("How is the weather?"))
            second = answer(input=[result_of(first)], previous_response_id=first.id)
            self.assertEqual((second.output_text, second.previous_response_id), ("12 degrees", first.id))
            told.requests()

    def test_items_are_the_input_of_the_next_turn_whole_or_by_their_ids(self):
        for include in [[], ["reasoning.encrypted_content"]]:
            for stream in [False, True]:
                told = case(calls("Paris"), says("{results}"))
                asked = {"model": MODEL, "tools": [TOOL], "reasoning": {"effort": "medium"}, "include": include}
                question = {"role": "user", "content": told.prompt("How is the weather?")}
                if stream:
                    with responses().stream(input=[question], **asked) as events:
                        first = events.get_final_response()
                else:
                    first = responses().create(input=[question], **asked)
                self.assertEqual([item.type for item in first.output], ["reasoning", "function_call"])
                whole = responses().create(input=[question, *first.output, result_of(first)], **asked)
                self.assertEqual(whole.output_text, "12 degrees")
                by_id = [{"type": "item_reference", "id": item.id} for item in first.output]
                referred = responses().create(input=[question, *by_id, result_of(first)], **asked)
                self.assertEqual(referred.output_text, "12 degrees")
                told.requests()

    def test_a_response_in_the_background_is_fetched_or_cancelled(self):
        made = responses().create(model=MODEL, input=case(says("Bonjour")).prompt(), background=True)
        self.assertEqual(made.status, "queued")
        self.assertEqual(responses().retrieve(made.id).output_text, "Bonjour")
        made = responses().create(model=MODEL, input=case(says("Bonjour")).prompt(), background=True)
        self.assertEqual(responses().cancel(made.id).status, "cancelled")

    def test_a_stream_is_replayed(self):
        made = responses().create(model=MODEL, input=case(says("One two")).prompt(), background=True, stream=True)
        events = list(made)
        again = list(responses().retrieve(events[0].response.id, stream=True, starting_after=1))
        self.assertEqual([event.model_dump() for event in again], [event.model_dump() for event in events[2:]])

    def test_what_the_provider_refuses_is_told(self):
        with self.assertRaises(openai.BadRequestError) as raised:
            responses().create(model=MODEL, input="Hello", extra_body={"unheard_of": 1})
        error = raised.exception
        self.assertEqual((error.param, error.code), ("unheard_of", "unknown_parameter"))
        self.assertIn("Unknown parameter: 'unheard_of'.", str(error))
        for item in [
            {"type": "item_reference", "id": "msg_0000000000000001f39cc0605cedc8359e3779b97f4a7c15"},
            {"type": "image_generation_call", "id": "ig_1", "result": None, "status": "completed"},
        ]:
            with self.assertRaises(openai.NotFoundError) as raised:
                responses().create(model=MODEL, input=[item])
            self.assertIn("not found", str(raised.exception))

    def test_a_conversation_is_compacted(self):
        compacted = responses().compact(model=MODEL, input="A long question " * 50)
        self.assertEqual([item.type for item in compacted.output], ["compaction"])
        told = case(says("Bonjour"))
        items = [*compacted.output, {"role": "user", "content": told.prompt()}]
        self.assertEqual(responses().create(model=MODEL, input=items).output_text, "Bonjour")


if __name__ == "__main__":
    unittest.main()
