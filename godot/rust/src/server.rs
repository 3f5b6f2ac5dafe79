//! `SinewServer`: the node that is a member of the cluster.

use crate::configuration::{Properties, Said};
use crate::connector::SinewRegistryConnector;
use crate::errors::{self, failed, noted, told};
use crate::group::{SinewServerGroup, visibility};
use crate::remote::{SinewRemoteServer, delivery, dictionary, id, id_of};
use crate::running::Running;
use godot::classes::node::ProcessMode;
use godot::classes::{Engine, INode, Node};
use godot::global::Error as Code;
use godot::prelude::*;
use sinew::config::Visibility;
use sinew::{Error, Readiness};
use std::rc::Rc;
use std::time::Duration;

/// A member of a cluster of game servers.
///
/// Say what it is by [member config_file], [member config_text] or the properties from [member group] on, connect its signals, call [method start] (or set
/// [member autostart]), and it finds the other servers, connects with those that it may see, and emits what they say. Everything happens in [code]_process[/code], on the main
/// thread; nothing ever waits for the network. Several servers may live in one scene tree.
///
/// For each remote server the order of the signals is always [signal server_joined], [signal server_connected], [signal message_received]…, [signal server_disconnected], …,
/// [signal server_left]. Each is emitted on the [SinewRemoteServer], then on its [SinewServerGroup], then here: connect it where it matters. A handler may
/// free the node by [method Node.queue_free].
///
/// Methods that can fail return an [enum Error]; [method get_last_error] has the whole sentence, with the cause and the cure.
#[derive(GodotClass)]
#[class(tool, base = Node)]
pub(crate) struct SinewServer {
    base: Base<Node>,
    running: Option<Rc<Running>>,
    /// Start by itself when the node is ready. Not in the editor.
    #[export]
    autostart: bool,
    /// How long the signals of one frame may take, in microseconds; what is left comes in the next frame. 0: as long as they take.
    ///
    /// At least one event is handled a frame, and the handler that is running when the time is over is not cut short.
    #[export(range = (0.0, 16000.0, or_greater, suffix = "µs"))]
    poll_budget_us: i64,
    /// A TOML file with the whole configuration; [code]res://[/code] and [code]user://[/code] are understood, also inside it for key files. [code]SINEW_*[/code] environment
    /// variables go on top.
    #[export(file = "*.toml")]
    #[var(get = get_config_file, set = set_config_file)]
    config_file: GString,
    /// The same as text. Not used if [member config_file] is set.
    #[export(multiline)]
    #[var(get = get_config_text, set = set_config_text)]
    config_text: GString,
    /// The group this server belongs to: [code]server.group[/code]. This and the properties below are used if neither [member config_file] nor [member config_text] is set.
    #[export_group(name = "Instead of a configuration")]
    #[export]
    #[var(get = get_group, set = set_group)]
    group: GString,
    /// Its name, unique in its group and kept over restarts: [code]server.name[/code]. Empty: a new one at every start.
    #[export]
    #[var(get = get_server_name, set = set_server_name)]
    server_name: GString,
    /// The address to listen on: [code]server.listen[/code]. Empty: any port of this machine alone.
    #[export(placeholder = "0.0.0.0:0")]
    #[var(get = get_listen, set = set_listen)]
    listen: GString,
    /// Where the registry is: [code]registry.addresses[/code].
    #[export]
    #[var(get = get_registry, set = set_registry)]
    registry: PackedArray<GString>,
    /// The cluster's key, made by [code]sinew keygen[/code]: [code]cluster.key_file[/code]. Empty: only this machine can join.
    #[export(global_file = "*")]
    #[var(get = get_key_file, set = set_key_file)]
    key_file: GString,
    /// The topology, the same on every server: the name of each group and the groups it connects to.
    #[export]
    #[var(get = get_topology, set = set_topology)]
    topology: VarDictionary,
    /// A registry of your own, for [code]registry.kind = "external"[/code]; set it before [method start].
    #[var]
    registry_connector: Option<Gd<SinewRegistryConnector>>,
    /// The number of this server; 0 until [signal started].
    #[var(get = get_server_id, no_set)]
    server_id: PhantomVar<i64>,
    /// What the others dial to reach this server; empty while it does not run.
    #[var(get = get_host, no_set)]
    host: PhantomVar<GString>,
    /// The port beside [member host]: the real one, also where the configuration says 0.
    #[var(get = get_port, no_set)]
    port: PhantomVar<i64>,
    /// [constant VISIBILITY_INTERNAL] or [constant VISIBILITY_EXTERNAL], as the configuration says of its group.
    #[var(get = get_visibility, no_set)]
    visibility: PhantomVar<i64>,
}

#[godot_api]
impl SinewServer {
    /// It is registered, and [member server_id] is known. Nobody else is heard of before it.
    #[signal]
    pub(crate) fn started();

    /// A server that this one may see is in the registry; it is not connected yet.
    #[signal]
    pub(crate) fn server_joined(remote: Gd<SinewRemoteServer>);

    /// The link is up on both sides: sending works.
    #[signal]
    pub(crate) fn server_connected(remote: Gd<SinewRemoteServer>);

    /// The link broke, or nothing was heard for [code]limits.interrupted_after_ms[/code]. What is sent now waits, and what was not acknowledged is sent again when it is
    /// resumed: nothing is lost by that.
    #[signal]
    pub(crate) fn server_interrupted(remote: Gd<SinewRemoteServer>);

    /// Another link goes on where the last one stopped.
    #[signal]
    pub(crate) fn server_resumed(remote: Gd<SinewRemoteServer>);

    /// The session with it is over. [param reason] is one of [code]DISCONNECT_*[/code]; [param unacknowledged] reliable messages are not known to have arrived, and nobody will send them
    /// again. [member SinewRemoteServer.disconnect_text] has the whole sentence.
    #[signal]
    pub(crate) fn server_disconnected(remote: Gd<SinewRemoteServer>, reason: i64, unacknowledged: i64);

    /// It is gone from view; [param reason] is one of [code]LEAVE_*[/code].
    #[signal]
    pub(crate) fn server_left(remote: Gd<SinewRemoteServer>, reason: i64);

    /// A message of a connected server, with the tag, payload and mode that it was sent with.
    #[signal]
    pub(crate) fn message_received(remote: Gd<SinewRemoteServer>, tag: i64, payload: PackedArray<u8>, mode: i64);

    /// A connected server asks something: answer with [method SinewRequest.reply], now or later.
    #[signal]
    pub(crate) fn request_received(request: Gd<crate::request::SinewRequest>);

    /// The properties of a connected server are others than before.
    #[signal]
    pub(crate) fn server_updated(remote: Gd<SinewRemoteServer>);

    /// After a send was answered with [constant ERR_BUSY]: half of the outbox to this server is free again.
    #[signal]
    pub(crate) fn writable(remote: Gd<SinewRemoteServer>);

    /// The registry cannot be reached, because of [param text]. Links live on; nobody new is found until it is restored.
    #[signal]
    pub(crate) fn registry_lost(text: GString);

    /// The registry is there again; what changed meanwhile follows.
    #[signal]
    pub(crate) fn registry_restored();

    /// The last signal: every link is down. [param reason] is one of [code]STOP_*[/code]. [method start] may be called again, also in its handler.
    #[signal]
    pub(crate) fn stopped(reason: i64, text: GString);

    /// Binds the address, and registers and connects in the background: [signal started] follows.
    ///
    /// Returns [constant OK]; [constant ERR_PARSE_ERROR] for a wrong configuration; [constant ERR_UNAUTHORIZED] for key files; [constant ERR_ALREADY_IN_USE] for an address that is
    /// taken by another program, or if this node runs already. A registry that cannot be reached is no error: [signal registry_lost] tells it, and it is tried again.
    #[func(gd_self)]
    fn start(mut this: Gd<Self>) -> Code {
        if this.bind().running.is_some() {
            failed(Error::InvalidArgument("this SinewServer runs already; stop it, and start it again after its signal `stopped`".into()));
            return Code::ERR_ALREADY_IN_USE;
        }
        let (said, connector) = (this.bind().said(), this.bind().registry_connector.clone());
        let started = said.load().map_err(Error::from).and_then(|config| Running::start(config, connector));
        told(started.map(|running| this.bind_mut().running = Some(running)))
    }

    /// Begins a graceful end and returns at once: leaves the registry, sends what is queued (for at most [code]limits.drain_ms[/code]) and says goodbye. [signal stopped] is the last
    /// signal. Does nothing while it does not run. Freeing the node stops it, too, and waits for it up to [code]limits.shutdown_ms[/code].
    #[func]
    fn stop(&self) {
        if let Some(server) = self.running.as_ref().and_then(|running| running.get()) {
            server.stop();
        }
    }

    /// Whether it has been started and has not stopped.
    #[func]
    fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Emits what has happened since the last call, within [member poll_budget_us], and returns how many events that were.
    ///
    /// [code]_process[/code] does it every frame; to do it by hand, turn that off by [method Node.set_process]. 0 inside of a handler: the poll that called it goes on.
    #[func(gd_self)]
    fn poll(this: Gd<Self>) -> i64 {
        let (running, budget) = (this.bind().running.clone(), this.bind().poll_budget_us);
        let Some(running) = running else { return 0 };
        let budget = Duration::from_micros(budget.max(0).cast_unsigned());
        noted(running.poll(&this, budget)).unwrap_or_default()
    }

    /// Applies the configuration as it is now (the file is read again) to the running server, as a whole or not at all: [code]docs/configuration.md[/code] tells what can be changed so.
    ///
    /// Links that stand go on. Returns [constant OK]; [constant ERR_PARSE_ERROR] for a wrong configuration, or one that needs a restart; [constant ERR_UNAUTHORIZED] for key files;
    /// [constant ERR_UNCONFIGURED] while it does not run.
    #[func]
    fn reload(&self) -> Code {
        told(self.server().and_then(|server| server.reload(self.said().load()?)))
    }

    /// Sends a message to a connected server by its id: see [method SinewRemoteServer.send].
    #[func]
    fn send(&self, server_id: i64, tag: i64, payload: PackedArray<u8>, #[opt(default = 0)] mode: i64) -> Code {
        told(self.server().and_then(|server| server.send(id_of(server_id)?, errors::tag(tag)?, payload.as_slice(), delivery(mode)?)))
    }

    /// Sends a message to all connected servers of a group and returns to how many; -1 if the call is wrong. See [method SinewServerGroup.broadcast].
    #[func]
    fn broadcast(&self, group: GString, tag: i64, payload: PackedArray<u8>, #[opt(default = 0)] mode: i64) -> i64 {
        let sent =
            self.server().and_then(|server| server.broadcast(&group.to_string(), errors::tag(tag)?, payload.as_slice(), delivery(mode)?));
        noted(sent).map_or(-1, |outcome| outcome.sent as i64)
    }

    /// The groups that this server's group is connected with, ordered by name. (Not [method Node.get_groups], which are groups of nodes.)
    #[func]
    fn get_server_groups(&self) -> Array<Gd<SinewServerGroup>> {
        let (Some(running), Ok(server)) = (&self.running, self.server()) else { return Array::new() };
        server.groups().iter().filter_map(|group| running.group(group.name())).collect()
    }

    /// One of [method get_server_groups]; null if this server's group is not connected with it.
    #[func]
    fn get_server_group(&self, name: GString) -> Option<Gd<SinewServerGroup>> {
        self.running.as_ref()?.group(&name.to_string())
    }

    /// Every server in view, connected or not.
    #[func]
    fn get_remote_servers(&self) -> Array<Gd<SinewRemoteServer>> {
        let (Some(running), Ok(server)) = (&self.running, self.server()) else { return Array::new() };
        server.groups().iter().flat_map(|group| group.members()).map(|remote| running.remote(remote)).collect()
    }

    /// A server in view; null if it has left, or never was visible.
    #[func]
    fn find_server(&self, server_id: i64) -> Option<Gd<SinewRemoteServer>> {
        let found = self.server().ok()?.find(id_of(server_id).ok()?)?;
        Some(self.running.as_ref()?.remote(&found))
    }

    /// This server's own properties, as they are now.
    #[func]
    fn get_properties(&self) -> VarDictionary {
        self.server().map(|server| dictionary(&server.properties())).unwrap_or_default()
    }

    /// Sets one of this server's properties, or removes it (null). Connected servers are told within 100 ms: [signal server_updated]. All together have at most 4 KiB.
    ///
    /// [constant ERR_INVALID_PARAMETER] if that is too much, the name is empty, or [code]load[/code], [code]capacity[/code] or [code]state[/code] has a value that means nothing.
    #[func]
    fn set_property(&self, name: GString, value: Variant) -> Code {
        told(self.server().and_then(|server| {
            let text = match value.is_nil() {
                true => None,
                false => Some(
                    value
                        .try_to::<GString>()
                        .map_err(|_| Error::InvalidArgument(format!("the property {name} is text or null, not {value}")))?,
                ),
            };
            server.set_property(&name.to_string(), text.map(|text| text.to_string()).as_deref())
        }))
    }

    /// Tells how much work this server has, in pieces of it (players, matches): see [constant POLICY_LEAST_LOADED]. Returns what [method set_property] does.
    #[func]
    fn set_load(&self, load: f64) -> Code {
        told(self.server().and_then(|server| server.set_load(load)))
    }

    /// Tells how much work this server can take. Returns what [method set_property] does.
    #[func]
    fn set_capacity(&self, capacity: f64) -> Code {
        told(self.server().and_then(|server| server.set_capacity(capacity)))
    }

    /// Tells whether this server takes new work: one of [code]READINESS_*[/code]. Returns what [method set_property] does.
    #[func]
    fn set_readiness(&self, readiness: i64) -> Code {
        told(self.server().and_then(|server| match readiness {
            1 => server.set_readiness(Readiness::Starting),
            2 => server.set_readiness(Readiness::Ready),
            3 => server.set_readiness(Readiness::Draining),
            _ => Err(Error::InvalidArgument(format!("{readiness} is no readiness; use SinewServer.READINESS_*"))),
        }))
    }

    /// How this server is doing, in numbers for operators: names as in [code]sinew_stats[/code] of the C header.
    #[func]
    fn get_stats(&self) -> VarDictionary {
        let Ok(stats) = self.server().map(|server| server.stats()) else { return VarDictionary::new() };
        let mut numbers = VarDictionary::new();
        let mut set = |name: &str, number: u64| drop(numbers.insert(name, number as i64));
        set("servers", stats.servers as u64);
        set("connected", stats.connected as u64);
        set("messages_sent", stats.messages_sent);
        set("messages_received", stats.messages_received);
        set("messages_dropped", stats.messages_dropped);
        set("sends_refused", stats.sends_refused);
        set("outbox_bytes", stats.outbox_bytes as u64);
        set("unacknowledged_bytes", stats.unacknowledged_bytes);
        set("inbox_bytes", stats.inbox_bytes as u64);
        set("event_bytes", stats.event_bytes as u64);
        set("recycled_bytes", stats.recycled_bytes as u64);
        set("ceiling_bytes", stats.ceiling_bytes as u64);
        set("oldest_event_wait_us", stats.oldest_event_wait.as_micros() as u64);
        set("logs_dropped", stats.logs_dropped);
        set("received_by_datagram", stats.received_by_datagram);
        set("rejected", stats.rejected.iter().sum());
        set("requests_sent", stats.requests_sent);
        set("requests_answered", stats.requests_answered);
        set("requests_failed", stats.requests_failed);
        set("replies_late", stats.replies_late);
        set("requests_received", stats.requests_received);
        numbers
    }

    /// What is wrong with the configuration, a sentence each: what the editor shows as the node's warnings. Empty if nothing is.
    #[func]
    fn validate(&self) -> PackedArray<GString> {
        self.said().warnings().iter().map(GString::from).collect()
    }

    /// The configuration as it would be used, every key with its value, as TOML; empty if it is wrong: [method get_last_error] says how.
    #[func]
    fn get_effective_config(&self) -> GString {
        let config = noted(self.said().load().map_err(Error::from));
        config.map(|config| GString::from(&config.to_toml())).unwrap_or_default()
    }

    /// The sentence of the last call on any of Sinew's objects that failed: what is wrong, and the cure. Empty if none has.
    #[func]
    fn get_last_error() -> GString {
        GString::from(&errors::last())
    }

    /// The value that was sent by [method SinewRemoteServer.send_variant]; null (and an error in the console) if it is none. Objects are never read.
    #[func]
    fn get_variant(payload: PackedArray<u8>) -> Variant {
        godot::global::bytes_to_var(&payload)
    }

    /// The version of Sinew, such as [code]0.1.0[/code].
    #[func]
    fn get_version() -> GString {
        env!("CARGO_PKG_VERSION").into()
    }

    #[func]
    fn get_server_id(&self) -> i64 {
        self.server().ok().and_then(|server| server.info().id).map_or(0, id)
    }

    #[func]
    fn get_host(&self) -> GString {
        self.server().map(|server| GString::from(&server.info().host)).unwrap_or_default()
    }

    #[func]
    fn get_port(&self) -> i64 {
        self.server().map_or(0, |server| server.info().port.into())
    }

    #[func]
    fn get_visibility(&self) -> i64 {
        visibility(self.server().map_or(Visibility::Internal, |server| server.info().visibility))
    }

    /// Of the running server: a configuration file or text may say another one than the property.
    #[func]
    fn get_group(&self) -> GString {
        self.server().map_or_else(|_| self.group.clone(), |server| GString::from(&server.info().group))
    }

    #[func]
    fn set_group(&mut self, group: GString) {
        self.group = group;
        self.base_mut().update_configuration_warnings();
    }

    #[func]
    fn get_server_name(&self) -> GString {
        self.server().map_or_else(|_| self.server_name.clone(), |server| GString::from(&server.info().name))
    }

    #[func]
    fn set_server_name(&mut self, server_name: GString) {
        self.server_name = server_name;
        self.base_mut().update_configuration_warnings();
    }

    #[func]
    fn get_config_file(&self) -> GString {
        self.config_file.clone()
    }

    #[func]
    fn set_config_file(&mut self, config_file: GString) {
        self.config_file = config_file;
        self.base_mut().update_configuration_warnings();
    }

    #[func]
    fn get_config_text(&self) -> GString {
        self.config_text.clone()
    }

    #[func]
    fn set_config_text(&mut self, config_text: GString) {
        self.config_text = config_text;
        self.base_mut().update_configuration_warnings();
    }

    #[func]
    fn get_listen(&self) -> GString {
        self.listen.clone()
    }

    #[func]
    fn set_listen(&mut self, listen: GString) {
        self.listen = listen;
        self.base_mut().update_configuration_warnings();
    }

    #[func]
    fn get_registry(&self) -> PackedArray<GString> {
        self.registry.clone()
    }

    #[func]
    fn set_registry(&mut self, registry: PackedArray<GString>) {
        self.registry = registry;
        self.base_mut().update_configuration_warnings();
    }

    #[func]
    fn get_key_file(&self) -> GString {
        self.key_file.clone()
    }

    #[func]
    fn set_key_file(&mut self, key_file: GString) {
        self.key_file = key_file;
        self.base_mut().update_configuration_warnings();
    }

    #[func]
    fn get_topology(&self) -> VarDictionary {
        self.topology.clone()
    }

    #[func]
    fn set_topology(&mut self, topology: VarDictionary) {
        self.topology = topology;
        self.base_mut().update_configuration_warnings();
    }
}

#[godot_api]
impl INode for SinewServer {
    fn init(base: Base<Node>) -> Self {
        // A server that is paused with the game would be taken for dead by the others.
        base.to_init_gd().set_process_mode(ProcessMode::ALWAYS);
        Self {
            base,
            running: None,
            autostart: false,
            poll_budget_us: 0,
            config_file: GString::new(),
            config_text: GString::new(),
            group: GString::new(),
            server_name: GString::new(),
            listen: GString::new(),
            registry: PackedArray::new(),
            key_file: GString::new(),
            topology: VarDictionary::new(),
            registry_connector: None,
            server_id: PhantomVar::default(),
            host: PhantomVar::default(),
            port: PhantomVar::default(),
            visibility: PhantomVar::default(),
        }
    }

    #[func(gd_self)]
    fn ready(this: Gd<Self>) {
        let autostart = this.bind().autostart && !Engine::singleton().is_editor_hint();
        if autostart && Self::start(this) != Code::OK {
            godot_error!("SinewServer cannot start: {}", errors::last());
        }
    }

    // Nothing stays borrowed while handlers run.
    #[func(gd_self)]
    fn process(this: Gd<Self>, _delta: f64) {
        Self::poll(this);
    }

    fn get_configuration_warnings(&self) -> PackedArray<GString> {
        self.validate()
    }
}

impl SinewServer {
    fn server(&self) -> Result<Rc<sinew::Server>, Error> {
        errors::main_thread()?;
        self.running.as_ref().and_then(|running| running.get()).ok_or(Error::Stopped)
    }

    /// The last event has been taken: the node may be started again.
    pub(crate) fn has_stopped(this: &Gd<Self>, running: &Rc<Running>) {
        let mut this = this.clone();
        let mut this = this.bind_mut();
        if this.running.as_ref().is_some_and(|current| Rc::ptr_eq(current, running)) {
            this.running = None;
        }
    }

    fn said(&self) -> Said {
        let list = |texts: &PackedArray<GString>| texts.as_slice().iter().map(GString::to_string).collect();
        let groups = self.topology.iter_shared().map(|(group, connects_to)| {
            let connects_to = connects_to.try_to::<PackedArray<GString>>().map(|all| list(&all));
            (group.to_string(), connects_to.unwrap_or_default())
        });
        Said {
            file: self.config_file.to_string(),
            text: self.config_text.to_string(),
            properties: Properties {
                group: self.group.to_string(),
                name: self.server_name.to_string(),
                listen: self.listen.to_string(),
                registry: list(&self.registry),
                key_file: self.key_file.to_string(),
                groups: groups.collect(),
            },
        }
    }
}

impl Drop for SinewServer {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.end();
        }
    }
}
