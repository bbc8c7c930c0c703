//! Manifests: a text of several documents, each judged.
//!
//! A document that is wrong is reported with its place and leaves the others alone.

use base64::Engine as _;
use protocol::fault::Fault;
use protocol::places::Places;
use protocol::yaml;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::judgement::{Judgement, Source};
use crate::manifest::{
    Body, DEFAULT_NAMESPACE, Envelope, Kind, Manifest, ObjectKey, Resource, SecretValues,
};
use crate::patience::Patience;
use crate::{schema, scraper_spec, specs};

/// Largest text of manifests: one file with the largest rule file and definition, several times.
pub const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Most documents of one text.
pub const DOCUMENTS_MAX: usize = 10_000;

/// What a text held.
#[derive(Debug, Default)]
pub struct Reading {
    /// Objects without any fault.
    pub manifests: Vec<Manifest>,
    /// Everything that is wrong, in order of the lines.
    pub faults: Vec<Fault>,
    /// What is good, but without effect.
    pub warnings: Vec<Fault>,
    /// Objects that are there, but wrong: what was last good of them stays in force.
    pub broken: Vec<ObjectKey>,
    /// Whether a document is so wrong that nobody knows which object it is.
    pub nameless: bool,
}

/// Reads and judges all documents of a text.
pub fn read(text: &str) -> Reading {
    let mut reading = Reading::default();
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("{} bytes exceed the limit of {TEXT_BYTES_MAX} bytes", text.len());
        reading.faults.push(Fault { message, ..Fault::default() });
        reading.nameless = true;
        return reading;
    }
    for (number, (line, document)) in split(text).into_iter().enumerate() {
        if number == DOCUMENTS_MAX {
            let message = format!("more than {DOCUMENTS_MAX} documents in one file");
            reading.faults.push(Fault { line, column: 1, message, ..Fault::default() });
            reading.nameless = true;
            break;
        }
        read_document(line, document, &mut reading);
    }
    reading
}

fn read_document(first_line: u32, text: &str, reading: &mut Reading) {
    let place = |fault: Fault| match fault.line {
        0 => Fault { line: first_line, column: 1, ..fault },
        _ => fault.shifted(first_line - 1, 0),
    };
    let key = match read_key(text) {
        Ok(key) => key,
        Err(fault) => {
            reading.faults.push(place(fault));
            reading.nameless = true;
            return;
        }
    };
    let mut found = Found::default();
    let body = read_body(key.kind, text, &mut found);
    let Found { mut faults, mut warnings } = found;
    if faults.iter().chain(&warnings).any(|fault| fault.line == 0) {
        let places = Places::read(text);
        let all = faults.iter_mut().chain(&mut warnings);
        for fault in all.filter(|fault| fault.line == 0) {
            (fault.line, fault.column) = places.of(&fault.path);
        }
    }
    reading.faults.extend(faults.iter().cloned().map(place));
    reading.warnings.extend(warnings.into_iter().map(place));
    match body {
        Some(body) if faults.is_empty() => {
            reading.manifests.push(Manifest { key, body, line: first_line });
        }
        _ => reading.broken.push(key),
    }
}

fn read_key(text: &str) -> Result<ObjectKey, Fault> {
    let envelope: Envelope = yaml::parse(text)?;
    if envelope.kind.is_empty() {
        return Err(Fault::at_path("kind", "missing, so nobody knows what this document is"));
    }
    let kind = Kind::from_names(&envelope.api_version, &envelope.kind)
        .map_err(|message| Places::read(text).fault("kind", message))?;
    let name = envelope.metadata.name;
    if !is_object_name(&name) {
        let message = format!(
            "{name:?} is not a valid name: 1 to 253 of a-z, 0-9, '-' and '.', alphanumeric at both ends"
        );
        return Err(Fault::at_path("metadata.name", message));
    }
    let namespace = envelope.metadata.namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
    Ok(ObjectKey { kind, namespace, name })
}

fn is_object_name(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = name.as_bytes();
    (1..=253).contains(&bytes.len())
        && bytes.iter().all(|&b| inner(b) || b == b'-' || b == b'.')
        && inner(bytes[0])
        && inner(bytes[bytes.len() - 1])
}

fn read_body(kind: Kind, text: &str, reading: &mut Found) -> Option<Body> {
    let source = Source::Manifest(text);
    match kind {
        Kind::Secret => read_secret(text, &mut reading.faults).map(Body::Secret),
        Kind::Store => {
            let spec = read_spec(kind, text, reading)?;
            reading.take(specs::store(&spec));
            Some(Body::Store(spec))
        }
        Kind::Workspace => {
            let spec = read_spec(kind, text, reading)?;
            reading.take(specs::workspace(&spec));
            Some(Body::Workspace(spec))
        }
        Kind::Scraper => {
            let spec = read_spec(kind, text, reading)?;
            reading.take(scraper_spec::judge(&spec, source));
            Some(Body::Scraper(spec))
        }
        Kind::RuleGroup => {
            let spec = read_spec(kind, text, reading)?;
            reading.take(specs::rule_group(&spec, source, &Patience::endless()));
            Some(Body::RuleGroup(spec))
        }
        Kind::AlertManagerConfig => {
            let spec = read_spec(kind, text, reading)?;
            reading.take(specs::alert_manager_config(&spec, source));
            Some(Body::AlertManagerConfig(spec))
        }
    }
}

/// What one document has wrong.
#[derive(Default)]
struct Found {
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl Found {
    fn take(&mut self, judgement: Judgement) {
        let Judgement { faults, warnings, unfinished: _ } = judgement;
        // A bound that the schema sets is told once, by whoever tells it better.
        for fault in faults {
            self.faults.retain(|known| known.path != fault.path);
            self.faults.push(fault);
        }
        self.warnings.extend(warnings);
    }
}

fn read_spec<S: DeserializeOwned + Serialize>(
    kind: Kind,
    text: &str,
    found: &mut Found,
) -> Option<S> {
    match yaml::parse::<Resource<S>>(text) {
        Ok(resource) => {
            let value = serde_json::to_value(&resource.spec).unwrap_or_default();
            found.faults.extend(schema::out_of_bounds(kind, &value));
            Some(resource.spec)
        }
        Err(fault) => {
            found.faults.push(fault);
            None
        }
    }
}

fn read_secret(text: &str, faults: &mut Vec<Fault>) -> Option<SecretValues> {
    let secret: crds::secret::Secret = match yaml::parse(text) {
        Ok(secret) => secret,
        Err(fault) => {
            faults.push(fault);
            return None;
        }
    };
    let mut values = std::collections::BTreeMap::new();
    for (key, encoded) in &secret.data {
        match base64::engine::general_purpose::STANDARD.decode(encoded.trim()) {
            Ok(value) => drop(values.insert(key.clone(), value)),
            // The value itself is a secret, even a mistyped one: only the key is named.
            Err(_) => faults.push(Fault::at_path(format!("data.{key}"), "value is not base64")),
        }
    }
    let plain = secret.string_data.into_iter().map(|(key, value)| (key, value.into_bytes()));
    values.extend(plain);
    Some(SecretValues(values))
}

/// The documents of a text with the line each begins on; empty ones left out.
fn split(text: &str) -> Vec<(u32, &str)> {
    let mut documents = Vec::new();
    let (mut start, mut first_line, mut offset, mut line) = (0, 1, 0, 1);
    for piece in text.split_inclusive('\n') {
        let bare = piece.trim_end();
        if bare == "---" || bare.starts_with("--- ") || bare == "..." {
            documents.push((first_line, &text[start..offset]));
            (start, first_line) = (offset + piece.len(), line + 1);
        }
        offset += piece.len();
        line += 1;
    }
    documents.push((first_line, &text[start..]));
    let is_content = |line: &str| {
        let bare = line.trim();
        !bare.is_empty() && !bare.starts_with('#')
    };
    documents.retain(|(_, document)| document.lines().any(is_content));
    documents
}
