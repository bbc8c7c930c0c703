//! From a request of the control API to its answer.

use crate::control::action::ControlAction;
use crate::control::api::Control;
use crate::control::error::ControlError;
use crate::control::request::ControlRequest;
use crate::control::{alert_manager, configuration, rule_namespaces, secrets, tags, workspaces};
use crate::http::answer::Answer;

impl Control {
    /// Answers a request. Must run to its end, or a change may be durable and not programmed.
    pub async fn handle(&self, request: ControlRequest) -> Answer {
        match self.act(&request).await {
            Ok(body) => Answer { status: request.action.success(), ..body },
            Err(error) => {
                if let ControlError::Catalog(_) | ControlError::Internal(_) = &error {
                    tracing::error!(action = ?request.action, %error, "control request failed");
                }
                error.answer()
            }
        }
    }

    #[allow(clippy::enum_glob_use, reason = "a table of actions reads best without prefixes")]
    async fn act(&self, request: &ControlRequest) -> Result<Answer, ControlError> {
        use ControlAction::*;
        match request.action {
            CreateWorkspace => workspaces::create(self, request).await,
            ListWorkspaces => workspaces::list(self, request),
            DescribeWorkspace => workspaces::describe(self, request),
            DeleteWorkspace => workspaces::delete(self, request).await,
            UpdateWorkspaceAlias => workspaces::rename(self, request).await,
            DescribeWorkspaceConfiguration => configuration::describe(self, request),
            UpdateWorkspaceConfiguration => configuration::update(self, request).await,
            CreateRuleGroupsNamespace => rule_namespaces::create(self, request).await,
            ListRuleGroupsNamespaces => rule_namespaces::list(self, request),
            DescribeRuleGroupsNamespace => rule_namespaces::describe(self, request),
            PutRuleGroupsNamespace => rule_namespaces::put(self, request).await,
            DeleteRuleGroupsNamespace => rule_namespaces::delete(self, request).await,
            CreateAlertManagerDefinition => alert_manager::create(self, request).await,
            DescribeAlertManagerDefinition => alert_manager::describe(self, request),
            PutAlertManagerDefinition => alert_manager::put(self, request).await,
            DeleteAlertManagerDefinition => alert_manager::delete(self, request).await,
            PutSecret => secrets::put(self, request).await,
            DeleteSecret => secrets::delete(self, request).await,
            ListTagsForResource => tags::list(self, request),
            TagResource => tags::set(self, request).await,
            UntagResource => tags::remove(self, request).await,
            _ => Err(ControlError::NotBuilt(format!("{:?}", request.action))),
        }
    }
}
