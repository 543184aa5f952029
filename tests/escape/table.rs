//! What is known to refuse each attack: a line an attack, a column a place or a layer.

use std::collections::BTreeMap;

/// A table, by attack and column.
pub struct Table {
    columns: Vec<&'static str>,
    rows: BTreeMap<&'static str, Vec<&'static str>>,
}

impl Table {
    /// The table of what happens to `user`.
    pub fn of(user: &str) -> Table {
        Table::read(match user {
            "root" => include_str!("root.txt"),
            _ => include_str!("user.txt"),
        })
    }

    /// The table of what happens to a worker that was granted a directory.
    pub fn granted() -> Table {
        Table::read(include_str!("granted.txt"))
    }

    fn read(text: &'static str) -> Table {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let cells =
            |line: &'static str| -> Vec<&'static str> { line.split('|').map(str::trim).collect() };
        let columns = cells(lines.next().unwrap());
        let rows = lines.map(|line| {
            let row = cells(line);
            assert_eq!(row.len(), columns.len(), "{line}");
            (row[0], row)
        });
        let rows = rows.collect();
        Table { columns, rows }
    }

    /// What is expected of `attack` in `column`: how it is refused, or `-`.
    #[track_caller]
    pub fn cell(&self, attack: &str, column: &str) -> &'static str {
        let at = self
            .columns
            .iter()
            .position(|name| *name == column)
            .unwrap();
        let row = self.rows.get(attack);
        row.unwrap_or_else(|| panic!("{attack} is not in the table"))[at]
    }

    pub fn attacks(&self) -> impl Iterator<Item = &'static str> {
        self.rows.keys().copied()
    }
}
