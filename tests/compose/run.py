"""Brings docker-compose.yml up for real, in an engine of its own, and asks it everything.

Needs root and Debian's docker.io, docker-compose and debootstrap. No registry is asked: the base images are stand-ins
that are made here, under the real images' names, of Debian and of the Envoy that all tests use; and the programs are
those that `make build` left (the Dockerfile's BUILD=prebuilt). So what is proven is the compose file, the images'
last stages and how the programs behave in them; not that the Dockerfile's first stage builds.

Everything is in one temporary folder, and gone afterwards: the engine, too, which is stopped by its process id.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).parents[2]
CACHE = ROOT / ".tools/compose"
NEEDED = {"dockerd": "docker.io", "docker-compose": "docker-compose", "debootstrap": "debootstrap"}
DEBIAN = "switchboard-test/debian"
KEYS_BASE = "gcr.io/distroless/cc-debian12:nonroot"
ENVOY_IMAGE = "docker.io/envoyproxy/envoy:distroless-v1.40.0"
POSTGRES_IMAGE = "docker.io/library/postgres:17.6-bookworm"
WASM_IMAGE = "switchboard-test/wasm"
PORT = 24000
MASTER_KEY = "sk-master-of-the-compose-test"
ENV_FILE = f"""\
SWITCHBOARD_MASTER_KEY={MASTER_KEY}
SWITCHBOARD_INTERNAL_TOKEN=a-long-random-text
OPENAI_API_KEY=sk-openai-upstream-secret
ANTHROPIC_API_KEY=sk-ant-upstream-secret
"""
CONFIG = """\
# The SDK's tests break deployments on purpose.
router_settings: {disable_cooldowns: true}
model_list:
  - model_name: gpt-4o
    litellm_params:
      {model: openai/gpt-4o, api_base: "http://127.0.0.1:9009/v1", api_key: os.environ/OPENAI_API_KEY}
  - model_name: claude
    litellm_params:
      {model: anthropic/claude-sonnet-4-5, api_base: "http://127.0.0.1:9009", api_key: os.environ/ANTHROPIC_API_KEY}
  - model_name: embed
    litellm_params:
      {model: openai/text-embedding-3-small, api_base: "http://127.0.0.1:9009/v1", api_key: os.environ/OPENAI_API_KEY}
  - model_name: instruct
    litellm_params:
      {model: openai/gpt-3.5-turbo-instruct, api_base: "http://127.0.0.1:9009/v1", api_key: os.environ/OPENAI_API_KEY}
  - model_name: demo
    litellm_params: {model: openai/demo, mock_response: Hello from the demo model.}
"""


def say(line):
    print(f"compose: {line}", flush=True)


def run(*command, **options):
    options = {"check": True, "text": True, "stdout": subprocess.PIPE, "timeout": 300} | options
    return subprocess.run([str(part) for part in command], **options).stdout


def wait_for(what, condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: timed out after {seconds} seconds")
        time.sleep(0.2)


def ask(path, body=None, key=MASTER_KEY):
    """Status and JSON of the gateway's answer; nothing when nobody answers."""
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}")
    request.add_header("authorization", f"Bearer {key}")
    if body is not None:
        request.add_header("content-type", "application/json")
        request.data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return None, None


class Engine:
    """A Docker of our own, in `folder`."""

    def __init__(self, folder):
        self.folder = folder
        socket = f"unix://{folder}/docker.sock"
        arguments = ["--data-root", folder / "data", "--exec-root", folder / "exec", "--host", socket,
                     "--pidfile", folder / "docker.pid"]
        self.log = open(folder / "dockerd.log", "w")
        self.process = subprocess.Popen(["dockerd", *map(str, arguments)], stdout=self.log, stderr=self.log,
                                        start_new_session=True)
        # The command line that belongs to this engine lies beside it.
        beside = os.path.dirname(shutil.which("dockerd").replace("/sbin/", "/bin/"))
        os.environ |= {"DOCKER_HOST": socket, "DOCKER_BUILDKIT": "1", "COMPOSE_DOCKER_CLI_BUILD": "1",
                       "DOCKER_CONFIG": str(folder), "PATH": f"{beside}:{os.environ['PATH']}"}

    def wait(self):
        def answers():
            if self.process.poll() is not None:
                raise AssertionError(f"dockerd exited: {(self.folder / 'dockerd.log').read_text()[-3000:]}")
            return subprocess.run(["docker", "version"], capture_output=True, timeout=20).returncode == 0
        wait_for("dockerd", answers)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


def stand_ins(folder):
    """Base images, under the names of the real ones."""
    tarball = CACHE / "debian.tar"
    if not tarball.exists():
        say("making a Debian for the base images (once) …")
        root = CACHE / "debian"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        run("debootstrap", "--variant=minbase", "--include=ca-certificates,postgresql,python3", "bookworm", root,
            timeout=900, stderr=subprocess.STDOUT)
        run("tar", "--exclude=./var/cache/apt", "--exclude=./var/lib/apt/lists", "-C", root, "-cf",
            f"{tarball}.new", ".")
        os.rename(f"{tarball}.new", tarball)
        shutil.rmtree(root)
    run("docker", "import", tarball, DEBIAN)
    run("docker", "tag", DEBIAN, KEYS_BASE)
    envoy = pathlib.Path(os.environ.get("ENVOY") or ROOT / ".tools/bin/envoy").resolve()
    stand_in(folder, ENVOY_IMAGE, envoy, "/usr/local/bin/envoy")
    entrypoint = ROOT / "tests/compose/postgres.sh"
    stand_in(folder, POSTGRES_IMAGE, entrypoint, "/entrypoint", 'ENTRYPOINT ["/entrypoint"]\nENV PATH=/usr/bin:/bin')


def stand_in(folder, name, program, path, more=""):
    """The Debian with one program more, under the name of the image that has it."""
    image = folder / pathlib.Path(path).name
    image.mkdir()
    shutil.copy(program, image / "program")
    os.chmod(image / "program", 0o755)
    (image / "Dockerfile").write_text(f"FROM {DEBIAN}\nCOPY program {path}\n{more}\n")
    run("docker", "build", "--quiet", "--tag", name, image)


def context(folder):
    """What the images are built of: the repository's files for it, and the programs that are there."""
    build = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    to = folder / "context"
    shutil.copytree(ROOT / "deploy", to / "deploy")
    for name in ["docker-compose.yml", ".dockerignore"]:
        shutil.copy(ROOT / name, to / name)
    launcher = os.environ.get("SWITCHBOARD_BIN", build / "release/switchboard")
    wasm = os.environ.get("SWITCHBOARD_WASM", build / "wasm32-wasip1/release/switchboard.wasm")
    module = build / "release/libswitchboard_module.so"
    for program in [launcher, build / "release/switchboard-keys", wasm, module]:
        shutil.copy(program, to / "deploy/prebuilt")
    (to / ".env").write_text(ENV_FILE)
    (to / "config.yaml").write_text(CONFIG)
    os.environ |= {"BUILD": "prebuilt", "PORT": str(PORT), "PROMETHEUS_PORT": str(PORT + 1), "REPOSITORY": str(ROOT),
                   "FAKE_PROVIDER": str(build / "release/fake-provider")}
    return to


class Compose:
    def __init__(self, folder):
        self.folder = folder

    def __call__(self, *command, **options):
        files = ["--file", "docker-compose.yml", "--file", ROOT / "tests/compose/override.yml"]
        return run("docker-compose", "--project-name", "switchboard-test", *files, *command, cwd=self.folder,
                   stderr=subprocess.STDOUT, **options)

    def inspect(self, service):
        # Also of a container that has stopped.
        number = self("ps", "--quiet", service).strip()
        return json.loads(run("docker", "inspect", number))[0]


def everything(folder):
    stand_ins(folder)
    build = context(folder)
    compose = Compose(build)
    say("docker-compose up …")
    try:
        compose("build", "gateway", "keys")
        compose("up", "--detach")
        check_images(build)
        check_running(compose)
        key = check_requests()
        check_sdk(compose, key)
        check_change(build)
        check_stop(compose, key)
        check_postgres(build, compose)
    except subprocess.CalledProcessError as error:
        raise AssertionError(f"{error}\n{error.stdout}") from error
    except AssertionError:
        print(compose("logs", "--no-color", "--tail", "50"))
        raise
    finally:
        subprocess.run(["docker-compose", "--project-name", "switchboard-test", "--profile", "postgres", "down",
                        "--volumes", "--timeout", "5"],
                       cwd=build, capture_output=True, timeout=120)


def check_images(build):
    run("docker", "build", "--quiet", "--build-arg", "BUILD=prebuilt", "--file", build / "deploy/docker/Dockerfile",
        "--target", "wasm", "--tag", WASM_IMAGE, build)
    number = run("docker", "create", WASM_IMAGE, "none").strip()
    run("docker", "cp", f"{number}:/plugin.wasm", build / "plugin.wasm")
    given = build / "deploy/prebuilt/switchboard.wasm"
    assert (build / "plugin.wasm").read_bytes() == given.read_bytes()
    size = json.loads(run("docker", "inspect", WASM_IMAGE))[0]["Size"]
    assert size == given.stat().st_size, "nothing else is in the image of the filter"


def check_running(compose):
    for service in ["keys", "gateway"]:
        wait_for(f"{service} is healthy", lambda: compose.inspect(service)["State"]["Health"]["Status"] == "healthy")
        container = compose.inspect(service)
        assert container["Config"]["User"] == "65532:65532", container["Config"]["User"]
        assert container["HostConfig"]["ReadonlyRootfs"] is True
        assert container["HostConfig"]["CapDrop"] == ["ALL"]
        assert container["RestartCount"] == 0, f"{service} did not start at once"
    # Only the gateway is to be reached.
    published = {name for name, to in compose.inspect("keys")["NetworkSettings"]["Ports"].items() if to}
    assert published == set(), published
    say("both are healthy, without rights, on file systems that they cannot write")


def check_requests():
    question = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}
    status, answer = ask("/v1/chat/completions", question, key="sk-nobody-has-this")
    assert status == 401, (status, answer)
    status, made = ask("/key/generate", {"key_alias": "compose"})
    assert status == 200, (status, made)
    status, answer = ask("/v1/chat/completions", question, key=made["key"])
    assert status == 200, (status, answer)
    assert answer["choices"][0]["message"]["content"] == "Hello from the demo model.", answer
    say("a stranger is refused, a virtual key is answered")
    return made["key"]


def check_sdk(compose, key):
    os.environ["API_KEY"] = key
    told = compose("run", "--rm", "-T", "sdk")
    assert "OK" in told, told
    say(f"the SDK for Python is content: {told.strip().splitlines()[-3]}")


def check_change(build):
    # In place: a bind mount holds on to the file, not to its name.
    with open(build / "config.yaml", "a") as file:
        file.write("  - {model_name: second, litellm_params: {model: openai/demo, mock_response: Second.}}\n")
    question = {"model": "second", "messages": [{"role": "user", "content": "Hello"}]}
    wait_for("another config.yaml", lambda: ask("/v1/chat/completions", question)[0] == 200, 30)
    say("a change of config.yaml is taken while it runs")


def check_stop(compose, key):
    compose("stop", "gateway", "keys")
    for service in ["gateway", "keys"]:
        state = compose.inspect(service)["State"]
        assert state["ExitCode"] == 0, (service, state)
    compose("up", "--detach")
    wait_for("it is there again", lambda: ask("/health/readiness")[0] == 200)
    status, info = ask(f"/key/info?key={key}")
    assert status == 200 and info["info"]["key_alias"] == "compose", (status, info)
    say("it stops in good order, and keys outlive it")


def check_postgres(build, compose):
    with open(build / ".env", "a") as file:
        file.write("POSTGRES_PASSWORD=secret\nDATABASE_URL=postgres://switchboard:secret@postgres/switchboard\n")
    compose("--profile", "postgres", "up", "--detach")
    wait_for("postgres is healthy", lambda: compose.inspect("postgres")["State"]["Health"]["Status"] == "healthy")
    made = {}

    def is_made():
        status, answer = ask("/key/generate", {"key_alias": "in postgres"})
        made.update(answer or {})
        return status == 200
    # The key service has waited for the database.
    wait_for("a key in Postgres", is_made)
    query = ("psql", "--username", "switchboard", "--tuples-only", "--no-align", "--command",
             "select count(*) from pg_tables where schemaname = 'public'")
    assert compose.inspect("keys")["RestartCount"] == 0
    tables = compose("exec", "-T", "postgres", *query).strip()
    assert int(tables) > 3, tables
    environment = dict(entry.split("=", 1) for entry in compose.inspect("gateway")["Config"]["Env"])
    assert environment["DATABASE_URL"] == environment["POSTGRES_PASSWORD"] == "", "Envoy knows of no database"
    question = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}
    assert ask("/v1/chat/completions", question, key=made["key"])[0] == 200
    say("with --profile postgres the keys are in Postgres, and Envoy does not know it")


def main():
    missing = sorted({package for program, package in NEEDED.items() if not shutil.which(program)})
    if os.geteuid() != 0 or missing:
        why = f"apt-get install {' '.join(missing)}" if missing else "it needs root"
        say(f"SKIPPED, not proven: no engine for containers here ({why})")
        return 0
    folder = pathlib.Path(tempfile.mkdtemp(prefix="switchboard-compose-"))
    engine = Engine(folder)
    try:
        engine.wait()
        everything(folder)
    finally:
        engine.stop()
        shutil.rmtree(folder, ignore_errors=True)
    say("all is well")
    return 0


if __name__ == "__main__":
    sys.exit(main())
