//! A [`Plan`] → the resources of a platform, as `switchboard render --format` writes them.
//!
//! One file for each format; what they share is in `workload` and `key_service`.

mod config_file;
mod discovery;
mod envoy_gateway;
mod istio;
mod key_service;
mod kubernetes;
mod sidecar;
mod workload;

use std::fmt::Write as _;
use std::io;

pub use key_service::host as keys_host;

use serde_json::Value;

use switchboard_compile::envoy::{Site, commented, for_people, purpose};
use switchboard_compile::plan::{Origin, Plan, by_reference};

use config_file::ConfigFile;

/// For whom the configuration is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The user's own Envoy.
    Bootstrap,
    /// The user's own Envoys, which fetch their configuration from the key service.
    Discovery,
    /// Kubernetes, as a gateway.
    Kubernetes,
    /// Kubernetes, beside an application in its pods.
    KubernetesSidecar,
    /// A gateway in Istio.
    Istio,
    /// A gateway of Envoy Gateway's.
    EnvoyGateway,
}

impl Format {
    /// Memory of Envoy's container, bytes, where nothing else is said.
    pub fn memory_limit(self) -> u64 {
        match self {
            Self::KubernetesSidecar => 512 << 20,
            _ => 1 << 30,
        }
    }

    /// Whether its Envoys fetch their configuration from the key service.
    pub fn fetches(self) -> bool {
        matches!(self, Self::Discovery | Self::Kubernetes | Self::KubernetesSidecar)
    }

    /// Whether the platform ends TLS at the gateway's port, if it is given a certificate.
    fn ends_tls(self) -> bool {
        matches!(self, Self::Istio | Self::EnvoyGateway)
    }

    /// Worker threads of Envoy, where nothing else is said.
    pub fn workers(self) -> u32 {
        match self {
            Self::KubernetesSidecar => 1,
            _ => 2,
        }
    }

    /// Name of the file.
    pub fn file(self) -> &'static str {
        match self {
            Self::Bootstrap => "envoy.yaml",
            Self::Discovery => "discovery.yaml",
            Self::Kubernetes => "kubernetes.yaml",
            Self::KubernetesSidecar => "kubernetes-sidecar.yaml",
            Self::Istio => "istio.yaml",
            Self::EnvoyGateway => "envoy-gateway.yaml",
        }
    }
}

/// What a cluster adds to a [`Plan`].
#[derive(Clone, Debug)]
pub struct Place {
    /// Namespace of everything.
    pub namespace: String,
    /// Image with Envoy, the filter and the launcher.
    pub gateway_image: String,
    /// Image with the key service.
    pub keys_image: String,
    /// `Secret` with every variable that the programs need.
    pub secret: String,
    /// `Secret` with the certificate of the gateway, where the mesh ends TLS.
    pub tls_secret: Option<String>,
    /// Where Istio's agent fetches the filter (`oci://…`, `https://…`); `None` if it is at [`Site::wasm`].
    pub wasm_url: Option<String>,
    /// Whether Envoy Gateway names listeners and routes by its gateway's, as it did before 1.10.
    pub old_xds_names: bool,
    /// Worker threads of Envoy.
    pub workers: u32,
    /// The texts of `config.yaml` and of the files that it includes, for the key service of a cluster, with their paths.
    pub files: Vec<(String, String)>,
}

/// A resource, and why lines of it are there (by path, as [`switchboard_compile::envoy::COMMENTS`]).
struct Resource {
    value: Value,
    comments: &'static [(&'static str, &'static str)],
}

impl Resource {
    fn new(value: Value) -> Self {
        Self { value, comments: &[] }
    }

    fn because(value: Value, comments: &'static [(&'static str, &'static str)]) -> Self {
        Self { value, comments }
    }
}

/// Largest object that the API server takes (etcd's limit is half as much again).
const LARGEST: usize = 1 << 20;

/// The text of the file.
///
/// # Errors
/// A resource that no API server takes, or a document that is not JSON.
pub fn render(plan: &Plan, site: &Site, place: &Place, format: Format) -> io::Result<String> {
    if format.fetches() && format != Format::Discovery {
        config_file::check(place)?;
    }
    let site = &Site { tls: place.tls_secret.is_some() && format.ends_tls(), ..site.clone() };
    let resources = match format {
        Format::Bootstrap => return for_people(plan, site),
        Format::Discovery => return discovery::bootstrap(plan, site, place.workers),
        Format::Kubernetes => kubernetes::resources(plan, site, place)?,
        Format::KubernetesSidecar => sidecar::resources(plan, site, place)?,
        Format::Istio => istio::resources(plan, site, place)?,
        Format::EnvoyGateway => envoy_gateway::resources(plan, site, place)?,
    };
    let about = match format {
        Format::Bootstrap | Format::Discovery | Format::Kubernetes => "Switchboard as a standalone gateway.",
        Format::KubernetesSidecar => {
            "Switchboard as a sidecar in an application's pods: the application calls http://127.0.0.1, and only calls to \
             providers and to the key service leave the pod."
        }
        Format::Istio => {
            "Switchboard in an Istio gateway (Istio 1.27 or later, for Envoy 1.35). It uses an EnvoyFilter, because WasmPlugin \
             supports neither\nallow_on_headers_stop_iteration nor filters on clusters."
        }
        Format::EnvoyGateway => {
            "Switchboard in an Envoy Gateway, whose configuration must contain\n\
             extensionApis.enableEnvoyPatchPolicy: true. It uses an EnvoyPatchPolicy, because EnvoyExtensionPolicy\n\
             supports neither allow_on_headers_stop_iteration nor filters on clusters."
        }
    };
    let mut text = String::new();
    for (index, resource) in resources.iter().enumerate() {
        let head = if index == 0 { head(plan, place, format, about) } else { String::new() };
        let one = commented(&resource.value, resource.comments, &head);
        if one.len() > LARGEST {
            let (kind, name) = (&resource.value["kind"], &resource.value["metadata"]["name"]);
            return Err(io::Error::other(format!(
                "{kind} {name} has {} bytes, but Kubernetes accepts at most {LARGEST}: split the models over several gateways",
                one.len()
            )));
        }
        if index > 0 {
            text.push_str("---\n");
        }
        text.push_str(&one);
    }
    Ok(text)
}

/// How the file is used, and what has to be there before.
fn head(plan: &Plan, place: &Place, format: Format, about: &str) -> String {
    let Place { namespace, secret, .. } = place;
    let again = if format.fetches() {
        "A change of config.yaml needs no restart: the key service watches it, and Envoy fetches its configuration from there."
    } else {
        "Change config.yaml and render it again."
    };
    let mut head = format!(
        "{about}\nGenerated by `switchboard render`. {again}\n\n  \
         kubectl apply --server-side -f {}\n\nThe Secret {secret} in the namespace {namespace} must contain:\n",
        format.file()
    );
    // Writing to a String does not fail.
    let (_, credentials) = by_reference(&plan.credentials);
    let has_file = format.fetches() && ConfigFile::of(plan, place) == ConfigFile::Secret;
    for variable in plan.variables.iter().chain(&credentials) {
        // Those of the file are in the file.
        if !(has_file && matches!(variable.origin, Origin::Inline(_))) {
            let _ = writeln!(head, "  {}: {}", variable.name, purpose(variable));
        }
    }
    if has_file {
        for (path, _) in &place.files {
            let _ = writeln!(head, "  {path}: the file itself, because the configuration contains secrets");
        }
    }
    let from_files =
        place.files.iter().fold(String::new(), |all, (path, _)| all + "--from-file=" + path + " ");
    let _ = writeln!(head, "  DATABASE_URL: database of the key service, postgres://user:password@host/name");
    let _ = write!(
        head,
        "\n  kubectl create secret generic {secret} --namespace {namespace} \\\n    \
         --from-literal=SWITCHBOARD_INTERNAL_TOKEN=\"$(openssl rand -hex 32)\" \\\n    \
         --from-literal=SWITCHBOARD_MASTER_KEY=\"sk-$(openssl rand -hex 32)\" --from-literal=DATABASE_URL=… {}…\n",
        if has_file { from_files.as_str() } else { "" }
    );
    if format == Format::EnvoyGateway {
        let _ = write!(
            head,
            "\nThe same Secret must exist in the namespace of Envoy Gateway's proxies (default: envoy-gateway-system).\n\
             Before Envoy Gateway 1.10, or without its runtime flag XDSNameSchemeV2, render with --old-xds-names.\n"
        );
    }
    head
}
