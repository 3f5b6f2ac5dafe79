//! `SinewRegistryConnector`: a registry of the game's own, written as a script.

use crate::errors::{number, told};
use crate::group::visibility;
use crate::remote::{SinewRemoteServer, dictionary, id, id_of};
use crate::running::Running;
use godot::global::Error as Code;
use godot::prelude::*;
use sinew::Error;
use sinew::registry::Registration;
use sinew::registry::external::ExternalRegistry;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Weak;

/// A registry of your own, for [code]registry.kind = "external"[/code]: extend it, override the methods that begin with an underscore, and give it to
/// [member SinewServer.registry_connector] before [method SinewServer.start].
///
/// Servers are described by a [Dictionary] with [code]id[/code] ([int]), [code]group[/code], [code]name[/code], [code]host[/code] ([String]), [code]port[/code] ([int]),
/// [code]visibility[/code] ([code]SinewServer.VISIBILITY_*[/code], may be left out) and [code]properties[/code] (a [Dictionary] of [String] to [String], may be left out).
#[derive(GodotClass)]
#[class(init, base = RefCounted)]
pub(crate) struct SinewRegistryConnector {
    base: Base<RefCounted>,
    pub(crate) running: RefCell<Weak<Running>>,
}

#[godot_api]
impl SinewRegistryConnector {
    /// Put this server into your registry, then call [method registered], or [method register_failed] to be asked again later. [code]entry.id[/code] is an id that nobody has.
    #[func(virtual, gd_self)]
    pub(crate) fn register_server(this: Gd<Self>, entry: VarDictionary) {
        let _ = entry;
        this.bind().register_failed("the script of registry_connector has no method _register_server".into());
    }

    /// Take this server out of your registry: the entry of this id, and no other.
    #[func(virtual, gd_self)]
    pub(crate) fn deregister_server(this: Gd<Self>, server_id: i64) {
        let _ = (this, server_id);
    }

    /// Connecting to a server failed again and again: look whether it is really there, and call [method handle_server_leave] if it is not.
    #[func(virtual, gd_self)]
    pub(crate) fn handle_connection_failure(this: Gd<Self>, remote: Gd<SinewRemoteServer>) {
        let _ = (this, remote);
    }

    /// Called once a frame while the server runs, before its events: look here what is new in your registry.
    #[func(virtual, gd_self)]
    pub(crate) fn look(this: Gd<Self>) {
        let _ = this;
    }

    /// This server is registered under [param server_id]; [signal SinewServer.started] follows. A server that restarts under the same name must get a higher id.
    #[func]
    fn registered(&self, server_id: i64) -> Code {
        let told = told(self.with(|registry| Ok(registry.registered(id_of(server_id)?)?)));
        if let (Code::OK, Some(running)) = (told, self.running.borrow().upgrade()) {
            running.registered.set(Some(server_id));
        }
        told
    }

    /// It was not possible, because of [param text]: [signal SinewServer.registry_lost] tells it, and [method _register_server] is called again after a pause of 0.1 to 2 s.
    #[func]
    fn register_failed(&self, text: GString) -> Code {
        told(self.with(|registry| Ok(registry.register_failed(&text.to_string())?)))
    }

    /// A server stands in your registry. Report everybody, this server too.
    #[func]
    fn handle_server_join(&self, entry: VarDictionary) -> Code {
        told(self.with(|registry| Ok(registry.server_joined(entry_of(&entry)?)?)))
    }

    /// A server does not stand in your registry any more.
    #[func]
    fn handle_server_leave(&self, server_id: i64) -> Code {
        told(self.with(|registry| Ok(registry.server_left(id_of(server_id)?)?)))
    }

    /// Begins a look at the whole registry: report everybody by [method handle_server_join], known or not, then call [method snapshot_end]. Who was not reported in between
    /// has left.
    #[func]
    fn snapshot_begin(&self) -> Code {
        told(self.with(|registry| Ok(registry.snapshot_begin()?)))
    }

    /// Ends what [method snapshot_begin] began.
    #[func]
    fn snapshot_end(&self) -> Code {
        told(self.with(|registry| Ok(registry.snapshot_end()?)))
    }

    /// Your registry cannot be reached, because of [param text]. Links live on; [signal SinewServer.registry_lost] tells it once.
    #[func]
    fn lost(&self, text: GString) -> Code {
        told(self.with(|registry| Ok(registry.lost(&text.to_string())?)))
    }

    /// Your registry can be reached again. Report what has changed meanwhile, best as a snapshot.
    #[func]
    fn restored(&self) -> Code {
        told(self.with(|registry| Ok(registry.restored()?)))
    }
}

impl SinewRegistryConnector {
    fn with(&self, report: impl FnOnce(&ExternalRegistry) -> Result<(), Error>) -> Result<(), Error> {
        let running = self.running.borrow();
        report(Running::server(&running)?.registry()?)
    }
}

pub(crate) fn described(entry: &Registration) -> VarDictionary {
    let mut described = VarDictionary::new();
    described.set("id", id(entry.id));
    described.set("group", entry.group.as_str());
    described.set("name", entry.name.as_str());
    described.set("host", entry.host.as_str());
    described.set("port", i64::from(entry.port));
    described.set("visibility", visibility(entry.visibility));
    described.set("properties", &dictionary(&entry.properties));
    described
}

fn entry_of(entry: &VarDictionary) -> Result<Registration, Error> {
    let text = |key: &str| field::<GString>(entry, key, "String").map(|value| value.to_string());
    Ok(Registration {
        id: id_of(field(entry, "id", "int")?)?,
        group: text("group")?,
        name: text("name")?,
        host: text("host")?,
        port: number(field(entry, "port", "int")?, "port", "1 to 65535")?,
        // Not read: it is what the configuration says of the group.
        visibility: sinew::config::Visibility::Internal,
        properties: match entry.get("properties") {
            Some(properties) => pairs(&properties)?,
            None => BTreeMap::new(),
        },
    })
}

fn field<T: FromGodot>(entry: &VarDictionary, key: &str, kind: &str) -> Result<T, Error> {
    let found = entry.get(key).and_then(|value| value.try_to::<T>().ok());
    found.ok_or_else(|| Error::InvalidArgument(format!("the entry {entry} has no `{key}` of type {kind}")))
}

fn pairs(properties: &Variant) -> Result<BTreeMap<String, String>, Error> {
    let wrong = || Error::InvalidArgument(format!("properties {properties} are no Dictionary of String to String"));
    let dictionary = properties.try_to::<VarDictionary>().map_err(|_| wrong())?;
    let pair =
        |(key, value): (Variant, Variant)| Some((key.try_to::<GString>().ok()?.to_string(), value.try_to::<GString>().ok()?.to_string()));
    dictionary.iter_shared().map(|both| pair(both).ok_or_else(wrong)).collect()
}
