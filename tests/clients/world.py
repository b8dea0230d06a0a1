"""A real gateway in front of the fake provider, and what the model behind it says."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

from provider import Case, Failed, check

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
MASTER_KEY = "sk-master-of-the-clients-test"

# Model groups, one for each family of providers. The names are those that clients know, and that no client knows.
MODELS = {
    # Azure's surface of OpenAI's API: `openai/` at another address than OpenAI's is any server that claims to be like it. As
    # `azure_ai/`, which also serves other makers' models, it gets no requests of the Responses API.
    "openai": ("gpt-4o", "azure_ai/gpt-4o", "/openai/v1", "sk-openai-upstream"),
    "responses": ("gpt-5.5", "azure/gpt-5.5", "/openai/v1", "sk-openai-upstream"),
    "deepseek": ("deepseek-reasoner", "deepseek/deepseek-reasoner", "/v1", "sk-openai-deepseek"),
    "anthropic": ("claude-opus-4-8", "anthropic/claude-opus-4-8", "", "sk-ant-upstream"),
    "claude-4-5": ("claude-sonnet-4-5", "anthropic/claude-sonnet-4-5", "", "sk-ant-upstream"),
    "gemini": ("gemini-3.1-pro-preview", "gemini/gemini-3.1-pro-preview", "/v1beta", "AIza-upstream"),
    "bedrock": ("bedrock-claude", "bedrock/us.anthropic.claude-sonnet-4-6", "", "bedrock-api-key-upstream"),
}


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for bound in sockets:
            bound.bind(("127.0.0.1", 0))
        return [bound.getsockname()[1] for bound in sockets]


class World:
    """The processes. Use it as a context."""

    def __init__(self):
        # Not in /tmp: Codex installs no helpers there, and then does not patch.
        parent = TARGET / "clients"
        parent.mkdir(parents=True, exist_ok=True)
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=parent))
        self.processes = []
        self.own = threading.local()

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self):
        provider = os.environ.get("FAKE_PROVIDER") or TARGET / "release/fake-provider"
        self.provider = self._run([provider], "provider")
        config = self.folder / "config.yaml"
        config.write_text(json.dumps(self._config()))
        port, admin, keys, second = free_ports(4)
        if second != keys + 1:
            keys = next(port for port in range(20000 + os.getpid() % 10000, 60000, 2) if free(port) and free(port + 1))
        launcher = os.environ.get("SWITCHBOARD_BIN") or TARGET / "release/switchboard"
        arguments = [launcher, "up", "--config", config, "--port", port, "--admin-port", admin, "--keys-port", keys,
                     "--data-dir", self.folder / "data", "--concurrency", 1, "--access-log", self.folder / "access.log",
                     "--envoy", os.environ.get("ENVOY") or TOOLS / "bin/envoy",
                     "--wasm", os.environ.get("SWITCHBOARD_WASM") or TARGET / "wasm32-wasip1/release/switchboard.wasm"]
        self.base = self._run(arguments, "gateway")
        self.key = self.new_key()

    def _run(self, command, name):
        """Starts a program, and waits for the address that it prints when it is ready."""
        log = self.folder / f"{name}.log"
        environment = os.environ | {"LITELLM_MASTER_KEY": MASTER_KEY}
        with log.open("w") as errors:
            process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=errors,
                                       env=environment, text=True, start_new_session=True)
        self.processes.append(process)
        for line in process.stdout:
            if line.startswith("ready "):
                # Nobody may block on a full pipe.
                threading.Thread(target=lambda: [None for _ in process.stdout], daemon=True).start()
                return line.split()[1]
        raise SystemExit(f"{name} exited with {process.wait()}:\n{log.read_text()[-3000:]}")

    def _config(self):
        rows = []
        for provider, (name, model, path, key) in MODELS.items():
            params = {"model": model, "api_base": self.provider + path, "api_key": key}
            # Codex offers other tools to models whose name it knows.
            rows += [{"model_name": alias, "litellm_params": params} for alias in (name, provider, f"gpt-5.5-{provider}", f"gpt-6-sol-{provider}")]
        demo = {"model": "openai/demo", "mock_response": "Hello from the demo model."}
        # Small tasks of Gemini CLI.
        rows += [{"model_name": name, "litellm_params": demo} for name in ("demo", "gemini-2.5-flash")]
        return {
            "model_list": rows,
            # Tasks share the deployments: what one task breaks must not rest for another.
            "router_settings": {"disable_cooldowns": True, "num_retries": 0},
        }

    def ask(self, path, body=None, key=MASTER_KEY):
        """Sends a request to the gateway; gives its status and JSON."""
        request = urllib.request.Request(self.base + path, None if body is None else json.dumps(body).encode())
        request.add_header("authorization", f"Bearer {key}")
        request.add_header("content-type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def new_key(self, **fields):
        status, answer = self.ask("/key/generate", fields)
        check(status == 200, f"no key: {status} {answer}")
        return answer["key"]

    def spent_key(self):
        """A key whose budget is spent."""
        return self.new_key(max_budget=0)

    def case(self, *rounds, faults=None, steps=None):
        """A new case of the provider: what the model says in each round of tools, or which steps it takes."""
        steps = steps or [{"rounds": list(rounds), "faults": faults or []}]
        self.own.case = Case(self.provider, steps)
        return self.own.case

    def logged(self, path, status, after=None):
        """Number of requests in the gateway's access log, of that path and status. With `after`, waits until there are more:
        Envoy writes the log with a delay."""
        def count():
            lines = (json.loads(line) for line in (self.folder / "access.log").read_text().split("\n")[:-1])
            return sum((line["path"] or "").startswith(path) and line["status"] == status for line in lines)

        deadline = time.monotonic() + 20
        while after is not None and count() <= after and time.monotonic() < deadline:
            time.sleep(0.5)
        time.sleep(1)
        return count()

    def directory(self):
        """A new directory, for a client to work in."""
        directory = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        # A repository by itself, so that no client reads this one.
        subprocess.run(["git", "init", "--quiet", directory], check=True)
        return directory


def from_the_page(world, name):
    """The block of docs/clients.md with that name, for this gateway."""
    page = (ROOT / "docs/clients.md").read_text()
    _, _, rest = page.partition(f"<!-- run: {name} -->\n```")
    check(rest, f"docs/clients.md has no block {name!r}")
    code = rest.partition("\n")[2].partition("```")[0]
    return code.replace("http://127.0.0.1:4000", world.base)


def run_the_page(world, name, directory, environment=None):
    """Runs a block of shell commands of docs/clients.md; it must print what the demo model says."""
    environment = {"PATH": f"{TOOLS / 'clients/node_modules/.bin'}:{TOOLS / 'bin'}:{os.environ['PATH']}",
                   "SWITCHBOARD_KEY": world.key} | (environment or {})
    status, out, errors = run(["bash", "-euc", from_the_page(world, name)], environment, directory)
    check(status == 0 and "Hello from the demo model." in out, lambda: f"status {status}: {(out + errors)[-500:]}")


def free(port):
    with socket.socket() as bound:
        try:
            bound.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def run(command, environment, directory, seconds=int(os.environ.get("SECONDS_EACH") or 120), stdin=""):
    """Runs a client to its end; gives its status, output and errors. The environment is only what is given."""
    environment = {"PATH": f"{TOOLS / 'bin'}:{os.environ['PATH']}", "LANG": "C.UTF-8", "TERM": "dumb",
                   "HOME": str(directory)} | environment
    process = subprocess.Popen([str(part) for part in command], env=environment, cwd=directory, text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True)
    try:
        out, errors = process.communicate(stdin, timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, errors = process.communicate()
        raise Failed(f"did not end in {seconds} s: {(out + errors)[-400:]}") from None
    return process.returncode, out, errors
