//! Path patterns of the control handles: literal text with `*` for anything.

/// Whether `path` is what `pattern` says; `*` stands for any text, the rest for itself.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, path, want) in [
            ("/a", "/a", true),
            ("/a", "/ab", false),
            ("/a", "/", false),
            ("*", "/anything/at/all", true),
            ("/a/*", "/a/b/c", true),
            ("/a/*", "/b", false),
            ("*/keys", "/tenant/discovery/v2.0/keys", true),
            ("*/keys", "/tenant/discovery/v2.0/keys2", false),
            ("/t/*/keys", "/t/discovery/keys", true),
            ("/t/*x*/keys", "/t/axb/keys", true),
            ("/t/*x*/keys", "/t/ab/keys", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, path), want, "{pattern} {path}");
        }
    }
}
