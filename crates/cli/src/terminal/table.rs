//! Tables of text.
//!
//! A table is for the eye: a long cell is cut. Anyone who wants all of it asks for JSON.

use std::fmt;

use crate::terminal::visible::Visible;

/// The most characters of a cell beside which others stand: as wide as the widest is every row.
const MOST_WIDTH: usize = 120;

/// The most characters of the last cell of a row, which makes no other wider.
const MOST_WIDTH_OF_LAST: usize = 1000;

/// Rows under a head, each column as wide as its widest cell.
#[derive(Debug)]
pub(crate) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(crate) fn new(head: [&str; COLUMNS]) -> Self {
        Self {
            rows: vec![head.map(str::to_owned)],
        }
    }

    /// Adds a row; what would disturb a terminal is escaped, and what is too long is cut.
    pub(crate) fn row(&mut self, cells: [&str; COLUMNS]) {
        let mut column = 0;
        self.rows.push(cells.map(|cell| {
            column += 1;
            let most = if column == COLUMNS {
                MOST_WIDTH_OF_LAST
            } else {
                MOST_WIDTH
            };
            cut(Visible(cell).to_string(), most)
        }));
    }
}

/// A text of at most so many characters, the last of which tells that there were more.
fn cut(mut text: String, most: usize) -> String {
    let mut places = text.char_indices().map(|(place, _)| place);
    let last = places.nth(most.saturating_sub(1));
    if let (Some(last), Some(_)) = (last, places.next()) {
        text.truncate(last);
        text.push('…');
    }
    text
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = [0; COLUMNS];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for (number, row) in self.rows.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                line.push_str(cell);
                // Not by a width of `format!`, which panics beyond 65,535.
                let blanks = width.saturating_sub(cell.chars().count());
                line.extend(std::iter::repeat_n(' ', blanks + 2));
            }
            f.write_str(line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["name", "state"]);
        table.row(["ann", "active"]);
        table.row(["bartholomew", "out\n"]);
        assert_eq!(
            table.to_string(),
            "name         state\nann          active\nbartholomew  out\\n"
        );
    }

    #[test]
    fn long_cells_are_cut() {
        for (letter, shown) in [("a", 1), ("é", 1), ("…", 1), ("\u{1b}", 6)] {
            for length in [
                1, 20, 21, 119, 120, 121, 999, 1000, 1001, 65_535, 65_536, 1_000_000,
            ] {
                let long = letter.repeat(length);
                let mut table = Table::new(["n", "s"]);
                table.row([&long, &long]);
                table.row(["ann", "active"]);
                let text = table.to_string();
                let lines: Vec<Vec<char>> =
                    text.lines().map(|line| line.chars().collect()).collect();
                let first = (length * shown).min(MOST_WIDTH);
                let second = (length * shown).min(MOST_WIDTH_OF_LAST);
                let widths: Vec<_> = lines.iter().map(Vec::len).collect();
                let column = first.max(3) + 2;
                assert_eq!(
                    widths,
                    [column + 1, column + second, column + 6],
                    "{letter:?} {length}"
                );
                let end = lines.get(1).and_then(|line| line.get(first - 1));
                let is_cut = end == Some(&'…') && letter != "…";
                assert_eq!(is_cut, length * shown > MOST_WIDTH && letter != "…");
            }
        }
    }
}
