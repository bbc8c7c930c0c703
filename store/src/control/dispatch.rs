//! From a request of the control API to its answer.

use std::sync::Arc;

use protocol::amp_api::arn::{Arn, Resource};
use protocol::workspace::WorkspaceId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use world::world::World;

use crate::catalog::state::State;
use crate::catalog::{Catalog, Change, Token};
use crate::control::action::ControlAction;
use crate::control::error::ControlError;
use crate::control::ports::{Checks, DataPlane};
use crate::control::request::ControlRequest;
use crate::control::{alert_manager, configuration, rule_namespaces, secrets, tags, workspaces};
use crate::http::answer::Answer;

/// Names that answers are made of.
#[derive(Clone, Debug)]
pub struct Naming {
    /// In ARNs.
    pub region: String,
    /// In ARNs.
    pub account: String,
    /// Base URL under which clients reach the store, without a slash at its end.
    pub external_url: String,
}

impl Naming {
    /// The full name of a resource.
    pub fn arn(&self, resource: Resource) -> String {
        Arn { region: self.region.clone(), account: self.account.clone(), resource }.to_string()
    }

    /// Where the data plane of a workspace stands.
    pub fn endpoint(&self, id: &WorkspaceId) -> String {
        format!("{}/workspaces/{id}/", self.external_url)
    }
}

/// The control API.
pub struct Control {
    /// The definitions.
    pub catalog: Arc<Catalog>,
    /// What runs them.
    pub data_plane: Arc<dyn DataPlane>,
    /// What judges them.
    pub checks: Checks,
    /// Names.
    pub naming: Naming,
    /// Randomness for new ids, threads for long checks.
    pub world: World,
}

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

    /// Decides and stores a change, then programs the workspace.
    pub async fn change<A: Serialize + DeserializeOwned>(
        &self,
        id: &WorkspaceId,
        token: Option<Token>,
        decide: impl FnOnce(&State) -> Result<Change<A>, ControlError>,
    ) -> Result<A, ControlError> {
        let answer = self.catalog.change(token, decide).await?;
        self.data_plane.program(id).await;
        Ok(answer)
    }
}

/// A body of JSON; the status comes from the action.
pub fn body(value: &impl Serialize) -> Answer {
    Answer::json(http::StatusCode::OK, value)
}

/// No body; the status comes from the action.
pub fn no_body() -> Answer {
    Answer::empty(http::StatusCode::OK)
}
