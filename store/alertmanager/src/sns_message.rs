//! What may go into an SNS message, by AMP's rules. Pure.
//!
//! Nothing is refused: what SNS would not take is replaced, cut or dropped, and the attributes
//! `truncated` and `modified` say so.

use std::collections::BTreeMap;

/// SNS's limit for message and attributes together.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// SNS's limit for text messages to telephones.
pub const SMS_CHARS_MAX: usize = 1600;

/// SNS's limit for subjects.
pub const SUBJECT_CHARS_MAX: usize = 100;

/// SNS's limit for the name of an attribute.
pub const ATTRIBUTE_NAME_CHARS_MAX: usize = 256;

/// A message that SNS takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnsMessage {
    /// Printable ASCII, or left out.
    pub subject: Option<String>,
    /// Not empty.
    pub message: String,
    /// Valid names, no empty values.
    pub attributes: BTreeMap<String, String>,
}

/// Makes texts fit. `sms`: they go to a telephone.
pub fn sanitise(
    subject: &str,
    message: &str,
    attributes: BTreeMap<String, String>,
    sms: bool,
) -> SnsMessage {
    let mut notes = Notes::default();
    let subject = sanitise_subject(subject, &mut notes);
    let message = sanitise_message(message, sms, &mut notes);
    let attributes = sanitise_attributes(attributes, message.len(), &mut notes);
    let attributes = notes.into_attributes(attributes);
    SnsMessage { subject, message, attributes }
}

#[derive(Default)]
struct Notes {
    truncated: bool,
    modified: Vec<String>,
}

impl Notes {
    fn into_attributes(self, mut attributes: BTreeMap<String, String>) -> BTreeMap<String, String> {
        if self.truncated {
            attributes.insert("truncated".to_owned(), "true".to_owned());
        }
        if !self.modified.is_empty() {
            attributes.insert("modified".to_owned(), self.modified.join("; "));
        }
        attributes
    }
}

fn sanitise_subject(subject: &str, notes: &mut Notes) -> Option<String> {
    if subject.is_empty() {
        return None;
    }
    if !subject.chars().all(|c| c.is_ascii() && !c.is_ascii_control()) {
        let error = "Error - contains control- or non-ASCII characters.";
        notes.modified.push(format!("Subject: {error}"));
        return Some(error.to_owned());
    }
    if subject.len() > SUBJECT_CHARS_MAX {
        notes.modified.push(format!(
            "Subject: Error - Subject has been truncated from {} characters, because it exceeds the \
             {SUBJECT_CHARS_MAX} character size limit.",
            subject.len()
        ));
    }
    let cut = subject.chars().take(SUBJECT_CHARS_MAX).collect::<String>();
    // SNS demands a letter, digit or punctuation in front.
    let trimmed = cut.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

fn sanitise_message(message: &str, sms: bool, notes: &mut Notes) -> String {
    if message.trim().is_empty() {
        let error = "Error - Message should not be empty.";
        notes.modified.push(format!("Message: {error}"));
        return error.to_owned();
    }
    if sms && message.chars().count() > SMS_CHARS_MAX {
        notes.truncated = true;
        return message.chars().take(SMS_CHARS_MAX).collect();
    }
    if message.len() <= MESSAGE_BYTES_MAX {
        return message.to_owned();
    }
    notes.truncated = true;
    notes.modified.push(format!(
        "Message: Error - Message has been truncated from {} KB, because it exceeds the {} KB size \
         limit.",
        message.len().div_ceil(1024),
        MESSAGE_BYTES_MAX / 1024
    ));
    // Room for the attributes that say so; never in the middle of a character.
    let room = MESSAGE_BYTES_MAX - NOTES_BYTES_MAX;
    let end = (0..=room).rev().find(|&at| message.is_char_boundary(at)).unwrap_or(0);
    message[..end].to_owned()
}

/// What `truncated` and `modified` may need at most, names included.
const NOTES_BYTES_MAX: usize = 1024;

fn sanitise_attributes(
    attributes: BTreeMap<String, String>,
    message_bytes: usize,
    notes: &mut Notes,
) -> BTreeMap<String, String> {
    let before = attributes.len();
    let mut kept: BTreeMap<String, String> = attributes
        .into_iter()
        .filter(|(name, value)| is_attribute_name(name) && !value.is_empty())
        .collect();
    if kept.len() < before {
        notes.modified.push(format!(
            "MessageAttribute: Error - {} of the message attributes have been removed because of \
             invalid MessageAttributeKey or MessageAttributeValue.",
            before - kept.len()
        ));
    }
    let (fitting, mut room) =
        (kept.len(), MESSAGE_BYTES_MAX.saturating_sub(message_bytes + NOTES_BYTES_MAX));
    kept.retain(|name, value| {
        let bytes = name.len() + value.len() + "String".len();
        let fits = bytes <= room;
        room -= if fits { bytes } else { 0 };
        fits
    });
    if kept.len() < fitting {
        notes.modified.push(format!(
            "MessageAttribute: Error - {} of the message attributes have been removed because the \
             message exceeds the {} KB size limit.",
            fitting - kept.len(),
            MESSAGE_BYTES_MAX / 1024
        ));
    }
    kept
}

/// Letters, digits, `_`, `-`, `.`; no dot first, last or twice; not AWS's own prefixes.
fn is_attribute_name(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let lower = name.to_ascii_lowercase();
    !name.is_empty()
        && name.len() <= ATTRIBUTE_NAME_CHARS_MAX
        && name.chars().all(letters)
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !lower.starts_with("aws.")
        && !lower.starts_with("amazon.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_fits_is_left_alone() {
        let made = sanitise("[FIRING:1] x ", "text", attributes(&[("severity", "page")]), false);
        assert_eq!(made.subject.as_deref(), Some("[FIRING:1] x"));
        assert_eq!(made.message, "text");
        assert_eq!(made.attributes, attributes(&[("severity", "page")]));
        assert_eq!(sanitise("", "x", BTreeMap::new(), false).subject, None);
    }

    #[test]
    fn bad_subjects_are_replaced_or_cut() {
        for bad in ["two\nlines", "caf\u{e9}", "tab\t"] {
            let made = sanitise(bad, "x", BTreeMap::new(), false);
            let error = "Error - contains control- or non-ASCII characters.";
            assert_eq!(made.subject.as_deref(), Some(error), "{bad:?}");
            assert_eq!(made.attributes["modified"], format!("Subject: {error}"));
        }
        let made = sanitise(&"s".repeat(101), "x", BTreeMap::new(), false);
        assert_eq!(made.subject.map(|subject| subject.len()), Some(100));
        assert!(made.attributes["modified"].contains("truncated from 101 characters"));
        assert!(!made.attributes.contains_key("truncated"));
    }

    #[test]
    fn messages_are_never_empty_and_never_too_long() {
        let made = sanitise("", " \n", BTreeMap::new(), false);
        assert_eq!(made.message, "Error - Message should not be empty.");
        assert_eq!(made.attributes["modified"], "Message: Error - Message should not be empty.");
        let made = sanitise("", &"é".repeat(200_000), attributes(&[("a", "b")]), false);
        let notes: usize = made.attributes.iter().map(|(n, v)| n.len() + v.len() + 6).sum();
        assert!(made.message.len() + notes <= MESSAGE_BYTES_MAX);
        assert!(made.message.chars().all(|c| c == 'é'));
        assert_eq!(made.attributes["truncated"], "true");
        assert!(made.attributes["modified"].contains("truncated from 391 KB"));
        let made = sanitise("", &"é".repeat(2000), BTreeMap::new(), true);
        assert_eq!(made.message.chars().count(), SMS_CHARS_MAX);
    }

    #[test]
    fn bad_attributes_are_dropped() {
        let bad =
            [(".a", "1"), ("a.", "1"), ("a..b", "1"), ("AWS.x", "1"), ("a b", "1"), ("empty", "")];
        let mut all = attributes(&bad);
        all.insert("good".to_owned(), "1".to_owned());
        let made = sanitise("", "x", all, false);
        assert_eq!(made.attributes.keys().collect::<Vec<_>>(), ["good", "modified"]);
        assert!(made.attributes["modified"].contains("6 of the message attributes"));
        let huge = attributes(&[("a", &"x".repeat(MESSAGE_BYTES_MAX)), ("b", "1")]);
        let made = sanitise("", "x", huge, false);
        assert_eq!(made.attributes.keys().collect::<Vec<_>>(), ["b", "modified"]);
    }
}
