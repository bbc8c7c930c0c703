//! What collectors mount, and their Service.             (pure)

use crds::scraper::Scraper;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use serde_json::json;

use crate::runtime::children::typed;
use crate::scraper::names;

/// The Service that gives each collector its name.
pub fn headless_service(scraper: &Scraper) -> Service {
    let family = names::family(scraper);
    typed(json!({
        "metadata": family.metadata(&family.name),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "publishNotReadyAddresses": true,
            "selector": family.selector(),
            "ports": [{
                "name": names::PORT_NAME,
                "port": names::PORT,
                "targetPort": names::PORT_NAME,
                "protocol": "TCP",
            }],
        },
    }))
}

/// What the collectors trust of their destination.
pub fn ca_map(scraper: &Scraper, ca: &str) -> ConfigMap {
    let family = names::family(scraper);
    typed(json!({
        "metadata": family.metadata(&names::ca_map(&family.owner)),
        "data": {"ca.crt": ca},
    }))
}
