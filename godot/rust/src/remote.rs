//! `SinewRemoteServer`: another server, as scripts see it.

use crate::errors::{failed, main_thread, tag, told};
use crate::group::SinewServerGroup;
use crate::request::SinewReply;
use crate::running::Running;
use godot::global::Error as Code;
use godot::global::var_to_bytes;
use godot::prelude::*;
use sinew::{Delivery, Direction, Error, Readiness, RemoteServer, ServerId};
use std::rc::Weak;

/// Another server of the cluster, as seen from this one.
///
/// There is one such object per server in view; it comes with the signals of [SinewServer], from [method SinewServer.find_server] and from its [SinewServerGroup].
/// It may be kept for ever: after the server has left, [member state] is [constant SinewServer.STATE_LEFT] and sending answers [constant ERR_DOES_NOT_EXIST].
#[derive(GodotClass)]
#[class(no_init, base = RefCounted)]
pub(crate) struct SinewRemoteServer {
    base: Base<RefCounted>,
    pub(crate) remote: RemoteServer,
    running: Weak<Running>,
    /// Its number in this run of the node's server; never used again, not even after a restart of that server.
    #[var(get = get_id, no_set)]
    id: PhantomVar<i64>,
    /// Its name, unique in its group; it keeps it when it restarts.
    #[var(get = get_name, no_set)]
    name: PhantomVar<GString>,
    /// The name of its group.
    #[var(get = get_group, no_set)]
    group: PhantomVar<GString>,
    /// What is dialled to reach it: a host name or an address.
    #[var(get = get_host, no_set)]
    host: PhantomVar<GString>,
    /// The port beside [member host].
    #[var(get = get_port, no_set)]
    port: PhantomVar<i64>,
    /// How it stands with it: one of the [code]STATE_*[/code] constants of [SinewServer].
    #[var(get = get_state, no_set)]
    state: PhantomVar<i64>,
    /// Which side dials: [constant SinewServer.DIRECTION_OUTGOING] or [constant SinewServer.DIRECTION_INCOMING].
    #[var(get = get_direction, no_set)]
    direction: PhantomVar<i64>,
    /// Seconds that the last keep-alive took to go to it and come back; 0 while not connected or not yet measured.
    #[var(get = get_round_trip_time, no_set)]
    round_trip_time: PhantomVar<f64>,
    /// What it says of itself: names and values, both [String]. While it is connected as they are now, before as it registered with them.
    #[var(get = get_properties, no_set)]
    properties: PhantomVar<VarDictionary>,
    /// Its property [code]load[/code]: how much work it has, in pieces of it. [constant @GDScript.NAN] if it does not say.
    #[var(get = get_load, no_set)]
    load: PhantomVar<f64>,
    /// Its property [code]capacity[/code]: how much work it can take. [constant @GDScript.NAN] if it does not say.
    #[var(get = get_capacity, no_set)]
    capacity: PhantomVar<f64>,
    /// Whether it takes new work: one of the [code]READINESS_*[/code] constants of [SinewServer].
    #[var(get = get_readiness, no_set)]
    readiness: PhantomVar<i64>,
    /// Bytes that wait to be sent to it or to be acknowledged by it, 8 a message for its header included: what counts against [code]limits.outbox_bytes[/code].
    #[var(get = get_queued_bytes, no_set)]
    queued_bytes: PhantomVar<i64>,
    /// Requests of this server that it has not answered.
    #[var(get = get_open_requests, no_set)]
    open_requests: PhantomVar<i64>,
    /// Why the last session with it ended, as a sentence; empty before that.
    #[var(no_set)]
    pub(crate) disconnect_text: GString,
}

#[godot_api]
impl SinewRemoteServer {
    /// It is connected: sending works from now on.
    #[signal]
    pub(crate) fn server_connected();

    /// The link broke, or nothing was heard of it for [code]limits.interrupted_after_ms[/code]. What is sent now waits; nothing is lost.
    #[signal]
    pub(crate) fn server_interrupted();

    /// Another link goes on where the last one stopped.
    #[signal]
    pub(crate) fn server_resumed();

    /// The session with it is over: [param reason] is one of [code]SinewServer.DISCONNECT_*[/code], and [param unacknowledged] reliable messages are not known to have
    /// arrived. [member disconnect_text] has the whole sentence.
    #[signal]
    pub(crate) fn server_disconnected(reason: i64, unacknowledged: i64);

    /// It is gone from view; [param reason] is one of [code]SinewServer.LEAVE_*[/code]. The last signal of this object.
    #[signal]
    pub(crate) fn server_left(reason: i64);

    /// It has sent a message.
    #[signal]
    pub(crate) fn message_received(tag: i64, payload: PackedArray<u8>, mode: i64);

    /// It asks something; answer with [method SinewRequest.reply], now or later.
    #[signal]
    pub(crate) fn request_received(request: Gd<crate::request::SinewRequest>);

    /// Its [member properties] are others than before.
    #[signal]
    pub(crate) fn server_updated();

    /// After a send was answered with [constant ERR_BUSY]: half of the outbox is free again.
    #[signal]
    pub(crate) fn writable();

    /// Sends it a message: [param tag] is a number of yours from 0 to 65535, [param mode] is [constant SinewServer.MODE_RELIABLE] or
    /// [constant SinewServer.MODE_UNRELIABLE], perhaps with a lane ([code]SinewServer.MODE_RELIABLE | SinewServer.LANE_1[/code]).
    ///
    /// The payload is copied, and the call never waits. Returns [constant OK]; [constant ERR_BUSY] if the outbox is full (nothing was queued, [signal writable] follows);
    /// [constant ERR_UNAVAILABLE] while it is not connected; [constant ERR_DOES_NOT_EXIST] after it has left; [constant ERR_PARAMETER_RANGE_ERROR] over
    /// [code]limits.max_message_bytes[/code]. [method SinewServer.get_last_error] has the whole sentence.
    #[func]
    pub(crate) fn send(&self, tag: i64, payload: PackedArray<u8>, #[opt(default = 0)] mode: i64) -> Code {
        told(self.try_send(tag, payload.as_slice(), mode))
    }

    /// Sends any value but objects, in Godot's own encoding; read it with [method SinewServer.get_variant]. For servers that are all written in Godot: others read what
    /// a [SinewWriter] wrote. Returns what [method send] does.
    #[func]
    fn send_variant(&self, tag: i64, value: Variant, #[opt(default = 0)] mode: i64) -> Code {
        told(self.try_send(tag, var_to_bytes(&value).as_slice(), mode))
    }

    /// Asks it something and returns the signal that brings the answer: [code]var reply: SinewReply = await remote.request(TAG, payload)[/code].
    ///
    /// The signal comes exactly once for every request, within [param timeout_ms] (noticed up to 10 ms late), also when it could not even be sent: look at
    /// [member SinewReply.ok] first. See [method start_request] for a request that can be cancelled.
    #[func]
    fn request(&self, tag: i64, payload: PackedArray<u8>, #[opt(default = 5000)] timeout_ms: i64, #[opt(default = 0)] mode: i64) -> Signal {
        Signal::from_object_signal(&self.start_request(tag, payload, timeout_ms, mode), "completed")
    }

    /// Asks it something and returns the [SinewReply] to be filled: connect [signal SinewReply.completed], await it, or [method SinewReply.cancel] it.
    #[func]
    fn start_request(
        &self,
        tag: i64,
        payload: PackedArray<u8>,
        #[opt(default = 5000)] timeout_ms: i64,
        #[opt(default = 0)] mode: i64,
    ) -> Gd<SinewReply> {
        SinewReply::start(&self.running, timeout_ms, mode, |timeout, delivery| {
            main_thread()?;
            self.remote.request(crate::errors::tag(tag)?, payload.as_slice()).timeout(timeout).delivery(delivery).start()
        })
    }

    /// Why the link to it is, or is not, up: some lines for a person to read. Empty after it has left.
    #[func]
    fn explain(&self) -> GString {
        let text = Running::server(&self.running).and_then(|server| server.explain(self.remote.id()));
        GString::from(&text.map_err(failed).unwrap_or_default())
    }

    /// The [SinewServerGroup] it belongs to; null once the node's server has ended.
    #[func]
    fn get_server_group(&self) -> Option<Gd<SinewServerGroup>> {
        self.running.upgrade().and_then(|running| running.group(self.remote.group()))
    }

    #[func]
    fn get_id(&self) -> i64 {
        id(self.remote.id())
    }

    #[func]
    fn get_name(&self) -> GString {
        self.remote.name().into()
    }

    #[func]
    fn get_group(&self) -> GString {
        self.remote.group().into()
    }

    #[func]
    fn get_host(&self) -> GString {
        GString::from(&self.remote.host())
    }

    #[func]
    fn get_port(&self) -> i64 {
        self.remote.port().into()
    }

    #[func]
    fn get_state(&self) -> i64 {
        self.remote.state() as i64
    }

    #[func]
    fn get_direction(&self) -> i64 {
        match self.remote.direction() {
            Direction::Outgoing => 1,
            Direction::Incoming => 2,
        }
    }

    #[func]
    fn get_round_trip_time(&self) -> f64 {
        self.remote.round_trip_time().unwrap_or_default().as_secs_f64()
    }

    #[func]
    fn get_properties(&self) -> VarDictionary {
        dictionary(&self.remote.properties())
    }

    #[func]
    fn get_load(&self) -> f64 {
        self.remote.load().unwrap_or(f64::NAN)
    }

    #[func]
    fn get_capacity(&self) -> f64 {
        self.remote.capacity().unwrap_or(f64::NAN)
    }

    #[func]
    fn get_readiness(&self) -> i64 {
        match self.remote.readiness() {
            Readiness::Starting => 1,
            Readiness::Draining => 3,
            _ => 2,
        }
    }

    #[func]
    fn get_queued_bytes(&self) -> i64 {
        self.remote.queued_bytes() as i64
    }

    #[func]
    fn get_open_requests(&self) -> i64 {
        self.remote.open_requests() as i64
    }
}

#[godot_api]
impl IRefCounted for SinewRemoteServer {
    fn to_string(&self) -> GString {
        GString::from(&format!("<SinewRemoteServer {}/{} {}>", self.remote.group(), self.remote.name(), self.remote.id()))
    }
}

impl SinewRemoteServer {
    pub(crate) fn new(remote: RemoteServer, running: Weak<Running>) -> Gd<Self> {
        Gd::from_init_fn(|base| Self {
            base,
            remote,
            running,
            id: PhantomVar::default(),
            name: PhantomVar::default(),
            group: PhantomVar::default(),
            host: PhantomVar::default(),
            port: PhantomVar::default(),
            state: PhantomVar::default(),
            direction: PhantomVar::default(),
            round_trip_time: PhantomVar::default(),
            properties: PhantomVar::default(),
            load: PhantomVar::default(),
            capacity: PhantomVar::default(),
            readiness: PhantomVar::default(),
            queued_bytes: PhantomVar::default(),
            open_requests: PhantomVar::default(),
            disconnect_text: GString::new(),
        })
    }

    pub(crate) fn try_send(&self, number: i64, payload: &[u8], mode: i64) -> Result<(), Error> {
        main_thread()?;
        self.remote.send(tag(number)?, payload, delivery(mode)?)
    }
}

/// Ids are below 2^53: every language holds them.
pub(crate) fn id(id: ServerId) -> i64 {
    id.get() as i64
}

/// What a script calls an id.
pub(crate) fn id_of(number: i64) -> Result<ServerId, Error> {
    let id = u64::try_from(number).ok().and_then(ServerId::new);
    id.ok_or_else(|| Error::InvalidArgument(format!("{number} is no server id; ids are from 1 to {}", ServerId::MAX)))
}

/// `mode | lane`, as in the C ABI.
pub(crate) fn delivery(mode: i64) -> Result<Delivery, Error> {
    let delivery = u32::try_from(mode).ok().and_then(|mode| Delivery::try_from(mode).ok());
    delivery.ok_or_else(|| Error::InvalidArgument(format!("{mode} is no mode; use SinewServer.MODE_*, perhaps with SinewServer.LANE_*")))
}

pub(crate) fn mode(delivery: Delivery) -> i64 {
    i64::from(u32::from(delivery))
}

pub(crate) fn dictionary<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> VarDictionary {
    let mut dictionary = VarDictionary::new();
    for (key, value) in pairs {
        dictionary.set(key.as_str(), value.as_str());
    }
    dictionary
}
