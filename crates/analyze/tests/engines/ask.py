"""Asks one engine every question about every tree; prints JSON.

    ask.py ENGINE TREE…

For the Python that has the engine. Prints {"version": …, "answers": {tree:
{question: [row…] or "error"}}}.
"""

import importlib.util, json, sys
from importlib.metadata import version

from recipe import QUESTIONS, RECIPES, read_sql


def shown(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def asked(questions, run):
    """One failing is no reason to leave the others out."""
    answers = {}
    for question, how in questions.items():
        try:
            answers[question] = run(how)
        except Exception as error:
            answers[question] = shown(error)
    return answers


def duckdb(tree, before=()):
    import duckdb

    connection = duckdb.connect()
    for statement in before:
        connection.execute(statement)
    first, questions = read_sql("duckdb.sql", tree)
    for statement in first:
        connection.execute(statement)

    def run(statement):
        cursor = connection.execute(statement)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]

    return asked(questions, run)


def clickhouse(tree, source=None):
    from chdb.session import Session

    first, questions = read_sql("clickhouse.sql", tree)
    if source:
        # What a person puts in place of file(…, Parquet, for another kind of place.
        local = f"file('{tree}/**/*.parquet', Parquet,"
        if sum(statement.count(local) for statement in first) != 1:
            raise ValueError(f"clickhouse.sql: not one {local}")
        first = [statement.replace(local, source) for statement in first]
    session = Session()
    try:
        for statement in first:
            session.query(statement)
        # 64-bit integers as numbers, as they are in the others.
        session.query("SET output_format_json_quote_64bit_integers = 0")
        run = lambda statement: [json.loads(line) for line in str(session.query(
            f"{statement} FORMAT JSONEachRow",
        )).splitlines()]
        return asked(questions, run)
    finally:
        session.close()


def datafusion(tree):
    from datafusion import SessionContext

    context = SessionContext()
    first, questions = read_sql("datafusion.sql", tree)
    for statement in first:
        context.sql(statement).collect()
    return asked(questions, lambda statement: [
        row for batch in context.sql(statement).collect() for row in batch.to_pylist()])


SPARK = []


def spark(tree):
    if not SPARK:
        from pyspark.sql import SparkSession

        SPARK.append(SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
                     .config("spark.sql.shuffle.partitions", "2").config("spark.log.level", "ERROR").getOrCreate())
    session = SPARK[0]
    first, questions = read_sql("spark.sql", tree)
    for statement in first:
        session.sql(statement)
    return asked(questions, lambda statement: [json.loads(row) for row in session.sql(statement).toJSON().collect()])


def python(name):
    def ask(tree, **options):
        spec = importlib.util.spec_from_file_location(name, RECIPES / f"{name}.py")
        recipe = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(recipe)
        connects = recipe.connects(str(tree), **options)
        if [question.__doc__.lower() for question in recipe.QUESTIONS] != [f"{name.lower()}." for name in QUESTIONS]:
            raise ValueError(f"{name}: {[question.__doc__ for question in recipe.QUESTIONS]}")

        def run(question):
            rows = question(connects)
            for method in ("to_dicts", "to_pylist"):
                if hasattr(rows, method):
                    return getattr(rows, method)()
            return rows.astype(object).where(rows.notna(), None).to_dict("records")

        return asked(dict(zip(QUESTIONS, recipe.QUESTIONS)), run)

    return ask


ENGINES = {
    "DuckDB": (duckdb, "duckdb"),
    "ClickHouse": (clickhouse, "chdb-core"),
    "DataFusion": (datafusion, "datafusion"),
    "polars": (python("with_polars"), "polars"),
    "pyarrow": (python("with_pyarrow"), "pyarrow"),
    "pandas": (python("with_pandas"), "pandas"),
    "Spark 3.5": (spark, "pyspark"),
    "Spark 4": (spark, "pyspark"),
}


def main():
    engine, package = ENGINES[sys.argv[1]]
    answers = {}
    for tree in sys.argv[2:]:
        try:
            answers[tree] = engine(tree)
        except Exception as error:
            answers[tree] = dict.fromkeys(QUESTIONS, shown(error))
    text = json.dumps({"version": version(package), "answers": answers}, default=str)
    # Java and others write to standard output as well.
    print("\n" + text)


if __name__ == "__main__":
    main()
