//! The one table: method and path to action.
//!
//! Paths of the data plane stand relative to their workspace: the same table serves
//! `/workspaces/{id}/...` and, for the default workspace, the root.

use http::Method;
use percent_encoding::percent_decode_str;

use crate::control::action::ControlAction;
use crate::http::access::right::Right;
use crate::http::data_action::DataAction;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Something about definitions.
    Control(ControlAction),
    /// Something about the data of one workspace.
    Data(DataAction),
    /// Something about this process.
    Process(ProcessAction),
}

impl Action {
    /// What it needs in Kubernetes.
    pub const fn right(self) -> Right {
        match self {
            Self::Control(action) => action.right(),
            Self::Data(action) => action.right(),
            Self::Process(action) => action.right(),
        }
    }
}

/// Questions about the process itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessAction {
    /// `/-/healthy`
    Healthy,
    /// `/-/ready`
    Ready,
    /// `/metrics`
    Metrics,
}

impl ProcessAction {
    /// What it needs in Kubernetes. Who asks for health comes without a token.
    pub const fn right(self) -> Right {
        match self {
            Self::Healthy | Self::Ready => Right::Open,
            Self::Metrics => Right::Metrics,
        }
    }
}

/// Which workspace a request of the data plane is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The id as it stood in the path.
    Workspace(String),
    /// The one that answers at the root.
    Default,
    /// None: not the data plane.
    Process,
}

/// A request that has found its action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// What to do.
    pub action: Action,
    /// For which workspace.
    pub scope: Scope,
    /// What stood for the `{}` of the pattern, decoded, in order.
    pub captures: Vec<String>,
}

/// Which kind of error a path speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// AMP's.
    Amp,
    /// Prometheus's.
    Prometheus,
}

/// Why there is no action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unrouted {
    /// Nothing of this path.
    NoSuchPath(Dialect),
    /// The path is there, for these methods.
    WrongMethod(Dialect, Vec<&'static str>),
}

/// Finds the action.
pub fn route(method: &Method, path: &str) -> Result<Matched, Unrouted> {
    let segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["workspaces", id, rest @ ..] if is_data(rest) => {
            data(method, rest, Scope::Workspace((*id).to_owned()))
        }
        rest if is_data(rest) => data(method, rest, Scope::Default),
        rest => control(method, rest),
    }
}

fn is_data(words: &[&str]) -> bool {
    matches!(words, ["api" | "federate", ..] | ["alertmanager", "api" | "-", ..])
        || words == ["hearth", "deliveries"]
}

/// The whole table: methods, pattern, action. Patterns of the data plane are relative to a
/// workspace.
pub fn table() -> impl Iterator<Item = (&'static str, &'static str, Action)> {
    process_routes().chain(control_routes()).chain(data_routes())
}

fn data(method: &Method, words: &[&str], scope: Scope) -> Result<Matched, Unrouted> {
    // Clients append `api/v1/...` to an endpoint that may already end in `api/v1/`.
    let words = match words {
        ["api", "v1", "api", "v1", ..] => &words[2..],
        words => words,
    };
    find(method, words, data_routes(), &scope, Dialect::Prometheus)
}

fn control(method: &Method, words: &[&str]) -> Result<Matched, Unrouted> {
    let table = control_routes().chain(process_routes());
    find(method, words, table, &Scope::Process, Dialect::Amp)
}

fn data_routes() -> impl Iterator<Item = (&'static str, &'static str, Action)> {
    DATA.iter().map(|(methods, pattern, action)| (*methods, *pattern, Action::Data(*action)))
}

fn control_routes() -> impl Iterator<Item = (&'static str, &'static str, Action)> {
    CONTROL.iter().map(|(methods, pattern, action)| (*methods, *pattern, Action::Control(*action)))
}

fn process_routes() -> impl Iterator<Item = (&'static str, &'static str, Action)> {
    PROCESS.iter().map(|(methods, pattern, action)| (*methods, *pattern, Action::Process(*action)))
}

fn find(
    method: &Method,
    words: &[&str],
    table: impl Iterator<Item = (&'static str, &'static str, Action)>,
    scope: &Scope,
    dialect: Dialect,
) -> Result<Matched, Unrouted> {
    // HEAD is GET without the body.
    let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
    let mut allowed = Vec::new();
    for (methods, pattern, action) in table {
        let Some(captures) = captures(pattern, words) else { continue };
        if methods.split(' ').any(|known| known == method) {
            return Ok(Matched { action, scope: scope.clone(), captures });
        }
        allowed.extend(methods.split(' '));
    }
    if allowed.is_empty() {
        Err(Unrouted::NoSuchPath(dialect))
    } else {
        Err(Unrouted::WrongMethod(dialect, allowed))
    }
}

/// `{}` stands for one segment, `{..}` at the end for one or more.
fn captures(pattern: &str, words: &[&str]) -> Option<Vec<String>> {
    let mut captured = Vec::new();
    let mut left = words;
    for part in pattern.split('/') {
        let (first, rest) = left.split_first()?;
        match part {
            "{..}" => {
                captured.push(left.join("/"));
                return Some(captured);
            }
            "{}" => captured.push((*first).to_owned()),
            part if part == *first => {}
            _ => return None,
        }
        left = rest;
    }
    left.is_empty().then_some(captured)
}

/// Of the process.
const PROCESS: &[(&str, &str, ProcessAction)] = &[
    ("GET", "-/healthy", ProcessAction::Healthy),
    ("GET", "-/ready", ProcessAction::Ready),
    ("GET", "metrics", ProcessAction::Metrics),
];

/// Of the control API.
#[allow(clippy::enum_glob_use, reason = "a table of routes reads best without prefixes")]
const CONTROL: &[(&str, &str, ControlAction)] = {
    use ControlAction::*;
    &[
        ("POST", "workspaces", CreateWorkspace),
        ("GET", "workspaces", ListWorkspaces),
        ("GET", "workspaces/{}", DescribeWorkspace),
        ("DELETE", "workspaces/{}", DeleteWorkspace),
        ("POST", "workspaces/{}/alias", UpdateWorkspaceAlias),
        ("GET", "workspaces/{}/configuration", DescribeWorkspaceConfiguration),
        ("PATCH", "workspaces/{}/configuration", UpdateWorkspaceConfiguration),
        ("POST", "workspaces/{}/rulegroupsnamespaces", CreateRuleGroupsNamespace),
        ("GET", "workspaces/{}/rulegroupsnamespaces", ListRuleGroupsNamespaces),
        ("GET", "workspaces/{}/rulegroupsnamespaces/{}", DescribeRuleGroupsNamespace),
        ("PUT", "workspaces/{}/rulegroupsnamespaces/{}", PutRuleGroupsNamespace),
        ("DELETE", "workspaces/{}/rulegroupsnamespaces/{}", DeleteRuleGroupsNamespace),
        ("POST", "workspaces/{}/alertmanager/definition", CreateAlertManagerDefinition),
        ("GET", "workspaces/{}/alertmanager/definition", DescribeAlertManagerDefinition),
        ("PUT", "workspaces/{}/alertmanager/definition", PutAlertManagerDefinition),
        ("DELETE", "workspaces/{}/alertmanager/definition", DeleteAlertManagerDefinition),
        ("PUT", "workspaces/{}/hearth/secrets/{}", PutSecret),
        ("DELETE", "workspaces/{}/hearth/secrets/{}", DeleteSecret),
        ("GET", "tags/{..}", ListTagsForResource),
        ("POST", "tags/{..}", TagResource),
        ("DELETE", "tags/{..}", UntagResource),
        ("POST", "workspaces/{}/logging", CreateLoggingConfiguration),
        ("GET", "workspaces/{}/logging", DescribeLoggingConfiguration),
        ("PUT", "workspaces/{}/logging", UpdateLoggingConfiguration),
        ("DELETE", "workspaces/{}/logging", DeleteLoggingConfiguration),
        ("POST", "workspaces/{}/logging/query", CreateQueryLoggingConfiguration),
        ("GET", "workspaces/{}/logging/query", DescribeQueryLoggingConfiguration),
        ("PUT", "workspaces/{}/logging/query", UpdateQueryLoggingConfiguration),
        ("DELETE", "workspaces/{}/logging/query", DeleteQueryLoggingConfiguration),
        ("PUT", "workspaces/{}/policy", PutResourcePolicy),
        ("GET", "workspaces/{}/policy", DescribeResourcePolicy),
        ("DELETE", "workspaces/{}/policy", DeleteResourcePolicy),
        ("POST", "workspaces/{}/anomalydetectors", CreateAnomalyDetector),
        ("GET", "workspaces/{}/anomalydetectors", ListAnomalyDetectors),
        ("GET", "workspaces/{}/anomalydetectors/{}", DescribeAnomalyDetector),
        ("PUT", "workspaces/{}/anomalydetectors/{}", PutAnomalyDetector),
        ("DELETE", "workspaces/{}/anomalydetectors/{}", DeleteAnomalyDetector),
        ("POST", "scrapers", CreateScraper),
        ("GET", "scrapers", ListScrapers),
        ("GET", "scrapers/{}", DescribeScraper),
        ("PUT", "scrapers/{}", UpdateScraper),
        ("DELETE", "scrapers/{}", DeleteScraper),
        ("PUT", "scrapers/{}/logging-configuration", UpdateScraperLoggingConfiguration),
        ("GET", "scrapers/{}/logging-configuration", DescribeScraperLoggingConfiguration),
        ("DELETE", "scrapers/{}/logging-configuration", DeleteScraperLoggingConfiguration),
        ("GET", "scraperconfiguration", GetDefaultScraperConfiguration),
    ]
};

/// Of the data plane, relative to a workspace.
#[allow(clippy::enum_glob_use, reason = "a table of routes reads best without prefixes")]
const DATA: &[(&str, &str, DataAction)] = {
    use DataAction::*;
    &[
        ("POST", "api/v1/remote_write", RemoteWrite),
        ("POST", "api/v1/write", RemoteWrite),
        ("GET POST", "api/v1/query", Query),
        ("GET POST", "api/v1/query_range", QueryRange),
        ("GET POST", "api/v1/query_exemplars", QueryExemplars),
        ("GET POST", "api/v1/format_query", FormatQuery),
        ("GET POST", "api/v1/parse_query", ParseQuery),
        ("GET POST", "api/v1/series", Series),
        ("GET POST", "api/v1/labels", Labels),
        ("GET", "api/v1/label/{}/values", LabelValues),
        ("GET", "api/v1/metadata", Metadata),
        ("GET", "api/v1/rules", Rules),
        ("GET", "api/v1/alerts", Alerts),
        ("GET", "api/v1/alertmanagers", AlertManagers),
        ("GET", "api/v1/targets", Targets),
        ("GET", "api/v1/status/buildinfo", BuildInfo),
        ("GET", "api/v1/status/config", StatusConfig),
        ("GET", "api/v1/status/flags", StatusFlags),
        ("GET", "api/v1/status/runtimeinfo", RuntimeInfo),
        ("GET", "api/v1/status/tsdb", StatusTsdb),
        ("GET", "api/v1/features", Features),
        ("GET", "federate", Federate),
        ("GET", "hearth/deliveries", Deliveries),
        ("POST", "api/v1/read", NotBuilt),
        ("POST", "api/v1/otlp/v1/metrics", OtlpMetrics),
        ("GET", "api/v1/targets/metadata", NotBuilt),
        ("GET", "api/v1/targets/relabel_steps", NotBuilt),
        ("GET", "api/v1/scrape_pools", NotBuilt),
        ("GET", "api/v1/scrape_pools/config", NotBuilt),
        ("GET", "api/v1/status/tsdb/blocks", NotBuilt),
        ("GET", "api/v1/status/walreplay", NotBuilt),
        ("GET", "api/v1/status/self_metrics", NotBuilt),
        ("GET", "api/v1/notifications", NotBuilt),
        ("GET", "api/v1/notifications/live", NotBuilt),
        ("GET", "api/v1/openapi.yaml", NotBuilt),
        ("GET POST", "api/v1/search/{}", NotBuilt),
        ("POST PUT", "api/v1/admin/tsdb/{}", NotBuilt),
        ("GET", "alertmanager/api/v2/status", AmStatus),
        ("GET", "alertmanager/api/v2/receivers", AmReceivers),
        ("GET", "alertmanager/api/v2/alerts", AmListAlerts),
        ("POST", "alertmanager/api/v2/alerts", AmPostAlerts),
        ("GET", "alertmanager/api/v2/alerts/groups", AmAlertGroups),
        ("GET", "alertmanager/api/v2/silences", AmListSilences),
        ("POST", "alertmanager/api/v2/silences", AmPutSilence),
        ("GET", "alertmanager/api/v2/silence/{}", AmGetSilence),
        ("DELETE", "alertmanager/api/v2/silence/{}", AmDeleteSilence),
        ("GET", "alertmanager/-/healthy", AmHealthy),
        ("GET", "alertmanager/-/ready", AmHealthy),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(method: &str, path: &str) -> Result<Matched, Unrouted> {
        route(&method.parse().expect("a method"), path)
    }

    #[test]
    fn one_table_serves_workspaces_and_the_root() {
        for (path, scope) in [
            ("/workspaces/ws-1/api/v1/query", Scope::Workspace("ws-1".into())),
            ("/workspaces/ws-1/api/v1/api/v1/query", Scope::Workspace("ws-1".into())),
            ("/api/v1/query", Scope::Default),
            ("/api/v1/query/", Scope::Default),
        ] {
            let found = matched("POST", path).expect(path);
            assert_eq!((found.action, found.scope), (Action::Data(DataAction::Query), scope));
        }
    }

    #[test]
    fn the_definition_is_control_and_the_api_beside_it_data() {
        let found = matched("GET", "/workspaces/ws-1/alertmanager/definition").expect("control");
        let describe = Action::Control(ControlAction::DescribeAlertManagerDefinition);
        assert_eq!((found.action, found.scope), (describe, Scope::Process));
        let found = matched("HEAD", "/workspaces/ws-1/alertmanager/api/v2/status").expect("data");
        assert_eq!(found.action, Action::Data(DataAction::AmStatus));
    }

    #[test]
    fn captures_are_decoded_and_an_arn_may_hold_slashes() {
        let found = matched("GET", "/workspaces/ws-1/rulegroupsnamespaces/a%20b%2Fc");
        assert_eq!(found.expect("control").captures, ["ws-1", "a b/c"]);
        for path in ["/tags/arn%3Aaws%3Aworkspace%2Fws-1", "/tags/arn:aws:workspace/ws-1"] {
            assert_eq!(matched("GET", path).expect(path).captures, ["arn:aws:workspace/ws-1"]);
        }
    }

    #[test]
    fn what_is_not_there_says_what_is() {
        let wrong = matched("PUT", "/api/v1/query").expect_err("no PUT");
        assert_eq!(wrong, Unrouted::WrongMethod(Dialect::Prometheus, vec!["GET", "POST"]));
        let none = matched("GET", "/workspaces/ws-1/nothing").expect_err("no such path");
        assert_eq!(none, Unrouted::NoSuchPath(Dialect::Amp));
    }
}
