//! Scrapes that bear the cluster's credentials or its proxy.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::BoxFuture;
use protocol::http_config::HttpClientConfig;
use protocol::labels::Labels;
use protocol::scrape_config_resolve::ResolvedJob;
use reqwest::Url;
use tokio::time::timeout;

use crate::http_client::HttpClient;
use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::cluster_access::ClusterAccess;
use crate::kubernetes::credential_files::Cleared;
use crate::kubernetes::inbox::{Feed, Inbox};
use crate::kubernetes::object::Node;
use crate::kubernetes::object_network::EndpointSlice;
use crate::kubernetes::scrape_route::{Trusted, api_url, proxy_url};
use crate::kubernetes::watch::Watch;
use crate::kubernetes::watch_loop::Selection;
use crate::scrape_client::{Fetch, ScrapeClient};
use crate::scrape_outcome::Answer;

/// How long the first scrape waits until the cluster's hosts are known.
const HOSTS_WAIT: Duration = Duration::from_secs(5);

/// Makes the client of a job; `connect` makes those without credentials of the cluster.
pub fn fetch_of(
    cleared: &Cleared,
    cluster: Option<&Arc<Cluster>>,
    connect: impl Fn(&ResolvedJob) -> Result<Arc<dyn Fetch>, String>,
) -> Result<Arc<dyn Fetch>, String> {
    let (job, wants_token) = (&cleared.job, cleared.wants_token);
    let Some(cluster) = cluster.filter(|cluster| wants_token || cluster.is_proxy()) else {
        return connect(job);
    };
    let access = cluster.access();
    let trusted = scrape_client(job, &with_credentials(&job.http, access), access)?;
    let proxy = cluster.is_proxy().then(|| scrape_client(job, &access.http, access)).transpose()?;
    Ok(Arc::new(ClusterFetch {
        direct: connect(job)?,
        trusted: wants_token.then_some(trusted),
        proxy,
        cluster: Arc::clone(cluster),
        hosts: OnceLock::new(),
    }))
}

/// The job's own settings, with the credentials of the cluster.
fn with_credentials(http: &HttpClientConfig, access: &ClusterAccess) -> HttpClientConfig {
    let own = access.http.clone();
    let mut tls = http.tls_config.clone().unwrap_or_default();
    if let Some(own) = own.tls_config {
        (tls.cert, tls.cert_file) = (own.cert, own.cert_file);
        (tls.key, tls.key_file) = (own.key, own.key_file);
    }
    HttpClientConfig {
        authorization: own.authorization,
        basic_auth: own.basic_auth,
        bearer_token: own.bearer_token,
        bearer_token_file: own.bearer_token_file,
        tls_config: Some(tls),
        proxy_url: own.proxy_url,
        // The token must not be led elsewhere.
        follow_redirects: Some(false),
        ..http.clone()
    }
}

fn scrape_client(
    job: &ResolvedJob,
    http: &HttpClientConfig,
    access: &ClusterAccess,
) -> Result<ScrapeClient, String> {
    ScrapeClient::over(job, HttpClient::with_bearer(http, access.bearer.clone())?)
}

struct ClusterFetch {
    direct: Arc<dyn Fetch>,
    /// Bears the token; only where the job asks for it.
    trusted: Option<ScrapeClient>,
    /// Bears the cluster's credentials to the API server's proxy.
    proxy: Option<ScrapeClient>,
    cluster: Arc<Cluster>,
    hosts: OnceLock<Hosts>,
}

struct Hosts {
    nodes: Arc<Watch<Node>>,
    api_servers: Arc<Watch<EndpointSlice>>,
    inbox: Arc<Inbox>,
}

impl ClusterFetch {
    async fn ask(&self, url: &str, discovered: &Labels, time: Duration) -> Result<Answer, String> {
        let url = Url::parse(url).map_err(|error| error.to_string())?;
        let server = &self.cluster.access().server;
        if let Some(api) = api_url(server, &url) {
            let api = api.as_str();
            return Ok(match &self.trusted {
                Some(trusted) => trusted.fetch(api, time).await,
                None => self.direct.fetch(api, time).await,
            });
        }
        if let Some(proxy) = &self.proxy {
            let url = proxy_url(server, discovered, &url)?;
            return Ok(proxy.fetch(url.as_str(), time).await);
        }
        let Some(trusted) = &self.trusted else {
            return Ok(self.direct.fetch(url.as_str(), time).await);
        };
        self.check_trust(&url, time).await?;
        Ok(trusted.fetch(url.as_str(), time).await)
    }

    /// Whether the token may go there, waiting for the hosts to be known at first.
    async fn check_trust(&self, url: &Url, time: Duration) -> Result<(), String> {
        let hosts = self.hosts.get_or_init(|| Hosts::of(&self.cluster));
        // Too late is told by what is known then.
        let _ = timeout(time.min(HOSTS_WAIT), hosts.known()).await;
        let (nodes, servers) = (hosts.nodes.store().all(), hosts.api_servers.store().all());
        let trusted =
            Trusted::new(nodes.iter().map(AsRef::as_ref), servers.iter().map(AsRef::as_ref));
        if trusted.has(url) {
            return Ok(());
        }
        let place = format!(
            "{}:{}",
            url.host_str().unwrap_or(""),
            url.port_or_known_default().unwrap_or(0)
        );
        let mut reason = format!(
            "the service account's token only goes to the API server and to kubelets, over https: \
             {}://{place} is neither",
            url.scheme()
        );
        let troubles = [hosts.nodes.store().trouble(), hosts.api_servers.store().trouble()];
        for trouble in troubles.into_iter().flatten() {
            reason.push_str("; ");
            reason.push_str(&trouble);
        }
        Err(reason)
    }
}

impl Hosts {
    fn of(cluster: &Cluster) -> Self {
        let inbox = Arc::new(Inbox::default());
        let nodes = cluster.watch::<Node>(Selection::default());
        let api_servers = cluster.watch::<EndpointSlice>(Selection {
            namespace: Some("default".to_owned()),
            label: None,
            field: Some("metadata.name=kubernetes".to_owned()),
        });
        nodes.store().listen(Feed::Node, &inbox);
        api_servers.store().listen(Feed::Main, &inbox);
        Self { nodes, api_servers, inbox }
    }

    /// Waits until both were listed or have failed.
    async fn known(&self) {
        let (nodes, servers) = (self.nodes.store(), self.api_servers.store());
        while !((nodes.is_synced() || nodes.trouble().is_some())
            && (servers.is_synced() || servers.trouble().is_some()))
        {
            self.inbox.woken().await;
        }
        self.inbox.take();
    }
}

impl Fetch for ClusterFetch {
    fn fetch<'a>(&'a self, url: &'a str, timeout: Duration) -> BoxFuture<'a, Answer> {
        self.direct.fetch(url, timeout)
    }

    fn fetch_discovered<'a>(
        &'a self,
        url: &'a str,
        discovered: &'a Labels,
        timeout: Duration,
    ) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            match self.ask(url, discovered, timeout).await {
                Ok(answer) => answer,
                Err(reason) => Answer::Failed(reason),
            }
        })
    }
}
