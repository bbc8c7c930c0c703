//! Who asked an API server for what, by its audit log.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api_server::ApiServer;

/// One request of a service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `system:serviceaccount:NAMESPACE:NAME`
    pub user: String,
    /// `get`, `list`, `watch`, `create`, `patch`, ...
    pub verb: String,
    /// `pods` or `pods/status`, or a path.
    pub what: String,
    /// The status of the answer.
    pub code: u64,
}

impl Asked {
    /// Whether it may have changed something. Reviews and tokens change nothing.
    pub fn writes(&self) -> bool {
        let reads = ["get", "list", "watch"].contains(&self.verb.as_str());
        let asks = ["tokenreviews", "subjectaccessreviews", "serviceaccounts/token"];
        !reads && !asks.contains(&self.what.as_str())
    }
}

/// A place in the audit log.
#[derive(Clone, Copy, Debug)]
pub struct Mark(usize);

impl ApiServer {
    /// Now, for [`ApiServer::asked_since`].
    pub fn mark(&self) -> Mark {
        Mark(self.audit_log().len())
    }

    /// The requests of a service account that were answered, or whose watch began, since then.
    pub fn asked_since(&self, mark: Mark, account: &str) -> Vec<Asked> {
        let log = self.audit_log();
        // A watch is told of when it begins and when it ends.
        let mut seen = BTreeMap::new();
        let (before, after) = log.split_at(mark.0.min(log.len()));
        for line in before.lines() {
            seen.insert(id_of(line), None);
        }
        for line in after.lines() {
            seen.entry(id_of(line)).or_insert_with(|| asked(line));
        }
        let user = format!("system:serviceaccount:{}", account.replace('/', ":"));
        seen.into_values().flatten().filter(|asked| asked.user == user).collect()
    }

    fn audit_log(&self) -> String {
        std::fs::read_to_string(self.folder().join("audit.log")).unwrap_or_default()
    }
}

/// How often each was asked for, the most frequent first.
pub fn table(all: &[Asked]) -> Vec<(usize, String)> {
    let mut counts = BTreeMap::new();
    for Asked { user: _, verb, what, code } in all {
        *counts.entry(format!("{verb} {what} {code}")).or_insert(0) += 1;
    }
    let mut table: Vec<_> = counts.into_iter().map(|(what, count)| (count, what)).collect();
    table.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    table
}

fn id_of(line: &str) -> String {
    let event: Value = serde_json::from_str(line).unwrap_or_default();
    event["auditID"].as_str().unwrap_or_default().to_owned()
}

fn asked(line: &str) -> Option<Asked> {
    let event: Value = serde_json::from_str(line).ok()?;
    let reference = &event["objectRef"];
    let mut what = match reference["resource"].as_str() {
        Some(resource) => resource.to_owned(),
        None => event["requestURI"].as_str()?.to_owned(),
    };
    if let Some(part) = reference["subresource"].as_str() {
        what = format!("{what}/{part}");
    }
    Some(Asked {
        user: event["user"]["username"].as_str()?.to_owned(),
        verb: event["verb"].as_str()?.to_owned(),
        what,
        code: event["responseStatus"]["code"].as_u64()?,
    })
}
