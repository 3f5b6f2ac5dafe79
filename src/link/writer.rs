//! From the outbox to the socket: everything that waits is sealed at once and handed to the operating system at once.

use super::commons::{Commons, Turn};
use super::lanes::TAKE_BUFFERS;
use super::outbox::{Next, Outbox};
use super::peer::Peer;
use crate::buffer::Buffer;
use crate::transport::channel::SendHalf;
use crate::transport::record::{MAX_PLAIN, OVERHEAD, Sealer};
use crate::wire::control::Control;
use std::io;
use std::sync::Arc;

/// The writing half of a started link.
#[derive(Debug)]
pub(super) struct Writer {
    socket: Arc<SendHalf>,
    sealer: Sealer,
    commons: Arc<Commons>,
    /// Sealed records of which the operating system has not taken everything, and how much it has taken.
    sealed: Option<(Buffer, usize)>,
    /// Bytes of messages that were sealed last.
    carried: usize,
    control: Vec<u8>,
    /// What was sealed last: the outbox keeps it once it is written.
    frames: Vec<Buffer>,
    /// The end of the stream has been written.
    closed: bool,
    /// What a caller ran into while it wrote; the link's task is the one to know.
    failed: Option<io::Error>,
}

/// What a step of writing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// So many bytes of messages were written; there may be more.
    More(usize),
    /// Nothing waits.
    Idle,
    /// The socket takes no more for now.
    Blocked,
    /// Everything was sent, the end of the stream too.
    HungUp,
}

impl Writer {
    pub(super) fn new(socket: Arc<SendHalf>, sealer: Sealer, commons: Arc<Commons>) -> Self {
        // Room for all that a round can take, so that nothing grows later.
        let (control, frames) = (Vec::new(), Vec::with_capacity(TAKE_BUFFERS));
        Self { socket, sealer, commons, sealed: None, carried: 0, control, frames, closed: false, failed: None }
    }

    /// Takes what waits, seals it and writes as much as the socket takes. Never blocks.
    pub(super) fn advance(&mut self, outbox: &Outbox) -> io::Result<Progress> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.sealed.is_none() {
            match outbox.take(&mut self.control, &mut self.frames) {
                None => return Ok(Progress::Idle),
                Some(Next::Frames) => {}
                Some(Next::Goodbye(goodbye)) => Control::Goodbye(goodbye).append_to(&mut self.control),
                Some(Next::HangUp) => {
                    if !std::mem::replace(&mut self.closed, true) {
                        self.close()?;
                    }
                    return Ok(Progress::HungUp);
                }
            }
            self.seal()?;
        }
        let Some((sealed, sent)) = &mut self.sealed else { return Ok(Progress::More(self.carried)) };
        while *sent < sealed.bytes().len() {
            match self.socket.try_write(&sealed.bytes()[*sent..]) {
                Ok(count) => *sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Progress::Blocked),
                Err(error) => return Err(error),
            }
        }
        self.sealed = None;
        Ok(Progress::More(self.carried))
    }

    /// For the link's task to find: a caller has failed to write.
    pub(super) fn fail(&mut self, error: io::Error) {
        self.failed = Some(error);
    }

    /// What was taken and is not known to be written.
    pub(super) fn into_frames(self) -> Vec<Buffer> {
        self.frames
    }

    /// Whose it is.
    pub(super) fn writes_to(&self, socket: &Arc<SendHalf>) -> bool {
        Arc::ptr_eq(&self.socket, socket)
    }

    /// Seals what was taken: messages before the goodbye, other control frames in front of them.
    fn seal(&mut self) -> io::Result<()> {
        let plain: usize = self.frames.iter().map(|frame| frame.bytes().len()).sum();
        let records = self.frames.iter().map(|frame| frame.bytes().len().div_ceil(MAX_PLAIN)).sum::<usize>();
        // Two more for the control frames and a key update.
        let mut sealed = self.commons.pool.take(plain + self.control.len() + (records + 2) * OVERHEAD + OVERHEAD);
        // A round is far shorter than the margin with which an update is due.
        if self.sealer.update_due() {
            let count = self.sealer.update(sealed.room())?;
            sealed.fill(count);
        }
        let mut append = |sealer: &mut Sealer, bytes: &[u8]| -> io::Result<()> {
            for part in bytes.chunks(MAX_PLAIN) {
                let count = sealer.seal(part, sealed.room())?;
                sealed.fill(count);
            }
            Ok(())
        };
        for frames in &self.frames {
            append(&mut self.sealer, frames.bytes())?;
        }
        append(&mut self.sealer, &self.control)?;
        self.carried = plain;
        self.control.clear();
        self.sealed = Some((sealed, 0));
        Ok(())
    }

    /// The end of the stream, told to the other side's TLS.
    fn close(&mut self) -> io::Result<()> {
        let mut alert = [0; OVERHEAD + 2];
        let count = self.sealer.close(&mut alert)?;
        // A socket too full to take it is closed all the same.
        let _ = self.socket.try_write(&alert[..count]);
        Ok(())
    }
}

/// The link's task that writes: again and again, until the outbox says to hang up.
pub(super) async fn write(socket: Arc<SendHalf>, peer: Arc<Peer>) -> io::Result<()> {
    let mut turn = Turn::default();
    loop {
        let Some(progress) = peer.outbox.advance(&socket) else { return Ok(()) };
        match progress? {
            Progress::More(bytes) => turn.round(bytes).await,
            Progress::Idle => peer.outbox.work().await,
            Progress::Blocked => socket.writable().await?,
            Progress::HungUp => return socket.shutdown(),
        }
    }
}
