"""Claude Code: the Messages API."""

import base64
import json

from provider import PIXEL, calls, check, dying, equal, overflow, overload, returned, says
from world import MODELS, TOOLS, run, run_the_page

NAME = "Claude Code"
PROGRAM = TOOLS / "clients/node_modules/.bin/claude"


class Ended:
    """What a run of the program printed."""

    def __init__(self, status, out, errors):
        self.status, self.text = status, out + errors
        self.events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        results = [event for event in self.events if event["type"] == "result"]
        check(results, lambda: f"no result, status {status}: {self.text[-500:]}")
        self.result = results[-1]

    @property
    def said(self):
        return self.result.get("result") or ""

    def good(self, text):
        check(not self.result["is_error"], lambda: f"an error: {self.said[:400]}")
        equal(self.said, text, "the result")
        return self

    def bad(self, text):
        check(self.result["is_error"], lambda: f"no error, but {self.said[:200]!r}")
        check(text.lower() in self.said.lower(), lambda: f"not {text!r}: {self.said[:400]!r}")
        return self

    def blocks(self, kind):
        """The blocks of that type in the model's turns, as the program shows them."""
        turns = (event["message"]["content"] for event in self.events if event["type"] == "assistant")
        return [block for blocks in turns for block in blocks if block["type"] == kind]


def ask(world, provider, prompt, *arguments, directory=None, environment=None):
    name = MODELS.get(provider, (provider,))[0]
    directory = directory or world.directory()
    command = [PROGRAM, "-p", prompt, "--model", name, "--output-format", "stream-json", "--verbose", *arguments]
    environment = {
        "ANTHROPIC_BASE_URL": world.base,
        "ANTHROPIC_API_KEY": world.key,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": name,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "2",
        "DISABLE_AUTOUPDATER": "1",
    } | (environment or {})
    environment = {name: value for name, value in environment.items() if value is not None}
    return Ended(*run(command, environment, directory))


def hello(world, provider):
    case = world.case(says("Hello from the model."))
    ask(world, provider, case.prompt("Say hello")).good("Hello from the model.")
    case.accepted()


def as_documented(world, _):
    run_the_page(world, "claude-code", world.directory())


def hello_by_token(world, provider):
    case = world.case(says("Hello from the model."))
    environment = {"ANTHROPIC_API_KEY": None, "ANTHROPIC_AUTH_TOKEN": world.key}
    ask(world, provider, case.prompt("Say hello"), environment=environment).good("Hello from the model.")
    case.accepted()


def hello_by_helper(world, provider):
    case = world.case(says("Hello from the model."))
    settings = json.dumps({"apiKeyHelper": f"echo {world.key}"})
    ended = ask(world, provider, case.prompt("Say hello"), "--settings", settings, environment={"ANTHROPIC_API_KEY": None})
    ended.good("Hello from the model.")
    case.accepted()


def one_tool(world, provider):
    directory = world.directory()
    (directory / "note.txt").write_text("the note says 4711\n")
    case = world.case(
        calls(("Bash", {"command": "echo from-the-shell", "description": "Echoes"}), reasoning="Which tool?"),
        calls(("Read", {"file_path": str(directory / "note.txt")}), reasoning="Which tool?"),
        says("The file: {results}"),
    )
    ended = ask(world, provider, case.prompt("Run echo, then read note.txt"), "--allowedTools", "Bash,Read",
                directory=directory)
    requests = case.accepted()
    equal(len(requests), 3, "requests")
    check("from-the-shell" in json.dumps(requests[1]["body"]), "the output of the command did not reach the model")
    check("the note says 4711" in ended.said, lambda: f"the file's text did not reach the model: {ended.said!r}")
    returned(provider, requests, 2)


def parallel_tools(world, provider):
    echo = lambda word: ("Bash", {"command": f"echo {word}-was-echoed", "description": "Echoes"})
    case = world.case(calls(echo("one"), echo("two"), echo("three"), reasoning="Which tool?"), says("{results}"))
    ended = ask(world, provider, case.prompt("Run echo three times"), "--allowedTools", "Bash")
    requests = case.accepted()
    equal(len(requests), 2, "requests")
    words = [word for word in ("one", "two", "three") if f"{word}-was-echoed" in ended.said]
    equal(words, ["one", "two", "three"], "results that reached the model, in order")
    returned(provider, requests, 1)


def long_stream(world, provider):
    text = " ".join(f"word{index}" for index in range(3000))
    case = world.case(says(text), faults=[{"fault": "shred", "size": 1000}])
    ask(world, provider, case.prompt("Count"), environment={"CLAUDE_CODE_MAX_OUTPUT_TOKENS": "20000"}).good(text)
    case.accepted()


def dying_stream(world, provider):
    case = world.case(steps=dying("clean"))
    ended = ask(world, provider, case.prompt("Say something"))
    check(len(case.accepted()) >= 2, "a stream that died was taken for a complete answer")
    ended.good("Complete.")


def reset_stream(world, provider):
    case = world.case(steps=dying("reset"))
    ended = ask(world, provider, case.prompt("Say something"))
    check(len(case.accepted()) >= 2, "a stream that died was taken for a complete answer")
    ended.good("Complete.")


def thinking(world, provider):
    case = world.case(says("Thought through.", reasoning="Let me think about it."))
    ended = ask(world, provider, case.prompt("Think"))
    ended.good("Thought through.")
    case.accepted()
    blocks = ended.blocks("thinking")
    equal(len(blocks), 1, "thinking blocks")


def context(world, provider):
    case = world.case(says("not asked"))
    ended = ask(world, provider, "/context")
    check(not ended.result["is_error"] and "context" in ended.said.lower(), lambda: f"{ended.said[:300]!r}")
    equal(len(case.requests()), 0, "requests for answers")


def json_schema(world, provider):
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    case = world.case(calls(("StructuredOutput", {"city": "Paris"})), says("Done."))
    ended = ask(world, provider, case.prompt("Which city?"), "--json-schema", json.dumps(schema))
    case.accepted()
    equal(ended.result.get("structured_output"), {"city": "Paris"}, "the structured output")


def picture(world, provider):
    directory = world.directory()
    (directory / "dot.png").write_bytes(base64.b64decode(PIXEL))
    case = world.case(calls(("Read", {"file_path": str(directory / "dot.png")})), says("A dot."))
    ask(world, provider, case.prompt("Look"), "--allowedTools", "Read", directory=directory).good("A dot.")
    requests = case.accepted()
    check("iVBORw0KGgo" in json.dumps(requests[-1]["body"]), "the picture did not reach the model")


def tool_search(world, provider):
    """The definition of a deferred tool comes with the request after the search."""
    case = world.case(calls(("ToolSearch", {"query": "select:WebFetch", "max_results": 1})), says("Found it."))
    ask(world, provider, case.prompt("Search a tool")).good("Found it.")
    requests = case.accepted()
    equal(len(requests), 2, "requests")
    check("WebFetch" in json.dumps(requests[1]["body"].get("tools") or requests[1]["body"]["toolConfig"]),
          "the definition of the tool did not reach the model")


def found_tool(world, provider):
    """A tool that was loaded later is called like any other."""
    case = world.case(
        calls(("ToolSearch", {"query": "select:WebFetch", "max_results": 1})),
        # Nothing listens there, which the model reads as the tool's result.
        calls(("WebFetch", {"url": "https://127.0.0.1:9/page", "prompt": "Read it"})),
        says("So: {results}"),
    )
    ended = ask(world, provider, case.prompt("Fetch a page"), "--allowedTools", "WebFetch",
                "--settings", json.dumps({"skipWebFetchPreflight": True}))
    equal(len(case.accepted()), 3, "requests")
    check("ECONNREFUSED" in ended.said, lambda: f"the tool was not called: {ended.said[:400]!r}")


def search(world, provider):
    """A search is a request of its own, with nothing but the search tool."""
    inner = world.case(says("It was found."))
    query = inner.prompt("What is new?")
    outer = world.case(
        calls(("ToolSearch", {"query": "select:WebSearch", "max_results": 1})),
        calls(("WebSearch", {"query": query})),
        says("So: {results}"),
    )
    return ask(world, provider, outer.prompt("Search the web"), "--allowedTools", "WebSearch"), inner


def web_search(world, provider):
    ended, inner = search(world, provider)
    check("It was found." in ended.said, lambda: f"no results: {ended.said[:400]!r}")
    [request] = inner.accepted()
    check("search" in json.dumps(request["body"]["tools"]).lower(), lambda: f"no search: {request['body']['tools']}")


def no_web_search(world, provider):
    """A model without a search must not make up what it would have found."""
    ended, inner = search(world, provider)
    check("needs a web search" in ended.said, lambda: f"not refused: {ended.said[:400]!r}")
    equal(len(inner.requests()), 0, "requests for the search")


def subagent(world, provider):
    task = {"description": "Say hello", "subagent_type": "general-purpose", "run_in_background": False}
    case = world.case(says("Hello from the subagent."))
    task["prompt"] = case.prompt("Say hello")
    outer = world.case(calls(("Agent", task)), says("It said: {results}"))
    ended = ask(world, provider, outer.prompt("Start an agent"))
    check("Hello from the subagent." in ended.said, lambda: f"{ended.said[:400]!r}")
    outer.accepted()


def compact(world, provider):
    case = world.case(says("A summary of all that was said."))
    directory = world.directory()
    ask(world, provider, case.prompt("Say something"), directory=directory)
    before = len(case.accepted())
    ended = ask(world, provider, "/compact", "--continue", directory=directory)
    check(not ended.result["is_error"], lambda: ended.said[:400])
    check(len(case.accepted()) > before, "the conversation was not summarized")


def spent_budget(world, _):
    before = world.logged("/v1/messages", 402)
    ended = ask(world, "openai", "Hello", environment={"ANTHROPIC_API_KEY": world.spent_key()})
    ended.bad("budget")
    equal(world.logged("/v1/messages", 402, after=before) - before, 1, "requests")


def wrong_key(world, _):
    ask(world, "openai", "Hello", environment={"ANTHROPIC_API_KEY": "sk-unknown"}).bad("API key")


def unknown_model(world, _):
    ask(world, "no-such-model", "Hello").bad("model")


def busy(world, provider):
    case = world.case(steps=[overload(provider)])
    ended = ask(world, provider, case.prompt("Hello"))
    ended.bad("overloaded")
    # CLAUDE_CODE_MAX_RETRIES=2
    equal(len(case.requests()), 3, "requests")


def passing_overload(world, provider):
    case = world.case(steps=[overload(provider), {"rounds": [says("At last.")]}])
    ask(world, provider, case.prompt("Hello")).good("At last.")
    equal(len(case.requests()), 2, "requests")


def too_long(world, provider):
    case = world.case(steps=[overflow(provider)])
    ended = ask(world, provider, case.prompt("Hello"))
    ended.bad("prompt is too long")
    equal(len(case.requests()), 1, "requests")


EVERY = ["openai", "deepseek", "anthropic", "claude-4-5", "gemini", "bedrock"]
SEARCHERS = ["anthropic", "claude-4-5", "gemini"]
THINKERS = [provider for provider in EVERY if provider != "openai"]

TASKS = [
    ("as docs/clients.md says", as_documented, ["-"]),
    ("hello, ANTHROPIC_API_KEY", hello, EVERY),
    ("hello, ANTHROPIC_AUTH_TOKEN", hello_by_token, ["openai"]),
    ("hello, apiKeyHelper", hello_by_helper, ["openai"]),
    ("Bash, then Read", one_tool, EVERY),
    ("3 parallel calls", parallel_tools, EVERY),
    ("long stream", long_stream, EVERY),
    ("stream without an end", dying_stream, EVERY),
    ("stream that is reset", reset_stream, ["openai", "anthropic"]),
    ("thinking", thinking, THINKERS),
    ("ToolSearch", tool_search, EVERY),
    ("ToolSearch, then WebFetch", found_tool, EVERY),
    ("WebSearch", web_search, SEARCHERS),
    ("WebSearch without a search", no_web_search, [provider for provider in EVERY if provider not in SEARCHERS]),
    ("subagent", subagent, ["openai", "gemini"]),
    ("/compact", compact, ["openai", "gemini"]),
    ("picture", picture, EVERY),
    ("--json-schema", json_schema, EVERY),
    ("/context", context, ["openai", "anthropic"]),
    ("overload", busy, EVERY),
    ("overload that passes", passing_overload, ["openai", "anthropic"]),
    ("context overflow", too_long, EVERY),
    ("spent budget", spent_budget, ["-"]),
    ("wrong key", wrong_key, ["-"]),
    ("unknown model", unknown_model, ["-"]),
]
