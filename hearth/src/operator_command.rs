//! `hearth operator`: the Kubernetes controllers.

use std::collections::BTreeSet;

use anyhow::Context as _;
use jiff::SignedDuration;
use operator::operator::run as run_operator;
use operator::settings::{ObjectName, OperatorSettings};

use crate::cli::OperatorArgs;
use crate::serve::stop_signal;

/// Runs until it is told to stop.
pub async fn run(args: OperatorArgs) -> anyhow::Result<()> {
    // The same pod, started again, is another replica: what it had begun may not be done.
    let now = jiff::Timestamp::now().as_nanosecond();
    let me = format!("{}_{}_{now:x}", args.identity, std::process::id());
    let settings = settings(args)?;
    let stop = stop_signal();
    run_operator(settings, me, async {
        match stop.await {
            Ok(()) => tracing::info!("stopping"),
            Err(error) => tracing::error!(%error, "signals cannot be heard: stopping"),
        }
    })
    .await?;
    Ok(())
}

fn settings(args: OperatorArgs) -> anyhow::Result<OperatorSettings> {
    let OperatorArgs {
        install,
        namespace,
        service_account,
        image,
        default_store,
        wide_discovery_namespaces,
        watch_namespaces,
        listen,
        webhook_listen,
        webhook_service,
        discovery_cluster_role,
        collector_cluster_role,
        review_cluster_role,
        authority_overlap,
        identity: _,
    } = args;
    Ok(OperatorSettings {
        install,
        namespace,
        service_account,
        image,
        default_store: default_store.as_deref().map(object_name).transpose()?,
        wide_discovery_namespaces: names(wide_discovery_namespaces),
        watch_namespaces: names(watch_namespaces),
        listen,
        webhook_listen,
        webhook_service,
        discovery_cluster_role,
        collector_cluster_role,
        review_cluster_role,
        authority_overlap: SignedDuration::from_millis(authority_overlap.as_millis()),
    })
}

fn names(names: Vec<String>) -> BTreeSet<String> {
    names.into_iter().filter(|name| !name.is_empty()).collect()
}

fn object_name(text: &str) -> anyhow::Result<ObjectName> {
    let (namespace, name) = text
        .split_once('/')
        .filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty())
        .with_context(|| format!("--default-store {text:?} is not of the form NAMESPACE/NAME"))?;
    Ok(ObjectName { namespace: namespace.to_owned(), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_with_its_namespace() {
        assert_eq!(object_name("a/b").unwrap().to_string(), "a/b");
        for wrong in ["", "b", "/b", "a/"] {
            assert!(object_name(wrong).is_err(), "{wrong}");
        }
    }
}
