//! What the data plane can be asked.

use crate::http::access::right::{Right, Subresource, Verb};

/// One action; its permission in AMP's words is [`DataAction::permission`], in Kubernetes'
/// [`DataAction::right`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the paths in the table of routes")]
pub enum DataAction {
    RemoteWrite,
    OtlpMetrics,
    Query,
    QueryRange,
    QueryExemplars,
    FormatQuery,
    ParseQuery,
    Series,
    Labels,
    LabelValues,
    Metadata,
    Rules,
    Alerts,
    AlertManagers,
    Targets,
    BuildInfo,
    StatusConfig,
    StatusFlags,
    RuntimeInfo,
    StatusTsdb,
    Features,
    AmStatus,
    AmReceivers,
    AmListAlerts,
    AmPostAlerts,
    AmAlertGroups,
    AmListSilences,
    AmPutSilence,
    AmGetSilence,
    AmDeleteSilence,
    AmHealthy,
    Deliveries,
    Federate,
    NotBuilt,
}

impl DataAction {
    /// The permission that allows it, as in `aps:QueryMetrics`.
    pub const fn permission(self) -> &'static str {
        self.needs().0
    }

    /// What it needs in Kubernetes.
    pub const fn right(self) -> Right {
        let (_, part, verb) = self.needs();
        Right::Data(part, verb)
    }

    /// Both: AMP tells apart more than Kubernetes does.
    const fn needs(self) -> (&'static str, Subresource, Verb) {
        use Subresource::{Alerts, Query, RemoteWrite, Rules, Silences};
        match self {
            Self::RemoteWrite | Self::OtlpMetrics => ("RemoteWrite", RemoteWrite, Verb::Create),
            Self::Query
            | Self::QueryRange
            | Self::QueryExemplars
            | Self::FormatQuery
            | Self::ParseQuery
            | Self::BuildInfo
            | Self::StatusConfig
            | Self::StatusFlags
            | Self::RuntimeInfo
            | Self::StatusTsdb
            | Self::Features
            | Self::Federate
            | Self::NotBuilt
            | Self::Targets => ("QueryMetrics", Query, Verb::Get),
            Self::Series => ("GetSeries", Query, Verb::Get),
            Self::Labels | Self::LabelValues => ("GetLabels", Query, Verb::Get),
            Self::Metadata => ("GetMetricMetadata", Query, Verb::Get),
            Self::Rules => ("ListRules", Rules, Verb::Get),
            Self::Alerts | Self::AlertManagers => ("ListAlerts", Alerts, Verb::Get),
            Self::AmStatus | Self::AmHealthy => ("GetAlertManagerStatus", Alerts, Verb::Get),
            Self::AmReceivers | Self::Deliveries => {
                ("ListAlertManagerReceivers", Alerts, Verb::Get)
            }
            Self::AmListAlerts => ("ListAlertManagerAlerts", Alerts, Verb::Get),
            Self::AmAlertGroups => ("ListAlertManagerAlertGroups", Alerts, Verb::Get),
            Self::AmPostAlerts => ("CreateAlertManagerAlerts", Alerts, Verb::Create),
            Self::AmListSilences => ("ListAlertManagerSilences", Silences, Verb::Get),
            Self::AmGetSilence => ("GetAlertManagerSilence", Silences, Verb::Get),
            Self::AmPutSilence => ("PutAlertManagerSilences", Silences, Verb::Create),
            Self::AmDeleteSilence => ("DeleteAlertManagerSilence", Silences, Verb::Delete),
        }
    }

    /// Whether it speaks Alertmanager's API, errors included.
    pub const fn is_alert_manager(self) -> bool {
        matches!(
            self,
            Self::AmStatus
                | Self::AmReceivers
                | Self::AmListAlerts
                | Self::AmPostAlerts
                | Self::AmAlertGroups
                | Self::AmListSilences
                | Self::AmPutSilence
                | Self::AmGetSilence
                | Self::AmDeleteSilence
                | Self::AmHealthy
        )
    }

    /// Whether the body is a form that holds parameters.
    pub const fn takes_form(self) -> bool {
        !matches!(
            self,
            Self::RemoteWrite | Self::OtlpMetrics | Self::AmPostAlerts | Self::AmPutSilence
        )
    }
}
