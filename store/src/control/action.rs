//! What the control API can be asked: AMP's and ours.

use http::StatusCode;

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
}
