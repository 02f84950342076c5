//! What is kept by which rule, from when until when, as a picture that needs nothing else.

use std::fmt::Write as _;

use backup_core::policy::{Bar, Expiry, Lane, Timeline, Zone};

use super::Span;
use crate::command::policy::{date, local};
use crate::output::plain;

// In tenths of a pixel, so that whole numbers are fine enough.
const WIDTH: i64 = 11_000;
const LEFT: i64 = 1_900;
const RIGHT: i64 = 450;
const TOP: i64 = 700;
const BOTTOM: i64 = 900;
const GAP: i64 = 120;
/// A bar, where there are few.
const BAR: i64 = 60;
const LOWEST_LANE: i64 = 260;
const HIGHEST_LANE: i64 = 2_400;
const MOST_BARS: usize = 200;
/// How wide a bar is at least, to be seen.
const THINNEST: i64 = 24;
const TICKS: i64 = 6;
/// Characters of a name that fit on the left.
const LONGEST_NAME: usize = 24;

/// Draws a bar for each backup and reason. What a person wrote is escaped.
pub(in crate::command::policy) fn draw(timeline: &Timeline, zone: &Zone) -> String {
    let picture = Picture { span: Span::of(timeline), zone };
    let heights: Vec<i64> = timeline.lanes.iter().map(height).collect();
    let bottom = TOP + heights.iter().map(|height| height + GAP).sum::<i64>();
    let mut svg = head(bottom + BOTTOM, &picture.heading());
    picture.scale(&mut svg, bottom);
    let mut top = TOP;
    for (lane, height) in timeline.lanes.iter().zip(heights) {
        picture.lane(&mut svg, lane, top, height);
        top += height + GAP;
    }
    picture.now(&mut svg, bottom);
    legend(&mut svg, bottom + 650);
    svg.push_str("</svg>\n");
    svg
}

fn height(lane: &Lane) -> i64 {
    (count(bars(lane)) * BAR).clamp(LOWEST_LANE, HIGHEST_LANE)
}

fn count(bars: &[Bar]) -> i64 {
    i64::try_from(bars.len()).unwrap_or(i64::MAX)
}

/// The bars that are drawn: the newest, as many as can be told apart.
fn bars(lane: &Lane) -> &[Bar] {
    &lane.bars[lane.bars.len().saturating_sub(MOST_BARS)..]
}

fn head(height: i64, heading: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"120\" fill=\"#222\" role=\"img\">\n\
         <title>{heading}</title>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"200\" y=\"280\" font-size=\"150\">{heading}</text>\n",
        WIDTH / 10,
        height / 10
    )
}

fn legend(svg: &mut String, y: i64) {
    let notes =
        [("1", "kept until the end of the bar"), ("0.4", "kept now; for how long depends on other backups")];
    let mut x = LEFT;
    for (opacity, note) in notes {
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{}\" width=\"300\" height=\"90\" fill=\"#1f6f8b\" fill-opacity=\"{opacity}\"/>\
             <text x=\"{}\" y=\"{y}\">{note}</text>",
            y - 90,
            x + 380
        );
        x += 2_900;
    }
    let _ =
        writeln!(svg, "<text x=\"{}\" y=\"{y}\">up to the right edge: longer, or for good</text>", x + 600);
}

struct Picture<'a> {
    span: Span,
    zone: &'a Zone,
}

impl Picture<'_> {
    fn heading(&self) -> String {
        let now = local(self.zone, self.span.now);
        format!("Kept backups at {now} ({})", escaped(self.zone.name()))
    }

    fn x(&self, instant: chrono::DateTime<chrono::Utc>) -> i64 {
        LEFT + self.span.place(instant, WIDTH - LEFT - RIGHT)
    }

    fn scale(&self, svg: &mut String, bottom: i64) {
        for tick in 0..=TICKS {
            let instant = self.span.instant(tick, TICKS);
            let x = self.x(instant);
            let _ = writeln!(
                svg,
                "<line x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{bottom}\" stroke=\"#ddd\" stroke-width=\"8\"/>\
                 <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" fill=\"#666\">{}</text>",
                TOP - 80,
                bottom + 160,
                date(self.zone, instant)
            );
        }
    }

    fn now(&self, svg: &mut String, bottom: i64) {
        let x = self.x(self.span.now);
        let _ = writeln!(
            svg,
            "<line x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{bottom}\" stroke=\"#c0392b\" stroke-width=\"14\"/>\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" fill=\"#c0392b\">now</text>",
            TOP - 120,
            TOP - 150
        );
    }

    fn lane(&self, svg: &mut String, lane: &Lane, top: i64, height: i64) {
        let bars = bars(lane);
        let all = match lane.bars.len() {
            all if all > bars.len() => format!("the newest {} of {all}", bars.len()),
            all => all.to_string(),
        };
        let (x, y) = (LEFT - 120, top + height / 2);
        let _ = writeln!(
            svg,
            "<g><title>{}: {all}</title><text x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{}</text>\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"end\" font-size=\"90\" fill=\"#666\">{all}</text></g>",
            escaped(&lane.reason),
            escaped(&shortened(&lane.reason)),
            y + 100
        );
        let count = count(bars).max(1);
        let each = (height / count).min(BAR);
        let first = top + (height - each * count) / 2;
        for (index, bar) in (0..).zip(bars) {
            self.bar(svg, bar, first + each * index, each);
        }
    }

    fn bar(&self, svg: &mut String, bar: &Bar, y: i64, height: i64) {
        let (end, opacity, until) = match bar.expiry {
            Expiry::Never => (self.span.end, "1", "for good".into()),
            Expiry::At(at) => (at, "1", format!("until {}", local(self.zone, at))),
            Expiry::Conditional => (self.span.now, "0.4", "depending on other backups".into()),
        };
        let x = self.x(bar.from);
        let width = (self.x(end) - x).max(THINNEST);
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{}\" fill=\"#1f6f8b\" fill-opacity=\"{opacity}\">\
             <title>{} of {}: {}; {until}</title></rect>",
            height * 3 / 4,
            escaped(&bar.id),
            local(self.zone, bar.from),
            escaped(&bar.text)
        );
    }
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        None => name.to_owned(),
        Some((end, _)) => format!("{}...", &name[..end]),
    }
}

/// Text for XML, which knows no control characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in plain(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_names_are_cut_between_characters() {
        assert_eq!(escaped("<a b='\"&'>"), "&lt;a b=&#39;&quot;&amp;&#39;&gt;");
        assert!(!escaped("\u{1b}[2J\u{0}\u{ffff}").contains(['\u{1b}', '\u{0}', '\u{ffff}']));
        assert_eq!(shortened(&"\u{e9}".repeat(30)), format!("{}...", "\u{e9}".repeat(24)));
        assert_eq!(shortened("daily"), "daily");
    }
}
