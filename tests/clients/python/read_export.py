"""Reads an export of `wia export` with what its readers use: csv and json of Python, DuckDB for Parquet.

In: --csv, --jsonl, --parquet, each a file. Out: one JSON line each, {"format", "columns", "rows"}: the rows as objects with
the column names of the file, integers as numbers, JSON text parsed, moments as milliseconds since 1970, null for what
is unknown. For Parquet also the types that DuckDB sees and the row groups.
"""

import argparse
import csv
import json
from datetime import datetime

import duckdb


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def from_csv(path: str) -> dict:
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, strict=True)
        rows = []
        for row in reader:
            row = {name: text or None for name, text in row.items()}
            for name in ("block_number", "log_index"):
                row[name] = int(row[name])
            row["timestamp"] = milliseconds(datetime.fromisoformat(row["timestamp"].replace("Z", "+00:00")))
            for name in ("arguments", "topics"):
                row[name] = row[name] and json.loads(row[name])
            rows.append(row)
        return {"format": "csv", "columns": reader.fieldnames, "rows": rows}


def from_jsonl(path: str) -> dict:
    with open(path, encoding="utf-8") as file:
        return {"format": "jsonl", "columns": [], "rows": [json.loads(line) for line in file]}


def from_parquet(path: str) -> dict:
    with duckdb.connect() as db:
        types = db.execute("select column_name, column_type from (describe select * from read_parquet(?))", [path])
        types = dict(types.fetchall())
        columns = [f'epoch_ms("{name}")' if name == "timestamp" else f'"{name}"' for name in types]
        found = db.execute(f"select {', '.join(columns)} from read_parquet(?)", [path]).fetchall()
        rows = [dict(zip(types, values)) for values in found]
        for row in rows:
            for name in ("arguments", "topics"):
                row[name] = row[name] and json.loads(row[name])
        groups = db.execute("select distinct row_group_id, row_group_num_rows, compression from parquet_metadata(?)", [path])
        return {"format": "parquet", "columns": list(types), "rows": rows, "types": types, "groups": groups.fetchall()}


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("csv", "jsonl", "parquet"):
        parser.add_argument(f"--{name}", required=True)
    files = parser.parse_args()
    for read in (from_csv(files.csv), from_jsonl(files.jsonl), from_parquet(files.parquet)):
        print(json.dumps(read))


main()
