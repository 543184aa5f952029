//! Rows of CSV or TSV as inputs: a field for each parameter, found by its name or by its place.

use super::options::Header;
use csv::{ByteRecord, QuoteStyle, ReaderBuilder, WriterBuilder};
use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;
use wpool::{Param, printable};

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

/// Reads no more than is left, so that no row can grow without end, and counts quotes.
struct Bounded<R> {
    from: R,
    left: Rc<Cell<u64>>,
    quotes: usize,
    is_at_end: bool,
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
        self.is_at_end |= read == 0;
        let read_now = buffer[..read].iter();
        self.quotes += read_now.filter(|byte| **byte == b'"').count();
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
            quotes: 0,
            is_at_end: false,
        };
        let mut reader = ReaderBuilder::new();
        // In TSV a quote is a character like any other.
        reader
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .quoting(separator != b'\t');
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
            self.columns = match self.header {
                Header::No => None,
                Header::Auto | Header::Yes => columns(&row, params)?,
            };
            if self.columns.is_some() || self.header == Header::Yes {
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
        let (last, source) = (
            row.iter().next_back().unwrap_or_default(),
            self.rows.get_ref(),
        );
        let is_open = source.is_at_end && source.quotes % 2 == 1 && last.contains(&b'\n');
        if is_open && self.separator != b'\t' {
            return Err("a quote is not closed: it would take the rest of the table".into());
        }
        Ok(is_row.then_some(row))
    }
}

/// The column of each parameter, if the row names them all; none where it names none of them.
fn columns(row: &ByteRecord, params: &[Param]) -> Result<Option<Vec<usize>>, String> {
    let names: Vec<String> = row
        .iter()
        .map(|field| name(&String::from_utf8_lossy(field)))
        .collect();
    let mut columns = Vec::with_capacity(params.len());
    let mut missing = Vec::new();
    for param in params {
        match names.iter().position(|other| *other == name(&param.name)) {
            Some(column) => columns.push(column),
            None => missing.push(format!("`{}`", printable(&param.name))),
        }
    }
    match (columns.is_empty(), missing.is_empty()) {
        (false, true) => Ok(Some(columns)),
        (true, _) => Ok(None),
        (false, false) => Err(format!(
            "its first row names some parameters and not {}: name all, or say --header no",
            missing.join(", ")
        )),
    }
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
        .quote_style(match separator {
            b'\t' => QuoteStyle::Never,
            _ => QuoteStyle::Necessary,
        })
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
        let text = "who,age\nAnn,7\n";
        let names = ["first-name", "last-name"];
        assert_eq!(
            rows(text, Header::Auto, &names).unwrap(),
            ["who|age", "Ann|7"]
        );
        assert_eq!(rows(text, Header::Yes, &names).unwrap(), ["Ann|7"]);
        assert_eq!(rows("", Header::Yes, &names).unwrap(), [""; 0]);
        assert_eq!(rows("a\n", Header::Auto, &[]).unwrap(), ["a"]);
    }

    #[test]
    fn a_first_row_that_names_only_some_parameters_is_refused() {
        for header in [Header::Auto, Header::Yes] {
            let error = rows(
                "first_name,age\nAnn,7\n",
                header,
                &["first-name", "last-name"],
            );
            assert!(error.unwrap_err().contains("not `last-name`"));
        }
    }

    #[test]
    fn a_quote_that_is_not_closed_takes_no_rows_with_it() {
        let error = rows("a\n\"b\nc\nd\n", Header::No, &["x"]).unwrap_err();
        assert!(error.contains("not closed"), "{error}");
        // A quote within a field is no quoting.
        assert_eq!(rows("5\"\nc\n", Header::No, &["x"]).unwrap(), ["5\"", "c"]);
        assert_eq!(rows("\"b\nc\"\n", Header::No, &["x"]).unwrap(), ["b\nc"]);
    }

    #[test]
    fn in_tsv_a_quote_is_a_character() {
        let text = &b"\"Big\" Joe\t\"x\nb\tc\n"[..];
        let mut table = Table::new(text, b'\t', Header::No, 1000);
        let first = table.next(&[]).unwrap().unwrap();
        assert_eq!(first.fields, [&b"\"Big\" Joe"[..], b"\"x"]);
        assert_eq!(first.text, b"\"Big\" Joe\t\"x");
        assert_eq!(table.next(&[]).unwrap().unwrap().fields, [b"b", b"c"]);
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
