//! `SinewServerGroup`: a group that this server's group is connected with.

use crate::errors::{noted, tag as tag_of};
use crate::remote::{SinewRemoteServer, delivery, id};
use crate::request::SinewReply;
use crate::running::Running;
use godot::prelude::*;
use sinew::config::Visibility;
use sinew::{Error, Policy, ServerGroup, ServerId};
use std::cell::RefCell;
use std::rc::Weak;

/// A group of servers that this server's group is connected with.
///
/// There is one such object per group and run of the node's server, from [method SinewServer.get_server_group]. It may be kept: once the server has ended, the group is empty.
#[derive(GodotClass)]
#[class(no_init, base = RefCounted)]
pub(crate) struct SinewServerGroup {
    base: Base<RefCounted>,
    group: String,
    running: Weak<Running>,
    missed: RefCell<Vec<ServerId>>,
    /// As in the configuration.
    #[var(get = get_name, no_set)]
    name: PhantomVar<GString>,
    /// Whether its servers may accept game clients: [constant SinewServer.VISIBILITY_INTERNAL] or [constant SinewServer.VISIBILITY_EXTERNAL].
    #[var(get = get_visibility, no_set)]
    visibility: PhantomVar<i64>,
    /// Which of the two groups names the other in [code]connects_to[/code]: the bits [constant SinewServer.DIRECTION_OUTGOING] and
    /// [constant SinewServer.DIRECTION_INCOMING].
    #[var(get = get_direction, no_set)]
    direction: PhantomVar<i64>,
}

#[godot_api]
impl SinewServerGroup {
    /// A server of this group is in the registry; it is not connected yet.
    #[signal]
    pub(crate) fn server_joined(remote: Gd<SinewRemoteServer>);

    /// A server of this group is connected.
    #[signal]
    pub(crate) fn server_connected(remote: Gd<SinewRemoteServer>);

    /// The link to a server of this group broke; nothing is lost yet.
    #[signal]
    pub(crate) fn server_interrupted(remote: Gd<SinewRemoteServer>);

    /// The link to a server of this group goes on.
    #[signal]
    pub(crate) fn server_resumed(remote: Gd<SinewRemoteServer>);

    /// The session with a server of this group is over; see [signal SinewServer.server_disconnected].
    #[signal]
    pub(crate) fn server_disconnected(remote: Gd<SinewRemoteServer>, reason: i64, unacknowledged: i64);

    /// A server of this group is gone; [param reason] is one of [code]SinewServer.LEAVE_*[/code].
    #[signal]
    pub(crate) fn server_left(remote: Gd<SinewRemoteServer>, reason: i64);

    /// A server of this group has sent a message.
    #[signal]
    pub(crate) fn message_received(remote: Gd<SinewRemoteServer>, tag: i64, payload: PackedArray<u8>, mode: i64);

    /// A server of this group asks something.
    #[signal]
    pub(crate) fn request_received(request: Gd<crate::request::SinewRequest>);

    /// The properties of a server of this group are others than before.
    #[signal]
    pub(crate) fn server_updated(remote: Gd<SinewRemoteServer>);

    /// After a send was answered with [constant ERR_BUSY]: half of the outbox to a server of this group is free again.
    #[signal]
    pub(crate) fn writable(remote: Gd<SinewRemoteServer>);

    /// How many of its servers are in view, connected or not.
    #[func]
    fn size(&self) -> i64 {
        self.look(|group| group.members().len() as i64).unwrap_or_default()
    }

    /// Its servers in view, connected or not, the oldest registration first.
    #[func]
    fn get_remote_servers(&self) -> Array<Gd<SinewRemoteServer>> {
        let Some(running) = self.running.upgrade() else { return Array::new() };
        self.look(|group| group.members().iter().map(|remote| running.remote(remote)).collect()).unwrap_or_default()
    }

    /// One of its servers; null if no server of this group has that id now.
    #[func]
    fn get_remote_server(&self, server_id: i64) -> Option<Gd<SinewRemoteServer>> {
        let running = self.running.upgrade()?;
        self.look(|group| group.members().iter().find(|remote| id(remote.id()) == server_id).map(|remote| running.remote(remote)))?
    }

    /// Sends a message to all of its servers that are connected, as [method SinewRemoteServer.send] does, and returns to how many. -1 if the call is wrong, see
    /// [method SinewServer.get_last_error]. [method get_missed] tells whom it did not reach.
    #[func]
    pub(crate) fn broadcast(&self, tag: i64, payload: PackedArray<u8>, #[opt(default = 0)] mode: i64) -> i64 {
        let sent = Running::server(&self.running)
            .and_then(|server| server.broadcast(&self.group, tag_of(tag)?, payload.as_slice(), delivery(mode)?));
        let Some(outcome) = noted(sent) else { return -1 };
        *self.missed.borrow_mut() = outcome.missed().collect();
        outcome.sent as i64
    }

    /// The ids of the servers that the last [method broadcast] missed: those that were not connected, and those whose outbox was full, for which [signal writable] follows.
    #[func]
    fn get_missed(&self) -> PackedArray<i64> {
        self.missed.borrow().iter().map(|missed| id(*missed)).collect()
    }

    /// Sends a message to one of its servers, chosen by [param policy] ([code]SinewServer.POLICY_*[/code]), and returns which; null if there is none to choose or it has no
    /// room, see [method SinewServer.get_last_error]. [param key] goes with [constant SinewServer.POLICY_KEY] and is empty otherwise.
    ///
    /// Servers that are not connected, starting or draining are passed over, and except by key those whose outbox is full.
    #[func]
    fn send_any(
        &self,
        policy: i64,
        tag: i64,
        payload: PackedArray<u8>,
        #[opt(default = 0)] mode: i64,
        #[opt(default = &PackedArray::new())] key: PackedArray<u8>,
    ) -> Option<Gd<SinewRemoteServer>> {
        let sent = Running::server(&self.running).and_then(|server| {
            let policy = policy_of(policy, &key)?;
            server.send_any(&self.group, policy, tag_of(tag)?, payload.as_slice(), delivery(mode)?)
        });
        Some(self.running.upgrade()?.remote(&noted(sent)?))
    }

    /// Asks one of its servers, chosen as by [method send_any], and returns the signal that brings the answer: see [method SinewRemoteServer.request].
    ///
    /// [param retries] is how many more servers are asked, one after the other, each for [param timeout_ms], when one fails to answer; the request may then be carried
    /// out more than once.
    #[func]
    #[expect(clippy::too_many_arguments, reason = "most of them have defaults; scripts have no builders")]
    fn request_any(
        &self,
        policy: i64,
        tag: i64,
        payload: PackedArray<u8>,
        #[opt(default = 5000)] timeout_ms: i64,
        #[opt(default = 0)] retries: i64,
        #[opt(default = 0)] mode: i64,
        #[opt(default = &PackedArray::new())] key: PackedArray<u8>,
    ) -> Signal {
        let reply = SinewReply::start(&self.running, timeout_ms, mode, |timeout, delivery| {
            let retries = crate::errors::number(retries, "number of retries", "0 or more")?;
            let running = Running::server(&self.running)?;
            let (policy, tag) = (policy_of(policy, &key)?, tag_of(tag)?);
            running.request_any(&self.group, policy, tag, payload.as_slice()).timeout(timeout).delivery(delivery).retries(retries).start()
        });
        Signal::from_object_signal(&reply, "completed")
    }

    #[func]
    fn get_name(&self) -> GString {
        GString::from(&self.group)
    }

    #[func]
    fn get_visibility(&self) -> i64 {
        self.look(|group| visibility(group.visibility())).unwrap_or(visibility(Visibility::Internal))
    }

    #[func]
    fn get_direction(&self) -> i64 {
        self.look(|group| i64::from(group.is_outgoing()) | i64::from(group.is_incoming()) << 1).unwrap_or_default()
    }
}

#[godot_api]
impl IRefCounted for SinewServerGroup {
    fn to_string(&self) -> GString {
        GString::from(&format!("<SinewServerGroup {}>", self.group))
    }
}

impl SinewServerGroup {
    pub(crate) fn new(group: &str, running: Weak<Running>) -> Gd<Self> {
        Gd::from_init_fn(|base| Self {
            base,
            group: group.to_owned(),
            running,
            missed: RefCell::default(),
            name: PhantomVar::default(),
            visibility: PhantomVar::default(),
            direction: PhantomVar::default(),
        })
    }

    /// At the group as it is now; `None` once the server has ended.
    fn look<T>(&self, at: impl FnOnce(&ServerGroup) -> T) -> Option<T> {
        let group = Running::server(&self.running).ok()?.group(&self.group)?;
        Some(at(&group))
    }
}

pub(crate) fn visibility(visibility: Visibility) -> i64 {
    match visibility {
        Visibility::Internal => 1,
        Visibility::External => 2,
    }
}

fn policy_of(number: i64, key: &PackedArray<u8>) -> Result<Policy<'_>, Error> {
    match (number, key.as_slice()) {
        (1, []) => Ok(Policy::RoundRobin),
        (2, []) => Ok(Policy::LeastLoaded),
        (3, key @ [_, ..]) => Ok(Policy::Key(key)),
        (3, []) => Err(Error::InvalidArgument("POLICY_KEY needs a key of one byte or more".into())),
        (1 | 2, _) => Err(Error::InvalidArgument("a key goes with POLICY_KEY alone; leave it empty".into())),
        _ => Err(Error::InvalidArgument(format!("{number} is no policy; use SinewServer.POLICY_*"))),
    }
}
