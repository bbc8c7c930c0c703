//! The store's port to a Kubernetes API server.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
    SubjectAccessReviewStatus,
};
use kube::api::PostParams;
use kube::{Api, Client};
use store::http::access::reviews::{Attributes, GROUP, Identity, Reviews, Verdict};

use crate::token_reviews::{TokenFault, TokenReviews, client, within};

/// Asks by TokenReview and SubjectAccessReview.
pub struct KubernetesReviews {
    tokens: TokenReviews,
    access: Api<SubjectAccessReview>,
}

impl KubernetesReviews {
    /// Of the cluster we run in, or of KUBECONFIG's. Needs no answer from it yet.
    pub async fn connect() -> anyhow::Result<Self> {
        Ok(Self::new(client().await?))
    }

    /// By this client, which should not retry.
    pub fn new(client: Client) -> Self {
        Self { tokens: TokenReviews::new(client.clone()), access: Api::all(client) }
    }
}

impl Reviews for KubernetesReviews {
    fn token<'a>(&'a self, token: &'a str, audience: &'a str) -> BoxFuture<'a, Verdict<Identity>> {
        async move {
            match self.tokens.review(token, audience).await {
                Ok(identity) => Verdict::Yes(identity),
                Err(TokenFault::Refused(reason)) => Verdict::No(reason),
                Err(TokenFault::Unavailable(reason)) => Verdict::Unknown(reason),
            }
        }
        .boxed()
    }

    fn access<'a>(
        &'a self,
        identity: &'a Identity,
        attributes: &'a Attributes,
    ) -> BoxFuture<'a, Verdict<()>> {
        async move {
            let review = SubjectAccessReview {
                spec: question(identity, attributes),
                ..SubjectAccessReview::default()
            };
            match within(self.access.create(&PostParams::default(), &review)).await {
                Ok(answered) => verdict(answered.status),
                Err(reason) => Verdict::Unknown(reason),
            }
        }
        .boxed()
    }
}

fn question(identity: &Identity, attributes: &Attributes) -> SubjectAccessReviewSpec {
    let Identity { user, uid, groups, extra } = identity.clone();
    let mut spec = SubjectAccessReviewSpec {
        user: Some(user),
        uid: (!uid.is_empty()).then_some(uid),
        groups: (!groups.is_empty()).then_some(groups),
        extra: (!extra.is_empty()).then_some(extra),
        ..SubjectAccessReviewSpec::default()
    };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    match attributes {
        Attributes::Resource { resource, subresource, verb, namespace, name } => {
            spec.resource_attributes = Some(ResourceAttributes {
                group: Some(GROUP.to_owned()),
                resource: some(resource),
                subresource: some(subresource),
                verb: some(verb),
                namespace: some(namespace),
                name: some(name),
                ..ResourceAttributes::default()
            });
        }
        Attributes::Path { path, verb } => {
            spec.non_resource_attributes =
                Some(NonResourceAttributes { path: some(path), verb: some(verb) });
        }
    }
    spec
}

/// Only a plain yes is one.
fn verdict(status: Option<SubjectAccessReviewStatus>) -> Verdict<()> {
    match status {
        None => Verdict::Unknown("the API server's answer has no status".to_owned()),
        Some(status) if status.allowed && status.denied != Some(true) => Verdict::Yes(()),
        Some(status) => {
            let told = [status.reason, status.evaluation_error];
            let told: Vec<_> = told.into_iter().flatten().filter(|text| !text.is_empty()).collect();
            Verdict::No(told.join("; "))
        }
    }
}

#[cfg(test)]
mod tests;
