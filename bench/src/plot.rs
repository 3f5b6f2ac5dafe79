//! The plot of the medians: one panel per number, one bar per peer, on a logarithmic scale.

use crate::catalogue::Peer;
use crate::measurements::{Measurements, shown};
use std::fmt::Write;

struct Panel {
    title: &'static str,
    case: &'static str,
    value: &'static str,
    /// What a value is divided by to be shown in the title's unit.
    scale: f64,
    less_is_better: bool,
}

const fn panel(title: &'static str, case: &'static str, value: &'static str, scale: f64, less_is_better: bool) -> Panel {
    Panel { title, case, value, scale, less_is_better }
}

const PANELS: &[Panel] = &[
    panel("reliable 64 B, million messages a second", "reliable-64", "messages_per_second", 1e6, false),
    panel("CPU seconds per million 64 B messages", "reliable-64", "cpu_seconds_per_million", 1.0, true),
    panel("reliable 16 KiB, MB/s", "reliable-16384", "bytes_per_second", 1e6, false),
    panel("reliable 256 KiB, MB/s", "reliable-262144", "bytes_per_second", 1e6, false),
    panel("round trip 64 B blocking, median, µs", "rtt-blocking", "p50_ns", 1e3, true),
    panel("unreliable 64 B delivered, million messages a second", "unreliable-64", "messages_per_second", 1e6, false),
    panel("requests 64 B, 1,000 under way, million a second", "requests", "requests_per_second", 1e6, false),
    panel("the same, median from asking to the answer, µs", "requests", "p50_ns", 1e3, true),
];

const COLUMNS: usize = 2;
const PANEL_WIDTH: f64 = 560.0;
const LABEL_WIDTH: f64 = 110.0;
const BAR_WIDTH: f64 = 370.0;
const BAR_HEIGHT: f64 = 16.0;
const ROW_HEIGHT: f64 = 21.0;
const TITLE_HEIGHT: f64 = 34.0;

fn colour(peer: &Peer) -> &'static str {
    match (peer.name, peer.encrypted) {
        ("sinew", _) => "#d9480f",
        (_, true) => "#1864ab",
        (_, false) => "#a5c8e4",
    }
}

fn draw(svg: &mut String, panel: &Panel, bars: &[(&Peer, f64)], left: f64, top: f64) {
    let better = if panel.less_is_better { "less" } else { "more" };
    _ = writeln!(svg, r#"<text x="{left}" y="{}" class="title">{} ({better} is better)</text>"#, top + 20.0, panel.title);
    let smallest = bars.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
    let largest = bars.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    // From the power of ten below the smallest: the length says how many times more, never how many more.
    let (from, to) = (smallest.log10().floor(), largest.log10());
    let length = |value: f64| BAR_WIDTH * (value.log10() - from) / (to - from).max(0.01);
    for power in (from as i32)..=(to.floor() as i32) {
        let x = left + LABEL_WIDTH + length(10f64.powi(power));
        let bottom = top + TITLE_HEIGHT + ROW_HEIGHT * bars.len() as f64;
        _ = writeln!(svg, r##"<line x1="{x:.1}" x2="{x:.1}" y1="{}" y2="{bottom}" stroke="#ddd"/>"##, top + TITLE_HEIGHT - 4.0);
    }
    for (row, (peer, value)) in bars.iter().enumerate() {
        let y = top + TITLE_HEIGHT + ROW_HEIGHT * row as f64;
        let (start, width) = (left + LABEL_WIDTH, length(*value).max(1.0));
        _ = writeln!(
            svg,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{}</text><rect x="{start:.1}" y="{y:.1}" width="{width:.1}" height="{BAR_HEIGHT}" fill="{}"/><text x="{:.1}" y="{:.1}">{}</text>"#,
            start - 6.0,
            y + 12.5,
            peer.name,
            colour(peer),
            start + width + 5.0,
            y + 12.5,
            crate::table::short(*value)
        );
    }
}

pub(crate) fn svg(measurements: &Measurements, peers: &[Peer]) -> String {
    let peers = shown(measurements, peers);
    let panels: Vec<(&Panel, Vec<(&Peer, f64)>)> = PANELS
        .iter()
        .map(|panel| {
            let value = |peer: &&&Peer| Some(measurements.median(peer.name, panel.case, panel.value)? / panel.scale);
            let mut bars: Vec<(&Peer, f64)> =
                peers.iter().filter_map(|peer| Some((*peer, value(&peer)?))).filter(|(_, value)| *value > 0.0).collect();
            bars.sort_by(|(_, left), (_, right)| if panel.less_is_better { left.total_cmp(right) } else { right.total_cmp(left) });
            (panel, bars)
        })
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    let mut body = String::new();
    let mut top = 44.0;
    for row in panels.chunks(COLUMNS) {
        for (column, (panel, bars)) in row.iter().enumerate() {
            draw(&mut body, panel, bars, 10.0 + PANEL_WIDTH * column as f64, top);
        }
        let most = row.iter().map(|(_, bars)| bars.len()).max().unwrap_or(0);
        top += TITLE_HEIGHT + ROW_HEIGHT * most as f64 + 16.0;
    }
    let width = 10.0 + PANEL_WIDTH * COLUMNS as f64;
    let legend = [("Sinew (encrypted)", "#d9480f"), ("encrypted", "#1864ab"), ("not encrypted", "#a5c8e4")];
    let legend: String = legend
        .iter()
        .zip(0..)
        .map(|((text, colour), at)| {
            let x = 10 + 150 * at;
            format!(
                "<rect x=\"{x}\" y=\"14\" width=\"14\" height=\"14\" fill=\"{colour}\"/><text x=\"{}\" y=\"26\">{text}</text>\n",
                x + 20
            )
        })
        .collect();
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top}" viewBox="0 0 {width} {top}" font-family="sans-serif" font-size="12">
<style>.title {{ font-weight: bold; font-size: 13px }}</style>
<rect width="100%" height="100%" fill="#fff"/>
{legend}<text x="470" y="26">bars on a logarithmic scale; grey lines are powers of ten</text>
{body}</svg>
"##
    )
}
