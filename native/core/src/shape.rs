//! Shapes of the network and their limits: `FORMAT.md`, section 4.
#![forbid(unsafe_code)]

use crate::json::{self, Value};

/// One symbol a byte.
pub const VOCABULARY: usize = 256;
/// Knots of each learned univariate function.
pub const KNOTS: usize = 9;
const MAX_SIZE: usize = 1024;
const MAX_LAYERS: usize = 32;
const MAX_TAPS: usize = 4;
const MAX_PARAMETERS: u64 = 1 << 26;

/// A hashed table of n-gram embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Bytes of the context, 2 to 8.
    pub order: u32,
    /// log2 of the rows, 8 to 24.
    pub bits: u32,
}

/// The sizes of one network; every limit of the format holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Entries of the residual stream, d.
    pub width: usize,
    /// Layers, each a mixer and an mlp.
    pub layers: usize,
    /// Entries of the recurrent state of a layer, w.
    pub state: usize,
    /// Learned functions of a layer, m.
    pub hidden: usize,
    /// Taps of the short convolution.
    pub taps: usize,
    /// Entries of a row of an n-gram table.
    pub table_dim: usize,
    /// The n-gram tables; each order occurs once at most.
    pub tables: Vec<Table>,
    /// Whether learned functions gate a linear unit ("kan_glu") or stand alone ("kan").
    pub gated: bool,
}

impl Shape {
    /// Entries of all n-gram embeddings of a byte, e.
    #[must_use]
    pub fn ngram_width(&self) -> usize {
        self.table_dim * self.tables.len()
    }

    /// Products of width m that lead into the wide layer.
    #[must_use]
    pub fn branches(&self) -> usize {
        if self.gated { 2 } else { 1 }
    }

    /// The number of learned numbers, tables included; below 2^40 for sizes within limits.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        let [d, w, m, e] = [self.width, self.state, self.hidden, self.ngram_width()];
        let mixer = 3 * d * w + self.taps * w + w + w * d;
        let mlp = self.branches() * d * m + KNOTS * m + m * d;
        let outer = VOCABULARY * d + e * d + (d + e + 1) * VOCABULARY;
        let tables: u64 = self.tables.iter().map(|t| (self.table_dim as u64) << t.bits).sum();
        tables + (self.layers * (mixer + mlp) + outer) as u64
    }

    /// Reads the JSON object of a weights file.
    ///
    /// # Errors
    /// What breaks the format, in words.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        let Value::Object(fields) = json::parse(text)? else {
            return Err("a shape is an object with a field for each size".into());
        };
        let mut shape = Self {
            width: 0,
            layers: 0,
            state: 0,
            hidden: 0,
            taps: 0,
            table_dim: 0,
            tables: Vec::new(),
            gated: true,
        };
        let mut found_tables = false;
        // Where a name occurs twice its last value stands.
        for (name, value) in &fields {
            let (size, limit) = match name.as_str() {
                "width" => (&mut shape.width, MAX_SIZE),
                "layers" => (&mut shape.layers, MAX_LAYERS),
                "state" => (&mut shape.state, MAX_SIZE),
                "hidden" => (&mut shape.hidden, MAX_SIZE),
                "taps" => (&mut shape.taps, MAX_TAPS),
                "table_dim" => (&mut shape.table_dim, MAX_SIZE),
                "tables" => {
                    shape.tables = tables(value)?;
                    found_tables = true;
                    continue;
                }
                "mlp" => {
                    shape.gated = match value {
                        Value::Text(text) if text == "kan_glu" => true,
                        Value::Text(text) if text == "kan" => false,
                        _ => return Err("mlp must be one of kan_glu, kan".into()),
                    };
                    continue;
                }
                _ => return Err(format!("a shape has no {}", name.escape_debug())),
            };
            *size = whole(value, 1, limit)
                .ok_or_else(|| format!("{name} must be a whole number from 1 to {limit}"))?;
        }
        let sizes = [
            ("width", shape.width),
            ("layers", shape.layers),
            ("state", shape.state),
            ("hidden", shape.hidden),
            ("taps", shape.taps),
            ("table_dim", shape.table_dim),
            ("tables", usize::from(found_tables)),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(format!("a shape needs {name}"));
        }
        shape.check()?;
        Ok(shape)
    }

    /// Limits on several fields together.
    fn check(&self) -> Result<(), String> {
        let orders = self.tables.iter().fold(0_u32, |orders, table| orders | 1 << table.order);
        if orders.count_ones() as usize != self.tables.len() {
            return Err("each n-gram order has one table at most".into());
        }
        if !(1..=MAX_SIZE).contains(&self.ngram_width()) {
            return Err(format!("n-gram entries, table_dim times tables, must be 1 to {MAX_SIZE}"));
        }
        if self.parameters() > MAX_PARAMETERS {
            let number = self.parameters();
            return Err(format!("{number} parameters are more than {MAX_PARAMETERS}, the most"));
        }
        Ok(())
    }
}

fn whole(value: &Value, from: usize, to: usize) -> Option<usize> {
    match value {
        Value::Whole(number) => {
            usize::try_from(*number).ok().filter(|size| (from..=to).contains(size))
        }
        _ => None,
    }
}

fn tables(value: &Value) -> Result<Vec<Table>, String> {
    let Value::List(pairs) = value else {
        return Err("tables are a list of [order, bits]".into());
    };
    let table = |pair: &Value| {
        let Value::List(numbers) = pair else { return None };
        let [order, bits] = numbers.as_slice() else { return None };
        Some(Table { order: whole(order, 2, 8)? as u32, bits: whole(bits, 8, 24)? as u32 })
    };
    pairs
        .iter()
        .map(|pair| {
            table(pair).ok_or_else(|| "orders are 2 to 8 and bits of a table 8 to 24".into())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NANO: &str = r#"{"hidden":32,"layers":2,"state":32,"table_dim":4,
        "tables":[[2,8],[3,10]],"taps":2,"width":32}"#;

    #[test]
    fn reads_a_shape() {
        let shape = Shape::from_json(NANO.as_bytes()).unwrap();
        assert_eq!(shape.parameters(), 39_168);
        assert_eq!(shape.ngram_width(), 8);
        assert!(shape.gated);
        let plain = NANO.replace("\"width\"", "\"mlp\":\"kan\",\"width\"");
        assert!(!Shape::from_json(plain.as_bytes()).unwrap().gated);
    }

    #[test]
    fn refuses_what_breaks_a_limit() {
        for (old, new) in [
            ("32,\"layers\"", "0,\"layers\""),
            ("32,\"layers\"", "1025,\"layers\""),
            ("32,\"layers\"", "32.0,\"layers\""),
            ("32,\"layers\"", "true,\"layers\""),
            ("32,\"layers\"", "99999999999999999999999,\"layers\""),
            ("\"hidden\"", "\"hiding\""),
            ("\"hidden\":32,", ""),
            ("[2,8]", "[2,8,1]"),
            ("[2,8]", "[1,8]"),
            ("[2,8]", "[3,8]"),
            ("[2,8]", "[2,25]"),
            ("[2,8]", "2"),
            ("[[2,8],[3,10]]", "[]"),
            ("[[2,8],[3,10]]", "{}"),
            ("\"taps\":2", "\"taps\":5"),
            ("\"table_dim\":4", "\"table_dim\":513"),
            ("\"taps\":2", "\"taps\":2,\"mlp\":\"none\""),
            ("}", "} "),
        ] {
            let text = NANO.replace(old, new);
            let refused = Shape::from_json(text.as_bytes()).is_err();
            assert_eq!(refused, new != "} ", "{text}");
        }
        let large = NANO.replace("[2,8],[3,10]", "[2,24],[3,10]");
        assert!(Shape::from_json(large.as_bytes()).is_err());
    }
}
