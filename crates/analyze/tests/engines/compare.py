"""Whether rows of an engine are those of `analyze`."""

import datetime


def plain(value):
    """A figure as JSON has it, times as `analyze` writes them."""
    if isinstance(value, str) and value[:2] == "20" and value[4:5] == "-" and len(value) >= 19:
        for text in (value, value.split(".")[0].split("+")[0].rstrip("Z")):
            try:
                moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
                return moment.replace(tzinfo=None).strftime("%Y-%m-%dT%H:%M:%SZ")
            except ValueError:
                pass
    return value


def same(found, wanted):
    if isinstance(wanted, float) and isinstance(found, (int, float)):
        return abs(found - wanted) <= 1e-9 * max(1, abs(wanted))
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


def difference(found, wanted, keys):
    """The first figure that differs, or None."""
    if isinstance(found, str):
        return f"fails: {found}"
    found = [{name: plain(value) for name, value in row.items()} for row in found]
    by_key = {tuple(row.get(key) for key in keys): row for row in found}
    if len(by_key) != len(found) or len(found) != len(wanted):
        return f"{len(found)} rows, expected {len(wanted)}"
    for row in wanted:
        key = tuple(row[name] for name in keys)
        if key not in by_key:
            return f"{key} is not there"
        for name, value in row.items():
            other = by_key[key].get(name)
            if not same(other, value):
                return f"{key}: {name} is {other!r}, expected {value!r}"
    return None
