use super::field::{DAY, Field, HOUR, MINUTE, MONTH, Problem, Values, WEEKDAY};

/// The five fields of a cron expression.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) minute: Values,
    pub(super) hour: Values,
    pub(super) day_of_month: DayOfMonth,
    pub(super) month: Values,
    pub(super) day_of_week: DayOfWeek,
}

#[derive(Debug, Default)]
pub(super) struct DayOfMonth {
    pub(super) values: Values,
    pub(super) is_last: bool,
}

#[derive(Debug, Default)]
pub(super) struct DayOfWeek {
    pub(super) values: Values,
    pub(super) occurrences: [u64; 7],
    pub(super) last: u64,
}

pub(super) fn parse(expr: &str) -> Result<Fields, Problem> {
    let expr = expr.trim_ascii();
    let fields: Vec<&str> = match expr.strip_prefix('@') {
        Some(name) => nickname(name)?,
        None => expr,
    }
    .split_ascii_whitespace()
    .collect();
    let &[minute, hour, day, month, weekday] = fields.as_slice() else {
        return Err(Problem::Other(
            "it needs five fields: minute, hour, day of the month, month, day of the week",
        ));
    };
    Ok(Fields {
        minute: plain(&MINUTE, minute)?,
        hour: plain(&HOUR, hour)?,
        day_of_month: day_of_month(day)?,
        month: plain(&MONTH, month)?,
        day_of_week: day_of_week(weekday)?,
    })
}

fn nickname(name: &str) -> Result<&'static str, Problem> {
    let known = [
        ("hourly", "0 * * * *"),
        ("daily", "0 0 * * *"),
        ("midnight", "0 0 * * *"),
        ("weekly", "0 0 * * 0"),
        ("monthly", "0 0 1 * *"),
        ("yearly", "0 0 1 1 *"),
        ("annually", "0 0 1 1 *"),
    ];
    known.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, expr)| expr).ok_or(
        Problem::Other("the names are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually"),
    )
}

fn plain(field: &'static Field, text: &str) -> Result<Values, Problem> {
    let mut values = begin(text);
    for item in text.split(',') {
        values.values |= field.range(item)?;
    }
    Ok(values)
}

fn day_of_month(text: &str) -> Result<DayOfMonth, Problem> {
    let mut day = DayOfMonth { values: begin(text), is_last: false };
    for item in items(text) {
        if item.eq_ignore_ascii_case("L") {
            day.is_last = true;
        } else {
            day.values.values |= DAY.range(item)?;
        }
    }
    Ok(day)
}

fn day_of_week(text: &str) -> Result<DayOfWeek, Problem> {
    let mut day = DayOfWeek { values: begin(text), ..DayOfWeek::default() };
    for item in items(text) {
        if let Some((weekday, occurrence)) = item.split_once('#') {
            let occurrence = match occurrence.as_bytes() {
                [digit @ b'1'..=b'5'] => digit - b'0',
                _ => return Err(Problem::Other("after # comes 1 to 5, the occurrence in the month")),
            };
            day.occurrences[weekday_index(weekday)?] |= 1 << occurrence;
        } else if let Some(weekday) = item.strip_suffix(['L', 'l']) {
            day.last |= 1 << weekday_index(weekday)?;
        } else {
            day.values.values |= WEEKDAY.range(item)?;
        }
    }
    Ok(day)
}

/// The parts of a list. A lone `?` is `*`.
fn items(text: &str) -> std::str::Split<'_, char> {
    if text == "?" { "*" } else { text }.split(',')
}

fn begin(text: &str) -> Values {
    let is_all = matches!(text, "*" | "?");
    Values { values: 0, is_star: is_all || text.starts_with('*'), is_all }
}

/// 0 to 6; 0 and 7 are both Sunday.
fn weekday_index(text: &str) -> Result<usize, Problem> {
    Ok(WEEKDAY.value(text)? as usize % 7)
}
