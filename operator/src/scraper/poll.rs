//! Asks the collectors of a Scraper for their status.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use protocol::collector_report::CollectorReport;

use crate::error_chain::chain;
use crate::runtime::context::Context;
use crate::scraper::gather::Answer;
use crate::scraper::names;
use crate::settings::ObjectName;

/// Longest time for one answer: a collector answers from memory.
const PATIENCE: Duration = Duration::from_secs(5);
/// Collectors asked at the same time.
const AT_ONCE: usize = 16;
/// Bytes of an answer at most: 200 jobs with 5 messages each are far below.
const BODY_BYTES_MAX: usize = 4 << 20;

/// Whoever can be asked how the collectors of a Scraper fare.
pub trait Collectors: Send + Sync {
    /// The answers of all shards, in their order; never fails, for silence is an answer.
    fn ask<'a>(&'a self, scraper: &'a ObjectName, shards: u32) -> BoxFuture<'a, Vec<Answer>>;
}

/// The collectors themselves, over HTTPS.
pub struct CollectorPods {
    context: Arc<Context>,
}

impl CollectorPods {
    /// Trusts the context's authority, shows its tokens.
    pub fn new(context: Arc<Context>) -> Self {
        Self { context }
    }
}

impl Collectors for CollectorPods {
    fn ask<'a>(&'a self, scraper: &'a ObjectName, shards: u32) -> BoxFuture<'a, Vec<Answer>> {
        Box::pin(poll(&self.context, scraper, shards))
    }
}

async fn poll(context: &Context, scraper: &ObjectName, shards: u32) -> Vec<Answer> {
    if shards == 0 {
        return Vec::new();
    }
    let (client, token) = match means(context).await {
        Ok(means) => means,
        Err(why) => return (0..shards).map(|_| Err(why.clone())).collect(),
    };
    let urls = (0..shards).map(|shard| names::shard_url(scraper, shard));
    let asking = urls.map(|url| {
        let (client, token) = (client.clone(), token.clone());
        async move {
            let asked = tokio::time::timeout(PATIENCE, report(&client, &url, &token)).await;
            asked.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
        }
    });
    futures::stream::iter(asking).buffered(AT_ONCE).collect().await
}

async fn means(context: &Context) -> Result<(reqwest::Client, String), String> {
    let bundle = context.authority.bundle().map_err(|error| error.to_string())?;
    let client = context.https.trusting(&bundle).map_err(|error| error.to_string())?;
    let token = context.tokens.get(names::STATUS_AUDIENCE).await;
    Ok((client, token.map_err(|error| error.to_string())?))
}

async fn report(client: &reqwest::Client, url: &str, token: &str) -> Answer {
    let sent = client.get(url).bearer_auth(token).send().await;
    let mut answer = sent.map_err(|error| chain(&error))?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| chain(&error))? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(format!("its status is longer than {BODY_BYTES_MAX} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        let text = String::from_utf8_lossy(&body).chars().take(200).collect::<String>();
        return Err(format!("its status answers {status}: {}", text.trim()));
    }
    serde_json::from_slice::<CollectorReport>(&body)
        .map_err(|error| format!("its status cannot be read: {error}"))
}
