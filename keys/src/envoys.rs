//! What Envoys say about deployments: which they have ejected, and how many requests they have sent there. Read from their admin
//! interfaces (`--envoy-admin`) when somebody looks at it.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Request;
use futures_util::future::join_all;
use serde::Deserialize;

use crate::control::Deployed;
use crate::credentials::http;

/// How long a page waits for an Envoy.
const PATIENCE: Duration = Duration::from_secs(2);

/// Largest response: that for some ten thousand deployments.
const LARGEST: usize = 16 << 20;

/// The admin interfaces, as `host:port`.
#[derive(Clone, Debug, Default)]
pub struct Envoys(Vec<String>);

/// The hosts of clusters, by the name of the cluster and of the host.
#[derive(Clone, Debug, Default)]
pub struct Hosts(HashMap<(String, String), Figures>);

/// The figures of a host, added up over Envoys and addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Number of endpoints.
    pub endpoints: u64,
    /// How many of them are ejected, because their requests failed.
    pub ejected: u64,
    /// How many of them fail health checks.
    pub unhealthy: u64,
    /// Attempts.
    pub requests: u64,
    /// Attempts that failed: no connection, a reset or a status of 500 or more.
    pub errors: u64,
}

impl Envoys {
    /// Those with these admin interfaces.
    pub fn new(admins: Vec<String>) -> Self {
        Self(admins)
    }

    /// Asks all of them; `None` without any.
    ///
    /// # Errors
    /// Which does not answer, and why.
    pub async fn hosts(&self) -> Option<Result<Hosts, String>> {
        if self.0.is_empty() {
            return None;
        }
        let mut hosts = Hosts::default();
        for read in join_all(self.0.iter().map(|admin| read(admin))).await {
            match read {
                Ok(clusters) => hosts.add(clusters),
                Err(why) => return Some(Err(why)),
            }
        }
        Some(Ok(hosts))
    }
}

async fn read(admin: &str) -> Result<Clusters, String> {
    let failed = |why: String| format!("Envoy's admin interface {admin} cannot be read: {why}");
    let request = Request::get(format!("http://{admin}/clusters?format=json")).body(Bytes::new());
    let request = request.map_err(|error| failed(error.to_string()))?;
    let response = tokio::time::timeout(PATIENCE, http::send_for(request, LARGEST)).await;
    let response =
        response.map_err(|_| failed("no answer within two seconds".to_owned()))?.map_err(failed)?;
    if !response.status().is_success() {
        return Err(failed(format!("status {}", response.status().as_u16())));
    }
    serde_json::from_slice(response.body()).map_err(|error| failed(error.to_string()))
}

impl Hosts {
    fn add(&mut self, clusters: Clusters) {
        for cluster in clusters.cluster_statuses {
            for host in cluster.host_statuses {
                let figures = self.0.entry((cluster.name.clone(), host.hostname)).or_default();
                let count = |name: &str| {
                    let stat = host.stats.iter().find(|stat| stat.name == name);
                    stat.and_then(|stat| stat.value.parse::<u64>().ok()).unwrap_or_default()
                };
                figures.endpoints += 1;
                figures.ejected += u64::from(host.health_status.failed_outlier_check);
                figures.unhealthy += u64::from(host.health_status.failed_active_health_check);
                // A connection that failed is an error without a request.
                figures.requests += count("rq_total") + count("cx_connect_fail");
                figures.errors += count("rq_error");
            }
        }
    }

    /// The figures of a deployment, if it has a host that Envoys know. Deployments of a group with the same host share them.
    pub fn of(&self, deployed: &Deployed) -> Option<Figures> {
        let mut sum = None::<Figures>;
        for figures in deployed.hosts.iter().filter_map(|host| self.0.get(host)) {
            let sum = sum.get_or_insert_default();
            sum.endpoints += figures.endpoints;
            sum.ejected += figures.ejected;
            sum.unhealthy += figures.unhealthy;
            sum.requests += figures.requests;
            sum.errors += figures.errors;
        }
        sum
    }
}

/// `/clusters?format=json`, which is `envoy.admin.v3.Clusters`: values that are 0, false or empty are left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Clusters {
    cluster_statuses: Vec<Cluster>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cluster {
    name: String,
    host_statuses: Vec<Host>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Host {
    hostname: String,
    health_status: HealthStatus,
    stats: Vec<Stat>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HealthStatus {
    failed_outlier_check: bool,
    failed_active_health_check: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Stat {
    name: String,
    value: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Envoy 1.38 writes, shortened.
    const CLUSTERS: &str = r#"{"cluster_statuses": [{"name": "group:a", "host_statuses": [
        {"address": {"socket_address": {"address": "192.0.2.1", "port_value": 443}}, "hostname": "a.example",
         "health_status": {"failed_outlier_check": true, "eds_health_status": "HEALTHY"},
         "stats": [{"name": "rq_total", "value": "7"}, {"name": "rq_error", "value": "3"}, {"name": "cx_connect_fail"}]},
        {"hostname": "a.example", "health_status": {"eds_health_status": "HEALTHY"},
         "stats": [{"name": "cx_connect_fail", "value": "1"}, {"type": "GAUGE", "name": "rq_active"}, {"name": "rq_error", "value": "1"}]}
        ]}, {"name": "empty"}]}"#;

    fn deployed(cluster: &str, host: &str) -> Deployed {
        Deployed {
            id: "d".to_owned(),
            group: "a".to_owned(),
            provider: "openai".to_owned(),
            model: "m".to_owned(),
            api_base: String::new(),
            credential: None,
            price: None,
            is_stored: false,
            is_mock: false,
            hosts: vec![(cluster.to_owned(), host.to_owned())],
        }
    }

    #[test]
    fn the_addresses_of_a_host_are_added_up() {
        let mut hosts = Hosts::default();
        hosts.add(serde_json::from_str(CLUSTERS).unwrap());
        let figures = Figures { endpoints: 2, ejected: 1, unhealthy: 0, requests: 8, errors: 4 };
        assert_eq!(hosts.of(&deployed("group:a", "a.example")), Some(figures));
        assert_eq!(hosts.of(&deployed("group:b", "a.example")), None);
    }

    #[tokio::test]
    async fn an_envoy_that_does_not_answer_is_named() {
        assert!(Envoys::default().hosts().await.is_none());
        let failed = Envoys::new(vec!["127.0.0.1:1".to_owned()]).hosts().await.unwrap().unwrap_err();
        assert!(failed.contains("127.0.0.1:1"), "{failed}");
    }
}
