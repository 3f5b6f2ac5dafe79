//! A server that runs: its handles, and the way from its events to signals.
//!
//! Everything here happens on the main thread, inside a poll. Nothing is borrowed while a signal is emitted: a handler may send, poll, stop or free the node.

use crate::connector::{SinewRegistryConnector, described};
use crate::errors::main_thread;
use crate::group::SinewServerGroup;
use crate::remote::{SinewRemoteServer, id, mode};
use crate::request::{SinewReply, SinewRequest};
use crate::server::SinewServer;
use godot::global::{push_error, push_warning};
use godot::prelude::*;
use sinew::config::{LogLevel, ServerConfig};
use sinew::{Delivery, Error, Event, Events, Message, RemoteServer, RequestId, SendMode, Server, ServerId};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

thread_local! {
    /// Every server of this process that may run, for the moment the engine closes the library.
    static ALL: RefCell<Vec<Weak<Running>>> = const { RefCell::new(Vec::new()) };
}

/// Ends every server, also of nodes that nobody freed.
pub(crate) fn end_all() {
    let all = ALL.take();
    all.iter().filter_map(Weak::upgrade).for_each(|running| running.abandon());
}

pub(crate) struct Running {
    /// `None` once it has ended.
    server: RefCell<Option<Rc<Server>>>,
    remotes: RefCell<HashMap<ServerId, Gd<SinewRemoteServer>>>,
    groups: RefCell<HashMap<String, Gd<SinewServerGroup>>>,
    /// Requests of scripts, until their outcome.
    replies: RefCell<HashMap<RequestId, Gd<SinewReply>>>,
    connector: Option<Gd<SinewRegistryConnector>>,
    /// The id under which the connector's registry has this server.
    pub(crate) registered: Cell<Option<i64>>,
    /// What the last poll had no time for.
    left_over: RefCell<Option<Events>>,
    polling: Cell<bool>,
    message_received: StringName,
}

/// Who hears a message: looked up once for all messages of a server that come one after the other.
struct Audience {
    of: ServerId,
    /// The objects whose signal somebody listens to, and whether it tells from whom. The node is the last.
    emitters: Vec<(Gd<Object>, bool)>,
    /// Remote server, tag, payload and mode as they were told last: mostly only the payload is another.
    arguments: [Variant; 4],
    tag: u16,
    delivery: Delivery,
}

impl Running {
    pub(crate) fn start(config: ServerConfig, connector: Option<Gd<SinewRegistryConnector>>) -> Result<Rc<Self>, Error> {
        let running = Rc::new(Self {
            server: RefCell::new(Some(Rc::new(Server::start(config)?))),
            remotes: RefCell::default(),
            groups: RefCell::default(),
            replies: RefCell::default(),
            connector,
            registered: Cell::new(None),
            left_over: RefCell::default(),
            polling: Cell::new(false),
            message_received: "message_received".into(),
        });
        if let Some(connector) = &running.connector {
            *connector.bind().running.borrow_mut() = Rc::downgrade(&running);
        }
        ALL.with_borrow_mut(|all| {
            all.retain(|running| running.strong_count() > 0);
            all.push(Rc::downgrade(&running));
        });
        Ok(running)
    }

    /// Says goodbye and ends its threads, within `limits.shutdown_ms`. Nobody polls any more: the script of a registry is told at once, and who awaits an
    /// answer that there will be none.
    pub(crate) fn end(&self) {
        if let Some(connector) = &self.connector
            && let Some(own) = self.registered.take()
        {
            SinewRegistryConnector::deregister_server(connector.clone(), own);
        }
        self.replies.take().into_values().for_each(SinewReply::abandon);
        self.abandon();
    }

    /// As [`Running::end`], when there are no scripts any more.
    fn abandon(&self) {
        self.left_over.take();
        self.server.take();
        self.remotes.take();
        self.groups.take();
        self.replies.take();
    }

    /// Of a handle that may have outlived it.
    pub(crate) fn server(of: &Weak<Running>) -> Result<Rc<Server>, Error> {
        main_thread()?;
        of.upgrade().and_then(|running| running.get()).ok_or(Error::Stopped)
    }

    pub(crate) fn get(&self) -> Option<Rc<Server>> {
        self.server.borrow().clone()
    }

    /// The one handle of this server.
    pub(crate) fn remote(self: &Rc<Self>, remote: &RemoteServer) -> Gd<SinewRemoteServer> {
        let mut remotes = self.remotes.borrow_mut();
        remotes.entry(remote.id()).or_insert_with(|| SinewRemoteServer::new(remote.clone(), Rc::downgrade(self))).clone()
    }

    /// The one handle of this group; `None` if this server's group is not connected with it.
    pub(crate) fn group(self: &Rc<Self>, name: &str) -> Option<Gd<SinewServerGroup>> {
        if let Some(group) = self.groups.borrow().get(name) {
            return Some(group.clone());
        }
        self.get()?.group(name)?;
        let group = SinewServerGroup::new(name, Rc::downgrade(self));
        self.groups.borrow_mut().insert(name.to_owned(), group.clone());
        Some(group)
    }

    /// Its outcome goes to `reply`.
    pub(crate) fn wait_for(&self, request: RequestId, reply: Gd<SinewReply>) {
        self.replies.borrow_mut().insert(request, reply);
    }

    /// Turns what has happened into signals, for as long as `budget` allows (zero: all of it), and returns how many events that were.
    pub(crate) fn poll(self: &Rc<Self>, node: &Gd<SinewServer>, budget: Duration) -> Result<i64, Error> {
        if self.polling.replace(true) {
            return Err(Error::Busy);
        }
        let told = self.tell_all(node, budget);
        self.polling.set(false);
        told
    }

    fn tell_all(self: &Rc<Self>, node: &Gd<SinewServer>, budget: Duration) -> Result<i64, Error> {
        if let Some(connector) = &self.connector {
            SinewRegistryConnector::look(connector.clone());
        }
        let began = Instant::now();
        let left_over = self.left_over.take();
        let mut events = match left_over {
            Some(events) => events,
            None => self.get().ok_or(Error::Stopped)?.poll(Duration::ZERO)?,
        };
        let (mut told, mut audience) = (0, None);
        while let Some(event) = events.next() {
            match event {
                Event::Message { server, message } => self.tell_message(node, &server, &message, &mut audience),
                other => {
                    // Its handlers may connect further ones.
                    audience = None;
                    self.tell(node, other);
                }
            }
            told += 1;
            if self.server.borrow().is_none() {
                break;
            }
            if !budget.is_zero() && began.elapsed() >= budget && !events.is_empty() {
                self.left_over.replace(Some(events));
                break;
            }
        }
        Ok(told)
    }

    /// The hot path: by hand what typed signals do, because they look up the signal's name and convert each argument anew for every listener, which took twice as long.
    fn tell_message(self: &Rc<Self>, node: &Gd<SinewServer>, server: &RemoteServer, message: &Message, audience: &mut Option<Audience>) {
        if audience.as_ref().is_none_or(|audience| audience.of != server.id()) {
            *audience = Some(self.audience(node, server));
        }
        let Some(audience) = audience.as_mut().filter(|audience| !audience.emitters.is_empty()) else { return };
        let delivery = message.mode.on(message.lane);
        if audience.tag != message.tag {
            audience.tag = message.tag;
            audience.arguments[1] = i64::from(message.tag).to_variant();
        }
        audience.arguments[2] = PackedArray::from(&message.payload[..]).to_variant();
        if audience.delivery != delivery {
            audience.delivery = delivery;
            audience.arguments[3] = mode(delivery).to_variant();
        }
        for (emitter, with_remote) in &mut audience.emitters {
            // Not when a handler has freed the node, whose end ends this; the others are kept alive from here.
            if self.server.borrow().is_some() {
                emitter.emit_signal(&self.message_received, if *with_remote { &audience.arguments } else { &audience.arguments[1..] });
            }
        }
    }

    fn audience(self: &Rc<Self>, node: &Gd<SinewServer>, server: &RemoteServer) -> Audience {
        let remote = self.remote(server);
        let delivery = SendMode::Reliable.into();
        let arguments = [remote.to_variant(), 0.to_variant(), Variant::nil(), mode(delivery).to_variant()];
        let group = self.group(server.group()).map(Gd::upcast::<Object>);
        let node = Some(node).filter(|node| node.is_instance_valid()).cloned().map(Gd::upcast::<Object>);
        let all = [(Some(remote.upcast::<Object>()), false), (group, true), (node, true)];
        let emitters = all.into_iter().filter_map(|(emitter, with_remote)| Some((emitter?, with_remote)));
        Audience {
            of: server.id(),
            emitters: emitters.filter(|(emitter, _)| emitter.has_connections(&self.message_received)).collect(),
            arguments,
            tag: 0,
            delivery,
        }
    }

    /// On the remote server, then on its group, then on the node.
    fn tell(self: &Rc<Self>, node: &Gd<SinewServer>, event: Event) {
        // A handler may have freed it.
        macro_rules! on_node {
            ($signal:ident($($argument:expr),* $(,)?)) => {
                if node.is_instance_valid() {
                    node.signals().$signal().emit($($argument),*);
                }
            };
        }
        macro_rules! everywhere {
            ($server:expr, $signal:ident($($argument:expr),*)) => {{
                let remote = self.remote(&$server);
                remote.signals().$signal().emit($($argument),*);
                if let Some(group) = self.group($server.group()) {
                    group.signals().$signal().emit(&remote, $($argument),*);
                }
                on_node!($signal(&remote, $($argument),*));
            }};
        }
        match event {
            Event::Started { .. } => on_node!(started()),
            Event::ServerJoined { server } => {
                let remote = self.remote(&server);
                if let Some(group) = self.group(server.group()) {
                    group.signals().server_joined().emit(&remote);
                }
                on_node!(server_joined(&remote));
            }
            Event::ServerConnected { server } => everywhere!(server, server_connected()),
            Event::ServerInterrupted { server } => everywhere!(server, server_interrupted()),
            Event::ServerResumed { server } => everywhere!(server, server_resumed()),
            Event::ServerDisconnected { server, reason, text, unacknowledged } => {
                self.remote(&server).bind_mut().disconnect_text = GString::from(&text);
                everywhere!(server, server_disconnected(reason as i64, unacknowledged as i64));
            }
            Event::ServerLeft { server, reason } => {
                everywhere!(server, server_left(reason as i64));
                self.remotes.borrow_mut().remove(&server.id());
            }
            Event::Request { request } => {
                let remote = self.remote(request.server());
                let group = self.group(request.server().group());
                let request = SinewRequest::new(request, remote.clone());
                remote.signals().request_received().emit(&request);
                if let Some(group) = group {
                    group.signals().request_received().emit(&request);
                }
                on_node!(request_received(&request));
            }
            Event::Reply { request, reply } => {
                if let Some(waiting) = self.forget(request) {
                    SinewReply::answer(waiting, self.remote(&reply.server), &reply);
                }
            }
            Event::RequestFailed { server, request, failure } => {
                if let Some(waiting) = self.forget(request) {
                    SinewReply::fail(waiting, Some(self.remote(&server)), failure);
                }
            }
            Event::ServerUpdated { server } => everywhere!(server, server_updated()),
            Event::Writable { server } => everywhere!(server, writable()),
            Event::RegistryLost { text } => on_node!(registry_lost(&GString::from(&text))),
            Event::RegistryRestored => on_node!(registry_restored()),
            Event::RegistryRegister { entry } => {
                if let Some(connector) = &self.connector {
                    SinewRegistryConnector::register_server(connector.clone(), described(&entry));
                }
            }
            Event::RegistryDeregister { id: own } => {
                self.registered.set(None);
                if let Some(connector) = &self.connector {
                    SinewRegistryConnector::deregister_server(connector.clone(), id(own));
                }
            }
            Event::RegistryConnectionFailure { server } => {
                if let Some(connector) = &self.connector {
                    SinewRegistryConnector::handle_connection_failure(connector.clone(), self.remote(&server));
                }
            }
            Event::Log { level, target, text } => match level {
                // By the functions that scripts have: the macros of the crate would name a line of this file, as if something were wrong there.
                LogLevel::Error => push_error(&[format!("{target}: {text}").to_variant()]),
                LogLevel::Warn => push_warning(&[format!("{target}: {text}").to_variant()]),
                _ => godot_print!("{target}: {text}"),
            },
            Event::Stopped { reason, text } => {
                self.end();
                if node.is_instance_valid() {
                    SinewServer::has_stopped(node, self);
                }
                on_node!(stopped(reason as i64, &GString::from(&text)));
            }
            // A kind that is newer than this file.
            _ => {}
        }
    }

    /// Apart from the match above, so that nothing is borrowed while scripts run.
    fn forget(&self, request: RequestId) -> Option<Gd<SinewReply>> {
        self.replies.borrow_mut().remove(&request)
    }
}
