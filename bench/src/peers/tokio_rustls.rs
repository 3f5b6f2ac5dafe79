//! tokio and rustls, batched, with tasks and queues: what a good team would build for itself, and what Sinew is held against.

use super::tasks::Application;
use super::{in_words, tcp, tls};
use crate::measure;
use crate::settings::Settings;
use std::sync::Arc;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

async fn connect(settings: &Settings, stream: std::net::TcpStream) -> Result<TlsStream<tokio::net::TcpStream>, String> {
    stream.set_nonblocking(true).map_err(in_words)?;
    let stream = tokio::net::TcpStream::from_std(stream).map_err(in_words)?;
    if settings.is_server() {
        let acceptor = TlsAcceptor::from(Arc::new(tls::server(settings)?));
        acceptor.accept(stream).await.map(TlsStream::Server).map_err(in_words)
    } else {
        let connector = TlsConnector::from(Arc::new(tls::client(settings)?));
        connector.connect(tls::server_name()?, stream).await.map(TlsStream::Client).map_err(in_words)
    }
}

pub(super) fn run(settings: &Settings) -> Result<(), String> {
    let stream = tcp::connect(settings).map_err(in_words)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build().map_err(in_words)?;
    let stream = runtime.block_on(connect(settings, stream))?;
    let (read_half, write_half) = tokio::io::split(stream);
    measure::run(settings, Application::start(&runtime, read_half, write_half))
}
