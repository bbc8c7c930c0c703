//! What the control API can be asked: AMP's and ours.

use http::StatusCode;

use crate::http::access::right::{Right, Verb};

/// One operation. Its name is also its permission, as in `aps:CreateWorkspace`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are AMP's own")]
pub enum ControlAction {
    CreateWorkspace,
    ListWorkspaces,
    DescribeWorkspace,
    DeleteWorkspace,
    UpdateWorkspaceAlias,
    DescribeWorkspaceConfiguration,
    UpdateWorkspaceConfiguration,
    CreateRuleGroupsNamespace,
    ListRuleGroupsNamespaces,
    DescribeRuleGroupsNamespace,
    PutRuleGroupsNamespace,
    DeleteRuleGroupsNamespace,
    CreateAlertManagerDefinition,
    DescribeAlertManagerDefinition,
    PutAlertManagerDefinition,
    DeleteAlertManagerDefinition,
    PutSecret,
    DeleteSecret,
    ListTagsForResource,
    TagResource,
    UntagResource,
    CreateLoggingConfiguration,
    DescribeLoggingConfiguration,
    UpdateLoggingConfiguration,
    DeleteLoggingConfiguration,
    CreateQueryLoggingConfiguration,
    DescribeQueryLoggingConfiguration,
    UpdateQueryLoggingConfiguration,
    DeleteQueryLoggingConfiguration,
    PutResourcePolicy,
    DescribeResourcePolicy,
    DeleteResourcePolicy,
    CreateAnomalyDetector,
    ListAnomalyDetectors,
    DescribeAnomalyDetector,
    PutAnomalyDetector,
    DeleteAnomalyDetector,
    CreateScraper,
    ListScrapers,
    DescribeScraper,
    UpdateScraper,
    DeleteScraper,
    UpdateScraperLoggingConfiguration,
    DescribeScraperLoggingConfiguration,
    DeleteScraperLoggingConfiguration,
    GetDefaultScraperConfiguration,
}

impl ControlAction {
    /// AMP's status of success.
    pub const fn success(self) -> StatusCode {
        match self {
            Self::CreateWorkspace
            | Self::DeleteWorkspace
            | Self::UpdateWorkspaceConfiguration
            | Self::CreateRuleGroupsNamespace
            | Self::PutRuleGroupsNamespace
            | Self::DeleteRuleGroupsNamespace
            | Self::CreateAlertManagerDefinition
            | Self::PutAlertManagerDefinition
            | Self::DeleteAlertManagerDefinition => StatusCode::ACCEPTED,
            Self::UpdateWorkspaceAlias | Self::DeleteSecret => StatusCode::NO_CONTENT,
            _ => StatusCode::OK,
        }
    }

    /// What it needs in Kubernetes. What lies in a workspace is a part of it: to read it is to
    /// `get` the workspace, to make, change or remove it is to `update` the workspace, so that
    /// `delete` is only ever the end of the workspace itself.
    pub const fn right(self) -> Right {
        match self {
            Self::CreateWorkspace => Right::Workspaces(Verb::Create),
            Self::ListWorkspaces => Right::Workspaces(Verb::List),
            Self::DeleteWorkspace => Right::Workspace(Verb::Delete),
            Self::DescribeWorkspace
            | Self::DescribeWorkspaceConfiguration
            | Self::ListRuleGroupsNamespaces
            | Self::DescribeRuleGroupsNamespace
            | Self::DescribeAlertManagerDefinition
            | Self::ListTagsForResource
            | Self::DescribeLoggingConfiguration
            | Self::DescribeQueryLoggingConfiguration
            | Self::DescribeResourcePolicy
            | Self::ListAnomalyDetectors
            | Self::DescribeAnomalyDetector => Right::Workspace(Verb::Get),
            Self::UpdateWorkspaceAlias
            | Self::UpdateWorkspaceConfiguration
            | Self::CreateRuleGroupsNamespace
            | Self::PutRuleGroupsNamespace
            | Self::DeleteRuleGroupsNamespace
            | Self::CreateAlertManagerDefinition
            | Self::PutAlertManagerDefinition
            | Self::DeleteAlertManagerDefinition
            | Self::PutSecret
            | Self::DeleteSecret
            | Self::TagResource
            | Self::UntagResource
            | Self::CreateLoggingConfiguration
            | Self::UpdateLoggingConfiguration
            | Self::DeleteLoggingConfiguration
            | Self::CreateQueryLoggingConfiguration
            | Self::UpdateQueryLoggingConfiguration
            | Self::DeleteQueryLoggingConfiguration
            | Self::PutResourcePolicy
            | Self::DeleteResourcePolicy
            | Self::CreateAnomalyDetector
            | Self::PutAnomalyDetector
            | Self::DeleteAnomalyDetector => Right::Workspace(Verb::Update),
            Self::CreateScraper => Right::Scrapers(Verb::Create),
            Self::ListScrapers => Right::Scrapers(Verb::List),
            Self::DescribeScraper
            | Self::DescribeScraperLoggingConfiguration
            | Self::GetDefaultScraperConfiguration => Right::Scrapers(Verb::Get),
            Self::UpdateScraper
            | Self::UpdateScraperLoggingConfiguration
            | Self::DeleteScraperLoggingConfiguration => Right::Scrapers(Verb::Update),
            Self::DeleteScraper => Right::Scrapers(Verb::Delete),
        }
    }
}
