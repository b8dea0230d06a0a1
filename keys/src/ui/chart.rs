//! Charts as SVG: shapes only, because the labels around them are text of the page, which stays readable at every width.

/// The inner coordinates.
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 100.0;

/// The share of its slot that a bar covers.
const COVERED: f64 = 0.8;

/// Colours of series; the last one is for the rest.
const COLOURS: usize = 7;

/// A chart with a table of its values.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) id: &'static str,
    pub(super) title: String,
    /// What the chart shows, in a sentence.
    pub(super) summary: String,
    pub(super) legend: Vec<Legend>,
    pub(super) columns: Vec<Column>,
    pub(super) lines: Vec<Line>,
    /// From the top to the bottom.
    pub(super) ticks: Vec<String>,
    /// From the left to the right.
    pub(super) labels: Vec<String>,
    /// Headings of the table after the first one.
    pub(super) headings: Vec<String>,
    pub(super) rows: Vec<Row>,
}

#[derive(Debug)]
pub(super) struct Legend {
    pub(super) name: String,
    pub(super) colour: usize,
    pub(super) total: String,
    pub(super) link: Option<String>,
}

/// A stack of bars, with a link to what it counts.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) x: String,
    pub(super) width: String,
    pub(super) link: String,
    pub(super) title: String,
    pub(super) bars: Vec<Bar>,
}

#[derive(Debug)]
pub(super) struct Bar {
    pub(super) y: String,
    pub(super) height: String,
    pub(super) colour: usize,
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) points: String,
    pub(super) colour: usize,
}

/// A row of the table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) label: String,
    pub(super) link: String,
    pub(super) values: Vec<String>,
}

/// A series: a value for each point in time, absent where there is none.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) colour: usize,
    pub(super) total: String,
    pub(super) link: Option<String>,
    pub(super) values: Vec<Option<f64>>,
}

/// A point in time.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) label: String,
    pub(super) link: String,
}

/// The colour of a series by its number; the rest has the last.
pub(super) fn colour(number: usize, is_rest: bool) -> usize {
    if is_rest { COLOURS - 1 } else { number.min(COLOURS - 2) }
}

impl Chart {
    /// Bars on top of each other.
    pub(super) fn stacked(
        (id, title, summary): (&'static str, &str, String),
        slots: &[Slot],
        series: &[Series],
        show: impl Fn(f64) -> String,
    ) -> Self {
        let sum = |at: usize| series.iter().filter_map(|series| value(series, at)).sum::<f64>();
        let top = ceiling((0..slots.len()).map(sum).fold(0.0, f64::max));
        let step = WIDTH / count(slots.len().max(1));
        let columns = slots.iter().enumerate().map(|(at, slot)| {
            let mut base = 0.0;
            let bars = series.iter().filter_map(|series| {
                let value = value(series, at).filter(|value| *value > 0.0)?;
                let height = value / top * HEIGHT;
                base += height;
                Some(Bar { y: number(HEIGHT - base), height: number(height), colour: series.colour })
            });
            Column {
                x: number(step * count(at) + step * (1.0 - COVERED) / 2.0),
                width: number(step * COVERED),
                link: slot.link.clone(),
                title: format!("{}: {}", slot.label, show(sum(at))),
                bars: bars.collect(),
            }
        });
        let columns = columns.collect();
        Self { columns, ..Self::around(id, title, summary, slots, series, &show, top) }
    }

    /// A line for each series.
    pub(super) fn lines(
        (id, title, summary): (&'static str, &str, String),
        slots: &[Slot],
        series: &[Series],
        show: impl Fn(f64) -> String,
    ) -> Self {
        let values = series.iter().flat_map(|series| series.values.iter().flatten());
        let top = ceiling(values.copied().fold(0.0, f64::max));
        let step = WIDTH / count(slots.len().max(1));
        let mut lines = Vec::new();
        for series in series {
            // A gap ends a line. A point alone gets a short one, to be seen.
            let mut points: Vec<(f64, f64)> = Vec::new();
            let mut end = |points: &mut Vec<(f64, f64)>| {
                if let [(x, y)] = points[..] {
                    *points = vec![(x - step * 0.2, y), (x + step * 0.2, y)];
                }
                if !points.is_empty() {
                    let text: Vec<_> =
                        points.drain(..).map(|(x, y)| format!("{},{}", number(x), number(y))).collect();
                    lines.push(Line { points: text.join(" "), colour: series.colour });
                }
            };
            for (at, value) in series.values.iter().enumerate() {
                match value {
                    Some(value) => points.push((step * (count(at) + 0.5), HEIGHT - value / top * HEIGHT)),
                    None => end(&mut points),
                }
            }
            end(&mut points);
        }
        Self { lines, ..Self::around(id, title, summary, slots, series, &show, top) }
    }

    fn around(
        id: &'static str,
        title: &str,
        summary: String,
        slots: &[Slot],
        series: &[Series],
        show: &impl Fn(f64) -> String,
        top: f64,
    ) -> Self {
        let middle = slots.get(slots.len() / 2).filter(|_| slots.len() > 2);
        let labels = [slots.first(), middle, slots.last().filter(|_| slots.len() > 1)];
        let rows = slots.iter().enumerate().map(|(at, slot)| Row {
            label: slot.label.clone(),
            link: slot.link.clone(),
            values: series
                .iter()
                .map(|series| value(series, at).map_or_else(|| "–".to_owned(), show))
                .collect(),
        });
        Self {
            id,
            title: title.to_owned(),
            summary,
            legend: series
                .iter()
                .map(|series| Legend {
                    name: series.name.clone(),
                    colour: series.colour,
                    total: series.total.clone(),
                    link: series.link.clone(),
                })
                .collect(),
            columns: Vec::new(),
            lines: Vec::new(),
            ticks: vec![show(top), show(top / 2.0), show(0.0)],
            labels: labels.into_iter().flatten().map(|slot| slot.label.clone()).collect(),
            headings: series.iter().map(|series| series.name.clone()).collect(),
            rows: rows.collect(),
        }
    }
}

fn value(series: &Series, at: usize) -> Option<f64> {
    series.values.get(at).copied().flatten()
}

#[expect(clippy::cast_precision_loss, reason = "a chart has few points")]
fn count(number: usize) -> f64 {
    number as f64
}

/// A coordinate.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The next value above that is easy to read: 1, 2 or 5 with zeros.
fn ceiling(value: f64) -> f64 {
    if value.is_nan() || value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power);
    steps.into_iter().find(|step| *step >= value * 0.999_999).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(count: usize) -> Vec<Slot> {
        (0..count).map(|at| Slot { label: format!("day {at}"), link: format!("/{at}") }).collect()
    }

    fn series(name: &str, values: &[Option<f64>]) -> Series {
        Series { name: name.to_owned(), colour: 0, total: String::new(), link: None, values: values.to_vec() }
    }

    #[test]
    fn bars_are_on_top_of_each_other_and_fill_the_height() {
        let all = [series("a", &[Some(1.0), Some(2.0)]), series("b", &[Some(1.0), None])];
        let chart = Chart::stacked(("c", "C", String::new()), &slots(2), &all, |value| format!("{value:.0}"));
        let bars = |at: usize| -> Vec<_> {
            chart.columns[at].bars.iter().map(|bar| (bar.y.clone(), bar.height.clone())).collect()
        };
        assert_eq!(bars(0), [("50".to_owned(), "50".to_owned()), ("0".to_owned(), "50".to_owned())]);
        assert_eq!(bars(1), [("0".to_owned(), "100".to_owned())]);
        assert_eq!(chart.ticks, ["2", "1", "0"]);
        assert_eq!(chart.columns[0].title, "day 0: 2");
        assert_eq!(chart.rows[1].values, ["2", "–"]);
        assert_eq!(chart.labels, ["day 0", "day 1"]);
    }

    #[test]
    fn a_gap_ends_a_line_and_a_point_alone_is_seen() {
        let all = [series("a", &[Some(1.0), Some(1.0), None, Some(0.5)])];
        let chart = Chart::lines(("c", "C", String::new()), &slots(4), &all, |value| value.to_string());
        let points: Vec<_> = chart.lines.iter().map(|line| line.points.as_str()).collect();
        assert_eq!(points, ["125,0 375,0", "825,50 925,50"]);
    }

    #[test]
    fn an_axis_ends_at_an_easy_number() {
        for (value, top) in
            [(0.0, 1.0), (1.0, 1.0), (1.1, 2.0), (37.0, 50.0), (0.004, 0.005), (700.0, 1_000.0)]
        {
            assert!((ceiling(value) - top).abs() < 1e-9, "{value}: {}", ceiling(value));
        }
    }

    #[test]
    fn an_empty_chart_has_an_axis() {
        let chart = Chart::stacked(("c", "C", String::new()), &[], &[], |value| value.to_string());
        assert_eq!((chart.ticks.len(), chart.columns.len()), (3, 0));
    }
}
