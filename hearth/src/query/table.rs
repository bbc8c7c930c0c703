//! A table for the terminal.

/// Renders rows of two columns, the second one flush right.
pub fn render(head: [&str; 2], rows: &[[String; 2]]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let (left, right) = (width(0), width(1));
    let line = |a: &str, b: &str| format!("{a:<left$}  {b:>right$}");
    let mut lines = vec![line(head[0], head[1])];
    lines.extend(rows.iter().map(|[a, b]| line(a, b)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows =
            [["up{job=\"é\"}".to_owned(), "1".to_owned()], ["x".to_owned(), "12".to_owned()]];
        let lines = render(["SERIES", "VALUE"], &rows);
        assert_eq!(lines, ["SERIES       VALUE", "up{job=\"é\"}      1", "x               12"]);
    }
}
