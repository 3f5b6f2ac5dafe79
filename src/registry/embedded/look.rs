//! The directory as it is, shown to somebody who does not register: nobody hears of him, and no name is taken.

use super::Embedded;
use super::membership::MAX_SNAPSHOT;
use super::protocol::{ToHost, ToMember, frame, read_frame};
use crate::registry::Registration;
use tokio::io::AsyncWriteExt;

impl Embedded {
    /// Who is registered at this host. The error is half a sentence. A host that falls silent is waited for: bound it from outside.
    pub(crate) async fn look(&self, address: &str) -> Result<Vec<Registration>, String> {
        let (mut stream, _) = self.dialer.dial(address).await?;
        let mut words = frame(&ToHost::Hello { cluster: self.dialer.cluster.clone() }).to_vec();
        words.extend_from_slice(&frame(&ToHost::Look));
        // What the host says before it closes tells more than that it is closed.
        let _ = stream.write_all(&words).await;
        let _ = stream.flush().await;
        let (mut listed, mut buffer) = (Vec::new(), Vec::new());
        loop {
            match read_frame(&mut stream, &mut buffer).await.map_err(|error| error.sentence())? {
                ToMember::Snapshot { entries, last, .. } => {
                    listed.extend(entries);
                    if listed.len() > MAX_SNAPSHOT {
                        return Err(format!("it lists more than {MAX_SNAPSHOT} servers"));
                    }
                    if last {
                        return Ok(listed);
                    }
                }
                ToMember::Refused { reason } => return Err(format!("refused: {reason}")),
                _ => {}
            }
        }
    }
}
