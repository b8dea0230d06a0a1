"""Codex CLI: the Responses API."""

import base64
import json

from provider import PIXEL, calls, check, dying, equal, overflow, overload, returned, says
from world import MODELS, TOOLS, from_the_page, run, run_the_page

NAME = "Codex"
PROGRAM = TOOLS / "clients/node_modules/.bin/codex"

CONFIG = """\
model_provider = "switchboard"

[model_providers.switchboard]
name = "Switchboard"
base_url = "{base}/v1"
env_key = "SWITCHBOARD_KEY"
wire_api = "responses"
supports_websockets = false
request_max_retries = 1
stream_max_retries = 1
"""


class Ended:
    """What a run of the program printed."""

    def __init__(self, status, out, errors):
        self.status, self.text = status, out + errors
        self.events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        self.items = [event["item"] for event in self.events if event["type"] == "item.completed"]
        self.errors = [event for event in self.events if event["type"] in ("error", "turn.failed")]

    @property
    def said(self):
        said = [item["text"] for item in self.items if item["type"] == "agent_message"]
        return said[-1] if said else ""

    def good(self, text):
        equal(self.status, 0, f"the status, with {self.text[-600:]!r}")
        equal(self.said, text, "the last message")
        return self

    def bad(self, text):
        check(self.status != 0, lambda: f"no error, but {self.said[:200]!r}")
        check(text.lower() in json.dumps(self.errors).lower(), lambda: f"not {text!r}: {self.errors!r}")
        return self


def ask(world, provider, prompt, *arguments, model=None, directory=None, config=CONFIG, environment=None):
    directory = directory or world.directory()
    home = directory / ".codex"
    home.mkdir()
    (home / "config.toml").write_text(config.format(base=world.base))
    model = model or MODELS.get(provider, (provider,))[0]
    command = [PROGRAM, "exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox",
               "-m", model, *arguments, prompt]
    environment = {"CODEX_HOME": str(home), "SWITCHBOARD_KEY": world.key} | (environment or {})
    return Ended(*run(command, environment, directory))


def hello(world, provider):
    case = world.case(says("Hello from the model."))
    ask(world, provider, case.prompt("Say hello")).good("Hello from the model.")
    equal(len(case.accepted()), 1, "requests")


def as_documented(world, _):
    directory = world.directory()
    (directory / ".codex").mkdir()
    (directory / ".codex/config.toml").write_text(from_the_page(world, "codex-config"))
    run_the_page(world, "codex", directory)


def known_model(model):
    """The model's name decides which tools Codex offers, and how."""
    def hello(world, provider):
        case = world.case(says("Hello from the model."))
        ask(world, provider, case.prompt("Say hello"), model=named(model, provider)).good("Hello from the model.")
        equal(len(case.accepted()), 1, "requests")
    return hello


def named(model, provider):
    return f"{model}-{provider}"


def built_in_provider(world, provider):
    """The provider `openai` with another address tries a WebSocket first."""
    case = world.case(says("Hello from the model."))
    config = 'openai_base_url = "{base}/v1"\n'
    environment = {"CODEX_API_KEY": world.key}
    ask(world, provider, case.prompt("Say hello"), config=config, environment=environment).good("Hello from the model.")
    equal(len(case.accepted()), 1, "requests")


def parallel_commands(world, provider):
    echo = lambda word: ("exec_command", {"cmd": f"echo {word}-was-echoed"})
    case = world.case(calls(echo("one"), echo("two"), reasoning="Which tool?"), says("{results}"))
    ended = ask(world, provider, case.prompt("Run echo twice"), model=named("gpt-5.5", provider))
    requests = case.accepted()
    equal(len(requests), 2, "requests")
    words = [word for word in ("one", "two") if f"{word}-was-echoed" in ended.said]
    equal(words, ["one", "two"], "results that reached the model")
    returned(provider, requests, 1)


PATCH = """\
*** Begin Patch
*** Add File: greeting.txt
+Hello, "world".
*** End Patch
"""


def patch(world, provider):
    directory = world.directory()
    case = world.case(calls(("apply_patch", {"input": PATCH}), reasoning="Which tool?"), says("Patched."))
    ended = ask(world, provider, case.prompt("Add a file"), model=named("gpt-5.5", provider), directory=directory)
    ended.good("Patched.")
    requests = case.accepted()
    equal(len(requests), 2, "requests")
    file = directory / "greeting.txt"
    check(file.is_file(), lambda: f"no file was added: {json.dumps(requests[1]['body'])[-600:]}")
    equal(file.read_text(), 'Hello, "world".\n', "the added file")
    returned(provider, requests, 1)


def picture_by_tool(world, provider):
    directory = world.directory()
    (directory / "dot.png").write_bytes(base64.b64decode(PIXEL))
    case = world.case(calls(("view_image", {"path": str(directory / "dot.png")})), says("A dot."))
    model = named("gpt-5.5", provider)
    ask(world, provider, case.prompt("Look"), model=model, directory=directory).good("A dot.")
    check("iVBORw0KGgo" in json.dumps(case.accepted()[-1]["body"]), "the picture did not reach the model")


def lite(world, provider):
    """Newer models have their tools in the input, and run commands by a custom tool with a grammar."""
    script = 'text(await tools.exec_command({cmd: "echo was-echoed"}))'
    case = world.case(calls(("exec", {"input": script}), reasoning="Which tool?"), says("{results}"))
    ended = ask(world, provider, case.prompt("Run echo"), model=named("gpt-6-sol", provider))
    requests = case.accepted()
    equal(len(requests), 2, "requests")
    check("was-echoed" in ended.said, lambda: f"no output of the command: {ended.said[:500]!r}")
    returned(provider, requests, 1)


def namespace(world, provider):
    """Tools of a namespace are called by their own name."""
    inner = world.case(says("Hello from the agent."))
    task = {"message": inner.prompt("Say hello")}
    outer = world.case(calls(("multi_agent_v1__spawn_agent", task)), says("{results}"))
    # By a name that Codex does not know; it may end its turn before or after the agent has.
    ended = ask(world, provider, outer.prompt("Start an agent"), model=provider)
    check(len(outer.accepted()) >= 2, "the tool's result did not reach the model")
    check("agent_id" in ended.said, lambda: f"no agent was started: {ended.said[:400]!r}")


def tool_search(world, provider):
    """Tools that a search has found join the tools of the next request."""
    case = world.case(calls(("tool_search", {"query": "spawn agent"})), says("Found it."))
    ask(world, provider, case.prompt("Find a tool"), model=named("gpt-5.5", provider)).good("Found it.")
    before, after = (json.dumps(request["body"]) for request in case.accepted())
    # Of its definition; its name is in the query, too.
    check("Agent id to" not in before and "Agent id to" in after, "no definition reached the model")


def compaction(world, provider):
    """A conversation that has become too long is summarized, and goes on with the summary."""
    long = calls(("exec_command", {"cmd": "echo was-echoed"})) | {"usage": {"input": 90_000, "output": 10}}
    case = world.case(steps=[{"rounds": [one]} for one in (long, says("A summary."), says("After it."))])
    ask(world, provider, case.prompt("Run echo"), "-c", "model_auto_compact_token_limit=50000",
        model=named("gpt-5.5", provider)).good("After it.")
    requests = case.accepted()
    equal(len(requests), 3, "requests")
    last = json.dumps(requests[2]["body"])
    check("A summary." in last and "was-echoed" not in last, "the conversation did not go on with its summary")


def reasoning(world, provider):
    case = world.case(says("Thought through.", reasoning="Let me think about it."))
    ended = ask(world, provider, case.prompt("Think"), "-c", "model_reasoning_summary=detailed",
                "-c", "model_reasoning_effort=high", "-c", "model_supports_reasoning_summaries=true")
    ended.good("Thought through.")
    case.accepted()
    shown = [item["text"] for item in ended.items if item["type"] == "reasoning"]
    equal(shown, ["Let me think about it."], "the reasoning that is shown")


def output_schema(world, provider):
    directory = world.directory()
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
              "additionalProperties": False}
    (directory / "schema.json").write_text(json.dumps(schema))
    case = world.case(says('{"city":"Paris"}'))
    ended = ask(world, provider, case.prompt("Which city?"), "--output-schema", directory / "schema.json",
                directory=directory)
    ended.good('{"city":"Paris"}')
    body = json.dumps(case.accepted()[0]["body"])
    check('"city"' in body or r'\"city\"' in body, "the schema did not reach the model")


def picture(world, provider):
    directory = world.directory()
    (directory / "dot.png").write_bytes(base64.b64decode(PIXEL))
    case = world.case(says("A dot."))
    ask(world, provider, case.prompt("Look"), "-i", directory / "dot.png", "--", directory=directory).good("A dot.")
    check("iVBORw0KGgo" in json.dumps(case.accepted()[-1]["body"]), "the picture did not reach the model")


def long_stream(world, provider):
    text = " ".join(f"word{index}" for index in range(3000))
    case = world.case(says(text), faults=[{"fault": "shred", "size": 1000}])
    ask(world, provider, case.prompt("Count")).good(text)
    equal(len(case.accepted()), 1, "requests")


def dying_stream(world, provider):
    case = world.case(steps=dying("clean"))
    ask(world, provider, case.prompt("Say something")).good("Complete.")
    equal(len(case.accepted()), 2, "requests")


def quota(world, _):
    before = world.logged("/v1/responses", 429)
    ended = ask(world, "openai", "Hello", environment={"SWITCHBOARD_KEY": world.spent_key()})
    ended.bad("quota")
    equal(world.logged("/v1/responses", 429, after=before) - before, 1, "requests")


def wrong_key(world, _):
    ask(world, "openai", "Hello", environment={"SWITCHBOARD_KEY": "sk-unknown"}).bad("401")


def unknown_model(world, _):
    ask(world, "no-such-model", "Hello").bad("no-such-model")


def busy(world, provider):
    case = world.case(steps=[overload(provider)])
    ask(world, provider, case.prompt("Hello")).bad("overloaded")
    # (request_max_retries + 1) × (stream_max_retries + 1)
    check(len(case.requests()) <= 4, lambda: f"{len(case.requests())} requests")


def too_long(world, provider):
    case = world.case(steps=[overflow(provider)])
    ask(world, provider, case.prompt("Hello")).bad("ran out of room")
    equal(len(case.requests()), 1, "requests")


EVERY = ["openai", "responses", "deepseek", "anthropic", "gemini", "bedrock"]
THINKERS = [provider for provider in EVERY if provider != "openai"]

TASKS = [
    ("as docs/clients.md says", as_documented, ["-"]),
    ("hello, unknown model", hello, EVERY),
    ("hello, gpt-5.5", known_model("gpt-5.5"), EVERY),
    ("hello, openai_base_url", built_in_provider, ["openai"]),
    ("2 parallel exec_command", parallel_commands, EVERY),
    ("apply_patch", patch, EVERY),
    ("view_image", picture_by_tool, EVERY),
    ("exec of gpt-6-sol", lite, EVERY),
    ("spawn_agent of a namespace", namespace, EVERY),
    ("tool_search", tool_search, EVERY),
    ("compaction", compaction, EVERY),
    ("reasoning is shown", reasoning, THINKERS),
    ("--output-schema", output_schema, EVERY),
    ("picture", picture, EVERY),
    ("long stream", long_stream, EVERY),
    ("stream without an end", dying_stream, EVERY),
    ("overload", busy, EVERY),
    ("context overflow", too_long, EVERY),
    ("quota spent", quota, ["-"]),
    ("wrong key", wrong_key, ["-"]),
    ("unknown model", unknown_model, ["-"]),
]
