"""python -m tests.frozen: write the table of answers anew, after a change on purpose."""

import json

from ase_orbital import list_models

from .answers import TABLE, table


def lines(content):
    """JSON with one line for each structure and row of answers."""
    parts = []
    for key, value in content.items():
        rows = value.items() if isinstance(value, dict) else enumerate(value)
        text = ",\n".join(
            json.dumps(row)
            if isinstance(value, list)
            else f"{json.dumps(name)}: {json.dumps(row)}"
            for name, row in rows
        )
        left, right = "[]" if isinstance(value, list) else "{}"
        parts.append(f"{json.dumps(key)}: {left}\n{text}\n{right}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    TABLE.write_text(lines(table(list_models())), encoding="utf-8")
