//! Names of what `kubectl get pods,services,endpointslices,nodes -A -o json` lists.
//!
//! An address is named only if it is one thing's alone: pods with the node's
//! network share its address, finished ones have given theirs back, headless
//! services have none. Pods in endpoint slices are known from the pods
//! themselves, which say whose address it is.

use serde::Deserialize;

use super::{Names, NamesError, pod_id};

#[derive(Deserialize)]
struct List {
    items: Option<Vec<Item>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Item {
    kind: Option<String>,
    metadata: Metadata,
    spec: Spec,
    status: Status,
    endpoints: Option<Vec<Endpoint>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    name: String,
    namespace: String,
    uid: String,
    labels: Option<Labels>,
    annotations: Option<Annotations>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Labels {
    #[serde(rename = "kubernetes.io/service-name")]
    service: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Annotations {
    /// Of a pod from a file on the node: what its cgroup is named by.
    #[serde(rename = "kubernetes.io/config.hash")]
    hash: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    host_network: Option<bool>,
    #[serde(rename = "clusterIP")]
    cluster_ip: Option<String>,
    #[serde(rename = "clusterIPs")]
    cluster_ips: Option<Vec<String>>,
    #[serde(rename = "externalIPs")]
    external_ips: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    phase: Option<String>,
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
    #[serde(rename = "podIPs")]
    pod_ips: Option<Vec<Ip>>,
    addresses: Option<Vec<NodeAddress>>,
    load_balancer: Option<LoadBalancer>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Ip {
    ip: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LoadBalancer {
    ingress: Option<Vec<Ip>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NodeAddress {
    address: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Endpoint {
    addresses: Option<Vec<String>>,
    target_ref: Option<Target>,
}

#[derive(Deserialize)]
struct Target {}

/// Reads a list, or one object.
///
/// # Errors
/// [`NamesError::Kubernetes`] if it is neither.
pub fn read(text: &str, names: &mut Names) -> Result<(), NamesError> {
    let wrong = |error: serde_json::Error| NamesError::Kubernetes(error.to_string());
    let list: List = serde_json::from_str(text).map_err(wrong)?;
    if let Some(items) = list.items {
        return items.iter().try_for_each(|item| item.add(names));
    }
    let single: Item = serde_json::from_str(text).map_err(wrong)?;
    match single.kind {
        Some(_) => single.add(names),
        None => Err(NamesError::Kubernetes("it has no `items`".to_owned())),
    }
}

impl Item {
    fn add(&self, names: &mut Names) -> Result<(), NamesError> {
        match self.kind.as_deref() {
            Some("Pod") => self.add_pod(names),
            Some("Service") => {
                let spec = [&self.spec.cluster_ips, &self.spec.external_ips];
                let spec = spec.into_iter().flatten().flatten().map(String::as_str);
                let balancer = self.status.load_balancer.iter();
                let balancer = balancer.filter_map(|balancer| balancer.ingress.as_ref()).flatten();
                let balancer = balancer.filter_map(|ip| ip.ip.as_deref());
                let all = spec.chain(self.spec.cluster_ip.as_deref()).chain(balancer);
                add_all(names, all, &self.named("svc"))
            }
            Some("EndpointSlice") => {
                let service = self.metadata.labels.as_ref().and_then(|l| l.service.as_deref());
                // What is behind a service and no object of the cluster.
                let service = service.unwrap_or(&self.metadata.name);
                let name = format!("endpoint/{}/{service}", self.metadata.namespace);
                let outside = self.endpoints.iter().flatten();
                let outside = outside.filter(|endpoint| endpoint.target_ref.is_none());
                let all = outside.flat_map(|endpoint| endpoint.addresses.iter().flatten());
                add_all(names, all.map(String::as_str), &name)
            }
            Some("Node") => {
                let all = self.status.addresses.iter().flatten();
                let all = all.map(|address| address.address.as_str());
                add_all(names, all, &format!("node/{}", self.metadata.name))
            }
            _ => Ok(()),
        }
    }

    fn add_pod(&self, names: &mut Names) -> Result<(), NamesError> {
        let name = self.named("pod");
        let hash = self.metadata.annotations.as_ref().and_then(|a| a.hash.as_deref());
        let ids = [Some(self.metadata.uid.as_str()), hash].into_iter().flatten();
        let mut ids: Vec<String> = ids.filter_map(pod_id::normal).collect();
        ids.dedup();
        // Ids are never given again, whatever became of the pod.
        for id in ids {
            names.add_pod(&id, &name)?;
        }
        let runs = matches!(self.status.phase.as_deref(), Some("Running" | "Pending"));
        if !runs || self.spec.host_network == Some(true) {
            return Ok(());
        }
        let all = self.status.pod_ips.iter().flatten().filter_map(|ip| ip.ip.as_deref());
        let mut all: Vec<&str> = all.chain(self.status.pod_ip.as_deref()).collect();
        all.sort_unstable();
        all.dedup();
        add_all(names, all.into_iter(), &name)
    }

    fn named(&self, kind: &str) -> String {
        format!("{kind}/{}/{}", self.metadata.namespace, self.metadata.name)
    }
}

/// Gives addresses a name; what is none, as `None` of a headless service and
/// the host names of nodes, is passed over.
fn add_all<'a>(
    names: &mut Names,
    addresses: impl Iterator<Item = &'a str>,
    name: &str,
) -> Result<(), NamesError> {
    for address in addresses {
        if let Ok(address) = address.parse::<std::net::IpAddr>() {
            names.add(address.into(), name)?;
        }
    }
    Ok(())
}
