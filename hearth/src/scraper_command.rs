//! `hearth scraper`: one collector of a Scraper, in a cluster.

use scraper::kubernetes::aws_credentials::AwsSource;
use scraper::kubernetes::eks::EksSettings;
use scraper::role::{RoleSettings, run as run_role};
use scraper::role_server::TlsFiles;

use crate::cli::{EksArgs, ScraperArgs};
use crate::serve::stop_signal;

/// Runs until it is told to stop.
pub async fn run(args: ScraperArgs) -> anyhow::Result<()> {
    let stop = stop_signal();
    tracing::info!(listen = %args.listen, shard = args.shard, "collecting");
    run_role(settings(args)?, async {
        match stop.await {
            Ok(()) => tracing::info!("stopping"),
            Err(error) => tracing::error!(%error, "signals cannot be heard: stopping"),
        }
    })
    .await?;
    Ok(())
}

fn settings(args: ScraperArgs) -> anyhow::Result<RoleSettings> {
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
        status_audience,
        home,
        kubeconfig,
        eks,
        proxy,
    } = args;
    let eks = eks_settings(eks)?;
    Ok(RoleSettings {
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
        status_audience,
        home,
        kubeconfig,
        eks,
        proxy,
    })
}

fn eks_settings(args: EksArgs) -> anyhow::Result<Option<EksSettings>> {
    let EksArgs { eks_cluster_arn, eks_role_arn, eks_endpoint, eks_sts_endpoint } = args;
    let Some(cluster_arn) = eks_cluster_arn else { return Ok(None) };
    let source = AwsSource::from_environment(|name| std::env::var(name).ok());
    Ok(Some(EksSettings {
        cluster_arn,
        role_arn: eks_role_arn,
        eks_endpoint,
        sts_endpoint: eks_sts_endpoint,
        source: source.map_err(anyhow::Error::msg)?,
    }))
}
