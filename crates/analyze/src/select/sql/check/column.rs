//! Names of columns.

use connlat_schema::capture::columns::{LATENCY_NS, RTT_US, TIME};
use sqlparser::ast::Ident;

use super::super::node::Node;
use super::super::{Refused, quote};
use super::{Check, Kind, Typed, call, refused};
use crate::columns::{column_names, schema};

impl Check<'_> {
    pub(super) fn is_text(&self, column: usize) -> bool {
        kind_of(self.columns[column]) == Some(Kind::Text)
    }

    pub(super) fn column(&mut self, name: &Ident) -> Result<Typed, Refused> {
        let lower = name.value.to_lowercase();
        // Durations whatever the unit of the column is.
        let (known, unit) = match lower.as_str() {
            "latency" => (LATENCY_NS, Some(1)),
            "rtt" => (RTT_US, Some(1_000)),
            other => (other, None),
        };
        let schema = schema();
        let Some((column, kind)) = schema
            .fields()
            .iter()
            .find(|field| field.name().as_str() == known)
            .and_then(|field| own_name(field.name()))
            .and_then(|name| Some((name, kind_of(name)?)))
        else {
            if call::is_of_now(&lower) {
                return refused("the time of now says nothing of a capture; use --from -10m");
            }
            return refused(format!(
                "there is no column {}; text needs single quotes, as in 'nginx'",
                quote(&name.value)
            ));
        };
        let place = self.columns.iter().position(|known| *known == column);
        let place = place.unwrap_or_else(|| {
            self.columns.push(column);
            self.columns.len() - 1
        });
        let node = Node::Column(place);
        let text = name.value.clone();
        Ok(match (unit, column) {
            (Some(1), _) => Typed::new(node, Kind::Duration, text),
            (Some(unit), _) => Typed::new(Node::Scale(node.into(), unit), Kind::Duration, text),
            (None, LATENCY_NS) => Typed { unit: Some(1), ..Typed::new(node, kind, text) },
            (None, RTT_US) => Typed { unit: Some(1_000), ..Typed::new(node, kind, text) },
            (None, _) => Typed::new(node, kind, text),
        })
    }
}

/// The column's name as the contract has it.
fn own_name(name: &str) -> Option<&'static str> {
    column_names().find(|known| *known == name)
}

fn kind_of(name: &str) -> Option<Kind> {
    use arrow::datatypes::DataType;
    if name == TIME {
        return Some(Kind::Time);
    }
    match schema().field_with_name(name).ok()?.data_type() {
        DataType::Int32 | DataType::Int64 => Some(Kind::Number(0)),
        DataType::Utf8 => Some(Kind::Text),
        _ => None,
    }
}
