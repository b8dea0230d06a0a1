"""The official OpenAI SDK for Python against a running gateway.

Needs BASE_URL (with /v1), API_KEY, and PROVIDER_URL: the fake provider behind the gateway, which is told by its control
API what to do. Run it by `cargo test -p switchboard-e2e sdk`, which starts both.
"""

import json
import os
import sys
import unittest
import urllib.request
import uuid

import openai

MODELS = ["gpt-4o", "claude"]

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}},
            "required": ["city"],
        },
    },
}


def client(**options):
    options = {"base_url": os.environ["BASE_URL"], "api_key": os.environ["API_KEY"], "max_retries": 0} | options
    return openai.OpenAI(**options)


def scripted(*steps):
    """A new case of the provider; gives the marker that belongs into the prompt."""
    name = uuid.uuid4().hex
    url = f"{os.environ['PROVIDER_URL']}/_control/cases/{name}"
    request = urllib.request.Request(url, json.dumps(steps).encode(), method="PUT")
    urllib.request.urlopen(request, timeout=5).close()
    return f"[case {name}]"


def user(text):
    return [{"role": "user", "content": text}]


class Chat(unittest.TestCase):
    def it_answers(self):
        for model in MODELS:
            with self.subTest(model):
                answer = client().chat.completions.create(model=model, messages=user("Hello"))
                self.assertEqual(answer.choices[0].message.content, "You said: Hello")
                self.assertEqual(answer.choices[0].message.role, "assistant")
                self.assertEqual(answer.choices[0].finish_reason, "stop")
                self.assertEqual(answer.model, model)
                self.assertEqual(answer.usage.total_tokens, 18)
                self.assertIsNone(answer.choices[0].message.tool_calls)

    def it_answers_many_turns_with_a_system_message(self):
        for model in MODELS:
            with self.subTest(model):
                answer = client().chat.completions.create(
                    model=model,
                    max_tokens=64,
                    temperature=0.2,
                    messages=[
                        {"role": "system", "content": "Be brief."},
                        {"role": "user", "content": "One"},
                        {"role": "assistant", "content": "Two"},
                        {"role": "user", "content": [{"type": "text", "text": "Three"}]},
                    ],
                )
                self.assertEqual(answer.choices[0].message.content, "You said: Three")

    def it_streams_without_usage_unless_asked(self):
        for model in MODELS:
            with self.subTest(model):
                chunks = list(client().chat.completions.create(model=model, messages=user("Hello"), stream=True))
                text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
                self.assertEqual(text, "You said: Hello")
                self.assertEqual([c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason], ["stop"])
                self.assertTrue(all(chunk.usage is None for chunk in chunks))

    def it_streams_with_usage_when_asked(self):
        for model in MODELS:
            with self.subTest(model):
                chunks = list(
                    client().chat.completions.create(
                        model=model, messages=user("Hello"), stream=True, stream_options={"include_usage": True}
                    )
                )
                self.assertTrue(all(chunk.usage is None for chunk in chunks[:-1]))
                self.assertEqual(chunks[-1].choices, [])
                self.assertEqual(chunks[-1].usage.total_tokens, 18)

    def it_accumulates_a_stream(self):
        for model in MODELS:
            with self.subTest(model):
                with client().chat.completions.stream(model=model, messages=user("Hello")) as stream:
                    answer = stream.get_final_completion()
                self.assertEqual(answer.choices[0].message.content, "You said: Hello")


class Tools(unittest.TestCase):
    def it_calls_a_tool_and_is_told_the_result(self):
        for model in MODELS:
            with self.subTest(model):
                messages = user("How is the weather?")
                answer = client().chat.completions.create(model=model, messages=messages, tools=[WEATHER])
                message = answer.choices[0].message
                self.assertEqual(answer.choices[0].finish_reason, "tool_calls")
                self.assertEqual(message.tool_calls[0].function.name, "weather")
                self.assertEqual(json.loads(message.tool_calls[0].function.arguments), {"city": "Paris", "unit": "C"})
                result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "12 degrees"}
                answer = client().chat.completions.create(
                    model=model, messages=[*messages, message, result], tools=[WEATHER]
                )
                self.assertEqual(answer.choices[0].message.content, "The tool says: 12 degrees")

    def it_accumulates_a_streamed_call(self):
        for model in MODELS:
            with self.subTest(model):
                stream = client().chat.completions.stream(
                    model=model, messages=user("Weather?"), tools=[WEATHER], tool_choice="required"
                )
                with stream as events:
                    answer = events.get_final_completion()
                call = answer.choices[0].message.tool_calls[0]
                self.assertEqual(call.function.name, "weather")
                self.assertEqual(json.loads(call.function.arguments), {"city": "Paris", "unit": "C"})


class Embeddings(unittest.TestCase):
    def it_embeds_in_both_encodings(self):
        # Without a format the SDK asks for base64 and decodes it.
        packed = client().embeddings.create(model="embed", input=["one", "two"])
        plain = client().embeddings.create(model="embed", input=["one", "two"], encoding_format="float")
        self.assertEqual([e.embedding for e in packed.data], [e.embedding for e in plain.data])
        self.assertEqual([len(e.embedding) for e in plain.data], [8, 8])
        self.assertNotEqual(plain.data[0].embedding, plain.data[1].embedding)
        self.assertEqual(plain.model, "embed")

    def it_passes_dimensions(self):
        answer = client().embeddings.create(model="embed", input="one", dimensions=4)
        self.assertEqual(len(answer.data[0].embedding), 4)


class Completions(unittest.TestCase):
    def it_completes(self):
        answer = client().completions.create(model="instruct", prompt="Once")
        self.assertEqual(answer.choices[0].text, "You said: Once")


class Models(unittest.TestCase):
    def it_lists_and_retrieves(self):
        ids = [model.id for model in client().models.list()]
        self.assertTrue({"gpt-4o", "claude", "embed", "demo"} <= set(ids), ids)
        self.assertEqual(client().models.retrieve("claude").id, "claude")


class Errors(unittest.TestCase):
    def it_raises_the_class_of_each_status(self):
        classes = {
            400: openai.BadRequestError,
            401: openai.AuthenticationError,
            403: openai.PermissionDeniedError,
            404: openai.NotFoundError,
            429: openai.RateLimitError,
            500: openai.InternalServerError,
        }
        for model in MODELS:
            for status, expected in classes.items():
                for stream in [False, True]:
                    with self.subTest(f"{model} {status} stream={stream}"):
                        marker = scripted({"faults": [{"fault": "status", "status": status}]})
                        with self.assertRaises(expected) as raised:
                            client().chat.completions.create(model=model, messages=user(marker), stream=stream)
                        self.assertEqual(raised.exception.status_code, status)
                        self.assertIn("out of sorts", raised.exception.message)
                        self.assertIsNotNone(raised.exception.type)

    def it_raises_for_what_the_client_does_wrong(self):
        with self.assertRaises(openai.AuthenticationError):
            client(api_key="sk-0123456789abcdef012345").models.list()
        with self.assertRaises(openai.BadRequestError) as raised:
            client().chat.completions.create(model="no-such-model", messages=user("Hello"))
        self.assertIn("Invalid model name", raised.exception.message)
        with self.assertRaises(openai.NotFoundError):
            client().models.retrieve("no-such-model")

    def it_raises_when_a_stream_dies(self):
        for model in MODELS:
            with self.subTest(model):
                marker = scripted(
                    {
                        "reply": {"text": "one two three four"},
                        "faults": [{"fault": "cut", "after": 5, "how": "clean"}],
                    }
                )
                stream = client().chat.completions.create(model=model, messages=user(marker), stream=True)
                with self.assertRaises(openai.APIError):
                    for _ in stream:
                        pass

    def it_is_retried_by_the_sdk_after_a_429(self):
        limited = {"faults": [{"fault": "status", "status": 429, "retry_after": "0"}]}
        marker = scripted(limited, limited, limited, {"reply": {"text": "At last"}})
        answer = client(max_retries=1).chat.completions.create(model="gpt-4o", messages=user(marker))
        self.assertEqual(answer.choices[0].message.content, "At last")


class Azure(unittest.TestCase):
    def it_answers_azures_client(self):
        azure = openai.AzureOpenAI(
            azure_endpoint=os.environ["BASE_URL"].removesuffix("/v1"),
            api_key=os.environ["API_KEY"],
            api_version="2024-10-21",
            max_retries=0,
        )
        answer = azure.chat.completions.create(model="claude", messages=user("Hello"))
        self.assertEqual(answer.choices[0].message.content, "You said: Hello")


if __name__ == "__main__":
    loader = unittest.TestLoader()
    loader.testMethodPrefix = "it_"
    suite = loader.loadTestsFromModule(sys.modules["__main__"])
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
