"""The official OpenAI SDK for Python against every dialect: the golden fixtures are what the providers answer.

Needs what chat.py needs; the gateway has a group for each folder of `tests/golden/request` that asks the rich request.
"""

import base64
import json
import os
import pathlib
import unittest
import urllib.request
import uuid

import openai

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "golden"
DIALECTS = ["anthropic", "azure", "bedrock", "cohere", "gemini", "mistral", "ollama", "openai"]
STREAMS = {"sse": "text/event-stream", "bin": "application/vnd.amazon.eventstream", "ndjson": "application/x-ndjson"}


def client():
    return openai.OpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["API_KEY"], max_retries=0, timeout=30)


def scripted(content_type, answer):
    """A new case of the provider, which answers so; gives the question that belongs to it."""
    name = uuid.uuid4().hex
    pieces = [{"base64": base64.b64encode(answer).decode()}]
    steps = [{"wire": {"status": 200, "content_type": content_type, "pieces": pieces}}]
    url = f"{os.environ['PROVIDER_URL']}/_control/cases/{name}"
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(steps).encode(), method="PUT"), timeout=5).close()
    return [{"role": "user", "content": f"Hello [case {name}]"}]


def own(kind, dialect, case):
    """The folder of a vendor's own fixtures, or of the language that it speaks."""
    there = list((GOLDEN / kind / dialect).glob(f"{case}.in.*"))
    return dialect if there else "openai"


class Dialects(unittest.TestCase):
    def test_whole_answers(self):
        for dialect in DIALECTS:
            for case in ("text", "full"):
                folder = GOLDEN / "response" / own("response", dialect, case)
                with self.subTest(f"{dialect}/{case}"):
                    messages = scripted("application/json", (folder / f"{case}.in.json").read_bytes())
                    said = json.loads((folder / f"{case}.out.json").read_text())["choices"][0]
                    answer = client().chat.completions.create(model=dialect, messages=messages)
                    choice = answer.choices[0]
                    self.assertEqual(choice.message.content, said["message"]["content"])
                    self.assertEqual(choice.finish_reason, said["finish_reason"])
                    self.assertEqual(answer.model, dialect)
                    if usage := answer.usage:
                        self.assertEqual(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
                    calls = [call.function.arguments for call in choice.message.tool_calls or []]
                    expected = said["message"].get("tool_calls") or []
                    self.assertEqual(calls, [call["function"]["arguments"] for call in expected])

    def test_streams(self):
        for dialect in DIALECTS:
            for case in ("text", "full"):
                folder = GOLDEN / "stream" / own("stream", dialect, case)
                file = next(folder.glob(f"{case}.in.*"))
                with self.subTest(f"{dialect}/{case}"):
                    messages = scripted(STREAMS[file.suffix[1:]], file.read_bytes())
                    # The SDK's own accumulation: it refuses what does not fit together.
                    with client().chat.completions.stream(
                        model=dialect, messages=messages, stream_options={"include_usage": True}
                    ) as stream:
                        answer = stream.get_final_completion()
                    lines = (folder / f"{case}.out.sse").read_text().split("\n\n")
                    told = [json.loads(line.removeprefix("data: ")) for line in lines if "{" in line]
                    deltas = [chunk["choices"][0]["delta"] for chunk in told if chunk["choices"]]
                    text = "".join(delta.get("content") or "" for delta in deltas)
                    self.assertEqual(answer.choices[0].message.content or "", text)
                    calls = [call.function.arguments for call in answer.choices[0].message.tool_calls or []]
                    pieces = [call for delta in deltas for call in delta.get("tool_calls") or []]
                    expected = {}
                    for piece in pieces:
                        before = expected.get(piece["index"], "")
                        expected[piece["index"]] = before + piece["function"].get("arguments", "")
                    self.assertEqual(calls, [expected[index] for index in sorted(expected)])
                    self.assertEqual(answer.usage is None, not any(chunk.get("usage") for chunk in told))


if __name__ == "__main__":
    unittest.main()
