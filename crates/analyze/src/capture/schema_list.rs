//! The columns as a footer lists them, checked before a library makes a tree of them.
//!
//! Parquet lists a tree depth first: each element says how many children follow. A
//! library reserves memory for as many as are claimed, goes as deep as they lead, and
//! copies the names above each column into its path.

use std::io::{self, ErrorKind, Read};

use connlat_schema::thrift::{BINARY, Compact, I32, STRUCT};

/// Elements: columns, and the groups that they are in.
const ELEMENTS: u64 = 2_000;
/// Groups in each other. A capture's columns are in none.
const DEEPEST: usize = 16;
/// Longest name, bytes.
const NAME_BYTES: u64 = 1_000;

/// Fields of `SchemaElement` in parquet.thrift.
const NAME: i16 = 4;
const CHILDREN: i16 = 5;

fn refused(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.to_owned())
}

/// Walks through the list of columns of a footer.
///
/// # Errors
/// When it is no tree, or larger than that of any capture, or the input ends.
pub(super) fn check(compact: &mut Compact<impl Read>) -> io::Result<()> {
    let (elements, kind) = compact.list()?;
    if elements > ELEMENTS {
        return Err(refused("more columns than a capture has"));
    }
    if kind != STRUCT {
        return Err(refused("columns of no kind that there is"));
    }
    // Children that are still to come, of each group that the next one is in.
    let mut groups = vec![1];
    let (mut claimed, mut few) = (1, |_| Err(refused("a list in a column")));
    for _ in 0..elements {
        while groups.last() == Some(&0) {
            groups.pop();
        }
        match groups.last_mut() {
            Some(left) => *left -= 1,
            None => return Err(refused("columns beside each other's root")),
        }
        let mut children = 0;
        let mut id = 0;
        while let Some(kind) = compact.field(&mut id)? {
            match (id, kind) {
                (NAME, BINARY) if compact.binary(NAME_BYTES)?.is_none() => {
                    return Err(refused("a column has a longer name than any"));
                }
                (NAME, BINARY) => {}
                (CHILDREN, I32) => children = u64::try_from(compact.zigzag()?).unwrap_or(u64::MAX),
                _ => compact.skip(kind, &mut few)?,
            }
        }
        claimed = u64::saturating_add(claimed, children);
        if claimed > elements {
            return Err(refused("more columns are claimed than there are"));
        }
        groups.push(children);
        if groups.len() > DEEPEST + 2 {
            return Err(refused("columns lie deeper than a capture's"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of elements, by their names' lengths and their children.
    fn list(elements: &[(usize, u64)]) -> io::Result<()> {
        let mut bytes = vec![0xfc, elements.len() as u8];
        for (name, children) in elements {
            bytes.extend([0x48, (*name as u8) | 0x80, (*name >> 7) as u8]);
            bytes.extend(vec![b'x'; *name]);
            bytes.push(0x15);
            let mut left = children << 1;
            while left >= 0x80 {
                bytes.push(left as u8 | 0x80);
                left >>= 7;
            }
            bytes.extend([left as u8, 0]);
        }
        check(&mut Compact::new(bytes.as_slice()))
    }

    #[test]
    fn a_flat_list_and_a_group_in_it_are_fine() {
        list(&[(6, 3), (2, 0), (2, 2), (1, 0), (1, 0), (3, 0)]).expect("a tree");
    }

    #[test]
    fn what_no_capture_has_is_refused() {
        let says = |elements: &[(usize, u64)]| list(elements).expect_err("refused").to_string();
        assert!(says(&[(6, 2_147_483_647), (1, 0)]).contains("claimed"));
        assert!(says(&[(6, 1), (1, 0), (1, 0)]).contains("beside"));
        let deep: Vec<(usize, u64)> = (0..40).map(|n| (1, u64::from(n < 39))).collect();
        assert!(says(&deep).contains("deeper"));
        assert!(says(&[(6, 1), (2_000, 0)]).contains("longer name"));
    }
}
