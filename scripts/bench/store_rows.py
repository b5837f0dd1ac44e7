"""Parts of a data folder, what their rows weigh, and what pyarrow makes of the same rows."""
import glob
import os

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def parts(data, table=b"exchanges"):
    """The Parquet files of a table with their metadata, in the order of time."""
    found = []
    for path in glob.glob(f"{data}/**/*.parquet", recursive=True):
        facts = pq.read_metadata(path)
        if (facts.metadata or {}).get(b"arachne.table") == table:
            found.append((path, facts))
    return sorted(found, key=lambda part: first_start(part[1]))


def first_start(facts):
    columns = [facts.row_group(0).column(at) for at in range(facts.num_columns)]
    return next(column.statistics.min for column in columns if column.path_in_schema == "start")


def bytes_of(path):
    """Of a part, and of its text index."""
    index = path + ".idx"
    return os.path.getsize(path), os.path.getsize(index) if os.path.exists(index) else 0


def weigh(data, rows_max, scratch):
    """Rows, bytes of parts, bytes of text indexes, and bytes of pyarrow's zstd-1 Parquet, of the first `rows_max` exchanges.

    pyarrow writes with its defaults but the compression, one file, rows in the same order of start and id.
    """
    rows = sizes = indexes = 0
    tables = []
    for path, facts in parts(data):
        if rows and rows + facts.num_rows > rows_max:
            break
        size, index = bytes_of(path)
        rows, sizes, indexes = rows + facts.num_rows, sizes + size, indexes + index
        tables.append(pq.ParquetFile(path).read())
    whole = pa.concat_tables(tables)
    whole = whole.take(pc.sort_indices(whole, sort_keys=[("start", "ascending"), ("id", "ascending")]))
    out = os.path.join(scratch, "pyarrow.parquet")
    pq.write_table(whole, out, compression="zstd", compression_level=1)
    weight = os.path.getsize(out)
    os.remove(out)
    return rows, sizes, indexes, weight
