//! Tests of the translation from Go's dialect.

use proptest::prelude::*;

use super::*;

fn matches(pattern: &str, text: &str) -> bool {
    GoRegex::anchored(pattern).unwrap().is_match(text)
}

#[test]
fn patterns_match_as_in_go() {
    for (pattern, fits, misfits) in [
        ("", &[""][..], &["a"][..]),
        ("a|b|c", &["a", "b", "c"], &["", "ab"]),
        ("a.c", &["abc", "a\nc"], &["ac"]),
        ("(?-s)a.c", &["abc"], &["a\nc"]),
        (r"\d+", &["123"], &["\u{663}", ""]),
        (r"\w", &["a", "_"], &["\u{e9}"]),
        (r"\s", &[" ", "\t"], &["\u{b}", "\u{a0}"]),
        (r"[[:word:]\-]+", &["a-b"], &["a b"]),
        (r"[^[:alpha:]]", &["1"], &["a"]),
        (r"[a&&b]+", &["&", "a&b"], &["c"]),
        (r"[a~~b-]+", &["~", "-ab"], &["c"]),
        (r"[[a]+", &["[a"], &["]"]),
        (r"[]a]+", &["]a"], &["b"]),
        (r"[^\D]", &["7"], &["x"]),
        (r"\Qa.b|\E+", &["a.b||"], &["axb|"]),
        (r"\101\x42\x{43}\0", &["ABC\0"], &["ABC"]),
        (r"\-\_\/", &["-_/"], &[r"\-"]),
        (r"a{,2}", &["a{,2}"], &["aa"]),
        (r"a{2", &["a{2"], &["aa"]),
        (r"a{02}", &["a{02}"], &["aa"]),
        (r"(ab){2,3}", &["abab", "ababab"], &["ab"]),
        (r"(?i)k", &["k", "K", "\u{212a}"], &["x"]),
        (r"(?i:[a-c])x", &["Bx"], &["BX"]),
        (r"(?i)[^a]", &["b"], &["A"]),
        (r"x(?i)*y", &["xxY"], &["XY"]),
        (r"a\b-\Bb?", &["a-"], &["a-b"]),
        (r"\pL+", &["\u{e9}a"], &["1"]),
        (r"\p{^Greek}\P{Greek}", &["ab"], &["\u{3b1}b"]),
        (r"(?P<x>a)(?<y>b)", &["ab"], &["a"]),
        (r"#a b", &["#a b"], &["ab"]),
        (r"[\x{d800}-\x{e000}x]", &["x", "\u{e000}"], &["\u{fffd}"]),
        (r"\x{d800}|y", &["y"], &[""]),
        (r"^a$", &["a"], &["a\n"]),
        (r"a(|b)c?", &["a", "abc"], &["bc"]),
        (".*", &["", "\n"], &[]),
        (".+", &["\n"], &[""]),
        ("api.*", &["api", "api\n"], &["xapi"]),
        (".*api", &["api", "xapi"], &["apix"]),
        (".*api.*", &["xapix"], &["ap"]),
        ("(?i)api.*", &["API1"], &["xapi"]),
        ("(?U)a+?", &["aaa"], &["b"]),
    ] {
        for text in fits {
            assert!(matches(pattern, text), "{pattern} should match {text:?}");
        }
        for text in misfits {
            assert!(!matches(pattern, text), "{pattern} should not match {text:?}");
        }
    }
}

#[test]
fn what_go_refuses_is_refused_in_its_words() {
    for (pattern, reason) in [
        ("a(b", "missing closing ): `a(b`"),
        ("a)", "unexpected ): `a)`"),
        ("a[b", "missing closing ]: `[b`"),
        ("[b-a]", "invalid character class range: `b-a`"),
        ("[[:nosuch:]]", "invalid character class range: `[:nosuch:]`"),
        (r"\p{Nosuch}", r"invalid character class range: `\p{Nosuch}`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("(|*)", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a+{2}", "invalid nested repetition operator: `+{2}`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("(a{100}){11}", "invalid repeat count: `{11}`"),
        ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?i-)", "invalid or unsupported Perl syntax: `(?i-)`"),
        ("(?P<n", "invalid named capture: `(?P<n`"),
        (r"\Qa", r"missing closing ): `^(?s:\Qa)$`"),
        ("a(?i", "invalid or unsupported Perl syntax: `(?i`"),
        (r"\q", r"invalid escape sequence: `\q`"),
        (r"\1", r"invalid escape sequence: `\1`"),
        (r"\Z", r"invalid escape sequence: `\Z`"),
        ("a\\", "trailing backslash at end of expression: ``"),
    ] {
        let error = GoRegex::anchored(pattern).unwrap_err();
        assert_eq!(error.to_string(), format!("error parsing regexp: {reason}"), "{pattern}");
    }
}

#[test]
fn deep_and_large_patterns_are_refused() {
    let deep = format!("{}a{}", "(".repeat(50_000), ")".repeat(50_000));
    let error = GoRegex::anchored(&deep).unwrap_err().to_string();
    assert!(error.starts_with("error parsing regexp: expression nests too deeply"));
    let large = r"\pL{1000}".repeat(100);
    let error = GoRegex::anchored(&large).unwrap_err().to_string();
    assert_eq!(error, "error parsing regexp: expression too large");
    assert!(GoRegex::anchored(&"a".repeat(PATTERN_BYTES_MAX + 1)).is_err());
}

#[test]
fn literals_are_known_without_the_engine() {
    let alternatives = |pattern: &str| {
        let regex = GoRegex::anchored(pattern).unwrap();
        regex.literal_alternatives().map(|texts| texts.join(","))
    };
    for (pattern, texts) in [
        ("a|b|a", Some("a,b")),
        ("x(a|b)?", Some("xa,xb,x")),
        ("[ab]c", Some("ac,bc")),
        (r"a\.b", Some("a.b")),
        ("", Some("")),
        ("(?i)1", Some("1")),
        ("(?i)a", None),
        ("a|b.*", None),
        ("[^a]", None),
        ("[a-z][a-z]", None),
        ("a+", None),
    ] {
        assert_eq!(alternatives(pattern).as_deref(), texts, "{pattern}");
    }
    for (pattern, prefix) in [
        ("api.*", "api"),
        ("api_(a|b)+", "api_"),
        ("abc|abd", "ab"),
        ("(ab)+c", "ab"),
        ("ab?", "a"),
        ("(?i)ab", ""),
        (".*a", ""),
    ] {
        assert_eq!(GoRegex::anchored(pattern).unwrap().literal_prefix(), prefix, "{pattern}");
    }
}

#[test]
fn many_alternatives_use_the_table() {
    let names: Vec<String> = (0..2000).map(|number| format!("pod-{number}")).collect();
    let regex = GoRegex::anchored(&names.join("|")).unwrap();
    assert!(regex.is_match("pod-1999"));
    assert!(!regex.is_match("pod-2000"));
    assert!(regex.as_regex().is_match("pod-7"));
}

#[test]
fn captures_keep_their_numbers() {
    let regex = GoRegex::anchored(r"(?i:x)(a+)(?:b|c)(?P<n>.*)").unwrap();
    let captures = regex.as_regex().captures("Xaabz").unwrap();
    assert_eq!((&captures[1], &captures[2], &captures["n"]), ("aa", "z", "z"));
    let anywhere = GoRegex::unanchored("b.").unwrap();
    assert!(anywhere.is_match("abc"));
    assert!(!anywhere.is_match("ab\n"));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(pattern in r"[\\a-c(){}\[\]|*+?^$.:,&0-9PpQEdwsibx<>=!-]{0,24}") {
        if let Ok(regex) = GoRegex::anchored(&pattern) {
            let engine = regex.as_regex();
            for text in ["", "a", "ab", "abc", "b0", "aa", "()", "\n"] {
                prop_assert_eq!(regex.is_match(text), engine.is_match(text), "{}", text);
                if regex.is_match(text) {
                    prop_assert!(text.starts_with(regex.literal_prefix()));
                }
            }
        }
    }

    #[test]
    fn quoted_text_matches_itself_only(text in ".{0,12}", other in ".{0,12}") {
        let pattern = regex::escape(&text);
        if !text.contains(|c: char| c == '#' || c == '&' || c == '~' || c.is_whitespace()) {
            let regex = GoRegex::anchored(&pattern).unwrap();
            prop_assert!(regex.is_match(&text));
            prop_assert_eq!(regex.is_match(&other), text == other);
        }
    }
}
