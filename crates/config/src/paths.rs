//! `paths`: rules for templates of paths of URLs, before what is built in and what is learned.

use arachne_aggregate::template::Rule;
use arachne_delivery::instructions::PATH_RULES_MAX;

use crate::mistake::Mistake;
use crate::read::Section;
use crate::tree::{Node, Place, Value};

/// Reads the section: a list of patterns, or of sections with `pattern` and `template`.
pub(crate) fn paths(node: &Node, mistakes: &mut Vec<Mistake>) -> Vec<Rule> {
    let Value::List(list) = &node.value else {
        let what = "a list is expected: `- /users/{user}`, or `- pattern: /static/**` with `template: /static/{file}`";
        mistakes.push(node.place.mistake("paths", what));
        return Vec::new();
    };
    if list.len() > PATH_RULES_MAX {
        let many = format!("{} rules: there may be {PATH_RULES_MAX}; `**` and `*` make few of many", list.len());
        mistakes.push(node.place.mistake("paths", many));
    }
    let mut rules: Vec<(usize, Rule)> = Vec::new();
    for (at, node) in list.iter().enumerate().take(PATH_RULES_MAX) {
        let key = format!("paths[{at}]");
        let Some((rule, places)) = rule(node, &key, mistakes) else { continue };
        if let Err(wrong) = rule.check() {
            // What is wrong with a template is told where that stands.
            let pattern = Rule { template: None, ..rule }.check();
            let (place, key) = match places.1.filter(|_| pattern.is_ok()) {
                Some(place) => (place, format!("{key}.template")),
                None => (places.0, key),
            };
            mistakes.push(place.mistake(&key, wrong.to_string()));
            continue;
        }
        if let Some((first, earlier)) = rules.iter().find(|(_, earlier)| earlier.covers(&rule)) {
            let why = format!(
                "is never used: paths[{first}], {:?}, takes all its paths; put this one before it, or leave it out",
                earlier.pattern
            );
            mistakes.push(places.0.mistake(&key, why));
        }
        rules.push((at, rule));
    }
    rules.into_iter().map(|(_, rule)| rule).collect()
}

/// A rule, where its pattern stands, and where its template does.
fn rule(node: &Node, key: &str, mistakes: &mut Vec<Mistake>) -> Option<(Rule, (Place, Option<Place>))> {
    if let Value::Scalar(pattern) = &node.value {
        return Some((Rule { pattern: pattern.clone(), template: None }, (node.place, None)));
    }
    let mut section = Section::of(node, key, mistakes)?;
    let (place, template_place) = (section.place_of("pattern"), section.place_of("template"));
    let text = |text: &str| Ok(text.to_owned());
    let pattern = section.required("pattern", "/users/{user}", text, mistakes);
    let template = section.scalar("template", text, mistakes);
    section.end(mistakes);
    Some((Rule { pattern: pattern?, template }, (place.unwrap_or(node.place), template_place)))
}
