//! What things of a Scraper are called.                  (pure)

use crds::scraper::Scraper;
use kube::ResourceExt as _;

use crate::runtime::children::Family;
use crate::settings::ObjectName;

/// The port of health, metrics and status.
pub const PORT: u16 = 9091;
/// The port's name.
pub const PORT_NAME: &str = "status";
/// The volume that samples wait on.
pub const BUFFER: &str = "buffer";
/// The audience of tokens that ask for a status.
pub const STATUS_AUDIENCE: &str = "hearth.dev/collector";

/// The family of a Scraper: most children are called `NAME-scraper`.
pub fn family(scraper: &Scraper) -> Family {
    Family::new(scraper, child(&scraper.name_any()), "hearth-scraper")
}

/// The name of most children.
pub fn child(scraper: &str) -> String {
    format!("{scraper}-scraper")
}

/// The ConfigMap of the destination's certificate authority.
pub fn ca_map(scraper: &str) -> String {
    format!("{scraper}-scraper-ca")
}

/// The Secret of the collectors' certificate.
pub fn tls_secret(scraper: &str) -> String {
    format!("{scraper}-scraper-tls")
}

/// The binding to discovery in the Scraper's own namespace.
pub fn own_discovery(scraper: &str) -> String {
    format!("{scraper}-scraper-discovery")
}

/// A binding or role outside the Scraper's namespace: `what` is `discovery`, `collector` or
/// `writer`. Colons stand in no name of a namespace or Scraper, so no two Scrapers share one.
pub fn abroad(scraper: &ObjectName, what: &str) -> String {
    format!("hearth:{}:{}:{what}", scraper.namespace, scraper.name)
}

/// The volume claim of one shard.
pub fn claim(scraper: &str, shard: u32) -> String {
    format!("{BUFFER}-{scraper}-scraper-{shard}")
}

/// Where one shard answers.
pub fn shard_url(scraper: &ObjectName, shard: u32) -> String {
    let (child, namespace) = (child(&scraper.name), &scraper.namespace);
    format!("https://{child}-{shard}.{child}.{namespace}.svc:{PORT}/status")
}

/// The DNS names in the certificate that all shards share.
pub fn dns_names(scraper: &ObjectName) -> Vec<String> {
    let (child, namespace) = (child(&scraper.name), &scraper.namespace);
    vec![
        format!("{child}.{namespace}.svc"),
        format!("*.{child}.{namespace}.svc"),
        "localhost".to_owned(),
    ]
}
