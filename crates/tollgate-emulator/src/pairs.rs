//! Names and values of a query string or an `application/x-www-form-urlencoded` body.

use percent_encoding::percent_decode_str;

/// Decoded pairs in the order they were sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// Reads `a=1&b=2`; a name without `=` has an empty value.
    pub(crate) fn parse(text: &str) -> Self {
        let decoded = |part: &str| {
            percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned()
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Self(pairs.collect())
    }

    /// The first value of `name`, if it is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.first(name).filter(|value| !value.is_empty())
    }

    /// The first value of `name`, empty or not.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }

    /// The value of `name` as a number, or `default` when it is absent or is none.
    pub(crate) fn number(&self, name: &str, default: u64) -> u64 {
        self.get(name).and_then(|value| value.parse().ok()).unwrap_or(default)
    }

    /// All pairs.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::Pairs;

    #[test]
    fn pairs_are_decoded_in_order() {
        let pairs = Pairs::parse("a=1&b=x%20y+z&a=2&flag&empty=");
        let all: Vec<_> = pairs.iter().collect();
        assert_eq!(all, [("a", "1"), ("b", "x y z"), ("a", "2"), ("flag", ""), ("empty", "")]);
        assert_eq!(pairs.get("a"), Some("1"));
        assert_eq!(pairs.get("empty"), None);
        assert_eq!(pairs.first("empty"), Some(""));
        assert_eq!(pairs.number("a", 9), 1);
        assert_eq!(pairs.number("b", 9), 9);
    }
}
