//! `switchboard render`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::{ConfigArgs, Filter, Loaded, SiteArgs, failed, load};
use crate::render::{Format, Place, keys_host, render};
use crate::up::programs::{USUAL_CA_BUNDLE, USUAL_MODULE, USUAL_WASM};
use switchboard_compile::envoy::{MODULE_NAME, MODULES_PATH_ENV, Site, most_held_bytes};

#[derive(Debug, Args)]
#[command(after_help = "\
Writes one file to DIR: envoy.yaml, discovery.yaml, kubernetes.yaml, kubernetes-sidecar.yaml,
istio.yaml or envoy-gateway.yaml. A comment at its top lists the secrets to create; the
file contains none.

Examples:
  switchboard render --out envoy --wasm /opt/switchboard.wasm
  envoy --config-path envoy/envoy.yaml

  switchboard render --out envoy --format discovery --keys-host keys.internal
  envoy --config-path envoy/discovery.yaml --service-node $(hostname)

  switchboard render --out deploy --format istio --namespace llm
  kubectl apply --server-side -f deploy/istio.yaml")]
pub(super) struct Render {
    #[command(flatten)]
    config: ConfigArgs,
    /// Directory to write to; created if it does not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Platform to write for
    #[arg(long, value_enum, default_value_t = For::Bootstrap)]
    format: For,
    #[command(flatten)]
    site: SiteArgs,
    /// Path of the filter on the machine that runs Envoy; for Istio also an `oci://` or `https://` URL, the default there
    #[arg(long, value_name = "FILE")]
    wasm: Option<String>,
    /// Path of the CA bundle on the machine that runs Envoy
    #[arg(long, value_name = "FILE", default_value = USUAL_CA_BUNDLE)]
    ca_bundle: PathBuf,
    /// Worker threads of Envoy [default: 2; 1 for a sidecar]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    concurrency: Option<u32>,
    /// Host of the key service [default: 127.0.0.1, or the Service in Kubernetes]
    #[arg(long, value_name = "HOST")]
    keys_host: Option<String>,
    /// Kubernetes: the namespace of all resources
    #[arg(long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// Kubernetes: image with Envoy, the filter and this program
    #[arg(long, value_name = "IMAGE", default_value_t = image("gateway"))]
    image: String,
    /// Kubernetes: image with the key service
    #[arg(long, value_name = "IMAGE", default_value_t = image("keys"))]
    keys_image: String,
    /// Kubernetes: name of the Secret with the environment variables
    #[arg(long, value_name = "NAME", default_value = "switchboard")]
    secret: String,
    /// Istio, Envoy Gateway: name of the Secret with the gateway's TLS certificate [default: plain HTTP]
    #[arg(long, value_name = "NAME")]
    tls_secret: Option<String>,
    /// Where the filter gets the providers' credentials: with `envoy`, keys are variables of Envoy's environment
    #[arg(long, value_enum, default_value_t = Holder::Keys)]
    credentials: Holder,
    /// For Envoy Gateway before 1.10, or without its runtime flag `XDSNameSchemeV2`
    #[arg(long)]
    old_xds_names: bool,
}

/// `--credentials`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Holder {
    /// The key service
    Keys,
    /// Envoy's environment
    Envoy,
}

/// `--format`
#[derive(Clone, Copy, Debug, ValueEnum)]
enum For {
    /// Your own Envoy
    Bootstrap,
    /// Your own Envoys, which fetch their configuration from the key service
    Discovery,
    /// Kubernetes, as a gateway
    Kubernetes,
    /// Kubernetes, as a sidecar in an application's pods
    KubernetesSidecar,
    /// A gateway in Istio
    Istio,
    /// A gateway in Envoy Gateway
    EnvoyGateway,
}

impl From<For> for Format {
    fn from(format: For) -> Self {
        match format {
            For::Bootstrap => Self::Bootstrap,
            For::Discovery => Self::Discovery,
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
        let Loaded { mut plan, files } = match load(&self.config, &[], true) {
            Ok(loaded) => loaded,
            Err(code) => return code,
        };
        let format = Format::from(self.format);
        if self.credentials == Holder::Envoy {
            if format.fetches() {
                return failed(
                    "--credentials envoy: with --format discovery, kubernetes and kubernetes-sidecar, the key service has the \
                     credentials; use --format bootstrap",
                );
            }
            plan.read_credentials_from_environment(&|name| std::env::var_os(name).is_some());
        }
        let mut wasm = self.wasm.take().unwrap_or_else(|| match format {
            Format::Istio => format!("oci://{}", image("wasm")),
            _ => USUAL_WASM.to_owned(),
        });
        let wasm_url = wasm.contains("://").then(|| std::mem::replace(&mut wasm, USUAL_WASM.to_owned()));
        if wasm_url.is_some() && format != Format::Istio {
            return failed("--wasm: only Istio can download the filter from a URL; use a file path");
        }
        if format == Format::Kubernetes && self.site.host.is_none() {
            self.site.host = Some("0.0.0.0".to_owned());
        }
        let module = match self.site.filter() {
            Ok(Filter::Wasm) => None,
            Ok(Filter::Native) if matches!(format, Format::Istio | Format::EnvoyGateway) => {
                return failed(
                    "--filter native: --format istio and envoy-gateway do not support it; use --filter wasm",
                );
            }
            Ok(Filter::Native) => Some(PathBuf::from(USUAL_MODULE)),
            Err(problem) => return failed(&problem),
        };
        let mut site = self.site.site(wasm.into(), self.ca_bundle, Some(format.memory_limit()));
        site.module = module;
        match self.keys_host {
            Some(host) => site.keys_host = host,
            None if !matches!(format, Format::Bootstrap | Format::Discovery) => {
                site.keys_host = keys_host(&self.namespace);
            }
            None => {}
        }
        let workers = self.concurrency.unwrap_or(format.workers());
        let place = Place {
            namespace: self.namespace,
            gateway_image: self.image,
            keys_image: self.keys_image,
            secret: self.secret,
            tls_secret: self.tls_secret,
            wasm_url,
            old_xds_names: self.old_xds_names,
            workers,
            files,
        };
        plan.document.settings.reports = site.access_log.is_some();
        plan.document.settings.stats &= site.module.is_some();
        plan.document.settings.most_held_bytes = most_held_bytes(site.memory_limit, workers);
        let path = self.out.join(format.file());
        let written = render(&plan, &site, &place, format).and_then(|text| {
            std::fs::create_dir_all(&self.out)?;
            std::fs::write(&path, text)
        });
        match written {
            Ok(()) => {
                println!("{}", path.display());
                if format == Format::Bootstrap {
                    eprintln!("{}", loaded(&site));
                }
                ExitCode::SUCCESS
            }
            Err(error) => failed(&format!("cannot write {}: {error}", path.display())),
        }
    }
}

/// What Envoy will load, and from where.
fn loaded(site: &Site) -> String {
    if site.module.is_some() {
        return format!("Envoy will load lib{MODULE_NAME}.so from the directory in ${MODULES_PATH_ENV}.");
    }
    let there = if site.wasm.is_file() { "exists" } else { "does not exist" };
    format!(
        "Envoy will load the filter from {} (--wasm), which {there} on this machine.",
        site.wasm.display()
    )
}
