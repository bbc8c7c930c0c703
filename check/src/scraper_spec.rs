//! What a schema cannot say of a Scraper.

use std::net::Ipv6Addr;

use crds::scraper::{Destination, EksSource, Monitors, ScraperSpec, Source as Cluster};

use crate::judgement::{Judgement, Source};
use crate::{pods, scrape_warnings, selectors, specs};

/// Judges a Scraper and the scrape configuration in it.
pub fn judge(spec: &ScraperSpec, source: Source<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    let ScraperSpec {
        alias: _,
        tags,
        destination,
        scrape_configuration,
        monitors,
        source: cluster,
        sharding,
        external_labels,
        buffer,
        image: _,
        resources,
        placement,
    } = spec;
    specs::tags(&mut judgement, tags);
    judge_destination(&mut judgement, destination);
    if let Some(text) = scrape_configuration {
        let inner = specs::scrape_configuration(text);
        judgement.faults.extend(source.embed("spec.scrapeConfiguration", inner));
        let inner = scrape_warnings::of_text(text);
        judgement.warnings.extend(source.embed("spec.scrapeConfiguration", inner));
    }
    match monitors {
        Some(monitors) => judge_monitors(&mut judgement, monitors),
        None if scrape_configuration.is_none() => {
            judgement.refuse("spec", "one of scrapeConfiguration and monitors must be given");
        }
        None => {}
    }
    if let Some(cluster) = cluster {
        judge_cluster(&mut judgement, cluster);
    }
    if sharding.shards == 0 {
        judgement.warn("spec.sharding.shards", "0 collectors scrape nothing");
    }
    if external_labels.contains_key("") || external_labels.contains_key("__name__") {
        judgement.refuse("spec.externalLabels", "a label needs a name, and not __name__");
    }
    if let Some(size) = buffer.as_ref().and_then(|buffer| buffer.size.as_deref()) {
        pods::quantity(&mut judgement, "spec.buffer.size", size);
    }
    if let Some(volume) = buffer.as_ref().and_then(|buffer| buffer.volume.as_ref()) {
        pods::quantity(&mut judgement, "spec.buffer.volume.size", &volume.size);
    }
    if let Some(resources) = resources {
        pods::resources(&mut judgement, "spec.resources", resources);
    }
    if let Some(placement) = placement {
        pods::placement(&mut judgement, "spec.placement", placement);
    }
    judgement
}

fn judge_destination(judgement: &mut Judgement, destination: &Destination) {
    const PATH: &str = "spec.destination";
    let Destination { workspace_ref, remote_write } = destination;
    match (workspace_ref, remote_write) {
        (Some(_), Some(_)) => {
            judgement.exclude("spec.destination.workspaceRef", "spec.destination.remoteWrite");
        }
        (None, None) => judgement.refuse(PATH, "one of workspaceRef and remoteWrite must be given"),
        (None, Some(remote)) => url(judgement, &format!("{PATH}.remoteWrite.url"), &remote.url),
        (Some(_), None) => {}
    }
}

fn judge_monitors(judgement: &mut Judgement, monitors: &Monitors) {
    let Monitors { pod_monitors, service_monitors, probes, scrape_configs, pod_monitorings } =
        monitors;
    let kinds = [
        ("podMonitors", pod_monitors),
        ("serviceMonitors", service_monitors),
        ("probes", probes),
        ("scrapeConfigs", scrape_configs),
        ("podMonitorings", pod_monitorings),
    ];
    for (name, selector) in kinds {
        if let Some(selector) = selector {
            selectors::objects(judgement, &format!("spec.monitors.{name}"), selector);
        }
    }
    if kinds.iter().all(|(_, selector)| selector.is_none()) {
        let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
        let message =
            format!("has no effect: it names no kind of monitor, such as {}", names.join(", "));
        judgement.warn("spec.monitors", message);
    }
}

fn judge_cluster(judgement: &mut Judgement, cluster: &Cluster) {
    let Cluster { kubeconfig, eks, proxy: _ } = cluster;
    match (kubeconfig, eks) {
        (Some(_), Some(_)) => judgement.exclude("spec.source.kubeconfig", "spec.source.eks"),
        (None, None) => {
            judgement.refuse("spec.source", "one of kubeconfig and eks must be given");
        }
        (None, Some(eks)) => judge_eks(judgement, eks),
        (Some(_), None) => {}
    }
}

fn judge_eks(judgement: &mut Judgement, eks: &EksSource) {
    let EksSource { cluster_arn, role_arn, eks_endpoint, sts_endpoint, .. } = eks;
    let parts: Vec<&str> = cluster_arn.split(':').collect();
    let is_cluster = matches!(
        parts.as_slice(),
        ["arn", partition, "eks", region, account, name]
            if partition.starts_with("aws")
                && !region.is_empty()
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && name.strip_prefix("cluster/").is_some_and(|name| !name.is_empty())
    );
    if !is_cluster {
        let message = format!("{cluster_arn:?} is not arn:aws:eks:REGION:ACCOUNT:cluster/NAME");
        judgement.refuse("spec.source.eks.clusterArn", message);
    }
    if let Some(role) = role_arn
        && !(role.starts_with("arn:aws") && role.contains(":iam::") && role.contains(":role/"))
    {
        let message = format!("{role:?} is not arn:aws:iam::ACCOUNT:role/NAME");
        judgement.refuse("spec.source.eks.roleArn", message);
    }
    for (name, endpoint) in [("eksEndpoint", eks_endpoint), ("stsEndpoint", sts_endpoint)] {
        if let Some(endpoint) = endpoint {
            url(judgement, &format!("spec.source.eks.{name}"), endpoint);
        }
    }
}

/// Judges a URL that something connects to: http or https, and a host.
fn url(judgement: &mut Judgement, path: &str, text: &str) {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else {
        return judgement.refuse(path, format!("{text:?} must begin with http:// or https://"));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((address, port)) if address.parse::<Ipv6Addr>().is_ok() => {
            ("ipv6", port.strip_prefix(':').unwrap_or(port))
        }
        Some(_) => ("", ""),
        None => host.split_once(':').unwrap_or((host, "")),
    };
    let good_host = host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    if host.is_empty() || !good_host || (!port.is_empty() && port.parse::<u16>().is_err()) {
        judgement.refuse(path, format!("{text:?} names no host"));
    }
}
