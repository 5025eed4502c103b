//! Tables, JSON and YAML on stdout.
//!
//! May import: clap, comfy-table, serde_json, serde_saphyr, std.

use std::io::{self, Write as _};

use clap::{Args, ValueEnum};
use comfy_table::Table;
use serde_json::Value;

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Shape {
    /// For people
    Table,
    /// For programs
    Json,
    /// For manifests, and for programs
    Yaml,
}

/// The `-o` option.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Format {
    /// How to print
    #[arg(short, long, value_enum, default_value_t = Shape::Table)]
    output: Shape,
}

impl Format {
    /// Whether the answer itself is printed, and not a table of it.
    pub(super) fn is_data(self) -> bool {
        self.output != Shape::Table
    }

    pub(super) fn is_yaml(self) -> bool {
        self.output == Shape::Yaml
    }

    /// Prints an answer itself.
    pub(super) fn print(self, value: &Value) -> io::Result<()> {
        match self.output {
            Shape::Yaml => print(to_yaml(value)?.trim_end()),
            Shape::Json | Shape::Table => print(&serde_json::to_string_pretty(value)?),
        }
    }

    /// Prints one of many that follow one another: a line of JSON, or a document of YAML.
    pub(super) fn print_record(self, value: &Value) -> io::Result<()> {
        match self.output {
            Shape::Yaml => print(&format!("---\n{}", to_yaml(value)?.trim_end())),
            Shape::Json | Shape::Table => print(&value.to_string()),
        }
    }
}

/// Prints lines; a reader that has gone away is no error.
pub(super) fn print(text: &str) -> io::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

pub(super) fn to_yaml(value: &Value) -> io::Result<String> {
    serde_saphyr::to_string(value).map_err(io::Error::other)
}

/// A table without lines, with these headings.
pub(super) fn table<const N: usize>(headings: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(headings);
    table
}

/// A field of an answer as text: `-` for what is not there.
pub(super) fn text(value: &Value, key: &str) -> String {
    match value.get(key) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// An address and port of an answer: `-` where there is none.
pub(super) fn address(value: &Value, ip: &str, port: &str) -> String {
    match text(value, ip).as_str() {
        "-" => "-".to_owned(),
        ipv6 if ipv6.contains(':') => format!("[{ipv6}]:{}", text(value, port)),
        ip => format!("{ip}:{}", text(value, port)),
    }
}

/// The name of an IANA protocol number.
pub(super) fn protocol(value: &Value) -> String {
    match value.get("protocol").and_then(Value::as_u64) {
        Some(1) => "icmp".to_owned(),
        Some(6) => "tcp".to_owned(),
        Some(17) => "udp".to_owned(),
        Some(58) => "icmpv6".to_owned(),
        _ => text(value, "protocol"),
    }
}

/// What an answer lists.
pub(super) fn rows<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Says what is wrong with what was asked.
pub(super) fn complain(text: &str) -> io::Result<()> {
    writeln!(io::stderr(), "error: {text}")
}
