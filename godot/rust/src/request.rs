//! `SinewRequest`, what another server asks of this one, and `SinewReply`, what this one asks of another.

use crate::errors::{failed, number, told};
use crate::remote::{SinewRemoteServer, delivery, mode};
use crate::running::Running;
use godot::global::Error as Code;
use godot::global::var_to_bytes;
use godot::prelude::*;
use sinew::{Delivery, Error, Reply, Request, RequestFailure, RequestId};
use std::rc::Weak;
use std::time::Duration;

/// What another server asks of this one: answer it with [method reply], now or later.
///
/// A request that is forgotten unanswered (no handler kept it) is refused by itself, with [constant SinewServer.REQUEST_NO_HANDLER].
#[derive(GodotClass)]
#[class(no_init, base = RefCounted)]
pub(crate) struct SinewRequest {
    base: Base<RefCounted>,
    request: Request,
    /// Who asks.
    #[var(no_set)]
    remote: Gd<SinewRemoteServer>,
    /// The number that who asks has given it, 0 to 65535.
    #[var(no_set)]
    tag: i64,
    /// What it says.
    #[var(no_set)]
    payload: PackedArray<u8>,
    /// How it travelled, which is how the answer does.
    #[var(no_set)]
    mode: i64,
}

#[godot_api]
impl SinewRequest {
    /// Answers it; [param code] is a number of yours, 0 to 4294967295. Never waits.
    ///
    /// Returns [constant OK]; [constant ERR_DOES_NOT_EXIST] if it has been answered or who asked has given up; [constant ERR_UNAVAILABLE] if the session with it is over;
    /// [constant ERR_BUSY] if there is no room: answer it again after [signal SinewRemoteServer.writable].
    #[func]
    fn reply(&self, payload: PackedArray<u8>, #[opt(default = 0)] code: i64) -> Code {
        told(self.try_reply(payload.as_slice(), code))
    }

    /// Answers with any value but objects, in Godot's own encoding; read it with [method SinewReply.get_variant].
    #[func]
    fn reply_variant(&self, value: Variant, #[opt(default = 0)] code: i64) -> Code {
        told(self.try_reply(var_to_bytes(&value).as_slice(), code))
    }

    /// Says no: who asked gets [constant SinewServer.REQUEST_REFUSED]. Returns what [method reply] does.
    #[func]
    fn refuse(&self) -> Code {
        told(self.request.refuse())
    }

    /// The value that was sent with Godot's own encoding; null (and an error in the console) if it is none. Objects are never read.
    #[func]
    fn get_variant(&self) -> Variant {
        godot::global::bytes_to_var(&self.payload)
    }
}

impl SinewRequest {
    pub(crate) fn new(request: Request, remote: Gd<SinewRemoteServer>) -> Gd<Self> {
        let (tag, payload, mode) = (request.tag().into(), PackedArray::from(&request.payload()[..]), mode(request.delivery()));
        Gd::from_init_fn(|base| Self { base, request, remote, tag, payload, mode })
    }

    fn try_reply(&self, payload: &[u8], code: i64) -> Result<(), Error> {
        self.request.reply_with(number(code, "code of an answer", "0 to 4294967295")?, payload)
    }
}

/// The answer to a request of this server, or why there is none.
///
/// It is filled when [signal completed] comes, which is exactly once. [code]await remote.request(…)[/code] gives it when it is.
#[derive(GodotClass)]
#[class(no_init, base = RefCounted)]
pub(crate) struct SinewReply {
    base: Base<RefCounted>,
    running: Weak<Running>,
    request: Option<RequestId>,
    /// There is an answer. False before [signal completed], and after it if the request has failed: [member failure] tells why.
    #[var(no_set)]
    ok: bool,
    /// It has ended, well or not.
    #[var(no_set)]
    ended: bool,
    /// Why there is no answer: one of [code]SinewServer.REQUEST_*[/code], or 0 while there may be one.
    #[var(no_set)]
    failure: i64,
    /// The same as a sentence; empty while there may be an answer.
    #[var(no_set)]
    failure_text: GString,
    /// Who answered, or was asked last; null if it could not be sent.
    #[var(no_set)]
    remote: Option<Gd<SinewRemoteServer>>,
    /// The number that came with the answer, from [method SinewRequest.reply].
    #[var(no_set)]
    code: i64,
    /// What the answer says.
    #[var(no_set)]
    payload: PackedArray<u8>,
}

#[godot_api]
impl SinewReply {
    /// There is an answer, or there will be none; [param reply] is this object.
    #[signal]
    pub(crate) fn completed(reply: Gd<SinewReply>);

    /// Gives it up: [signal completed] follows, with [constant SinewServer.REQUEST_CANCELLED]. [constant ERR_DOES_NOT_EXIST] if it has ended.
    #[func]
    fn cancel(&self) -> Code {
        let cancelled = Running::server(&self.running).and_then(|server| match self.request {
            Some(request) => server.cancel(request),
            None => Err(Error::InvalidArgument("this request was never sent; failure_text tells why".into())),
        });
        told(cancelled)
    }

    /// The value that was answered with [method SinewRequest.reply_variant]; null (and an error in the console) if it is none. Objects are never read.
    #[func]
    fn get_variant(&self) -> Variant {
        godot::global::bytes_to_var(&self.payload)
    }
}

impl SinewReply {
    /// Starts a request and returns what will be filled. One that cannot be sent is completed at the end of the frame, when who asked has begun to wait.
    pub(crate) fn start(
        running: &Weak<Running>,
        timeout_ms: i64,
        mode: i64,
        send: impl FnOnce(Duration, Delivery) -> Result<RequestId, Error>,
    ) -> Gd<Self> {
        let sent = number::<u32>(timeout_ms, "number of milliseconds", "1 to 4294967295")
            .and_then(|timeout| send(Duration::from_millis(timeout.into()), delivery(mode)?));
        let mut reply = Gd::from_init_fn(|base| Self {
            base,
            running: running.clone(),
            request: sent.as_ref().ok().copied(),
            ok: false,
            ended: false,
            failure: 0,
            failure_text: GString::new(),
            remote: None,
            code: 0,
            payload: PackedArray::new(),
        });
        match (sent, running.upgrade()) {
            (Ok(request), Some(running)) => running.wait_for(request, reply.clone()),
            (Ok(_), None) => {}
            (Err(error), _) => {
                Self::fail_later(&mut reply, NOT_SENT, &error.to_string());
                failed(error);
            }
        }
        reply
    }

    /// The node was freed: nobody polls for the outcome any more.
    pub(crate) fn abandon(mut this: Gd<Self>) {
        let failure = RequestFailure::Stopping;
        Self::fail_later(&mut this, failure as i64, &failure.to_string());
    }

    /// Completed at the end of the frame.
    fn fail_later(this: &mut Gd<Self>, failure: i64, text: &str) {
        {
            let mut this = this.bind_mut();
            this.ended = true;
            this.failure = failure;
            this.failure_text = GString::from(text);
        }
        // The argument keeps it alive until then.
        let argument = this.clone().to_variant();
        this.call_deferred("emit_signal", &["completed".to_variant(), argument]);
    }

    pub(crate) fn answer(mut this: Gd<Self>, remote: Gd<SinewRemoteServer>, reply: &Reply) {
        {
            let mut this = this.bind_mut();
            this.ok = true;
            this.ended = true;
            this.remote = Some(remote);
            this.code = reply.code.into();
            this.payload = PackedArray::from(&reply.payload[..]);
        }
        this.signals().completed().emit(&this.clone());
    }

    pub(crate) fn fail(mut this: Gd<Self>, remote: Option<Gd<SinewRemoteServer>>, failure: RequestFailure) {
        {
            let mut this = this.bind_mut();
            this.ended = true;
            this.remote = remote;
            this.failure = failure as i64;
            this.failure_text = GString::from(&failure.to_string());
        }
        this.signals().completed().emit(&this.clone());
    }
}

/// `SinewServer.REQUEST_NOT_SENT`: only here, where a request that cannot be sent is awaited like any other.
pub(crate) const NOT_SENT: i64 = -1;
