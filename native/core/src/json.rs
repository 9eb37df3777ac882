//! As much of JSON as the head of a weights file needs.
#![forbid(unsafe_code)]

/// A value; what no shape uses is `Other`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A number without fraction or exponent; beyond 64 bits it saturates.
    Whole(i64),
    Text(String),
    List(Vec<Value>),
    /// Fields in the order of the text; names may repeat.
    Object(Vec<(String, Value)>),
    /// true, false, null, and numbers that are not whole.
    Other,
}

/// A shape nests three deep; nothing deeper is read.
const MAX_DEPTH: u32 = 8;

/// Reads one value and nothing after it.
pub(crate) fn parse(text: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(text).map_err(|_| "the text is not UTF-8")?;
    let mut parser = Parser { rest: text };
    let value = parser.value(MAX_DEPTH)?;
    parser.space();
    if parser.rest.is_empty() { Ok(value) } else { Err("text follows the shape".into()) }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Takes a mark behind any space, if it comes next.
    fn takes(&mut self, mark: &str) -> bool {
        self.space();
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn needs(&mut self, mark: &str) -> Result<(), String> {
        if self.takes(mark) { Ok(()) } else { Err(format!("a shape lacks {mark}")) }
    }

    fn value(&mut self, depth: u32) -> Result<Value, String> {
        if depth == 0 {
            return Err("a shape nests too deep".into());
        }
        if self.takes("{") {
            let field = |parser: &mut Self| {
                let name = parser.text()?;
                parser.needs(":")?;
                Ok((name, parser.value(depth - 1)?))
            };
            return Ok(Value::Object(self.items("}", field)?));
        }
        if self.takes("[") {
            return Ok(Value::List(self.items("]", |parser| parser.value(depth - 1))?));
        }
        for word in ["true", "false", "null"] {
            if self.takes(word) {
                return Ok(Value::Other);
            }
        }
        if self.rest.starts_with('"') { Ok(Value::Text(self.text()?)) } else { self.number() }
    }

    /// Items between commas up to the closing mark.
    fn items<T>(
        &mut self,
        end: &str,
        item: impl Fn(&mut Self) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let mut items = Vec::new();
        if self.takes(end) {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.takes(end) {
                return Ok(items);
            }
            self.needs(",")?;
        }
    }

    fn number(&mut self) -> Result<Value, String> {
        let is_number = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let end = self.rest.find(|c| !is_number(c)).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        let digits = number.strip_prefix('-').unwrap_or(number);
        let leads = digits.len() > 1 && digits.starts_with('0');
        if digits.is_empty() || leads || !digits.starts_with(|c: char| c.is_ascii_digit()) {
            return Err("a shape holds what is no value".into());
        }
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Ok(Value::Other);
        }
        let saturated = if number.len() > digits.len() { i64::MIN } else { i64::MAX };
        Ok(Value::Whole(number.parse().unwrap_or(saturated)))
    }

    fn text(&mut self) -> Result<String, String> {
        self.needs("\"")?;
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(text);
                }
                '\\' => {
                    let escaped = characters.next().map(|(_, escaped)| escaped);
                    text.push(match escaped {
                        Some(mark @ ('"' | '\\' | '/')) => mark,
                        Some('b') => '\u{8}',
                        Some('f') => '\u{c}',
                        Some('n') => '\n',
                        Some('r') => '\r',
                        Some('t') => '\t',
                        Some('u') => {
                            let digits: String =
                                characters.by_ref().take(4).map(|(_, digit)| digit).collect();
                            let plain = digits.len() == 4
                                && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                            let code = u32::from_str_radix(&digits, 16).ok().filter(|_| plain);
                            // Halves of surrogate pairs are in no name that a shape has.
                            let lone = char::REPLACEMENT_CHARACTER;
                            char::from_u32(code.ok_or("a shape has a broken escape")?)
                                .unwrap_or(lone)
                        }
                        _ => return Err("a shape has a broken escape".into()),
                    });
                }
                control if control < ' ' => return Err("a shape has a broken name".into()),
                plain => text.push(plain),
            }
        }
        Err("a shape ends inside a name".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_values() {
        let value = parse(br#" {"a" : [1, -2, 3.5, true], "\u0062\n":"c"} "#).unwrap();
        let list = vec![Value::Whole(1), Value::Whole(-2), Value::Other, Value::Other];
        let fields = vec![("a".into(), Value::List(list)), ("b\n".into(), Value::Text("c".into()))];
        assert_eq!(value, Value::Object(fields));
    }

    #[test]
    fn refuses_what_is_no_json() {
        for text in
            ["", "{", "[1,]", "{\"a\"}", "01", "1 2", "\"\\x\"", "nul", "-", "+1", "\"\\u+041\""]
        {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(&b"[".repeat(100_000)).is_err());
        assert!(parse(b"\"\xff\"").is_err());
    }
}
