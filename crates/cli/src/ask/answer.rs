//! Answers as rows: columns with names and kinds, and cells of JSON, whether they come from this process or a server.

use serde_json::Value as Json;

/// What the cells of a column are, for those who print them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text.
    Text,
    /// RFC 3339.
    Instant,
    /// Nanoseconds.
    Duration,
    /// Bytes.
    Size,
    /// A number.
    Number,
    /// A number from 0 to 1.
    Share,
    /// A response class.
    Class,
    /// A status code of HTTP.
    Status,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerColumn {
    /// Its name.
    pub name: String,
    /// What its cells are.
    pub shape: Shape,
}

impl AnswerColumn {
    /// A column.
    #[must_use]
    pub fn new(name: &str, shape: Shape) -> Self {
        Self { name: name.to_owned(), shape }
    }
}

/// The columns of a list, from its `columns` of name, label and kind.
#[must_use]
pub fn list_columns(answer: &Json) -> Vec<AnswerColumn> {
    members(&answer["columns"]).map(|column| AnswerColumn::new(text(&column["label"]), shape(column))).collect()
}

fn shape(column: &Json) -> Shape {
    match (text(&column["name"]), text(&column["kind"])) {
        ("class", _) => Shape::Class,
        ("http.response.status_code", _) => Shape::Status,
        (_, "instant") => Shape::Instant,
        (_, "duration") => Shape::Duration,
        (_, "size") => Shape::Size,
        (_, "integer") => Shape::Number,
        _ => Shape::Text,
    }
}

/// The rows of a list.
pub fn list_rows(answer: &Json) -> impl Iterator<Item = Vec<Json>> {
    members(&answer["rows"]).map(|row| members(row).cloned().collect())
}

/// A histogram as rows: one for each bucket, with a column for each series.
#[must_use]
pub fn histogram_rows(answer: &Json) -> (Vec<AnswerColumn>, Vec<Vec<Json>>) {
    let series: Vec<_> = members(&answer["series"]).collect();
    let mut columns = vec![AnswerColumn::new("start", Shape::Instant)];
    columns.extend(series.iter().map(|one| AnswerColumn::new(&series_name(one), Shape::Number)));
    let (start, step) = (instant(&answer["start"]), answer["step_ns"].as_i64().unwrap_or(1));
    let count = answer["count"].as_u64().and_then(|n| i64::try_from(n).ok()).unwrap_or(0);
    let row = |bucket: i64| {
        let at = start.saturating_add(bucket.saturating_mul(step));
        let values = series.iter().map(|one| one["values"][usize::try_from(bucket).unwrap_or(0)].clone());
        std::iter::once(Json::from(arachne_export::json::instant(at))).chain(values).collect()
    };
    (columns, (0..count).map(row).collect())
}

/// A metric as rows: one for each bucket, with a column for each series, and beside it that of another time.
#[must_use]
pub fn series_rows(answer: &Json) -> (Vec<AnswerColumn>, Vec<Vec<Json>>) {
    let (mut columns, mut rows) = histogram_rows(answer);
    let compared = members(&answer["series"]).enumerate().filter(|(_, series)| series["compared"].is_array());
    for (more, (at, series)) in compared.enumerate() {
        let place = 2 + at + more;
        columns.insert(place, AnswerColumn::new(&format!("{} before", series_name(series)), Shape::Number));
        for (row, value) in rows.iter_mut().zip(members(&series["compared"])) {
            row.insert(place.min(row.len()), value.clone());
        }
    }
    (columns, rows)
}

fn series_name(series: &Json) -> String {
    match (text(&series["kind"]), &series["key"]) {
        ("other", _) => "~other".to_owned(),
        ("null", _) => "–".to_owned(),
        (_, Json::Null) => "all".to_owned(),
        (_, Json::String(key)) => key.clone(),
        (_, Json::Array(keys)) if keys.is_empty() => "all".to_owned(),
        (_, Json::Array(keys)) => keys.iter().map(|key| key.as_str().unwrap_or("–")).collect::<Vec<_>>().join(" "),
        (_, key) => key.to_string(),
    }
}

fn instant(cell: &Json) -> i64 {
    let parsed: Option<jiff::Timestamp> = cell.as_str().and_then(|text| text.parse().ok());
    parsed.and_then(|at| i64::try_from(at.as_nanosecond()).ok()).unwrap_or(0)
}

/// A top as rows: the values, `~other`, and the total.
#[must_use]
pub fn top_rows(answer: &Json) -> (Vec<AnswerColumn>, Vec<Vec<Json>>) {
    let fields: Vec<_> = members(&answer["by"]).map(text).collect();
    let mut columns: Vec<_> = fields.iter().map(|name| AnswerColumn::new(name, Shape::Text)).collect();
    columns.extend(COUNTS.iter().map(|(name, _, shape)| AnswerColumn::new(name, *shape)));
    let mut rows: Vec<_> =
        members(&answer["rows"]).map(|row| top_row(row, members(&row["key"]).cloned().collect())).collect();
    let named = |name: &str| {
        let rest = vec![Json::Null; fields.len().saturating_sub(1)];
        std::iter::once(Json::from(name)).chain(rest).collect::<Vec<_>>()
    };
    if answer["other"].is_object() {
        rows.push(top_row(&answer["other"], named("~other")));
    }
    rows.push(top_row(&answer["total"], named("~total")));
    (columns, rows)
}

/// Names, places and shapes of what a top counts.
const COUNTS: [(&str, &str, Shape); 10] = [
    ("count", "/count", Shape::Number),
    ("share", "/share", Shape::Share),
    ("errors", "/errors", Shape::Number),
    ("error_share", "/error_share", Shape::Share),
    ("duration", "/duration_ns", Shape::Duration),
    ("p50", "/percentiles/p50", Shape::Duration),
    ("p95", "/percentiles/p95", Shape::Duration),
    ("p99", "/percentiles/p99", Shape::Duration),
    ("max", "/max", Shape::Duration),
    ("bytes", "/bytes", Shape::Size),
];

fn top_row(counts: &Json, mut cells: Vec<Json>) -> Vec<Json> {
    cells.extend(COUNTS.iter().map(|(_, place, _)| counts.pointer(place).cloned().unwrap_or(Json::Null)));
    cells
}

fn members(list: &Json) -> impl Iterator<Item = &Json> {
    list.as_array().into_iter().flatten()
}

fn text(cell: &Json) -> &str {
    cell.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_histogram_is_a_row_for_each_bucket() {
        let answer = json!({
            "start": "1970-01-01T00:00:00Z", "step_ns": 60_000_000_000_i64, "count": 2,
            "series": [{"kind": "value", "key": "fast", "values": [1, 2]}, {"kind": "other", "key": null, "values": [0, 3]}],
        });
        let (columns, rows) = histogram_rows(&answer);
        assert_eq!(columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["start", "fast", "~other"]);
        assert_eq!(rows[1], [json!("1970-01-01T00:01:00.000000000Z"), json!(2), json!(3)]);
    }

    #[test]
    fn a_top_ends_with_the_rest_and_the_total() {
        let counts = json!({"key": ["/a"], "count": 3, "share": 0.75, "percentiles": {"p95": 7}});
        let answer = json!({"by": ["template"], "rows": [counts], "other": {"count": 1}, "total": {"count": 4}});
        let (columns, rows) = top_rows(&answer);
        assert_eq!((columns.len(), rows.len()), (11, 3));
        assert_eq!((&rows[0][0], &rows[0][1], &rows[0][7]), (&json!("/a"), &json!(3), &json!(7)));
        assert_eq!((&rows[1][0], &rows[2][0], &rows[2][1]), (&json!("~other"), &json!("~total"), &json!(4)));
    }

    #[test]
    fn a_metric_has_another_time_beside_it() {
        let one = |key: &[&str], values: [Option<i64>; 2], compared: [Option<i64>; 2]| json!({ "kind": if key.is_empty() { "other" } else { "value" }, "key": key, "values": values, "compared": compared });
        let series = [one(&["a", "b"], [Some(1), None], [Some(2), Some(3)]), one(&[], [None, Some(4)], [None, None])];
        let answer = json!({ "start": "1970-01-01T00:00:00Z", "step_ns": 1, "count": 2, "series": series });
        let (columns, rows) = series_rows(&answer);
        let names: Vec<_> = columns.iter().map(|column| &*column.name).collect();
        assert_eq!(names, ["start", "a b", "a b before", "~other", "~other before"]);
        assert_eq!(rows[0][1..], [json!(1), json!(2), Json::Null, Json::Null]);
        assert_eq!(rows[1][1..], [Json::Null, json!(3), json!(4), Json::Null]);
    }
}
