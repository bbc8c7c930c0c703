//! Which format is asked for, and which one came.

use protocol::scrape_config_resolve::{EscapingScheme, ScrapeProtocol};

use crate::exposition::Dialect;

/// The Accept header: the protocols in order, each a tenth less wanted than the one before.
///
/// Protobuf is left out: this collector does not read it.
pub fn accept_header(protocols: &[ScrapeProtocol], escaping: EscapingScheme) -> String {
    let known = ScrapeProtocol::ALL.len() + 1;
    let mut parts = Vec::new();
    for protocol in protocols {
        let media = match protocol {
            ScrapeProtocol::PrometheusProto => continue,
            ScrapeProtocol::PrometheusText0_0_4 => "text/plain;version=0.0.4",
            ScrapeProtocol::PrometheusText1_0_0 => "text/plain;version=1.0.0",
            ScrapeProtocol::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1",
            ScrapeProtocol::OpenMetricsText1_0_0 => "application/openmetrics-text;version=1.0.0",
        };
        let escaping = match protocol {
            ScrapeProtocol::PrometheusText1_0_0 | ScrapeProtocol::OpenMetricsText1_0_0 => {
                format!(";escaping={}", escaping.as_str())
            }
            _ => String::new(),
        };
        parts.push(format!("{media}{escaping};q=0.{}", known - parts.len()));
    }
    parts.push(format!("*/*;q=0.{}", known - parts.len()));
    parts.join(",")
}

/// The grammar of a body by its Content-Type, else the fallback; the version is not looked at.
pub fn dialect_of(content_type: &str, fallback: Option<Dialect>) -> Result<Dialect, String> {
    let media = content_type.split(';').next().unwrap_or("").trim();
    let known = match media.to_ascii_lowercase().as_str() {
        "text/plain" => Some(Dialect::Text),
        "application/openmetrics-text" => Some(Dialect::OpenMetrics),
        "application/vnd.google.protobuf" => {
            return Err("the target sent protobuf, which is not supported".to_owned());
        }
        _ => None,
    };
    known.or(fallback).ok_or_else(|| match media {
        "" => "the target sent no Content-Type and no fallback_scrape_protocol is set".to_owned(),
        _ => format!(
            "the target sent the unknown Content-Type {media:?} and no fallback_scrape_protocol \
             is set"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_accept_header() {
        let protocols = [
            ScrapeProtocol::OpenMetricsText1_0_0,
            ScrapeProtocol::OpenMetricsText0_0_1,
            ScrapeProtocol::PrometheusText1_0_0,
            ScrapeProtocol::PrometheusText0_0_4,
        ];
        assert_eq!(
            accept_header(&protocols, EscapingScheme::AllowUtf8),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        );
    }

    #[test]
    fn the_content_type_decides_and_the_fallback_helps() {
        assert_eq!(dialect_of("text/plain; version=0.0.4", None), Ok(Dialect::Text));
        assert_eq!(dialect_of("Application/OpenMetrics-Text", None), Ok(Dialect::OpenMetrics));
        assert!(dialect_of("", None).is_err());
        assert!(dialect_of("text/html", None).is_err());
        assert!(dialect_of("application/vnd.google.protobuf", Some(Dialect::Text)).is_err());
        assert_eq!(dialect_of("text/html", Some(Dialect::Text)), Ok(Dialect::Text));
    }
}
