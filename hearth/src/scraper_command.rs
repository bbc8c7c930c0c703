//! `hearth scraper`: one collector of a Scraper, in a cluster.

use std::sync::Arc;

use scraper::clock::SystemClock;
use scraper::home_cluster;
use scraper::kubernetes::aws_credentials::AwsSource;
use scraper::kubernetes::eks::EksSettings;
use scraper::role::{RoleParts, RoleSettings, run as run_role};
use scraper::role_server::TlsFiles;
use world::clock::Clock;
use world::real_clock::RealClock;

use crate::cli::{EksArgs, ScraperArgs};
use crate::kubernetes_reviews::KubernetesReviews;
use crate::serve::stop_signal;
use crate::status_reviews::StatusReviews;

/// Runs until it is told to stop.
pub async fn run(args: ScraperArgs) -> anyhow::Result<()> {
    let stop = stop_signal();
    tracing::info!(listen = %args.listen, shard = args.shard, "collecting");
    let audience = args.status_audience.clone();
    let settings = settings(args);
    run_role(parts(&settings, audience).await?, settings, async {
        match stop.await {
            Ok(()) => tracing::info!("stopping"),
            Err(error) => tracing::error!(%error, "signals cannot be heard: stopping"),
        }
    })
    .await?;
    Ok(())
}

async fn parts(settings: &RoleSettings, audience: String) -> anyhow::Result<RoleParts> {
    let client = home_cluster::client(&settings.home).await?;
    let clock: Arc<dyn Clock> = Arc::new(RealClock::new());
    let reviews = Arc::new(KubernetesReviews::new(client.clone()));
    let reviews = Box::new(StatusReviews::new(reviews, audience, &clock));
    Ok(RoleParts { client, reviews, clock: Arc::new(SystemClock) })
}

fn settings(args: ScraperArgs) -> RoleSettings {
    let ScraperArgs {
        namespace,
        name,
        shard,
        listen,
        data_dir,
        buffer_bytes,
        remote_write_url,
        token_file,
        ca_file,
        tls_cert,
        tls_key,
        status_reader,
        status_audience: _,
        home,
        kubeconfig,
        eks,
        proxy,
    } = args;
    RoleSettings {
        namespace,
        name,
        shard,
        listen,
        tls: tls_cert.zip(tls_key).map(|(certificate, key)| TlsFiles { certificate, key }),
        data_dir,
        buffer_bytes,
        remote_write_url,
        token_file,
        ca_file,
        status_reader,
        home,
        kubeconfig,
        eks: eks_settings(eks),
        proxy,
    }
}

fn eks_settings(args: EksArgs) -> Option<EksSettings> {
    let EksArgs {
        eks_cluster_arn,
        eks_role_arn,
        eks_credentials_dir,
        eks_endpoint,
        eks_sts_endpoint,
        aws_endpoint_url_sts,
    } = args;
    let source = match eks_credentials_dir {
        Some(folder) => AwsSource::KeyFiles(folder),
        None => AwsSource::from_environment(|name| std::env::var(name).ok()),
    };
    Some(EksSettings {
        cluster_arn: eks_cluster_arn?,
        role_arn: eks_role_arn,
        eks_endpoint,
        sts_endpoint: eks_sts_endpoint,
        trusted_sts: aws_endpoint_url_sts.filter(|url| !url.is_empty()),
        source,
    })
}
