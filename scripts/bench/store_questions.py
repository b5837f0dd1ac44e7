"""The questions of `make bench-store` as SQL, and answers in one form, so that they can be compared for equality.

Whoever asks gives the needles that the store was asked for. Peers are asked for no more than a person would write: the
histogram counts rows, while Arachne's sums bytes and durations too.
"""
DAY = 1_767_225_600_000_000_000
HOUR = 3_600_000_000_000
STEP = 24 * HOUR // 300
BUCKETS = 300
# Title and bar in milliseconds by name.
QUESTIONS = {
    "histogram": ("24 h × 300 buckets by class", 200),
    "top": ("top 20 templates by time, 6 h", 60),
    "newest": ("newest 100 of status ≥ 500 and path with `abc`", 60),
    "rare_path": ("a rare word in paths, 1 hit in all", 300),
    "by_id": ("one exchange by id", 10),
    "rare_text": ("the same word anywhere: path, query, headers", None),
    "pasted_id": ("a request id pasted as free text, 1 hit in headers", None),
}
CLASSES = """CASE WHEN http_response_status_code IS NULL THEN (CASE WHEN provisional THEN 'open' ELSE 'error' END)
  WHEN http_response_status_code = 101 THEN 'upgrade' WHEN http_response_status_code >= 500 THEN 'error'
  WHEN "end" - start < 500000000 THEN 'fast' WHEN "end" - start < 1000000000 THEN 'medium' ELSE 'slow' END"""
LISTED = ('id, http_request_method AS method, url_path AS path, http_response_status_code AS status, '
          '"end" - start AS duration, service')
TEXTS = ["url_path", "url_query", "http_request_headers", "http_response_headers"]


def overlaps(start, end):
    return f'start < {start + end} AND ("end" > {start} OR start >= {start}) AND counted'


def sql(table, needles, divided, within):
    """The questions to `table`. `divided(a, b)` is whole division, `within(column, text)` searches in either case."""
    day, next_day = (f"CAST({at} AS BIGINT)" for at in (DAY, DAY + 24 * HOUR))
    first = divided(f"greatest(start, {day}) - {day}", STEP)
    last = divided(f'greatest(least("end", {next_day}) - 1, greatest(start, {day})) - {day}', STEP)
    newest = f"SELECT {LISTED} FROM {table} WHERE counted AND {{}} ORDER BY start DESC, id DESC LIMIT 100"
    anywhere = {name: "(" + " OR ".join(within(column, needles[name]) for column in TEXTS) + ")"
                for name in ("rare_text", "pasted_id")}
    return {
        "histogram": f"SELECT {first} AS f, {last} AS l, {CLASSES} AS c, count(*) AS n FROM {table} "
                     f"WHERE {overlaps(DAY, 24 * HOUR)} GROUP BY f, l, c",
        "top": f'SELECT url_template AS t, sum(greatest("end" - start, 0)) AS s, count(*) AS n FROM {table} '
               f"WHERE {overlaps(DAY + 6 * HOUR, 6 * HOUR)} GROUP BY t ORDER BY s DESC, t LIMIT 20",
        "newest": newest.format(
            f"{overlaps(DAY, 24 * HOUR)} AND http_response_status_code >= 500 AND url_path LIKE '%{needles['newest']}%'"),
        "rare_path": newest.format(f"url_path LIKE '%{needles['rare_path']}%'"),
        "rare_text": newest.format(anywhere["rare_text"]),
        "pasted_id": newest.format(anywhere["pasted_id"]),
        "by_id": f"SELECT * FROM {table} WHERE id = '{needles['by_id']}'",
    }


def buckets(groups):
    """Counts by class and bucket, from rows (first bucket, last bucket, class, count): a difference array each."""
    differences = {}
    for first, last, name, count in groups:
        line = differences.setdefault(name, [0] * (BUCKETS + 1))
        line[int(first)] += int(count)
        line[int(last) + 1] -= int(count)
    for line in differences.values():
        for at in range(1, BUCKETS):
            line[at] += line[at - 1]
        line.pop()
    return differences


def of_peer(name, names, rows):
    """What a peer answered: names of columns and rows."""
    if name == "histogram":
        return buckets(rows)
    if name == "top":
        return [[template, int(total), int(count)] for template, total, count in rows]
    if name == "by_id":
        found = [dict(zip(names, row)) for row in rows]
        return [[row["id"], row["url_path"], int(row["http_response_status_code"]), row["request_id"]] for row in found]
    return [[None if cell is None else str(cell) for cell in row] for row in rows]


def of_arachne(name, answer):
    """What `arachne_query` answered, in the same form."""
    if name == "histogram":
        return {line["key"]: line["values"] for line in answer["series"] if any(line["values"])}
    if name == "top":
        return [[row["key"][0], row["duration_ns"], row["count"]] for row in answer["rows"]]
    if name == "by_id":
        row = {column["name"]: value for column, value in zip(answer["columns"], answer["row"])}
        return [[row["id"], row["url.path"], row["http.response.status_code"], row["request.id"]]]
    labels = [column["label"] for column in answer["columns"]]
    wanted = [labels.index(label) for label in ("id", "method", "path", "status", "duration", "service")]
    return [[None if row[at] is None else str(row[at]) for at in wanted] for row in answer["rows"]]
