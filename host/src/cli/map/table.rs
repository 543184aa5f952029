//! Rows of CSV or TSV as inputs: a field for each parameter, found by its name or by its place.

use super::options::Header;
use csv::{ByteRecord, ReaderBuilder, WriterBuilder};
use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;
use wpool::Param;

/// How much a reader takes in ahead of the row that it is asked for, in bytes, at most.
const AHEAD: u64 = 256 * 1024;

/// A table that is read row by row, none of them longer than it may be.
pub(in crate::cli) struct Table<R> {
    rows: csv::Reader<Bounded<R>>,
    left: Rc<Cell<u64>>,
    longest: u64,
    separator: u8,
    header: Header,
    /// The columns of the parameters, where the first row names them.
    columns: Option<Vec<usize>>,
    begun: bool,
}

/// A row that is an input.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct Row {
    /// As it could stand in the table.
    pub(in crate::cli) text: Vec<u8>,
    /// The field of each parameter; all of them where no names say which those are.
    pub(in crate::cli) fields: Vec<Vec<u8>>,
}

/// Reads no more than is left, so that no row can grow without end.
struct Bounded<R> {
    from: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(io::Error::other("a row is longer than the limit"));
        }
        let most = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = self.from.read(&mut buffer[..most])?;
        self.left.set(left - read as u64);
        Ok(read)
    }
}

impl<R: Read> Table<BufReader<R>> {
    /// Whether little is left of what was read already: the next row may have to be waited for.
    pub(in crate::cli) fn is_drained(&self) -> bool {
        self.rows.get_ref().from.buffer().is_empty()
    }
}

impl<R: Read> Table<R> {
    pub(in crate::cli) fn new(from: R, separator: u8, header: Header, longest: u64) -> Table<R> {
        let left = Rc::new(Cell::new(0));
        let bounded = Bounded {
            from,
            left: Rc::clone(&left),
        };
        let mut reader = ReaderBuilder::new();
        reader
            .delimiter(separator)
            .has_headers(false)
            .flexible(true);
        Table {
            rows: reader.from_reader(bounded),
            left,
            longest,
            separator,
            header,
            columns: None,
            begun: false,
        }
    }

    /// The next row that is an input.
    ///
    /// # Errors
    ///
    /// What is wrong with the table; nothing that comes after it can be read.
    pub(in crate::cli) fn next(&mut self, params: &[Param]) -> Result<Option<Row>, String> {
        let Some(mut row) = self.read()? else {
            return Ok(None);
        };
        if !std::mem::replace(&mut self.begun, true) {
            let columns = (self.header != Header::No)
                .then(|| columns(&row, params))
                .flatten();
            let is_header = columns.is_some() || self.header == Header::Yes;
            self.columns = columns;
            if is_header {
                match self.read()? {
                    Some(next) => row = next,
                    None => return Ok(None),
                }
            }
        }
        let field = |column: usize| row.get(column).unwrap_or_default().to_vec();
        let fields = match &self.columns {
            Some(columns) => columns.iter().map(|column| field(*column)).collect(),
            None => row.iter().map(<[u8]>::to_vec).collect(),
        };
        let text = written(&row, self.separator);
        Ok(Some(Row { text, fields }))
    }

    fn read(&mut self) -> Result<Option<ByteRecord>, String> {
        self.left.set(self.longest.saturating_add(AHEAD));
        let mut row = ByteRecord::new();
        let read = self.rows.read_byte_record(&mut row);
        let is_row = read.map_err(|error| error.to_string())?;
        if row.as_slice().len() as u64 > self.longest {
            return Err("a row is longer than the limit".into());
        }
        Ok(is_row.then_some(row))
    }
}

/// The column of each parameter, if the row names them all.
fn columns(row: &ByteRecord, params: &[Param]) -> Option<Vec<usize>> {
    let names: Vec<String> = row
        .iter()
        .map(|field| name(&String::from_utf8_lossy(field)))
        .collect();
    let column = |param: &Param| names.iter().position(|other| *other == name(&param.name));
    let columns: Option<Vec<usize>> = params.iter().map(column).collect();
    columns.filter(|columns| !columns.is_empty())
}

/// A name, however it is spelt.
fn name(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}').trim();
    text.replace(['_', ' '], "-").to_lowercase()
}

fn written(row: &ByteRecord, separator: u8) -> Vec<u8> {
    let mut writer = WriterBuilder::new()
        .delimiter(separator)
        .flexible(true)
        .from_writer(Vec::new());
    // It writes to memory.
    let _ = writer.write_byte_record(row);
    let mut text = writer.into_inner().unwrap_or_default();
    if text.last() == Some(&b'\n') {
        text.pop();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use wpool::Type;

    fn params(names: &[&str]) -> Vec<Param> {
        let param = |name: &&str| Param {
            name: name.to_string(),
            ty: Type::String,
        };
        names.iter().map(param).collect()
    }

    fn rows(text: &str, header: Header, names: &[&str]) -> Result<Vec<String>, String> {
        let mut table = Table::new(text.as_bytes(), b',', header, 1000);
        let mut rows = Vec::new();
        while let Some(row) = table.next(&params(names))? {
            let fields = row
                .fields
                .iter()
                .map(|field| String::from_utf8_lossy(field).into_owned());
            rows.push(fields.collect::<Vec<_>>().join("|"));
        }
        Ok(rows)
    }

    #[test]
    fn names_in_the_first_row_say_which_column_is_whose() {
        let text = "id,Last Name,first_name\n1,Doe,Ann\n2,\"Roe, Jr\",Bob\n";
        let names = ["first-name", "last-name"];
        assert_eq!(
            rows(text, Header::Auto, &names).unwrap(),
            ["Ann|Doe", "Bob|Roe, Jr"]
        );
        let by_place = ["id|Last Name|first_name", "1|Doe|Ann", "2|Roe, Jr|Bob"];
        assert_eq!(rows(text, Header::No, &names).unwrap(), by_place);
    }

    #[test]
    fn without_all_names_fields_are_taken_in_their_order_and_a_header_is_skipped_where_that_was_said()
     {
        let text = "first-name,age\nAnn,7\n";
        let names = ["first-name", "last-name"];
        assert_eq!(
            rows(text, Header::Auto, &names).unwrap(),
            ["first-name|age", "Ann|7"]
        );
        assert_eq!(rows(text, Header::Yes, &names).unwrap(), ["Ann|7"]);
        assert_eq!(rows("", Header::Yes, &names).unwrap(), [""; 0]);
        assert_eq!(rows("a\n", Header::Auto, &[]).unwrap(), ["a"]);
    }

    #[test]
    fn a_row_that_lacks_a_field_has_an_empty_one() {
        assert_eq!(rows("a,b\n1\n", Header::Auto, &["b", "a"]).unwrap(), ["|1"]);
    }

    #[test]
    fn a_row_without_end_is_refused_and_not_kept() {
        let mut table = Table::new(io::repeat(b'x'), b',', Header::No, 1000);
        let error = table.next(&params(&["a"])).unwrap_err();
        assert!(error.contains("longer than the limit"), "{error}");
        let long = "y".repeat(1001);
        assert!(rows(&long, Header::No, &["a"]).is_err());
        assert!(rows(&long[1..], Header::No, &["a"]).is_ok());
    }

    #[test]
    fn a_row_is_written_as_it_could_stand_in_the_table() {
        let mut table = Table::new(&b"\"a, b\",c\n"[..], b',', Header::No, 1000);
        assert_eq!(table.next(&[]).unwrap().unwrap().text, b"\"a, b\",c");
    }
}
