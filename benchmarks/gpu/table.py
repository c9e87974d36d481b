"""The results of a day as Markdown."""

from __future__ import annotations

import json
from pathlib import Path


def markdown(out: Path) -> str:
    """All stages that have results in a folder: their tables, and a line for every unit that gave none."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(out.glob("stage*.json"))]
    if not records:
        return ""
    about = records[0]["machine"]
    where = about["gpu"] or f"{about['processor']}, {about['cores']} cores"
    lines = ["## A GPU day", "", f"{where}, torch {about['torch']}."]
    if records[0]["rehearsal"]:
        lines += ["", "A rehearsal: these numbers measure nothing."]
    for record in records:
        lines += ["", f"### {record['stage']}. {record['title']}"]
        tables: dict[str, list[dict]] = {}
        for row in (row for unit in record["units"].values() for row in unit.get("rows", ())):
            tables.setdefault(row["table"], []).append(row)
        for name, rows in tables.items():
            lines += ["", f"{name[0].upper()}{name[1:]}:", "", *_table(rows)]
        without = {k: u for k, u in record["units"].items() if u["state"] != "done"}
        if without:
            lines += [
                "",
                *(f"- {key}: {unit['state']}. {unit.get('said', '')}".rstrip() for key, unit in without.items()),
            ]
    return "\n".join(lines) + "\n"


def _table(rows: list[dict]) -> list[str]:
    """Rows under the union of their columns; lists and dicts stay in the JSON."""
    columns = [k for k in dict.fromkeys(k for row in rows for k in row) if k != "table"]
    columns = [k for k in columns if not any(isinstance(row.get(k), (list, dict)) for row in rows)]
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for row in rows:
        values = (
            "" if row.get(k) is None else f"{row[k]:g}" if isinstance(row[k], float) else str(row[k]) for k in columns
        )
        lines.append(f"| {' | '.join(values)} |")
    return lines
