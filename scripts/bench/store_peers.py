#!/usr/bin/env python3
"""Asks DuckDB or chDB the questions of `make bench-store`, as one process of its own.

    store_peers.py duckdb|chdb files|own FOLDER NEEDLES SCRATCH

FOLDER has Parquet files of exchanges. `files` reads them where they are, `own` copies them into the peer's own format in
SCRATCH first. NEEDLES is a JSON object of what is looked for, by question. Writes one line of JSON: for each question its
times in milliseconds and its answer; after `own` also seconds and bytes of the copy.
"""
import json
import os
import sys
import time

from store_questions import QUESTIONS, of_peer, sql

THREADS = 2
RUNS = int(os.environ.get("BENCH_RUNS", "5"))


class DuckDB:
    def __init__(self, scratch):
        import duckdb
        self.path = os.path.join(scratch, "own.duckdb")
        self.connection = duckdb.connect(self.path)
        self.connection.execute(f"SET threads = {THREADS}")
        self.connection.execute("SET parquet_metadata_cache = true")

    def files(self, folder):
        return f"read_parquet('{folder}/*.parquet')"

    def copy(self, folder):
        self.connection.execute(f"CREATE TABLE own AS SELECT * FROM {self.files(folder)} ORDER BY start")
        self.connection.execute("CHECKPOINT")
        return "own", os.path.getsize(self.path)

    def ask(self, text):
        found = self.connection.execute(text)
        rows = found.fetchall()
        return [column[0] for column in found.description], rows

    @staticmethod
    def divided(number, by):
        return f"({number}) // {by}"

    @staticmethod
    def within(column, text):
        return f"contains(lower({column}), '{text}')"


class ChDB:
    # Remembers which row groups a condition has passed: a second run would measure that memory, not the work.
    SETTINGS = f"SETTINGS max_threads = {THREADS}, use_query_condition_cache = 0"

    def __init__(self, scratch):
        from chdb import session
        self.session = session.Session(os.path.join(scratch, "chdb"))

    def files(self, folder):
        return f"file('{folder}/*.parquet', Parquet)"

    def copy(self, folder):
        self.session.query("CREATE DATABASE IF NOT EXISTS bench")
        self.session.query(f"CREATE TABLE bench.own ENGINE = MergeTree ORDER BY start AS SELECT * FROM {self.files(folder)} "
                           f"{self.SETTINGS}, schema_inference_make_columns_nullable = 'auto'")
        self.session.query("OPTIMIZE TABLE bench.own FINAL")
        _, rows = self.ask("SELECT sum(bytes_on_disk) FROM system.parts WHERE database = 'bench' AND active")
        return "bench.own", int(rows[0][0])

    def ask(self, text):
        answer = json.loads(str(self.session.query(f"{text} {self.SETTINGS}", "JSONCompact")))
        return [column["name"] for column in answer["meta"]], answer["data"]

    @staticmethod
    def divided(number, by):
        return f"intDiv({number}, {by})"

    @staticmethod
    def within(column, text):
        return f"positionCaseInsensitive({column}, '{text}') > 0"


def main():
    name, how, folder, needles, scratch = sys.argv[1:]
    peer = {"duckdb": DuckDB, "chdb": ChDB}[name](scratch)
    facts = {}
    table = peer.files(folder)
    if how == "own":
        began = time.perf_counter()
        table, size = peer.copy(folder)
        facts = {"copy_s": time.perf_counter() - began, "copy_bytes": size}
    questions = {}
    for question, text in sql(table, json.loads(needles), peer.divided, peer.within).items():
        milliseconds = []
        names, rows = peer.ask(text)
        # What has no bar is slow, and asked for the record.
        for _ in range(RUNS if QUESTIONS[question][1] else 1):
            began = time.perf_counter()
            names, rows = peer.ask(text)
            milliseconds.append((time.perf_counter() - began) * 1e3)
        questions[question] = {"ms": milliseconds, "answer": of_peer(question, names, rows)}
    print(json.dumps({"questions": questions, **facts}))


if __name__ == "__main__":
    main()
