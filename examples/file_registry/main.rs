//! A cluster whose registry is a folder: run it twice, on one machine or with a folder that both can see.
//!
//! ```sh
//! cargo run --example file_registry -- /tmp/registry world-1
//! cargo run --example file_registry -- /tmp/registry world-2
//! ```

mod files;

use files::Files;
use sinew::{Event, SendMode, Server, ServerConfig};
use std::path::PathBuf;
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(name)) = (arguments.next(), arguments.next()) else {
        return Err("usage: file_registry FOLDER NAME".into());
    };
    std::fs::create_dir_all(&folder)?;
    let config = ServerConfig::from_toml(&format!(
        r#"
        server = {{ group = "world", name = "{name}" }}
        registry.kind = "external"
        [groups.world]
        connects_to = ["world"]
        "#
    ))?;
    let registry = Files::new(PathBuf::from(folder), Duration::from_secs(3));
    let server = Server::start_with_connector(config, Box::new(registry))?;
    loop {
        for event in server.poll(Duration::from_millis(16))? {
            match event {
                Event::ServerConnected { server: other } => other.send(1, format!("hello from {name}").as_bytes(), SendMode::Reliable)?,
                Event::Message { server: other, message } => println!("{}: {}", other.name(), String::from_utf8_lossy(&message.payload)),
                Event::Stopped { text, .. } => {
                    println!("stopped: {text}");
                    return Ok(());
                }
                other => println!("{other:?}"),
            }
        }
    }
}
