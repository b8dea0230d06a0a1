"""Real clients, unmodified, against a real gateway and a fake provider: one line for each client, provider and task.

`make test-clients` builds and installs what this needs. `tests/clients/run.py codex/gemini` runs a part: the words have to
be in the name of the line. `KEEP=1` keeps the logs.
"""

import concurrent.futures
import json
import os
import sys
import time
import traceback

import claude_code
import codex
import gemini_cli
from provider import Failed
from world import ROOT, World

CLIENTS = [claude_code, codex, gemini_cli]
# Each of them is a process of its own, which takes a second of a core to start.
AT_ONCE = int(os.environ.get("JOBS") or max(2, (os.cpu_count() or 2)))


def attempt(world, run, provider):
    """Runs one task; gives the seconds that it took, and why it failed."""
    begun = time.monotonic()
    world.own.case = None
    try:
        run(world, provider)
        why = ""
    except Failed as failed:
        why = str(failed)
    except Exception:
        why = traceback.format_exc(limit=-2).strip()
    if why and os.environ.get("KEEP") and (case := getattr(world.own, "case", None)):
        (world.folder / f"{case.name}.json").write_text(json.dumps(case.requests(), indent=1))
        why += f" ({world.folder.relative_to(ROOT)}/{case.name}.json)"
    return time.monotonic() - begun, why


def main():
    lines = [
        (f"{client.NAME:12} {provider:11} {task}", run, provider)
        for client in CLIENTS for task, run, providers in client.TASKS for provider in providers
    ]
    words = [word.lower() for word in sys.argv[1:]]
    lines = [line for line in lines if all(word in line[0].lower() for word in words)]
    if not lines:
        sys.exit("no line has these words")
    failed = 0
    with World() as world, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        running = [(name, pool.submit(attempt, world, run, provider)) for name, run, provider in lines]
        print(f"{'client':12} {'provider':11} {'task':28} result", flush=True)
        for name, result in running:
            seconds, why = result.result()
            failed += bool(why)
            print(f"{name:53}{f'FAILED: {why}' if why else 'passed'} ({seconds:.1f} s)", flush=True)
    print(f"\n{len(lines) - failed} of {len(lines)} passed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
