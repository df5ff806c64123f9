//! Tables of text and the numbers in them. What the numbers mean is not known here.

use crate::statistics::Spread;

/// Aligned columns: the first to the left, all others to the right.
pub(crate) fn render(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = width(column);
            if column == 0 {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("  {}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

/// A ratio and its spread.
pub(crate) fn ratio(spread: Spread) -> String {
    let Spread {
        lower,
        median,
        upper,
    } = spread;
    format!("{median:.2} ({lower:.2}..{upper:.2})")
}

/// A time given in microseconds, with three digits.
pub(crate) fn time(microseconds: f64) -> String {
    match microseconds {
        us if us < 99.95 => format!("{us:.1} µs"),
        us if us < 999.5 => format!("{us:.0} µs"),
        us if us < 9_995.0 => format!("{:.2} ms", us / 1e3),
        us => format!("{:.1} ms", us / 1e3),
    }
}

/// A whole number with commas.
pub(crate) fn whole(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share of one.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn columns_are_aligned_by_characters() {
        let rows = [
            row(&["", "CPU", "rate"]),
            row(&["lb", "9.5 µs", "1"]),
            row(&["haproxy", "10.5 µs"]),
        ];
        let expected = "               CPU  rate\n  lb        9.5 µs     1\n  haproxy  10.5 µs\n";
        assert_eq!(render(&rows), expected);
    }

    #[test]
    fn numbers_have_about_three_digits() {
        let times = [4.25, 99.96, 850.4, 1_234.0, 53_260.0].map(time);
        assert_eq!(times, ["4.2 µs", "100 µs", "850 µs", "1.23 ms", "53.3 ms"]);
        let numbers = [0.0, 999.4, 1_000.0, 61_234.5, 1_234_567.0].map(whole);
        assert_eq!(numbers, ["0", "999", "1,000", "61,234", "1,234,567"]);
        assert_eq!(percent(0.984), "98 %");
    }

    #[test]
    fn a_ratio_shows_its_quartiles() {
        let spread = Spread::of([0.8, 0.9, 1.0]).unwrap();
        assert_eq!(ratio(spread), "0.90 (0.85..0.95)");
    }
}
