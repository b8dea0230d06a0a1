"""Checks what `scripts/package` built, as a user would: downloads are complete, and the archive runs without Rust.

The programs of the archive start with an environment that has no Rust, in a directory of their own, with both forms of
the filter, and answer the first request of the README. Images are built from the archive if there is an engine that has
the base images, and are reported as skipped otherwise.
"""

import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).parents[2]
DIST = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "dist"
MACHINE = platform.machine()
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
NAME = f"switchboard-{VERSION}-linux-{MACHINE}"
PROGRAMS = ["switchboard", "switchboard-keys", "switchboard.wasm", "libswitchboard_module.so"]
TEXTS = ["CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md", "THIRD-PARTY-LICENSES.txt", "config.yaml"]
# Of Debian 12, which Envoy's image and the key service's are made of.
GLIBC = (2, 36)
# What a machine has that nobody prepared for Rust.
BARE = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def run(*command, **options):
    options = {"check": True, "text": True, "capture_output": True, "timeout": 120} | options
    return subprocess.run([str(part) for part in command], **options).stdout


def free_ports(count):
    """The first of some free ports in a row."""
    while True:
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
        try:
            for other in range(port, port + count):
                with socket.socket() as one:
                    one.bind(("127.0.0.1", other))
        except OSError:
            continue
        return port


class Release(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.unpacked = pathlib.Path(cls.folder.name) / NAME
        with tarfile.open(DIST / f"{NAME}.tar.gz") as archive:
            archive.extractall(cls.folder.name, filter="data")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_every_file_has_its_checksum(self):
        sums = dict(reversed(line.split(maxsplit=1)) for line in (DIST / f"SHA256SUMS-linux-{MACHINE}").read_text().splitlines())
        files = {path.name for path in DIST.iterdir() if not path.name.startswith("SHA256SUMS")}
        self.assertEqual(set(sums), files)
        for name, expected in sums.items():
            self.assertEqual(hashlib.sha256((DIST / name).read_bytes()).hexdigest(), expected, name)

    def test_the_archive_has_the_programs_and_nothing_else(self):
        found = sorted(path.name for path in self.unpacked.iterdir())
        self.assertEqual(found, sorted(PROGRAMS + TEXTS))
        self.assertEqual((self.unpacked / "switchboard.wasm").read_bytes(), (DIST / f"switchboard-{VERSION}.wasm").read_bytes())

    def test_the_programs_run_where_envoys_image_does(self):
        for name in PROGRAMS:
            if name == "switchboard":
                continue
            needed = re.findall(rb"GLIBC_(\d+)\.(\d+)", (self.unpacked / name).read_bytes())
            newest = max(((int(major), int(minor)) for major, minor in needed), default=(0, 0))
            self.assertLessEqual(newest, GLIBC, f"{name} needs a newer glibc")
        # A program that is not linked statically names the loader that it needs.
        self.assertNotIn(b"/ld-linux", (self.unpacked / "switchboard").read_bytes())
        self.assertEqual(run(self.unpacked / "switchboard", "--version", env=BARE).split()[-1], VERSION)
        self.assertEqual(run(self.unpacked / "switchboard-keys", "--version", env=BARE).split()[-1], VERSION)

    def test_the_archive_answers_the_first_request_without_rust(self):
        self.assertIsNone(shutil.which("cargo", path=BARE["PATH"]))
        for host in ["wasm", "native"]:
            with self.subTest(host), tempfile.TemporaryDirectory() as home:
                port = free_ports(4)
                command = [
                    self.unpacked / "switchboard", "up", "--config", self.unpacked / "config.yaml", "--filter", host,
                    "--port", port, "--keys-port", port + 1, "--admin-port", port + 3, "--data-dir", f"{home}/data",
                ]
                environment = BARE | {"HOME": home, "ENVOY": str((ROOT / ".tools/bin/envoy").resolve())}
                gateway = subprocess.Popen(
                    [str(part) for part in command], env=environment, cwd=home, text=True, stdout=subprocess.PIPE,
                    stderr=open(f"{home}/log", "w"),
                )
                try:
                    ready = gateway.stdout.readline()
                    self.assertIn("ready", ready, pathlib.Path(f"{home}/log").read_text())
                    self.assertRegex(self.greeting(port, f"{home}/data/master_key"), "^Hello from Switchboard!")
                finally:
                    gateway.send_signal(signal.SIGTERM)
                    self.assertEqual(gateway.wait(timeout=60), 0)

    def greeting(self, port, master_key):
        body = {"model": "demo", "messages": [{"role": "user", "content": "Hello!"}]}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", json.dumps(body).encode())
        request.add_header("authorization", f"Bearer {pathlib.Path(master_key).read_text().strip()}")
        request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)["choices"][0]["message"]["content"]

    def test_the_bill_of_materials_names_what_the_programs_are_made_of(self):
        bill = json.loads((DIST / f"{NAME}.cdx.json").read_text())
        self.assertEqual(bill["bomFormat"], "CycloneDX")
        found = {(component["name"], component["version"]) for component in bill["components"]}
        for crate in ["switchboard-keys", "switchboard-cli", "switchboard-module"]:
            tree = run("cargo", "tree", "--package", crate, "--edges", "normal", "--prefix", "none", "--format", "{p}", cwd=ROOT)
            # `name v1.2.3`, and where it is from.
            used = {(line.split()[0], line.split()[1].removeprefix("v")) for line in tree.splitlines() if line}
            missing = {one for one in used - found if not one[0].startswith("switchboard")}
            self.assertEqual(missing, set(), crate)

    def test_the_licenses_of_all_dependencies_are_included(self):
        text = (self.unpacked / "THIRD-PARTY-LICENSES.txt").read_text()
        for crate in ["axum", "sqlx", "rustls", "proxy-wasm", "tokio", "tiktoken-rs"]:
            self.assertRegex(text, rf"(?m)^{crate} [0-9]")

    def test_the_chart_is_the_versions(self):
        helm = ROOT / ".tools/deploy/helm"
        shown = run(helm, "show", "chart", DIST / f"switchboard-{VERSION}.tgz")
        self.assertIn(f"version: {VERSION}\n", shown)
        rendered = run(helm, "template", "switchboard", DIST / f"switchboard-{VERSION}.tgz")
        self.assertIn(f"gateway:{VERSION}", rendered)

    def test_images_are_built_from_the_archive(self):
        if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode != 0:
            self.skipTest("there is no container engine, so the images are NOT built")
        prebuilt = ROOT / "deploy/prebuilt"
        for name in PROGRAMS:
            shutil.copy(self.unpacked / name, prebuilt / name)
        try:
            for target in ["keys", "gateway", "wasm"]:
                run("docker", "build", "-f", "deploy/docker/Dockerfile", "--build-arg", "BUILD=prebuilt", "--target", target, ".",
                    cwd=ROOT, timeout=600)
        finally:
            for name in PROGRAMS:
                (prebuilt / name).unlink()


if __name__ == "__main__":
    unittest.main(verbosity=2)
