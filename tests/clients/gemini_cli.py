"""Gemini CLI: the Gemini API."""

import json

from provider import calls, check, equal, returned, says
from world import MODELS, TOOLS, from_the_page, run, run_the_page

NAME = "Gemini CLI"
PROGRAM = TOOLS / "clients/node_modules/.bin/gemini"


class Ended:
    """What a run of the program printed."""

    def __init__(self, status, out, errors):
        self.status, self.text = status, out + errors
        try:
            self.result = json.loads(out[out.index("{"):])
        except ValueError:
            self.result = {}

    @property
    def said(self):
        return self.result.get("response") or ""

    def good(self, text):
        equal(self.status, 0, f"the status, with {self.text[-600:]!r}")
        equal(self.said, text, "the response")
        return self

    def bad(self, text):
        check(self.status != 0, lambda: f"no error, but {self.said[:200]!r}")
        check(text.lower() in self.text.lower(), lambda: f"not {text!r}: {self.text[-600:]!r}")
        return self


def ask(world, provider, prompt, directory=None, key=None):
    directory = directory or world.directory()
    settings = directory / ".gemini/settings.json"
    settings.parent.mkdir()
    # To models that it does not know it sends no thinking.
    thinking = {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 8192}}
    settings.write_text(json.dumps({
        "modelConfigs": {"customOverrides": [
            {"match": {"model": MODELS[provider][0]}, "modelConfig": {"generateContentConfig": thinking}}
            for provider in ("deepseek", "anthropic", "bedrock")
        ]},
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"enableAutoUpdate": False},
    }))
    name = MODELS.get(provider, (provider,))[0]
    command = [PROGRAM, "-m", name, "-p", prompt, "-o", "json", "--yolo", "--skip-trust"]
    environment = {"GOOGLE_GEMINI_BASE_URL": world.base, "GEMINI_API_KEY": key or world.key}
    return Ended(*run(command, environment, directory))


def hello(world, provider):
    case = world.case(says("Hello from the model."))
    ask(world, provider, case.prompt("Say hello")).good("Hello from the model.")
    case.accepted()


def as_documented(world, _):
    directory = world.directory()
    (directory / ".gemini").mkdir()
    (directory / ".gemini/settings.json").write_text(from_the_page(world, "gemini-cli-config"))
    run_the_page(world, "gemini-cli", directory, {"GEMINI_CLI_TRUST_WORKSPACE": "true"})


def tools(world, provider):
    directory = world.directory()
    (directory / "note.txt").write_text("the note says 4711\n")
    case = world.case(
        calls(("run_shell_command", {"command": "echo from-the-shell"}), reasoning="Which tool?"),
        calls(("read_file", {"file_path": "note.txt"}), reasoning="Which tool?"),
        says("The file: {results}"),
    )
    ended = ask(world, provider, case.prompt("Run echo, then read note.txt"), directory)
    requests = case.accepted()
    equal(len(requests), 3, "requests")
    check("from-the-shell" in json.dumps(requests[1]["body"]), "the output of the command did not reach the model")
    check("the note says 4711" in ended.said, lambda: f"the file's text did not reach the model: {ended.said!r}")
    returned(provider, requests, 2)


def parallel_tools(world, provider):
    echo = lambda word: ("run_shell_command", {"command": f"echo {word}-was-echoed"})
    case = world.case(calls(echo("one"), echo("two"), reasoning="Which tool?"), says("{results}"))
    ended = ask(world, provider, case.prompt("Run echo twice"))
    requests = case.accepted()
    equal(len(requests), 2, "requests")
    words = [word for word in ("one", "two") if f"{word}-was-echoed" in ended.said]
    equal(words, ["one", "two"], "results that reached the model")
    returned(provider, requests, 1)


def wrong_key(world, _):
    ask(world, "gemini", "Hello", key="sk-unknown").bad("key")


EVERY = ["openai", "deepseek", "anthropic", "gemini", "bedrock"]

TASKS = [
    ("as docs/clients.md says", as_documented, ["-"]),
    ("hello", hello, EVERY),
    ("shell, then read_file", tools, EVERY),
    ("2 parallel calls", parallel_tools, EVERY),
    ("wrong key", wrong_key, ["-"]),
]
