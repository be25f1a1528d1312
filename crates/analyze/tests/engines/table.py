"""The table of engines, questions and host names in docs/fleet.md."""

from recipe import QUESTIONS, RECIPES
from kinds import KINDS

PAGE = RECIPES.parent / "fleet.md"
BEGIN, END = "<!-- engines: made by .ci/engines --write -->", "<!-- engines: end -->"


def cells(result, kinds):
    """Of each kind the questions that were answered right, by number."""
    lines = {}
    for kind in kinds:
        right = [number for number, question in enumerate(QUESTIONS, 1) if result[kind, question] is None]
        lines[kind] = "all" if len(right) == len(QUESTIONS) else " ".join(map(str, right)) or "none"
    return lines


def rendered(results, kinds):
    questions = ", ".join(f"{number} {question}" for number, question in enumerate(QUESTIONS, 1))
    heading = [f"{engine}" for engine in results]
    lines = [f"Questions: {questions}.", "", "| host name | " + " | ".join(heading) + " |", "|---" * (len(heading) + 1) + "|"]
    found = {engine: cells(result, kinds) for engine, (_, result) in results.items()}
    for kind in kinds:
        name = KINDS.get(kind)
        if kind == "longest":
            name = "中" * 21
        shown = f"{kind}: `{name}`" if name and kind.strip("`") != name else kind
        lines.append(f"| {shown} | " + " | ".join(found[engine][kind] for engine in results) + " |")
    versions = ", ".join(f"{engine.split()[0]} {version}" for engine, (version, _) in results.items())
    return "\n".join([*lines, "", f"Versions: {versions}."])


def split():
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    old, after = rest.split(END)
    return before, old.strip(), after


def write(results, kinds):
    before, _, after = split()
    PAGE.write_text(f"{before}{BEGIN}\n{rendered(results, kinds)}\n{END}{after}")


def columns(text):
    """{engine: its cells} of a table as it is written."""
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line.startswith("| ")]
    return {engine: [(row[0], row[place]) for row in rows[1:]] for place, engine in enumerate(rows[0]) if place}


def stale(results, kinds):
    """Engines of which the page says something else. Versions may differ."""
    old, new = columns(split()[1]), columns(rendered(results, kinds))
    # Of what was asked: without root there is no tree by `record`.
    return ", ".join(engine for engine, cells in new.items() if not set(cells) <= set(old.get(engine, [])))
