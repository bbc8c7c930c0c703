//! SNS: the form, its signature, texts, FIFO topics.

#[path = "virtual_time/double.rs"]
mod double;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alertmanager::alert::PostableAlert;
use alertmanager::alertmanager::{AlertManager, Options, Ports};
use percent_encoding::percent_decode_str;
use protocol::alertmanager_config::definition::{AmpDefinition, Origin};
use protocol::sigv4::{self, Scope};

use crate::double::{Delivered, Keys, Life, START_MS, Scene};

fn config(sns: &str) -> String {
    format!(
        "template_files:\n  mine.tmpl: '{{{{ define \"mine\" }}}}<{{{{ .Status }}}}>{{{{ end }}}}'\n\
         alertmanager_config: |\n  \
         route: {{receiver: topic, group_by: [alertname], group_wait: 1s, group_interval: 1m}}\n  \
         templates: ['*.tmpl']\n  \
         receivers:\n    - name: topic\n      sns_configs:\n        - {{{sns}}}\n"
    )
}

async fn open(life: &Life, sns: &str) -> Result<Arc<AlertManager>, String> {
    let ports = Ports { secrets: Arc::new(Keys), credentials: Arc::new(Keys) };
    let options = Options { external_url: "http://hearth".to_owned(), ..Options::default() };
    let opened = AlertManager::open(life.world.clone(), "ws-1", ports, options).await;
    let manager = opened.expect("an empty journal");
    let definition = AmpDefinition::parse(&config(sns), Origin::Api);
    let definition = definition.map_err(|faults| faults[0].to_string())?;
    manager.apply(definition, "hash").map_err(|error| error.to_string())?;
    Ok(manager)
}

async fn post(manager: &AlertManager, instance: &str, over: bool) {
    let labels = [("alertname", "Down"), ("instance", instance), ("job", "node")];
    let texts = [("summary", format!("{instance} is down")), ("team", "db & co".to_owned())];
    let now = alertmanager::alert::timestamp(START_MS);
    let alert = PostableAlert {
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        annotations: texts.map(|(name, value)| (name.to_owned(), value)).into(),
        starts_at: Some(now),
        ends_at: over.then_some(now),
        generator_url: "http://p/graph".to_owned(),
    };
    manager.post_alerts(vec![alert]).await.expect("a good alert");
}

fn fields(delivered: &Delivered) -> BTreeMap<String, String> {
    let body = std::str::from_utf8(&delivered.request.body).expect("a form is ASCII");
    let decode = |text: &str| percent_decode_str(text).decode_utf8().expect("UTF-8").into_owned();
    let pairs = body.split('&').map(|pair| pair.split_once('=').expect("a pair"));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

const TOPIC: &str = "topic_arn: 'arn:aws:sns:eu-west-1:123456789012:alerts'";

#[tokio::test(start_paused = true)]
async fn the_default_message_is_published_and_signed() {
    let scene = Scene::new();
    let life = scene.start();
    let sns = format!("{TOPIC}, sigv4: {{region: eu-west-1}}, attributes: {{severity: page}}");
    let manager = open(&life, &sns).await.expect("a good definition");
    post(&manager, "a:9100", false).await;
    post(&manager, "b:9100", false).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let seen = scene.inbox.all();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].request.url, "https://sns.eu-west-1.amazonaws.com/");
    let fields = fields(&seen[0]);
    let entry = |instance: &str| {
        format!(
            "Labels:\n - alertname = Down\n - instance = {instance}\n - job = node\n\
             Annotations:\n - summary = {instance} is down\n - team = db & co\n\
             Source: http://p/graph\n"
        )
    };
    let list = [entry("a:9100"), entry("b:9100")].concat();
    let expected = [
        ("Action", "Publish".to_owned()),
        ("Version", "2010-03-31".to_owned()),
        ("TopicArn", "arn:aws:sns:eu-west-1:123456789012:alerts".to_owned()),
        ("Subject", "[FIRING:2] Down (node)".to_owned()),
        ("Message", format!("db & co\nAlerts Firing:\n{list}\n")),
        ("MessageAttributes.entry.1.Name", "severity".to_owned()),
        ("MessageAttributes.entry.1.Value.DataType", "String".to_owned()),
        ("MessageAttributes.entry.1.Value.StringValue", "page".to_owned()),
    ];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value)).into());
    // AWS would believe the request.
    let mut headers = seen[0].request.headers.clone();
    headers.push(("host".to_owned(), "sns.eu-west-1.amazonaws.com".to_owned()));
    let body_hash = sigv4::body_hash(&seen[0].request.body);
    let request = sigv4::Request {
        method: "POST",
        path: "/",
        query: "",
        headers: &headers,
        body_hash: &body_hash,
    };
    let scope = Scope { region: "eu-west-1", service: "sns" };
    let who = sigv4::verify(request, scope, START_MS / 1000, |_| Some("secret".to_owned()));
    assert_eq!(who.as_deref(), Ok("AKIDEXAMPLE"));
    assert_eq!(seen[0].header("x-amz-security-token"), Some("token"));
}

#[tokio::test(start_paused = true)]
async fn a_fifo_topic_gets_another_id_for_the_resolution() {
    let scene = Scene::new();
    let life = scene.start();
    let sns = "topic_arn: 'arn:aws:sns:eu-west-1:1:t.fifo', sigv4: {region: eu-west-1, \
               access_key: AK, secret_key: 'secret://hooks/token'}, subject: '{{ template \"mine\" . }}', \
               message: '{{ range .Alerts }}{{ .Labels.instance }} {{ .StartsAt.Unix }}{{ end }}'";
    let manager = open(&life, sns).await.expect("a good definition");
    post(&manager, "a", false).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    post(&manager, "a", true).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let seen = scene.inbox.all();
    assert_eq!(seen.len(), 2);
    let (first, second) = (fields(&seen[0]), fields(&seen[1]));
    assert_eq!(first["Message"], format!("a {}", START_MS / 1000));
    assert_eq!((first["Subject"].as_str(), second["Subject"].as_str()), ("<firing>", "<resolved>"));
    assert_eq!(first["MessageGroupId"], second["MessageGroupId"]);
    assert_ne!(first["MessageDeduplicationId"], second["MessageDeduplicationId"]);
    assert!(seen[0].header("authorization").is_some_and(|text| text.contains("Credential=AK/")));
}

#[tokio::test(start_paused = true)]
async fn wrong_templates_are_refused_before_they_run() {
    let life = Scene::new().start();
    for (field, told) in [
        ("message: '{{ nothing }}'", "receivers[0].sns_configs[0].message"),
        ("subject: '{{ if }}'", "receivers[0].sns_configs[0].subject"),
        ("attributes: {a: '{{'}", "receivers[0].sns_configs[0].attributes.a"),
    ] {
        let sns = format!("{TOPIC}, sigv4: {{region: r}}, {field}");
        let error = open(&life, &sns).await.err().expect("refused");
        assert!(error.contains(told), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_template_that_fails_is_a_failed_message_with_its_reason() {
    let scene = Scene::new();
    let life = scene.start();
    let sns = format!("{TOPIC}, sigv4: {{region: r}}, message: '{{{{ template \"gone\" . }}}}'");
    let manager = open(&life, &sns).await.expect("found out only when it runs");
    post(&manager, "a", false).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(scene.inbox.all().is_empty());
    let health = manager.delivery_health();
    let (destination, health) = health.first_key_value().expect("one receiver");
    assert_eq!((destination.receiver.as_str(), destination.integration), ("topic", "sns"));
    assert_eq!((health.failed, health.failing), (1, true));
    assert!(health.last_failure.as_deref().is_some_and(|why| why.contains("gone")), "{health:?}");
}
