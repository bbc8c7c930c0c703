//! Pages of a listing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::control::error::ControlError;
use crate::http::params::Params;

/// Entries on a page where nothing is said: AMP's default.
const PAGE_DEFAULT: usize = 100;

/// Entries on a page at most: AMP's bound.
const PAGE_MAX: usize = 1000;

/// What a token says after decoding: the version of its form, then the last name of the page.
const TOKEN_MARK: &str = "1:";

/// Which page is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The last name of the page before.
    pub after: Option<String>,
    /// Entries at most.
    pub size: usize,
}

impl Page {
    /// From `maxResults` and `nextToken`.
    pub fn from_query(query: &Params) -> Result<Self, ControlError> {
        let size = match query.get("maxResults") {
            None => PAGE_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|size| (1..=PAGE_MAX).contains(size))
                .ok_or_else(|| ControlError::field("maxResults", "a number from 1 to 1000"))?,
        };
        let fault = || ControlError::field("nextToken", "not a token of an earlier answer");
        let after = match query.get("nextToken") {
            None => None,
            Some(token) => Some(decode(token).ok_or_else(fault)?),
        };
        Ok(Self { after, size })
    }

    /// Takes one page of entries that come in order of their names and lie behind `after`.
    pub fn cut<T>(&self, entries: impl Iterator<Item = (String, T)>) -> (Vec<T>, Option<String>) {
        let mut entries = entries;
        let mut page = Vec::new();
        let mut last = None;
        for (name, entry) in entries.by_ref().take(self.size) {
            page.push(entry);
            last = Some(name);
        }
        let more = entries.next().is_some();
        let token =
            last.filter(|_| more).map(|name| URL_SAFE_NO_PAD.encode(format!("{TOKEN_MARK}{name}")));
        (page, token)
    }
}

fn decode(token: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    text.strip_prefix(TOKEN_MARK).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another_without_gap_or_overlap() {
        let names: Vec<String> = (0..7).map(|n| format!("n{n}")).collect();
        let (mut seen, mut token) = (Vec::new(), None);
        loop {
            let query = match &token {
                None => "maxResults=3".to_owned(),
                Some(token) => format!("maxResults=3&nextToken={token}"),
            };
            let page = Page::from_query(&Params::parse(&query)).expect("valid");
            let left = names.iter().filter(|name| page.after.as_ref().is_none_or(|a| a < *name));
            let (entries, next) = page.cut(left.map(|name| (name.clone(), name.clone())));
            seen.extend(entries);
            token = next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, names);
    }

    #[test]
    fn wrong_sizes_and_tokens_are_refused() {
        for query in ["maxResults=0", "maxResults=1001", "maxResults=x", "nextToken=%21"] {
            assert!(Page::from_query(&Params::parse(query)).is_err(), "{query}");
        }
    }
}
