// Reads resources as JSON from standard input and asks the models that are made of the projects' own definitions
// (CRDs) what is wrong with them. Prints a line for each mistake.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const packages = resolve(".tools/deploy/node/node_modules");
const models = {
  "networking.istio.io": "@kubernetes-models/istio",
  "gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
};

for (const resource of JSON.parse(readFileSync(0, "utf8"))) {
  const [group, version] = resource.apiVersion.split("/");
  const path = `${packages}/${models[group]}/${group}/${version}/${resource.kind}.js`;
  const model = (await import(pathToFileURL(path)))[resource.kind];
  try {
    new model(resource).validate();
  } catch (error) {
    console.log(`${resource.kind} ${resource.metadata.name}: ${error.message}`);
  }
}
