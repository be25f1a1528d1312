"""The files of docs/fleet that people copy, cut into what is run one by one."""

import re
from pathlib import Path

RECIPES = Path(__file__).resolve().parents[4] / "docs" / "fleet"
DIRECTORY = "/srv/connlat"
QUESTIONS = {
    "rows by host": ["host"],
    "percentiles by destination": ["dst_addr", "dst_port"],
    "time series": ["minute"],
    "failures by host and minute": ["host", "minute"],
    "difference of two ranges": ["dst_addr", "dst_port"],
    "SYN loss by subnet": ["network"],
    "who shares the bad connects": ["dst_addr", "dst_port"],
    "one host, one day": ["outcome"],
}


def statements(text):
    without = re.sub(r"^\s*--.*$", "", text, flags=re.M)
    return [statement.strip() for statement in re.split(r";\s*$", without, flags=re.M) if statement.strip()]


def read_sql(name, directory=DIRECTORY):
    """What comes first, and the statement of each question by its name."""
    text = (RECIPES / name).read_text().replace(DIRECTORY, str(directory))
    first, *parts = re.split(r"^-- (\d+\. .+)\n", text, flags=re.M)
    questions = {}
    for number, (heading, part) in enumerate(zip(parts[::2], parts[1::2]), 1):
        found = statements(part)
        if len(found) != 1 or not heading.startswith(f"{number}. "):
            raise ValueError(f"{name}: {heading}: {len(found)} statements")
        questions[heading.split(". ", 1)[1]] = found[0]
    known = [question.lower() for question in QUESTIONS]
    if [question.lower() for question in questions] != known:
        raise ValueError(f"{name}: {list(questions)}")
    return statements(first), dict(zip(QUESTIONS, questions.values()))
