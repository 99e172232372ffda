/// Lines in which the cells of each column stand below each other: in the columns named `words` they begin there, in the
/// others, of numbers, they end there.
pub(crate) fn aligned<const N: usize>(rows: &[[&str; N]], words: &[usize]) -> Vec<String> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[&str; N]| {
        let cells = row.iter().zip(widths).enumerate();
        let line: Vec<_> = cells
            .map(|(column, (cell, width))| {
                if words.contains(&column) {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            })
            .collect();
        line.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Three digits that mean something, or all before the point.
pub(crate) fn rounded(value: f64) -> String {
    match value.abs() {
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
