//! Conditions in SQL: polars parses them and tells of each row whether they
//! hold. Nothing else of this program knows polars.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType as Arrow, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::columns::schema;
use polars::prelude::*;

use super::Unusable;
use crate::guard;

const WHAT: &str = "--where cannot be used";
/// More is not typed by people, and deep nesting exhausts the stack.
const LONGEST: usize = 4_000;
const ANSWER: &str = "where";

/// An expression over the columns that is true or false for a row.
#[derive(Debug, Clone)]
pub struct Condition {
    expr: Expr,
    columns: Vec<&'static str>,
}

impl Condition {
    /// From SQL as typed.
    ///
    /// # Errors
    /// [`Unusable`] if it is not such an expression.
    pub fn new(sql: &str) -> Result<Self, Unusable> {
        if sql.len() > LONGEST {
            return Err(Unusable::new(WHAT, format!("longer than {LONGEST} bytes")));
        }
        let (expr, result) = caught(|| {
            let expr = polars::sql::sql_expr(sql)?;
            // Tried on no rows, so that unknown columns and types that do not
            // compare are found before a file is read.
            let names: Vec<&'static str> = names();
            let columns = names
                .iter()
                .map(|name| Column::new_empty(PlSmallStr::from_static(name), &type_of(name)));
            let none = DataFrame::new(0, columns.collect())?.lazy();
            let tried = none.clone().select([expr.clone().alias(ANSWER)]).collect()?;
            none.filter(expr.clone()).collect()?;
            Ok((expr, tried.column(ANSWER)?.dtype().clone()))
        })?;
        if result != DataType::Boolean {
            return Err(Unusable::new(WHAT, format!("it is a {result:?}, not true or false")));
        }
        if !is_of_one_row(&expr) {
            return Err(Unusable::new(WHAT, "it takes more than one connect to tell"));
        }
        let roots = expr.clone().meta().root_names();
        let mut columns: Vec<&'static str> =
            names().into_iter().filter(|name| roots.iter().any(|root| root == name)).collect();
        // A pattern for names, or no column at all.
        if columns.len() < roots.len() || columns.is_empty() {
            columns = names();
        }
        Ok(Self { expr, columns })
    }

    /// The columns it reads.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.columns.iter().copied()
    }

    /// Of which rows it holds.
    ///
    /// # Errors
    /// [`Unusable`] if it cannot be told of some.
    pub fn mask(&self, rows: &RecordBatch) -> Result<BooleanBuffer, Unusable> {
        caught(|| {
            let columns = self
                .columns
                .iter()
                .filter_map(|name| Some(column(name, rows.column_by_name(name)?)));
            let frame = DataFrame::new(rows.num_rows(), columns.collect())?;
            let answer = frame.lazy().select([self.expr.clone().alias(ANSWER)]).collect()?;
            let answer = answer.column(ANSWER)?.bool()?.clone();
            // An expression without columns has one value for all rows.
            let at = |row: usize| answer.get(if answer.len() == 1 { 0 } else { row }) == Some(true);
            Ok(BooleanBuffer::collect_bool(rows.num_rows(), at))
        })
    }
}

/// Whether a row alone decides. Rows are shown to an expression a few thousand
/// at a time, so an average, say, would be that of a few thousand.
fn is_of_one_row(expr: &Expr) -> bool {
    /// Functions that look at other rows, by how their names begin.
    const OF_ALL: [&str; 16] = [
        "all",
        "any",
        "arg_",
        "corr",
        "cov",
        "cum_",
        "diff",
        "fill_null",
        "first",
        "is_duplicated",
        "is_first",
        "is_last",
        "is_unique",
        "last",
        "rank",
        "shift",
    ];
    match expr {
        Expr::Column(_) | Expr::Literal(_) => true,
        Expr::Alias(inner, _) | Expr::Cast { expr: inner, .. } => is_of_one_row(inner),
        Expr::BinaryExpr { left, right, .. } => is_of_one_row(left) && is_of_one_row(right),
        Expr::Ternary { predicate, truthy, falsy } => {
            [predicate, truthy, falsy].into_iter().all(|part| is_of_one_row(part))
        }
        Expr::Function { input, function } => {
            let name = function.to_string();
            let of_all = OF_ALL.iter().any(|start| name.starts_with(start));
            (!of_all || name.ends_with("_horizontal")) && input.iter().all(is_of_one_row)
        }
        // The values of an IN: the same for all rows.
        Expr::Agg(AggExpr::Implode { input, .. }) => matches!(**input, Expr::Literal(_)),
        Expr::AnonymousFunction { input, options, .. } => {
            options.is_elementwise() && input.iter().all(is_of_one_row)
        }
        _ => false,
    }
}

fn caught<T>(work: impl Fn() -> PolarsResult<T>) -> Result<T, Unusable> {
    guard::caught(work).map_err(|panic| Unusable::new(WHAT, panic))?.map_err(|error| {
        let error = error.to_string();
        // The library lists all columns then, which is more than a line.
        match error.split_once("; valid columns") {
            Some((what, _)) => {
                Unusable::new(WHAT, format!("{what}; text needs single quotes, as in 'nginx'"))
            }
            None => Unusable::new(WHAT, error),
        }
    })
}

fn names() -> Vec<&'static str> {
    use std::sync::LazyLock;
    static SCHEMA: LazyLock<arrow::datatypes::SchemaRef> = LazyLock::new(schema);
    SCHEMA.fields().iter().map(|field| field.name().as_str()).collect()
}

/// The type polars has for a column.
fn type_of(name: &str) -> DataType {
    match schema().field_with_name(name).map(|field| field.data_type().clone()) {
        Ok(Arrow::Int32) => DataType::Int32,
        Ok(Arrow::Int64) => DataType::Int64,
        Ok(Arrow::Timestamp(..)) => time_type(),
        _ => DataType::String,
    }
}

fn time_type() -> DataType {
    DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
}

fn column(name: &'static str, array: &ArrayRef) -> Column {
    let name = PlSmallStr::from_static(name);
    if let Some(values) = array.as_primitive_opt::<Int32Type>() {
        return Int32Chunked::from_iter_options(name, values.iter()).into_column();
    }
    if let Some(values) = array.as_primitive_opt::<Int64Type>() {
        return Column::new(name, &values.values()[..]);
    }
    if let Some(times) = array.as_primitive_opt::<TimestampMicrosecondType>() {
        let times = Int64Chunked::from_slice(name, times.values());
        return times.into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)).into_column();
    }
    let words = array.as_dictionary_opt::<Int32Type>();
    let known = words.and_then(|words| words.values().as_string_opt::<i32>());
    let (Some(words), Some(known)) = (words, known) else {
        return Column::full_null(name, array.len(), &DataType::String);
    };
    let get = |key: &i32| known.is_valid(*key as usize).then(|| known.value(*key as usize));
    StringChunked::from_iter_options(name, words.keys().values().iter().map(get)).into_column()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_alone_must_decide() {
        for right in [
            "dst_port = 443",
            "comm LIKE 'ngin%' AND NOT outcome IN ('refused', 'aborted')",
            "errno IS NULL OR latency_ns BETWEEN 1 AND 5",
            "abs(latency_ns - rtt_us) > 1000",
            "CASE WHEN pid > 4 THEN tid ELSE uid END = 7",
            "upper(comm) = 'NGINX' OR length(cgroup) > 3",
            "CAST(dst_port AS VARCHAR) = '443'",
            "coalesce(errno, 0) = 0",
        ] {
            let condition = Condition::new(right);
            assert!(condition.is_ok(), "{right}: {:?}", condition.err());
        }
        for wrong in [
            "latency_ns > AVG(latency_ns)",
            "MAX(pid) = pid",
            "COUNT(*) > 5",
            "latency_ns",
            "x = 1",
        ] {
            assert!(Condition::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_the_columns_it_names_are_read() {
        let condition = Condition::new("dst_port = 443 AND comm <> 'x'").expect("a condition");
        assert_eq!(condition.columns().collect::<Vec<_>>(), ["comm", "dst_port"]);
    }
}
