"""The golden fixtures, as tests/golden/README.md describes them."""

import dataclasses
import functools
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden"


@dataclasses.dataclass
class Fixture:
    kind: str
    provider: str
    case: str
    folder: pathlib.Path

    @property
    def name(self):
        return f"{self.kind}/{self.provider}/{self.case}"

    @functools.cached_property
    def given(self):
        """What `.with.json` says."""
        file = self.folder / f"{self.case}.with.json"
        return json.loads(file.read_text()) if file.exists() else {}

    @property
    def operation(self):
        return self.given.get("operation", "chat")

    @property
    def deployment(self):
        return self.given.get("deployment", {})

    @functools.cached_property
    def head(self):
        """The headers of the upstream request, and its path."""
        file = self.folder / f"{self.case}.out.head"
        lines = file.read_text().splitlines() if file.exists() else []
        return dict(line.rsplit(": ", 1) for line in lines)

    def input(self):
        """What came in, as bytes."""
        (file,) = self.folder.glob(f"{self.case}.in.*")
        return file.read_bytes()

    @functools.cached_property
    def said(self):
        """What came of it, if that is one JSON value."""
        return json.loads((self.folder / f"{self.case}.out.json").read_text(errors="surrogatepass"))

    @property
    def is_stream(self):
        """Whether a stream came of it."""
        return (self.folder / f"{self.case}.out.sse").exists()

    @functools.cached_property
    def given_events(self):
        """The events of the provider's stream that are JSON: of server-sent events, or of lines."""
        lines = self.input().decode().splitlines()
        data = [line.removeprefix("data:").strip() for line in lines if not line.startswith(("event:", ":"))]
        return [json.loads(line) for line in data if line and line != "[DONE]"]

    @property
    def is_broken(self):
        """Whether the client is told that the stream was not whole."""
        return any(event.startswith('{"error":') for event in self.events)

    @functools.cached_property
    def events(self):
        """What came of it, if that is a stream: the data of each event."""
        text = (self.folder / f"{self.case}.out.sse").read_text()
        return [event.removeprefix("data: ") for event in text.removesuffix("\n\n").split("\n\n")]

    @property
    def is_refused(self):
        """Whether an error came of it."""
        return isinstance(self.said, dict) and "error" in self.said


def matrix():
    """Requests of clients of every API, as every provider gets them."""
    return [fixture for fixture in fixtures("matrix", ROOT / "tests/inbound") if not fixture.is_refused]


def fixtures(kind, root=GOLDEN):
    """All fixtures of a kind, in their order."""
    for folder in sorted(path for path in (root / kind).iterdir() if path.is_dir()):
        cases = {file.name.split(".out.")[0] for file in folder.iterdir() if ".out." in file.name}
        for case in sorted(cases):
            yield Fixture(kind, folder.name, case, folder)
