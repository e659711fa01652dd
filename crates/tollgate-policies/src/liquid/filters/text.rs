//! Filters of text.

use std::sync::Arc;

use tollgate_engine::PolicyError;

use super::super::render::{Render, Result};
use super::super::value::Value;
use crate::message_body::{LONGEST, too_large};

/// The text of a value that is not nothing.
fn input(render: &mut Render<'_>, value: &Value) -> Result<Option<Arc<str>>> {
    if matches!(value, Value::Nil) {
        return Ok(None);
    }
    let text = render.text(value)?;
    render.charge(text.len())?;
    Ok(Some(text))
}

/// The text of an argument.
fn argument(render: &mut Render<'_>, arguments: &[Value], index: usize) -> Result<Arc<str>> {
    arguments.get(index).map_or_else(|| Ok("".into()), |value| render.text(value))
}

/// A number among the arguments.
pub(super) fn int(
    render: &mut Render<'_>,
    arguments: &[Value],
    index: usize,
    default: i64,
) -> Result<i64> {
    let Some(value) = arguments.get(index) else { return Ok(default) };
    let number = value.parsed_number().and_then(super::super::value::Number::int);
    number.ok_or_else(|| render.fault("An argument of a filter is not a number."))
}

/// Nothing stays nothing; a text is changed.
fn changed(
    render: &mut Render<'_>,
    value: &Value,
    change: impl FnOnce(&str) -> String,
) -> Result<Value> {
    let Some(text) = input(render, value)? else { return Ok(Value::Nil) };
    made(render, change(&text))
}

/// A text that a filter made, paid for.
fn made(render: &mut Render<'_>, text: String) -> Result<Value> {
    if text.len() > LONGEST {
        return Err(too_large());
    }
    render.charge(text.len())?;
    Ok(Value::text(text))
}

pub(super) fn append(render: &mut Render<'_>, value: &Value, arguments: &[Value]) -> Result<Value> {
    let (text, more) = (render.text(value)?, argument(render, arguments, 0)?);
    made(render, format!("{text}{more}"))
}

pub(super) fn prepend(
    render: &mut Render<'_>,
    value: &Value,
    arguments: &[Value],
) -> Result<Value> {
    let (text, more) = (render.text(value)?, argument(render, arguments, 0)?);
    made(render, format!("{more}{text}"))
}

pub(super) fn upcase(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    changed(render, value, str::to_uppercase)
}

pub(super) fn downcase(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    changed(render, value, str::to_lowercase)
}

/// `TextInfo.ToTitleCase`: words with a capital first, but those of capitals alone stay.
pub(super) fn capitalize(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    changed(render, value, |text| {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(char::is_alphabetic) {
            let (before, word) = rest.split_at_checked(start).unwrap_or((rest, ""));
            out.push_str(before);
            let length = word.find(|c: char| !c.is_alphanumeric() && c != '\'');
            let (word, behind) =
                word.split_at_checked(length.unwrap_or(word.len())).unwrap_or((word, ""));
            let mut chars = word.chars();
            out.extend(chars.next().into_iter().flat_map(char::to_uppercase));
            if word.chars().any(char::is_lowercase) {
                out.extend(chars.flat_map(char::to_lowercase));
            } else {
                out.push_str(chars.as_str());
            }
            rest = behind;
        }
        out.push_str(rest);
        out
    })
}

pub(super) fn escape(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    changed(render, value, tollgate_expr::html_encode)
}

pub(super) fn url_encode(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    changed(render, value, tollgate_expr::url_encode)
}

pub(super) fn url_decode(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    changed(render, value, tollgate_expr::url_decode)
}

pub(super) fn strip(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    changed(render, value, |text| text.trim().to_owned())
}

pub(super) fn lstrip(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    changed(render, value, |text| text.trim_start().to_owned())
}

pub(super) fn rstrip(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    changed(render, value, |text| text.trim_end().to_owned())
}

pub(super) fn strip_newlines(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    changed(render, value, |text| text.replace("\r\n", "").replace('\n', ""))
}

pub(super) fn newline_to_br(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    let lines = |text: &str| {
        let lines = text.split_inclusive('\n').map(|line| match line.strip_suffix('\n') {
            None => line.to_owned(),
            Some(line) => match line.strip_suffix('\r') {
                Some(line) => format!("{line}<br />\r\n"),
                None => format!("{line}<br />\n"),
            },
        });
        lines.collect::<String>()
    };
    changed(render, value, lines)
}

/// Scripts, styles and comments with what they hold; then every tag.
pub(super) fn strip_html(render: &mut Render<'_>, value: &Value, _: &[Value]) -> Result<Value> {
    changed(render, value, |text| {
        const BLOCKS: [(&str, &str); 3] =
            [("<script", "</script>"), ("<!--", "-->"), ("<style", "</style>")];
        let lower = text.to_ascii_lowercase();
        let mut without = String::with_capacity(text.len());
        let mut at = 0;
        // Once a block does not end, no later one of its kind does.
        let mut open = BLOCKS.map(Some);
        while let Some(found) = lower.get(at..).and_then(|rest| rest.find('<')) {
            let start = at + found;
            let rest = lower.get(start..).unwrap_or("");
            without.push_str(text.get(at..start).unwrap_or(""));
            at = start;
            let block = open
                .iter_mut()
                .find(|block| block.is_some_and(|(begin, _)| rest.starts_with(begin)));
            if let Some(block) = block
                && let Some((begin, end)) = *block
            {
                match rest.get(begin.len()..).and_then(|inside| inside.find(end)) {
                    Some(length) => {
                        at = start + begin.len() + length + end.len();
                        continue;
                    }
                    None => *block = None,
                }
            }
            without.push('<');
            at += 1;
        }
        without.push_str(text.get(at..).unwrap_or(""));
        let mut out = String::with_capacity(without.len());
        let mut rest = without.as_str();
        while let Some((before, tag)) = rest.split_once('<') {
            let Some((_, behind)) = tag.split_once('>') else { break };
            out.push_str(before);
            rest = behind;
        }
        out.push_str(rest);
        out
    })
}

pub(super) fn remove(render: &mut Render<'_>, value: &Value, arguments: &[Value]) -> Result<Value> {
    let what = argument(render, arguments, 0)?;
    if what.is_empty() {
        return Err(render.fault("Remove needs a text to remove."));
    }
    changed(render, value, |text| text.replace(&*what, ""))
}

/// `DotLiquid` 2.0 takes the text to replace for a pattern.
fn replaced(
    render: &mut Render<'_>,
    value: &Value,
    pattern: &Arc<str>,
    replacement: &str,
    count: i32,
) -> Result<Value> {
    let Some(text) = input(render, value)? else { return Ok(Value::Nil) };
    if text.is_empty() || pattern.is_empty() {
        return Ok(Value::Text(text));
    }
    let thrown =
        |exception| -> PolicyError { crate::message_body::unreadable("LiquidError", &exception) };
    let replaced = render.state().regex_replace(&text, pattern, replacement, count);
    let replaced = replaced.map_err(thrown)?;
    if replaced.len() > LONGEST {
        return Err(too_large());
    }
    render.charge(replaced.len())?;
    Ok(Value::Text(replaced))
}

pub(super) fn replace(
    render: &mut Render<'_>,
    value: &Value,
    arguments: &[Value],
) -> Result<Value> {
    let (pattern, with) = (argument(render, arguments, 0)?, argument(render, arguments, 1)?);
    replaced(render, value, &pattern, &with, -1)
}

pub(super) fn replace_first(
    render: &mut Render<'_>,
    value: &Value,
    arguments: &[Value],
) -> Result<Value> {
    let (pattern, with) = (argument(render, arguments, 0)?, argument(render, arguments, 1)?);
    // The replacement stands as it is.
    replaced(render, value, &pattern, &with.replace('$', "$$"), 1)
}

pub(super) fn remove_first(
    render: &mut Render<'_>,
    value: &Value,
    arguments: &[Value],
) -> Result<Value> {
    let pattern = argument(render, arguments, 0)?;
    replaced(render, value, &pattern, "", 1)
}

/// What a text that was cut ends with.
fn ending(render: &mut Render<'_>, arguments: &[Value]) -> Result<Arc<str>> {
    arguments.get(1).map_or_else(|| Ok("...".into()), |ending| render.text(ending))
}

pub(super) fn truncate(
    render: &mut Render<'_>,
    value: &Value,
    arguments: &[Value],
) -> Result<Value> {
    let length = int(render, arguments, 0, 50)?;
    let ending = ending(render, arguments)?;
    changed(render, value, |text| {
        if text.is_empty() {
            return String::new();
        }
        let Ok(length) = usize::try_from(length) else { return ending.to_string() };
        let units: Vec<u16> = text.encode_utf16().collect();
        if units.len() <= length {
            return text.to_owned();
        }
        let kept = length.saturating_sub(ending.encode_utf16().count());
        String::from_utf16_lossy(units.get(..kept).unwrap_or_default()) + &ending
    })
}

pub(super) fn truncate_words(
    render: &mut Render<'_>,
    value: &Value,
    arguments: &[Value],
) -> Result<Value> {
    let words = int(render, arguments, 0, 15)?;
    let ending = ending(render, arguments)?;
    changed(render, value, |text| {
        if text.is_empty() {
            return String::new();
        }
        let words = usize::try_from(words).unwrap_or(0);
        if words == 0 {
            return ending.to_string();
        }
        let all: Vec<&str> = text.split(' ').collect();
        match all.get(..words) {
            Some(kept) if all.len() > words => kept.join(" ") + &ending,
            _ => text.to_owned(),
        }
    })
}

pub(super) fn default(
    render: &mut Render<'_>,
    value: &Value,
    arguments: &[Value],
) -> Result<Value> {
    let is_missing = match value {
        Value::Nil | Value::Bool(false) => true,
        Value::Text(text) => {
            render.charge(text.len())?;
            text.trim().is_empty()
        }
        _ => false,
    };
    let default = arguments.first().cloned().unwrap_or(Value::Nil);
    Ok(if is_missing { default } else { value.clone() })
}

/// A time, a text that says one, or `now`, with .NET's format; a text that says none passes.
pub(super) fn date(render: &mut Render<'_>, value: &Value, arguments: &[Value]) -> Result<Value> {
    let format = argument(render, arguments, 0)?;
    let now = render.cx.ports.clock.ticks();
    let time = match value {
        Value::Nil => return Ok(Value::Nil),
        Value::Other(time) => time.clone(),
        other => {
            let text = render.text(other)?;
            render.charge(text.len())?;
            let is_now = text.eq_ignore_ascii_case("now") || text.eq_ignore_ascii_case("today");
            let time = if is_now {
                Some(tollgate_expr::Value::time(now))
            } else {
                tollgate_expr::Value::date(&text, now)
            };
            match time {
                Some(time) if !format.trim().is_empty() || is_now => time,
                _ => return Ok(Value::Text(text)),
            }
        }
    };
    if format.trim().is_empty() {
        return Ok(Value::Text(render.text(&Value::Other(time))?));
    }
    match render.state().format(&time, &format) {
        Some(Ok(text)) => made(render, text),
        Some(Err(exception)) => Err(render.thrown(&exception)),
        None => Ok(Value::Text(render.text(&Value::Other(time))?)),
    }
}
