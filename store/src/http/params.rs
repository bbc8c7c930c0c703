//! Parameters of a request, in the order they came.

use percent_encoding::percent_decode_str;

/// Names and values; a name may come more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Parses `a=1&b=2`, where `+` is a blank. Bytes that are no UTF-8 become U+FFFD.
    pub fn parse(text: &str) -> Self {
        let mut params = Self::default();
        params.extend(text);
        params
    }

    /// Adds the parameters of another text.
    pub fn extend(&mut self, text: &str) {
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.0.push((decode(name), decode(value)));
        }
    }

    /// The first value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a name, an absent one reading as the empty string.
    pub fn value(&self, name: &str) -> &str {
        self.get(name).unwrap_or("")
    }

    /// Names and values, in the order they came.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// All values of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn decode(text: &str) -> String {
    let blanks = text.replace('+', " ");
    percent_decode_str(&blanks).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_may_repeat() {
        let params = Params::parse("match[]=up&match%5B%5D=a%2Bb+c&&flag&x=%ff");
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["up", "a+b c"]);
        assert_eq!((params.get("flag"), params.get("none")), (Some(""), None));
        assert_eq!(params.value("x"), "\u{fffd}");
    }
}
