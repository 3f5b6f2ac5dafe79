//! JSON, as far as `package.json` and the `.asmdef` files of Unity need it: xtask has no dependencies.

use std::iter::Peekable;
use std::str::Chars;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    /// In the order of the file.
    Table(Vec<(String, Json)>),
}

impl Json {
    /// Reads a whole text, strictly: what Unity's own reader might forgive is a mistake here.
    pub(super) fn parse(text: &str) -> Result<Json, String> {
        let mut reader = Reader { left: text.chars().peekable(), line: 1 };
        let value = reader.value().and_then(|value| reader.end().map(|()| value));
        value.map_err(|what| format!("line {}: {what}", reader.line))
    }

    pub(super) fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Table(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text under a key; empty if there is none.
    pub(super) fn text(&self, key: &str) -> &str {
        match self.get(key) {
            Some(Json::Text(text)) => text,
            _ => "",
        }
    }

    /// The texts in the list under a key.
    pub(super) fn texts(&self, key: &str) -> Vec<&str> {
        self.list(key).iter().filter_map(|it| if let Json::Text(text) = it { Some(text.as_str()) } else { None }).collect()
    }

    pub(super) fn list(&self, key: &str) -> &[Json] {
        match self.get(key) {
            Some(Json::List(list)) => list,
            _ => &[],
        }
    }

    pub(super) fn is_true(&self, key: &str) -> bool {
        self.get(key) == Some(&Json::Bool(true))
    }
}

struct Reader<'a> {
    left: Peekable<Chars<'a>>,
    line: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.left.next();
        self.line += usize::from(next == Some('\n'));
        next
    }

    /// The next character that is no white space, still there.
    fn peek(&mut self) -> Option<char> {
        while self.left.peek().is_some_and(|it| it.is_ascii_whitespace()) {
            self.next();
        }
        self.left.peek().copied()
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        match self.peek() {
            Some(found) if found == wanted => {
                self.next();
                Ok(())
            }
            Some(found) => Err(format!("`{found}`, not `{wanted}`")),
            None => Err(format!("the end, not `{wanted}`")),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        self.peek().map_or(Ok(()), |found| Err(format!("`{found}` after the end")))
    }

    fn value(&mut self) -> Result<Json, String> {
        match self.peek() {
            Some('{') => {
                let mut entries: Vec<(String, Json)> = Vec::new();
                self.sequence('{', '}', |reader| {
                    let key = reader.string()?;
                    if entries.iter().any(|(name, _)| *name == key) {
                        return Err(format!("\"{key}\" is there twice"));
                    }
                    reader.expect(':')?;
                    entries.push((key, reader.value()?));
                    Ok(())
                })?;
                Ok(Json::Table(entries))
            }
            Some('[') => {
                let mut list = Vec::new();
                self.sequence('[', ']', |reader| {
                    list.push(reader.value()?);
                    Ok(())
                })?;
                Ok(Json::List(list))
            }
            Some('"') => self.string().map(Json::Text),
            Some(_) => self.word(),
            None => Err("the end, not a value".to_owned()),
        }
    }

    fn sequence(&mut self, open: char, close: char, mut one: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        self.expect(open)?;
        if self.peek() == Some(close) {
            return self.expect(close);
        }
        loop {
            one(self)?;
            if self.peek() != Some(',') {
                return self.expect(close);
            }
            self.expect(',')?;
        }
    }

    fn string(&mut self) -> Result<String, String> {
        self.expect('"')?;
        let mut text = String::new();
        loop {
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => match self.next() {
                    Some(it @ ('"' | '\\' | '/')) => text.push(it),
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    // cargo escapes what is in descriptions; nothing here needs what it means.
                    Some('u') => text.extend((0..4).filter_map(|_| self.next())),
                    Some('r' | 'b' | 'f') => {}
                    found => return Err(format!("`\\{}` in a text", found.unwrap_or(' '))),
                },
                Some(it) if it >= ' ' => text.push(it),
                _ => return Err("a text that does not end on its line".to_owned()),
            }
        }
    }

    fn word(&mut self) -> Result<Json, String> {
        let mut word = String::new();
        while let Some(it) = self.left.peek().copied().filter(|it| it.is_ascii_alphanumeric() || "+-.".contains(*it)) {
            word.push(it);
            self.next();
        }
        match word.as_str() {
            "null" => Ok(Json::Null),
            "true" => Ok(Json::Bool(true)),
            "false" => Ok(Json::Bool(false)),
            number => number.parse().map(Json::Number).map_err(|_| format!("`{number}` is no value")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_right_is_read() {
        let json = Json::parse("{\"a\": [1, -2.5e3, \"x\\\"\\\\\\n\"], \"b\": {\"c\": true, \"d\": null}, \"e\": []}\n").unwrap();
        assert_eq!(json.list("a"), [Json::Number(1.0), Json::Number(-2500.0), Json::Text("x\"\\\n".to_owned())]);
        assert!(json.get("b").is_some_and(|b| b.is_true("c") && b.get("d") == Some(&Json::Null)));
        assert_eq!((json.list("e"), json.text("none"), json.texts("a")), (&[][..], "", vec!["x\"\\\n"]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, says) in [
            ("{\"a\": 1,}", "`}`, not `\"`"),
            ("[1,\n 2\n", "line 3: the end, not `]`"),
            ("{\"a\": 1, \"a\": 2}", "twice"),
            ("nul", "`nul` is no value"),
            ("\"a\nb\"", "does not end"),
            ("{} {}", "after the end"),
        ] {
            let sentence = Json::parse(text).unwrap_err();
            assert!(sentence.contains(says), "{text:?}: {sentence}");
        }
    }
}
