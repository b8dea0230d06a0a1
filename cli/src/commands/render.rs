//! `switchboard render`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::{ConfigArgs, SiteArgs, failed, load};
use crate::render::{Format, Place, keys_host, render};
use crate::up::programs::{USUAL_CA_BUNDLE, USUAL_WASM};

#[derive(Debug, Args)]
#[command(after_help = "\
Writes one file to DIR: envoy.yaml, kubernetes.yaml, kubernetes-sidecar.yaml,
istio.yaml or envoy-gateway.yaml. Its head names the secrets that have to be there;
none is written.

Examples:
  switchboard render --out envoy --wasm /opt/switchboard.wasm
  envoy --config-path envoy/envoy.yaml

  switchboard render --out deploy --format istio --namespace llm
  kubectl apply --server-side -f deploy/istio.yaml")]
pub(super) struct Render {
    #[command(flatten)]
    config: ConfigArgs,
    /// Folder to write to; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// For whom to write
    #[arg(long, value_enum, default_value_t = For::Bootstrap)]
    format: For,
    #[command(flatten)]
    site: SiteArgs,
    /// The filter, where Envoy will find it; for Istio an `oci://` or `https://` URL too, which is the default there
    #[arg(long, value_name = "FILE")]
    wasm: Option<String>,
    /// Certificates of the authorities to trust, where Envoy will find them
    #[arg(long, value_name = "FILE", default_value = USUAL_CA_BUNDLE)]
    ca_bundle: PathBuf,
    /// Host of the key service [default: 127.0.0.1, or the Service in Kubernetes]
    #[arg(long, value_name = "HOST")]
    keys_host: Option<String>,
    /// Kubernetes: the namespace of everything
    #[arg(long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// Kubernetes: the image with Envoy, the filter and this program
    #[arg(long, value_name = "IMAGE", default_value_t = image("gateway"))]
    image: String,
    /// Kubernetes: the image with the key service
    #[arg(long, value_name = "IMAGE", default_value_t = image("keys"))]
    keys_image: String,
    /// Kubernetes: the Secret that holds every variable
    #[arg(long, value_name = "NAME", default_value = "switchboard")]
    secret: String,
    /// Istio, Envoy Gateway: the Secret with the certificate that the gateway shows; without it, it speaks plain HTTP
    #[arg(long, value_name = "NAME")]
    tls_secret: Option<String>,
    /// Envoy Gateway before 1.10, or without its runtime flag `XDSNameSchemeV2`
    #[arg(long)]
    old_xds_names: bool,
}

/// `--format`
#[derive(Clone, Copy, Debug, ValueEnum)]
enum For {
    /// An Envoy of your own
    Bootstrap,
    /// Kubernetes, as a gateway of its own
    Kubernetes,
    /// Kubernetes, beside an application in its pods
    KubernetesSidecar,
    /// A gateway of Istio's
    Istio,
    /// A gateway of Envoy Gateway's
    EnvoyGateway,
}

impl From<For> for Format {
    fn from(format: For) -> Self {
        match format {
            For::Bootstrap => Self::Bootstrap,
            For::Kubernetes => Self::Kubernetes,
            For::KubernetesSidecar => Self::KubernetesSidecar,
            For::Istio => Self::Istio,
            For::EnvoyGateway => Self::EnvoyGateway,
        }
    }
}

/// An image of this version.
fn image(name: &str) -> String {
    format!("ghcr.io/switchboard-gateway/{name}:{}", env!("CARGO_PKG_VERSION"))
}

impl Render {
    pub(super) fn run(mut self) -> ExitCode {
        let mut plan = match load(&self.config) {
            Ok(plan) => plan,
            Err(code) => return code,
        };
        let format = Format::from(self.format);
        let mut wasm = self.wasm.take().unwrap_or_else(|| match format {
            Format::Istio => format!("oci://{}", image("wasm")),
            _ => USUAL_WASM.to_owned(),
        });
        let wasm_url = wasm.contains("://").then(|| std::mem::replace(&mut wasm, USUAL_WASM.to_owned()));
        if wasm_url.is_some() && format != Format::Istio {
            return failed("--wasm: only Istio fetches the filter from a URL; name a file");
        }
        if format == Format::Kubernetes && self.site.host.is_none() {
            self.site.host = Some("0.0.0.0".to_owned());
        }
        let mut site = self.site.site(wasm.into(), self.ca_bundle, Some(format.memory_limit()));
        match self.keys_host {
            Some(host) => site.keys_host = host,
            None if format != Format::Bootstrap => site.keys_host = keys_host(&self.namespace),
            None => {}
        }
        let place = Place {
            namespace: self.namespace,
            gateway_image: self.image,
            keys_image: self.keys_image,
            secret: self.secret,
            tls_secret: self.tls_secret,
            wasm_url,
            old_xds_names: self.old_xds_names,
        };
        plan.document.settings.reports = site.access_log.is_some();
        let path = self.out.join(format.file());
        let written = render(&plan, &site, &place, format).and_then(|text| {
            std::fs::create_dir_all(&self.out)?;
            std::fs::write(&path, text)
        });
        match written {
            Ok(()) => {
                println!("{}", path.display());
                if format == Format::Bootstrap {
                    let there = if site.wasm.is_file() { "it is there" } else { "it is not there yet" };
                    eprintln!(
                        "Envoy will read the filter from {} (--wasm); on this machine {there}.",
                        site.wasm.display()
                    );
                }
                ExitCode::SUCCESS
            }
            Err(error) => failed(&format!("cannot write {}: {error}", path.display())),
        }
    }
}
