"""Do the official packages take what the fixtures say is sent, and what the fixtures say is answered?

- Every upstream request is judged by its provider's package.
- Every answer, every event of a stream and every error that a client gets is judged by `openai`; those of clients of other
  APIs by the packages of these clients.
- The providers' answers and streams, from which these are made, are judged by the provider's package, too: a fixture
  that no provider would send proves nothing.

What a package finds and is wrong about stands in its `EXCEPTIONS`, with the reason; one that no longer applies is a
fault itself. `--update` writes anew what a package makes for us.
"""

import collections
import json
import re
import sys

import golden
from languages import anthropic, bedrock, cohere, contents, gemini, messages, mistral, ollama, openai, responses

LANGUAGES = (anthropic, bedrock, cohere, gemini, mistral, ollama, openai)
SPOKEN = {provider: language for language in LANGUAGES for provider in language.PROVIDERS}


# The client's own wish: what nobody knows goes on as it stands.
WISHES = re.compile("has no vendor_extension$|there is no vendor_extension$|^vendor_extension: Extra inputs")


class Verdicts:
    def __init__(self):
        self.faults, self.counts, self.applied = [], collections.Counter(), set()

    def add(self, fixture, language, found):
        """Counts what was judged (`None`: it was not), and keeps what no exception is about."""
        if found is None:
            return
        self.counts[fixture.kind, language.__name__.removeprefix("languages.")] += 1
        for fault in (fault for fault in found if not WISHES.search(fault)):
            known = [words for words in language.EXCEPTIONS if re.search(words, fault)]
            self.applied.update((language, words) for words in known)
            if not known:
                self.faults.append(f"{fixture.name}: {fault}")


def main():
    verdicts = Verdicts()
    for fixture in golden.fixtures("request"):
        judge_request(fixture, verdicts)
    for fixture in golden.fixtures("response"):
        verdicts.add(fixture, openai, openai.told(fixture, fixture.said))
        judge_answer(fixture, verdicts)
    for fixture in golden.fixtures("stream"):
        for data in fixture.events:
            if data != "[DONE]":
                verdicts.add(fixture, openai, openai.chunk(fixture, json.loads(data)))
        verdicts.add(fixture, openai, openai.together(fixture))
        judge_stream(fixture, verdicts)
    for fixture in golden.fixtures("error"):
        status = int(fixture.case.split("-")[0])
        verdicts.add(fixture, openai, openai.error(fixture.said, status))
    for fixture in golden.matrix():
        verdicts.add(fixture, SPOKEN[fixture.provider], SPOKEN[fixture.provider].request(fixture))
    for api, package in ((responses, "openai"), (messages, "anthropic"), (contents, "google-genai")):
        found, count = api.faults()
        verdicts.faults += found
        verdicts.counts[api.__name__.removeprefix("languages."), package] += count
    verdicts.faults += bedrock.others("--update" in sys.argv[1:])
    for language in LANGUAGES:
        for words in language.EXCEPTIONS:
            if (language, words) not in verdicts.applied:
                verdicts.faults.append(f"{language.__name__}: nothing needs the exception {words!r}")
    for fault in verdicts.faults:
        print(fault, file=sys.stderr)
    for (kind, language), count in sorted(verdicts.counts.items()):
        print(f"{count:5} of {kind} validated with {language}")
    print(f"{len(verdicts.faults)} errors")
    return 1 if verdicts.faults else 0


def judge_request(fixture, verdicts):
    if fixture.provider == "mock":
        # Nobody is asked: it is an answer.
        if not fixture.is_stream:
            verdicts.add(fixture, openai, openai.told(fixture, fixture.said))
    elif fixture.is_refused:
        verdicts.add(fixture, openai, openai.error(fixture.said, 400))
    else:
        language = SPOKEN.get(fixture.provider, openai)
        verdicts.add(fixture, language, language.request(fixture))


def judge_answer(fixture, verdicts):
    language = SPOKEN.get(fixture.provider)
    if fixture.is_refused or language in (None, openai):
        return
    verdicts.add(fixture, language, language.answer(fixture, json.loads(fixture.input())))


def judge_stream(fixture, verdicts):
    language = SPOKEN.get(fixture.provider)
    if language in (None, openai) or fixture.is_broken:
        return
    if hasattr(language, "stream"):
        verdicts.add(fixture, language, language.stream(fixture))
        return
    for event in fixture.given_events:
        verdicts.add(fixture, language, language.event(fixture, event))


if __name__ == "__main__":
    sys.exit(main())
