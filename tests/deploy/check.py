"""Judges what is in deploy/ by what the platforms themselves say of it.

Kubernetes' resources are checked against its own schemas, unknown fields refused; Istio's and the Gateway API's
against models made of their definitions; the chart is linted, rendered in several ways, and compared with what
`switchboard render` writes. Envoy Gateway's own two kinds (EnvoyProxy, EnvoyPatchPolicy) are in no registry: here only
their names are known, and a real Envoy takes what they make of it (tests/e2e/tests/platforms.rs).
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import kubernetes_validate
import yaml

KUBERNETES = "1.35"
ROOT = pathlib.Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/switchboard"
HELM = ROOT / ".tools/deploy/helm"
RENDERED = ["kubernetes", "kubernetes-sidecar", "istio", "envoy-gateway"]
MODELLED = ("networking.istio.io/", "gateway.networking.k8s.io/")
# In no registry.
UNKNOWN = {"EnvoyProxy", "EnvoyPatchPolicy"}


def resources(text):
    return [resource for resource in yaml.safe_load_all(text) if resource]


def rendered(name):
    return resources((ROOT / f"deploy/{name}.yaml").read_text())


def helm(*arguments, fails=False):
    run = subprocess.run([HELM, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    if fails != (run.returncode != 0):
        raise AssertionError(f"helm {arguments}: {run.returncode}\n{run.stdout}\n{run.stderr}")
    return run.stdout + run.stderr if fails else run.stdout


def template(*settings, name="switchboard"):
    return resources(helm("template", name, CHART, "--namespace", "default", *settings))


def keys_program():
    launcher = os.environ.get("SWITCHBOARD_BIN", ROOT / "target/release/switchboard")
    return pathlib.Path(launcher).with_name("switchboard-keys")


def wrong_in_kubernetes(resource):
    try:
        kubernetes_validate.validate(resource, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{resource['kind']} {resource['metadata']['name']}: {error}"
    return None


def wrong_in_models(found):
    run = subprocess.run(
        [ROOT / ".tools/bin/node", ROOT / "tests/deploy/models.mjs"],
        input=json.dumps(found), capture_output=True, text=True, timeout=60, cwd=ROOT,
    )
    if run.returncode != 0:
        raise AssertionError(run.stderr)
    return run.stdout


def find(found, kind, name):
    return next(one for one in found if one["kind"] == kind and one["metadata"]["name"] == name)


def container(found, deployment):
    return find(found, "Deployment", deployment)["spec"]["template"]["spec"]["containers"][0]


def reached(policy):
    """Who reaches which ports: (labels of pods, all namespaces or the policy's own, ports)."""
    return [
        (peer["podSelector"]["matchLabels"], "namespaceSelector" in peer, sorted(port["port"] for port in rule["ports"]))
        for rule in policy["spec"]["ingress"] for peer in rule["from"]
    ]


# Stands in for kubectl and helm in the documentation's commands: notes how it was called, and with which file.
NOTES = """#!/bin/sh
{ printf '%s\\n' "$(basename "$0")"; printf '%s\\n' "$@"; printf '\\n'; } >> "$NOTES"
"""


def documented(heading):
    """The blocks for shells under a heading of docs/deployment.md."""
    page = (ROOT / "docs/deployment.md").read_text()
    section = re.split(r"\n##+ ", page.split(f"\n{heading}\n")[1])[0]
    return re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def run_documented(code, folder):
    """Runs a block in a folder that looks like the repository; gives the calls of kubectl and helm."""
    launcher = os.environ.get("SWITCHBOARD_BIN", ROOT / "target/release/switchboard")
    programs, notes = folder / "programs", folder / "notes"
    if not programs.exists():
        programs.mkdir()
        for name in ["kubectl", "helm"]:
            (programs / name).write_text(NOTES)
            (programs / name).chmod(0o755)
        (programs / "switchboard").symlink_to(launcher)
        (folder / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    notes.write_text("")
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "NOTES": str(notes)}
    subprocess.run(["bash", "-euc", code], check=True, cwd=folder, env=environment, timeout=60, stdout=subprocess.DEVNULL)
    return [call.split("\n") for call in notes.read_text().strip().split("\n\n")]


class Documented(unittest.TestCase):
    def applied(self, heading, name, more=""):
        """The resources that the commands under a heading apply; `more` are further options of `render`."""
        with tempfile.TemporaryDirectory() as folder:
            code = documented(heading)[0].replace(" --out deploy", f" --out deploy {more}", 1)
            calls = run_documented(code, pathlib.Path(folder))
            self.assertEqual(calls[-1], ["kubectl", "apply", "--server-side", "-f", f"deploy/{name}.yaml"])
            text = (pathlib.Path(folder) / f"deploy/{name}.yaml").read_text()
        return calls, text, resources(text)

    def test_the_commands_for_each_platform_apply_what_it_knows_in_the_namespace(self):
        for heading, name in [("## Kubernetes", "kubernetes"), ("## Istio", "istio"), ("## Envoy Gateway", "envoy-gateway")]:
            for more in ["", *(["--tls-secret name-of-a-secret"] if "--tls-secret NAME" in documented(heading)[0] else [])]:
                _, text, found = self.applied(heading, name, more)
                self.assertEqual("name-of-a-secret" in text, bool(more), name)
                modelled = [one for one in found if one["apiVersion"].startswith(MODELLED)]
                for resource in found:
                    self.assertEqual(resource["metadata"].get("namespace", "llm"), "llm", resource["metadata"])
                    if resource not in modelled and resource["kind"] not in UNKNOWN:
                        self.assertIsNone(wrong_in_kubernetes(resource), name)
                self.assertEqual(wrong_in_models(modelled), "", name)

    def test_the_secret_is_created_where_the_pods_want_it_with_the_names_that_the_file_tells(self):
        calls, text, found = self.applied("## Kubernetes", "kubernetes")
        self.assertEqual(calls[0][:6], ["kubectl", "create", "secret", "generic", "switchboard", "--namespace"])
        self.assertEqual(calls[0][6], "llm")
        comment = text.split("\napiVersion")[0]
        for name in ["switchboard", "switchboard-keys"]:
            for entry in container(found, name)["env"]:
                secret = entry.get("valueFrom", {}).get("secretKeyRef")
                if secret and not secret.get("optional"):
                    self.assertEqual(secret["name"], "switchboard")
                    self.assertIn(f"#   {secret['key']}: ", comment)

    def test_the_service_account_of_an_identity_is_that_of_the_key_services_pods(self):
        [_, identity] = documented("## Kubernetes")
        with tempfile.TemporaryDirectory() as folder:
            calls = run_documented(identity, pathlib.Path(folder))
        names = [[word for word in call if word in ("bedrock", "llm")] for call in calls]
        self.assertEqual(names, [["bedrock", "llm"]] * 3)
        self.assertIn("deployment/switchboard-keys", calls[2])
        find(rendered("kubernetes"), "Deployment", "switchboard-keys")

    @unittest.skipUnless(HELM.exists(), "no helm for this machine")
    def test_helm_renders_what_the_commands_install(self):
        for block, account in zip(documented("### Helm"), [None, "bedrock"], strict=True):
            with tempfile.TemporaryDirectory() as folder:
                [call] = run_documented(block, pathlib.Path(folder))
                self.assertIn(call[:2], [["helm", "install"], ["helm", "upgrade"]])
                words = [word.replace("deploy/helm/switchboard", str(CHART)) for word in call[2:] if word != "--reuse-values"]
                words = [word.replace("config=", f"config={folder}/") for word in words]
                found = resources(helm("template", *words))
            for resource in found:
                self.assertIsNone(wrong_in_kubernetes(resource))
            pod = find(found, "Deployment", "switchboard-keys")["spec"]["template"]["spec"]
            self.assertEqual(pod.get("serviceAccountName"), account)
            self.assertNotIn("serviceAccountName", find(found, "Deployment", "switchboard")["spec"]["template"]["spec"])

    def test_the_compose_file_needs_only_what_the_example_of_its_environment_sets(self):
        text = (ROOT / "docker-compose.yml").read_text()
        example = (ROOT / ".env.example").read_text()
        self.assertIn("cp .env.example .env", documented("## Compose")[0])
        needed = set(re.findall(r"\$\{(\w+):\?", text))
        self.assertEqual(needed, {line.split("=")[0] for line in example.splitlines() if re.match(r"\w+=$", line)})
        # Everything else has a default.
        self.assertEqual(re.findall(r"\$\{\w+\}|\$\w+", text), [])
        services = yaml.safe_load(text)["services"]
        usage = subprocess.run([keys_program(), "serve", "--help"], capture_output=True, text=True, check=True, timeout=30).stdout
        for argument in services["keys"]["command"][1:]:
            if argument.startswith("--"):
                self.assertIn(f"{argument} ", usage)
        self.assertIn("secrets/OPENAI_API_KEY", example)
        self.assertIn("${SECRETS:-./secrets}:/etc/switchboard/secrets:ro", services["keys"]["volumes"])
        self.assertNotIn("env_file", services["gateway"])


class Rendered(unittest.TestCase):
    def test_every_resource_is_one_that_its_platform_knows(self):
        checked = 0
        for name in RENDERED:
            modelled = []
            for resource in rendered(name):
                if resource["apiVersion"].startswith(MODELLED):
                    modelled.append(resource)
                elif resource["kind"] not in UNKNOWN:
                    self.assertIsNone(wrong_in_kubernetes(resource), name)
                    checked += 1
            self.assertEqual(wrong_in_models(modelled), "", name)
            checked += len(modelled)
        self.assertGreater(checked, 30)

    def test_the_native_filter_is_found_by_envoy(self):
        for filter, expected in [("wasm", []), ("native", ["/etc/switchboard"])]:
            found = template("--set", f"gateway.filter={filter}")
            variables = container(found, "switchboard")["env"]
            values = [one["value"] for one in variables if one["name"] == "ENVOY_DYNAMIC_MODULES_SEARCH_PATH"]
            self.assertEqual(values, expected, filter)
            pod = find(found, "Deployment", "switchboard")["spec"]["template"]["spec"]
            [init] = pod["initContainers"]
            self.assertIn(f"--filter={filter}", init["args"])

    def test_envoy_has_a_bootstrap_without_models_and_the_key_service_the_configuration(self):
        for name, config_map in [("kubernetes", "switchboard"), ("kubernetes-sidecar", "switchboard-sidecar")]:
            found = rendered(name)
            bootstrap = yaml.safe_load(find(found, "ConfigMap", config_map)["data"]["envoy.yaml"])
            [control] = bootstrap["static_resources"]["clusters"]
            self.assertEqual(control["name"], "switchboard-control", name)
            self.assertNotIn("listeners", bootstrap["static_resources"], name)
            config = find(found, "ConfigMap", "switchboard-keys")["data"]["config.yaml"]
            self.assertEqual(config.strip(), (ROOT / "config.yaml").read_text().strip(), name)
            self.assertNotIn("SWITCHBOARD_CREDENTIALS", str(found), name)

    def test_prometheus_reaches_the_port_of_the_metrics_and_only_gateways_the_internal_one(self):
        for name in RENDERED:
            found = rendered(name)
            keys = container(found, "switchboard-keys")
            self.assertEqual([port["containerPort"] for port in keys["ports"]], [4001, 4002, 4003], name)
            arguments = dict(zip(keys["args"][1::2], keys["args"][2::2]))
            self.assertEqual(arguments["--internal-listen"], "0.0.0.0:4002", name)
            self.assertEqual(arguments["--metrics-listen"], "0.0.0.0:4003", name)
            pod = find(found, "Deployment", "switchboard-keys")["spec"]["template"]["metadata"]
            self.assertEqual(pod["annotations"]["prometheus.io/port"], "4003", name)
            [gateways, prometheus] = reached(find(found, "NetworkPolicy", "switchboard-keys"))
            self.assertEqual(prometheus, ({"app.kubernetes.io/name": "prometheus"}, True, [4003]), name)
            self.assertEqual(gateways[2], [4001, 4002], name)
            self.assertNotIn("prometheus", str(gateways[0]), name)

    def test_the_judges_see_mistakes(self):
        deployment = find(rendered("kubernetes"), "Deployment", "switchboard")
        deployment["spec"]["template"]["spec"]["containers"][0]["livenessprobe"] = {}
        self.assertIn("livenessprobe", wrong_in_kubernetes(deployment))
        [envoy_filter] = [one for one in rendered("istio") if one["kind"] == "EnvoyFilter"]
        envoy_filter["spec"]["configPatches"][0]["applyTo"] = "LISTENERS"
        self.assertIn("EnvoyFilter switchboard-gateway", wrong_in_models([envoy_filter]))


@unittest.skipUnless(HELM.exists(), "no helm for this machine: the chart is not judged")
class Chart(unittest.TestCase):
    def test_helm_has_nothing_against_it(self):
        helm("lint", "--strict", CHART)

    def test_every_way_to_render_it_gives_resources_that_kubernetes_knows(self):
        ways = [
            [],
            ["--set", "gateway.enabled=false"],
            ["--set", "gateway.autoscaling.enabled=false,gateway.accessLog=true,networkPolicy.enabled=false"],
            ["--set", "environment={OTEL_HEADERS},keys.port=5001"],
            ["--set-json", 'networkPolicy.from=[{"podSelector":{"matchLabels":{"a":"b"}}}]'],
            ["--set", "keys.metrics.enabled=false"],
            ["--set", "gateway.filter=native"],
            ["--set", "keys.urls.maxSizeMB=5,keys.urls.validation=false,keys.urls.allowedHosts={files.internal}",
             "--set", "keys.extraArgs={--no-spend-log}"],
            ["--set-json", 'networkPolicy.prometheus=[]', "--set-json", 'keys.podAnnotations={"a":"b"}'],
            ["--set-json", 'gateway.tolerations=[{"operator":"Exists"}]', "--set-json",
             'keys.nodeSelector={"disk":"fast"}', "--set-json", 'gateway.podLabels={"a":"b"}',
             "--set-json", 'imagePullSecrets=[{"name":"registry"}]',
             "--set-json", 'gateway.service.annotations={"a":"b"}', "--set", "gateway.service.type=LoadBalancer"],
        ]
        for way in ways:
            found = template(*way)
            for resource in found:
                self.assertIsNone(wrong_in_kubernetes(resource), way)
            kinds = [resource["kind"] for resource in found]
            self.assertEqual(kinds.count("ConfigMap"), 1, way)

    def test_values_that_make_no_sense_are_refused(self):
        for setting in ["keys.urls.maxSizeMB=-1", "gateway.replica=3", "keys.port=0", "config=", "gateway.filter=lua", "environment={not-a-variable!}"]:
            self.assertIn("values", helm("template", "a", CHART, "--set", setting, fails=True))

    def test_it_makes_the_pods_that_render_makes(self):
        ours, charts = rendered("kubernetes"), template()
        same = ["command", "ports", "startupProbe", "readinessProbe", "livenessProbe", "resources",
                "securityContext", "image"]
        for name in ["switchboard", "switchboard-keys"]:
            one, other = container(ours, name), container(charts, name)
            for field in same:
                self.assertEqual(one.get(field), other.get(field), f"{name}: {field}")
            self.assertEqual(*[each["args"].count("$(POD_NAME)") for each in (one, other)], name)
            secrets = [[entry["name"] for entry in each["env"]] for each in (one, other)]
            self.assertEqual(*secrets, name)
        # The chart's init container writes the bootstrap.
        ours.remove(find(ours, "ConfigMap", "switchboard"))
        kinds = [sorted((one["kind"], one["metadata"]["name"]) for one in found) for found in (ours, charts)]
        self.assertEqual(*kinds)
        for kind, name in [("HorizontalPodAutoscaler", "switchboard"), ("PodDisruptionBudget", "switchboard")]:
            specs = [find(found, kind, name)["spec"] for found in (ours, charts)]
            for spec in specs:
                spec.pop("selector", None)
            self.assertEqual(*specs)

    def test_prometheus_reaches_the_port_of_the_metrics_alone_and_nothing_where_there_is_none(self):
        gateways = ({"app.kubernetes.io/name": "switchboard", "app.kubernetes.io/instance": "switchboard",
                     "app.kubernetes.io/component": "gateway"}, False)
        prometheus = ({"app.kubernetes.io/name": "prometheus"}, True)
        for settings, expected in [
            ([], [(*gateways, [4001, 4002]), (*prometheus, [4003])]),
            (["--set", "keys.port=5001"], [(*gateways, [5001, 5002]), (*prometheus, [5003])]),
            (["--set", "keys.metrics.enabled=false"], [(*gateways, [4001, 4002])]),
            (["--set-json", "networkPolicy.prometheus=[]"], [(*gateways, [4001, 4002])]),
        ]:
            found = template(*settings)
            self.assertEqual(reached(find(found, "NetworkPolicy", "switchboard-keys")), expected, settings)
            arguments = " ".join(container(found, "switchboard-keys")["args"])
            self.assertEqual("--metrics-listen" in arguments, "enabled=false" not in str(settings), settings)

    def test_the_key_service_gets_only_options_that_it_has(self):
        usage = subprocess.run([keys_program(), "serve", "--help"], capture_output=True, text=True, check=True, timeout=30).stdout
        found = template("--set", "keys.urls.maxSizeMB=5,keys.urls.validation=false",
                         "--set", "keys.urls.allowedHosts={files.internal,10.0.0.12:8080}",
                         "--set", "keys.extraArgs={--spend-log-retention=30d}")
        arguments = container(found, "switchboard-keys")["args"]
        for expected in ["--max-url-size-mb=5", "--allow-url-host=files.internal", "--allow-any-url-host",
                         "--allow-url-host=10.0.0.12:8080", "--spend-log-retention=30d"]:
            self.assertIn(expected, arguments)
        for argument in arguments[1:]:
            self.assertIn(argument.split("=")[0] + " ", usage.replace("\n", " "))

    def test_what_is_selected_is_there(self):
        for name in ["switchboard", "another"]:
            found = template(name=name)
            pods = [one["spec"]["template"]["metadata"]["labels"] for one in found if one["kind"] == "Deployment"]
            for resource in found:
                if resource["kind"] == "Service":
                    selector = resource["spec"]["selector"]
                elif resource["kind"] == "PodDisruptionBudget":
                    selector = resource["spec"]["selector"]["matchLabels"]
                else:
                    continue
                self.assertEqual(sum(selector.items() <= pod.items() for pod in pods), 1, resource["metadata"])

    def test_its_init_container_renders_with_the_real_launcher(self):
        launcher = os.environ.get("SWITCHBOARD_BIN", ROOT / "target/release/switchboard")
        found = template("--set-file", f"config={ROOT / 'config.yaml'}", name="another")
        pod = find(found, "Deployment", "another-switchboard")["spec"]["template"]["spec"]
        [init] = pod["initContainers"]
        services = {one["metadata"]["name"] for one in found if one["kind"] == "Service"}
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            config = find(found, "ConfigMap", "another-switchboard-keys")["data"]["config.yaml"]
            self.assertEqual(config.strip(), (ROOT / "config.yaml").read_text().strip())
            (path / "config.yaml").write_text(config)
            arguments = [argument.replace("/etc/switchboard-config", folder).replace("/etc/envoy", folder)
                         for argument in init["args"]]
            subprocess.run([launcher, *arguments], check=True, timeout=30, stdout=subprocess.DEVNULL)
            envoy = yaml.safe_load((path / "discovery.yaml").read_text())
        [container] = pod["containers"]
        self.assertIn("/etc/envoy/discovery.yaml", container["args"])
        site = envoy["node"]["metadata"]["switchboard"]
        self.assertEqual((site["host"], site["port"], site["keys_port"]), ("0.0.0.0", 4000, 4001))
        [control] = envoy["static_resources"]["clusters"]
        [endpoint] = control["load_assignment"]["endpoints"][0]["lb_endpoints"]
        address = endpoint["endpoint"]["address"]["socket_address"]
        self.assertEqual(address["port_value"], 4002)
        for host in [address["address"], site["keys_host"]]:
            self.assertIn(host.split(".")[0], services)
        # What the filter reads from its environment.
        variables = [one["name"] for one in container["env"]]
        for name in site["variables"]:
            self.assertIn(name, variables)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
