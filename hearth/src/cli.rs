//! The command line: one executable, every role.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use protocol::time::PromDuration;

/// Hearth: a managed, multi-tenant Prometheus for your own Kubernetes, or for your laptop.
#[derive(Debug, Parser)]
#[command(name = "hearth", version, max_term_width = 100)]
pub struct Cli {
    /// How log lines are written.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Logfmt)]
    pub log_format: LogFormat,
    /// Which log lines are written: error, warn, info, debug, or a filter such as
    /// `info,tsdb=debug`.
    #[arg(long, global = true, default_value = "info")]
    pub log_level: String,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How log lines are written, to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// key=value
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// The roles and tools.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Everything in one process, from the manifests that `kubectl apply` takes.
    Up(UpArgs),
    /// The store: ingest, storage, PromQL, rules, alert manager, control API.
    Store(StoreArgs),
    /// The managed collector: one shard of a Scraper, in a cluster.
    Scraper(ScraperArgs),
    /// The Kubernetes controllers and the admission webhook.
    Operator(OperatorArgs),
    /// Judges manifests, rule files, alert manager definitions, scrape configurations; runs unit
    /// tests of rules.
    Check(CheckArgs),
    /// Prints the custom resource definitions, for `kubectl apply -f -`.
    Crds,
    /// Asks a running store.
    Query(QueryArgs),
}

/// `hearth up`
#[derive(Debug, Args)]
pub struct UpArgs {
    /// A manifest, or a folder whose .yaml and .yml files are manifests. May be given several
    /// times.
    #[arg(short = 'f', long = "file", value_name = "DIR|FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The workspace that also answers at the root; not needed where there is only one.
    #[arg(long, value_name = "NAME")]
    pub default_workspace: Option<String>,
    /// What the store needs.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// `hearth store`
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// What the store needs.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// `hearth scraper`
#[derive(Debug, Args)]
pub struct ScraperArgs {
    /// The Scraper's namespace.
    #[arg(long)]
    pub namespace: String,
    /// The Scraper's name.
    #[arg(long)]
    pub name: String,
    /// Which of the Scraper's collectors this is, from 0.
    #[arg(long, default_value_t = 0)]
    pub shard: u32,
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9091")]
    pub listen: SocketAddr,
    /// Where it remembers the Scraper and keeps samples that wait; made where it is missing.
    #[arg(long, value_name = "DIR", default_value = "./hearth-collector")]
    pub data_dir: PathBuf,
    /// Most bytes of samples that wait in the data directory while the store is away.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30)]
    pub buffer_bytes: u64,
    /// The whole URL that samples are written to.
    #[arg(long, value_name = "URL")]
    pub remote_write_url: String,
    /// The bearer token for it; read again for each request.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<String>,
    /// The authorities of its certificate, PEM; read again when they change.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<String>,
    /// Certificate chain to serve with, PEM; read again when it changes. Needs --tls-key.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key, PEM. Needs --tls-cert.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The only user that may see /status, for example system:serviceaccount:NAMESPACE:NAME.
    #[arg(long, value_name = "USER")]
    pub status_reader: Option<String>,
    /// What that user's token has to be made for.
    #[arg(long, value_name = "AUDIENCE", default_value = "hearth.dev/collector")]
    pub status_audience: String,
    /// A folder with `token` and `ca.crt` for the API server that the Scraper lies in; without
    /// a token there, KUBECONFIG counts.
    #[arg(long, value_name = "DIR", default_value = scraper::home_cluster::HOME_DEFAULT)]
    pub home: PathBuf,
    /// A kubeconfig of the cluster to discover targets in, where it is another one; read again when
    /// it changes. Nothing is installed there; the file holds its credentials itself.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// A cluster of Amazon EKS to discover targets in. The credentials come from a folder or by
    /// AWS's environment variables: keys, or a role of the service account.
    #[command(flatten)]
    pub eks: EksArgs,
    /// Reach targets through the API server's proxy.
    #[arg(long)]
    pub proxy: bool,
}

/// Where a cluster of Amazon EKS is.
#[derive(Debug, Args)]
pub struct EksArgs {
    /// arn:aws:eks:REGION:ACCOUNT:cluster/NAME
    #[arg(long, value_name = "ARN", conflicts_with = "kubeconfig")]
    pub eks_cluster_arn: Option<String>,
    /// The role that is assumed first.
    #[arg(long, value_name = "ARN", requires = "eks_cluster_arn")]
    pub eks_role_arn: Option<String>,
    /// A folder with the files AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and perhaps
    /// AWS_SESSION_TOKEN, as a mounted Secret has them; read again when they are used.
    #[arg(long, value_name = "DIR", requires = "eks_cluster_arn")]
    pub eks_credentials_dir: Option<PathBuf>,
    /// Where EKS answers, instead of AWS.
    #[arg(long, value_name = "URL", requires = "eks_cluster_arn")]
    pub eks_endpoint: Option<String>,
    /// Where STS answers, instead of AWS.
    #[arg(long, value_name = "URL", requires = "eks_cluster_arn")]
    pub eks_sts_endpoint: Option<String>,
    /// The same by AWS's own variable: whoever runs the process is trusted with its identity.
    #[arg(long, env = "AWS_ENDPOINT_URL_STS", hide = true)]
    pub aws_endpoint_url_sts: Option<String>,
}

/// `hearth operator`
#[derive(Debug, Args)]
pub struct OperatorArgs {
    /// The name of this installation, in the owner of all that it makes in a store. Two that share
    /// a store need two names.
    #[arg(long, default_value = "hearth")]
    pub install: String,
    /// The namespace that the operator itself runs in: its Lease, its certificate authority.
    #[arg(long)]
    pub namespace: String,
    /// The operator's own service account there.
    #[arg(long, value_name = "NAME", default_value = "hearth-operator")]
    pub service_account: String,
    /// The image of stores and collectors whose objects name none.
    #[arg(long)]
    pub image: String,
    /// The Store of Workspaces that name none.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub default_store: Option<String>,
    /// Namespaces whose Scrapers may discover in the whole cluster; all others see their own.
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',')]
    pub wide_discovery_namespaces: Vec<String>,
    /// Look at these namespaces only; at all of them where left out.
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',')]
    pub watch_namespaces: Vec<String>,
    /// Address and port of metrics and health.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Address and port of the admission webhook, HTTPS; none where left out.
    #[arg(long, value_name = "ADDR")]
    pub webhook_listen: Option<SocketAddr>,
    /// The Service, in the operator's namespace, that leads to the webhook.
    #[arg(long, value_name = "NAME", default_value = "hearth-operator")]
    pub webhook_service: String,
    /// The ClusterRole of what collectors may discover.
    #[arg(long, value_name = "NAME", default_value = "hearth-discovery")]
    pub discovery_cluster_role: String,
    /// The ClusterRole of what every collector needs.
    #[arg(long, value_name = "NAME", default_value = "hearth-collector")]
    pub collector_cluster_role: String,
    /// The ClusterRole of token and access reviews, for stores.
    #[arg(long, value_name = "NAME", default_value = "hearth-review")]
    pub review_cluster_role: String,
    /// How long a new certificate authority is trusted before it signs. Pods take about 90 seconds
    /// to read what is mounted; whoever copied `ca.crt` may take longer.
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    pub authority_overlap: PromDuration,
    /// Tells this replica from others in the Lease; the pod's name in a cluster.
    #[arg(long, value_name = "NAME", env = "HOSTNAME", default_value = "operator")]
    pub identity: String,
}

/// What every role with a store needs.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where all data lies; made where it is missing.
    #[arg(long, value_name = "DIR", default_value = "./hearth-data")]
    pub data_dir: PathBuf,
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090")]
    pub listen: String,
    /// Who may come in: none, sigv4 or kubernetes. May be given several times.
    #[arg(long, value_name = "MODE", default_value = "none")]
    pub auth: Vec<String>,
    /// With --auth kubernetes: take only tokens made for this audience, such as
    /// hearth.dev/NAMESPACE/NAME of the Store.
    #[arg(long, value_name = "AUDIENCE")]
    pub kubernetes_audience: Option<String>,
    /// With --auth kubernetes: the store's own namespace, where rights on workspaces are looked up
    /// that no Workspace object owns.
    #[arg(long, value_name = "NAMESPACE")]
    pub kubernetes_namespace: Option<String>,
    /// Listen beyond loopback though nobody has to prove who they are, or tokens come without TLS.
    #[arg(long)]
    pub insecure: bool,
    /// Certificate chain, PEM; read again when it changes. Needs --tls-key.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key, PEM. Needs --tls-cert.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The URL under which others reach this process; links in alerts use it.
    #[arg(long, value_name = "URL")]
    pub external_url: Option<String>,
    /// Answers as this AWS region in ARNs.
    #[arg(long, default_value = "us-east-1")]
    pub region: String,
    /// Answers as this AWS account in ARNs.
    #[arg(long, default_value = "000000000000")]
    pub account: String,
    /// Send alerts to receivers in the open only: not to private, loopback or link-local
    /// addresses, whatever a name resolves to. For stores whose tenants are strangers.
    #[arg(long)]
    pub public_receivers_only: bool,
    /// Where SNS answers, instead of AWS; for tests and private clouds.
    #[arg(long, value_name = "URL")]
    pub sns_endpoint: Option<String>,
    /// The process's own identity at AWS.
    #[command(flatten)]
    pub aws: AwsArgs,
}

/// AWS's own variables; secrets come by the environment only, never by the command line.
#[derive(Debug, Args)]
pub struct AwsArgs {
    /// Signs messages to SNS for receivers that name no credentials.
    #[arg(long, env = "AWS_ACCESS_KEY_ID", hide = true)]
    pub aws_access_key_id: Option<String>,
    /// The secret part.
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide = true, hide_env_values = true)]
    pub aws_secret_access_key: Option<Hidden>,
    /// For temporary credentials.
    #[arg(long, env = "AWS_SESSION_TOKEN", hide = true, hide_env_values = true)]
    pub aws_session_token: Option<Hidden>,
}

/// A text that is never printed.
#[derive(Clone)]
pub struct Hidden(pub String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}

impl std::str::FromStr for Hidden {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

/// `hearth check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Files, folders of them, or - for standard input.
    #[arg(required = true, value_name = "FILE|DIR|-")]
    pub files: Vec<PathBuf>,
    /// How findings are printed, to standard output.
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// `FILE:LINE:COLUMN: field: message`, one a line.
    Text,
    /// One JSON list of objects.
    Json,
}

/// `hearth query`
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// A PromQL expression.
    pub expr: String,
    /// The store's base URL.
    #[arg(long, default_value = "http://127.0.0.1:9090")]
    pub url: String,
    /// The workspace to ask; the default workspace where left out.
    #[arg(long, value_name = "ID")]
    pub workspace: Option<String>,
    /// Evaluate at this time instead of now: seconds since 1970, RFC 3339, or an age such as 1h.
    #[arg(long, conflicts_with_all = ["start", "end", "step"])]
    pub time: Option<String>,
    /// First time of a range: seconds since 1970, RFC 3339, or an age such as 1h.
    #[arg(long)]
    pub start: Option<String>,
    /// Last time of a range; now where left out.
    #[arg(long, requires = "start")]
    pub end: Option<String>,
    /// Time between two points, for example 30s; chosen to fit the terminal where left out.
    #[arg(long, requires = "start")]
    pub step: Option<String>,
    /// Holds the bearer token to send.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Certificate authorities to trust, PEM; those of the system where left out.
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}
