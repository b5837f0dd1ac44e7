//! Grok names: `%{IPORHOST:client}` in place of the expression that everybody writes differently.

/// Names within names at most.
const DEPTH_MAX: usize = 8;

/// The names that logstash and its kin have in common. Expressions are of our syntax: no look-around.
const NAMES: &[(&str, &str)] = &[
    ("WORD", r"\b\w+\b"),
    ("NOTSPACE", r"\S+"),
    ("SPACE", r"\s*"),
    ("DATA", r".*?"),
    ("GREEDYDATA", r".*"),
    ("INT", r"[+-]?[0-9]+"),
    ("POSINT", r"[1-9][0-9]*"),
    ("NONNEGINT", r"[0-9]+"),
    ("NUMBER", r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"),
    ("BASE10NUM", "%{NUMBER}"),
    ("BASE16NUM", r"(?:0[xX])?[0-9A-Fa-f]+"),
    ("BOOLEAN", "(?:true|false)"),
    ("USERNAME", r"[a-zA-Z0-9._-]+"),
    ("USER", "%{USERNAME}"),
    ("EMAILADDRESS", r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]+@%{HOSTNAME}"),
    ("QUOTEDSTRING", r#""(?:[^"\\]|\\.)*""#),
    ("QS", "%{QUOTEDSTRING}"),
    ("UUID", r"[A-Fa-f0-9]{8}-(?:[A-Fa-f0-9]{4}-){3}[A-Fa-f0-9]{12}"),
    ("IPV4", r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"),
    ("IPV6", r"[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+"),
    ("IP", "(?:%{IPV6}|%{IPV4})"),
    ("HOSTNAME", r"[0-9A-Za-z_][0-9A-Za-z_.-]*"),
    ("HOST", "%{HOSTNAME}"),
    ("IPORHOST", "(?:%{IP}|%{HOSTNAME})"),
    ("HOSTPORT", "%{IPORHOST}:%{POSINT}"),
    ("PATH", r"(?:%{UNIXPATH}|%{WINPATH})"),
    ("UNIXPATH", r"(?:/[^\s/]*)+"),
    ("WINPATH", r"(?:[A-Za-z]+:|\\)(?:\\[^\\?*]*)+"),
    ("URIPROTO", "[A-Za-z][A-Za-z0-9+.-]*"),
    ("URIPATH", r"(?:/[^\s?#]*)+"),
    ("URIPARAM", r"\?\S*"),
    ("URIPATHPARAM", "%{URIPATH}(?:%{URIPARAM})?"),
    ("URI", r"%{URIPROTO}://\S+"),
    ("MONTH", "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"),
    ("MONTHNUM", "(?:0?[1-9]|1[0-2])"),
    ("MONTHDAY", "(?:0[1-9]|[12][0-9]|3[01]|[1-9])"),
    ("DAY", "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"),
    ("YEAR", "[0-9]{4}"),
    ("HOUR", "(?:2[0123]|[01]?[0-9])"),
    ("MINUTE", "[0-5][0-9]"),
    ("SECOND", r"(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?"),
    ("TIME", "%{HOUR}:%{MINUTE}:%{SECOND}"),
    ("ISO8601_TIMEZONE", "(?:Z|[+-]%{HOUR}:?%{MINUTE})"),
    ("TIMESTAMP_ISO8601", "%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{TIME}(?:%{ISO8601_TIMEZONE})?"),
    ("HTTPDATE", "%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}"),
    ("SYSLOGTIMESTAMP", "%{MONTH} +%{MONTHDAY} %{TIME}"),
    ("PROG", r"[\x21-\x5a\x5c\x5e-\x7e]+"),
    ("SYSLOGPROG", r"%{PROG}(?:\[%{POSINT}\])?"),
    (
        "LOGLEVEL",
        "(?:[Tt]race|TRACE|[Dd]ebug|DEBUG|[Nn]otice|NOTICE|[Ii]nfo|INFO|[Ww]arn(?:ing)?|WARN(?:ING)?|[Ee]rr(?:or)?|ERR(?:OR)?|[Cc]rit(?:ical)?|CRIT(?:ICAL)?|[Ff]atal|FATAL|[Ss]evere|SEVERE|EMERG(?:ENCY)?|[Ee]merg(?:ency)?)",
    ),
];

/// An expression with its grok names written out; what is no grok name stays. The byte where a name stands that is none,
/// and the name.
pub(super) fn expand(text: &str) -> Result<String, (usize, String)> {
    let (mut out, mut at) = (String::new(), 0);
    while let Some(found) = text[at..].find("%{") {
        let start = at + found;
        out.push_str(&text[at..start]);
        let Some(length) = text[start..].find('}') else {
            return Err((start, text[start..].chars().take(40).collect()));
        };
        let inside = &text[start + 2..start + length];
        let (name, group) = inside.split_once(':').unwrap_or((inside, ""));
        let expression = named(name, 0).ok_or_else(|| (start, name.to_owned()))?;
        // `%{NUMBER:took:float}`: what type others would make of it.
        match group.split(':').next().unwrap_or("") {
            "" => out.extend(["(?:", &expression, ")"]),
            group => out.extend(["(?P<", &group.replace(['.', '-', '@', '[', ']'], "_"), ">", &expression, ")"]),
        }
        at = start + length + 1;
    }
    out.push_str(&text[at..]);
    Ok(out)
}

/// The expression of a name without any grok names in it.
fn named(name: &str, depth: usize) -> Option<String> {
    let (_, expression) = NAMES.iter().find(|(known, _)| *known == name)?;
    let (mut out, mut rest) = (String::new(), *expression);
    while let Some((before, inside)) = rest.split_once("%{") {
        let (inner, behind) = inside.split_once('}')?;
        let inner = (depth < DEPTH_MAX).then(|| named(inner, depth + 1)).flatten()?;
        out.extend([before, "(?:", &inner, ")"]);
        rest = behind;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{NAMES, expand};

    #[test]
    fn names_become_expressions() {
        let expanded = expand(r"^%{IPORHOST:client} took %{INT:x.took:float}ms \d{3} %{WORD}").expect("all are known");
        assert!(
            expanded.starts_with("^(?P<client>(?:") && expanded.contains("(?P<x_took>[+-]?[0-9]+)ms \\d{3} (?:"),
            "{expanded}"
        );
        assert_eq!(expand("a %{NOPE:x}"), Err((2, "NOPE".to_owned())));
        assert!(expand("%{WORD").is_err());
    }

    #[test]
    fn every_name_is_a_good_expression() {
        for (name, _) in NAMES {
            let expression = expand(&format!("%{{{name}:x}}")).expect("it is known");
            super::super::pattern::Pattern::new(&expression, &["x".to_owned()])
                .unwrap_or_else(|e| panic!("{name}: {e:?}"));
        }
    }
}
