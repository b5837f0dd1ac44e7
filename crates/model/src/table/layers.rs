//! The tables that every layer fills: `points`, the values of series, and `log_records`, lines worth keeping.

use super::table;

table! {
    /// What a series was in a window of time. A series is a name with labels, of an agent; numbers are integers of its unit,
    /// so that sums are exact.
    PointRow as "points" version 1;
    order name, labels, start, agent;
    start start;
    blooms ;
    texts ;

    start: i64 = Instant "start" "start" "when the window begins";
    width: i64 = Duration "width" "width" "how long it lasts";
    agent: String = Label "agent" "agent" "who measured it";
    name: String = Label "name" "name" "what is measured, an OpenTelemetry name where there is one";
    kind: String = Label "kind" "kind" "counter (what was added in the window), gauge (what was seen in it), histogram (a distribution) or distinct (how many different)";
    unit: String = Label "unit" "unit" "of sum, min, max and last: ns, By, 1, or 1e-9 (billionths of one)";
    labels: String = Labels "labels" "labels" "its labels: lines of name, colon, blank, value, in ascending order of names";
    count: u64 = Integer "count" "count" "values: increments of a counter (equal to sum where each adds one), readings of a gauge, values of a histogram";
    sum: i64 = Integer "sum" "sum" "their sum: what a counter grew by";
    min: Option<i64> = Integer "min" "min" "the smallest, of gauges";
    max: Option<i64> = Integer "max" "max" "the largest, of gauges";
    last: Option<i64> = Integer "last" "last" "the newest, of gauges";
    sketch: Vec<u8> = Bytes "sketch" "sketch" "the histogram or the distinct counter, encoded; empty for the other kinds";
}

table! {
    /// A line of a log, or a trace of several, that was worth keeping: errors all, others sampled.
    LogRow as "log_records" version 1;
    order start, agent, file, offset;
    start start;
    id id;
    blooms id, request;
    texts message;

    start: i64 = Instant "start" "start" "the time it says, else when it was read";
    id: String = Id "id" "id" "its name: of its time, agent, file and place";
    agent: String = Label "agent" "agent" "who read it";
    file: String = Label "log.file.path" "log_file_path" "the file it stood in";
    offset: u64 = Integer "log.file.offset" "log_file_offset" "bytes of that file before it";
    service: Option<String> = Label "service" "service" "what wrote it, where that is known";
    level: Option<String> = Label "level" "level" "fatal, error, warn, info, debug or trace, where it says so";
    code: Option<String> = Label "log.code" "log_code" "its log code, where it has one";
    template: String = Label "log.template" "log_template" "its words, with <*> for what varies";
    message: String = Text "message" "message" "the line as it was, secrets replaced; a trace with its line feeds; cut at a limit";
    fields: String = Headers "fields" "fields" "what was taken out of it: lines of name, colon, blank, value";
    request: Option<String> = Id "request.id" "request_id" "the request it belongs to, where it says so";
    weight: u64 = Integer "weight" "weight" "how many lines it stands for: 1 where all are kept, n where one of n is";
}
